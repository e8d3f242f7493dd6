"""Instruments on prometheus_client."""

from collections.abc import Sequence

import prometheus_client


class _Counter:
    def __init__(self, metric: prometheus_client.Counter) -> None:
        self._metric = metric

    def add(self, amount: float = 1, /, **labels: str) -> None:
        (self._metric.labels(**labels) if labels else self._metric).inc(amount)


class _Gauge:
    def __init__(self, metric: prometheus_client.Gauge) -> None:
        self._metric = metric

    def set(self, value: float, /, **labels: str) -> None:
        (self._metric.labels(**labels) if labels else self._metric).set(value)


class _Histogram:
    def __init__(self, metric: prometheus_client.Histogram) -> None:
        self._metric = metric

    def observe(self, value: float, /, **labels: str) -> None:
        (self._metric.labels(**labels) if labels else self._metric).observe(value)


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
