"""Metrics that cost next to nothing unless an exporter is on."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from outrider.ports.telemetry.prometheus import PrometheusRegistry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Counter(Protocol):
    """A number that only grows."""

    def add(self, amount: float = 1, /, **labels: str) -> None:
        """Count; `labels` are all those that the metric was made with."""
        ...


class Gauge(Protocol):
    """A number that goes up and down."""

    def set(self, value: float, /, **labels: str) -> None:
        """Say what it is now."""
        ...


class Histogram(Protocol):
    """How values are spread."""

    def observe(self, value: float, /, **labels: str) -> None:
        """Add a value."""
        ...


# Values of labels with a value; of a histogram with the counts of its buckets and the sum.
Row = tuple[Sequence[str], float | tuple[Sequence[int], float]]


class Family(NamedTuple):
    """A metric that is added up elsewhere.

    Attributes:
        kind: `counter`, `gauge` or `histogram`.
        name: Without the suffix that its kind adds.
        text: What it says, in one line.
        labels: Names of its labels.
        rows: What it is for each combination of labels; buckets are those of SECONDS_BUCKETS.
    """

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    text: str
    labels: Sequence[str]
    rows: Sequence[Row]


def render_families(families: Iterable[Family]) -> bytes:
    """Return metrics in Prometheus' text format 0.0.4."""
    from outrider.ports.telemetry import prometheus  # noqa: PLC0415 - 5 MB that only who is asked for metrics needs

    return prometheus.render(families)


class _Silent:
    """Every instrument while no exporter is on."""

    __slots__ = ()

    def add(self, amount: float = 1, /, **labels: str) -> None:
        """Count nothing."""

    def set(self, value: float, /, **labels: str) -> None:
        """Say nothing."""

    def observe(self, value: float, /, **labels: str) -> None:
        """Add nothing."""


class Metrics:
    """Makes the instruments of a process and renders them for Prometheus.

    Args:
        enabled: Whether an exporter is on; decided before the first instrument is made.
    """

    def __init__(self, *, enabled: bool) -> None:
        self._registry = _new_registry() if enabled else None

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Counter:
        """Return a counter.

        Args:
            name: As Prometheus shows it, with its unit, such as `outrider_events_total`.
            text: What it counts, in one line.
            labels: Names of its labels; each combination of values is kept, so none may be free text.
        """
        return self._registry.counter(name, text, labels) if self._registry else _Silent()

    def gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
        """Return a gauge; arguments as for `counter`."""
        return self._registry.gauge(name, text, labels) if self._registry else _Silent()

    def histogram(
        self, name: str, text: str, labels: Sequence[str] = (), *, buckets: Sequence[float] = SECONDS_BUCKETS
    ) -> Histogram:
        """Return a histogram; arguments as for `counter`, and the upper bounds of its buckets."""
        return self._registry.histogram(name, text, labels, buckets) if self._registry else _Silent()

    def render_metrics(self) -> bytes:
        """Return all metrics, those of the process too, in Prometheus' text format 0.0.4; nothing while no exporter is on."""
        return self._registry.render() if self._registry else b""


def _new_registry() -> "PrometheusRegistry":
    from outrider.ports.telemetry import prometheus  # noqa: PLC0415 - 5 MB that only an exporter needs

    return prometheus.PrometheusRegistry()
