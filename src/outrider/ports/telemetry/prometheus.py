"""Instruments on prometheus_client."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

import prometheus_client
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from outrider.ports.telemetry.metrics import SECONDS_BUCKETS, Family

M = TypeVar("M", bound=MetricWrapperBase)


class _Series(Generic[M]):
    """A metric by its labels: to find the series costs the client several times what counting does, so each is found once."""

    def __init__(self, metric: M) -> None:
        self._metric = metric
        self._found: dict[tuple[tuple[str, str], ...], M] = {}

    def of(self, labels: Mapping[str, str]) -> M:
        if not labels:
            return self._metric
        key = tuple(labels.items())
        if (found := self._found.get(key)) is None:
            found = self._found[key] = self._metric.labels(**labels)
        return found


class _Counter:
    def __init__(self, metric: prometheus_client.Counter) -> None:
        self._series = _Series(metric)

    def add(self, amount: float = 1, /, **labels: str) -> None:
        self._series.of(labels).inc(amount)


class _Gauge:
    def __init__(self, metric: prometheus_client.Gauge) -> None:
        self._series = _Series(metric)

    def set(self, value: float, /, **labels: str) -> None:
        self._series.of(labels).set(value)


class _Histogram:
    def __init__(self, metric: prometheus_client.Histogram) -> None:
        self._series = _Series(metric)

    def observe(self, value: float, /, **labels: str) -> None:
        self._series.of(labels).observe(value)


class PrometheusRegistry:
    """A registry of its own, with the metrics of this process (CPU, memory, descriptors, start time)."""

    def __init__(self) -> None:
        # Without this each series has a second one that says when it began.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # has no annotations
        self._registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self._registry)

    def counter(self, name: str, text: str, labels: Sequence[str]) -> _Counter:
        return _Counter(prometheus_client.Counter(name, text, labels, registry=self._registry))

    def gauge(self, name: str, text: str, labels: Sequence[str]) -> _Gauge:
        return _Gauge(prometheus_client.Gauge(name, text, labels, registry=self._registry))

    def histogram(self, name: str, text: str, labels: Sequence[str], buckets: Sequence[float]) -> _Histogram:
        return _Histogram(prometheus_client.Histogram(name, text, labels, registry=self._registry, buckets=buckets))

    def render(self) -> bytes:
        return prometheus_client.generate_latest(self._registry)


def render(families: Iterable[Family]) -> bytes:
    """Return metrics that are added up elsewhere in Prometheus' text format."""
    registry = prometheus_client.CollectorRegistry()
    registry.register(_Collected([_written(family) for family in families]))
    return prometheus_client.generate_latest(registry)


class _Collected(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        """Return the metrics."""
        return self._metrics


def _written(family: Family) -> Metric:
    if family.kind == "histogram":
        spread = HistogramMetricFamily(family.name, family.text, labels=family.labels)
        for labels, value in family.rows:
            if isinstance(value, tuple):
                spread.add_metric(labels, _cumulated(value[0]), value[1])
        return spread
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    made = kind(family.name, family.text, labels=family.labels)
    for labels, value in family.rows:
        if not isinstance(value, tuple):
            made.add_metric(labels, value)
    return made


def _cumulated(buckets: Sequence[int]) -> list[tuple[str, float]]:
    """Return buckets as Prometheus has them: each with all that are below."""
    bounds = [*map(str, SECONDS_BUCKETS), "+Inf"]
    return list(zip(bounds, itertools.accumulate(buckets), strict=True))
