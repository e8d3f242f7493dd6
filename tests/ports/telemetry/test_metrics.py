import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from outrider.ports.telemetry import Metrics


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(metrics.render_metrics().decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_counter() -> None:
    metrics = Metrics(enabled=True)
    events = metrics.counter("outrider_events_total", "Events stored", ["tenant"])
    events.add(tenant="default")
    events.add(2, tenant='a"b\n')
    found = samples(metrics)
    assert found["outrider_events_total", (("tenant", "default"),)] == 1
    assert found["outrider_events_total", (("tenant", 'a"b\n'),)] == 2


def test_gauge() -> None:
    metrics = Metrics(enabled=True)
    waiting = metrics.gauge("outrider_outbox_events", "Events waiting")
    waiting.set(7)
    waiting.set(5)
    assert samples(metrics)["outrider_outbox_events", ()] == 5


def test_histogram() -> None:
    metrics = Metrics(enabled=True)
    latency = metrics.histogram("outrider_call_seconds", "Duration of calls", ["operation"], buckets=(0.1, 1.0))
    for value in (0.05, 0.5, 5.0):
        latency.observe(value, operation="host.exec")
    found = samples(metrics)
    buckets = [
        found["outrider_call_seconds_bucket", (("le", le), ("operation", "host.exec"))] for le in ("0.1", "1.0", "+Inf")
    ]
    assert buckets == [1, 2, 3]
    assert found["outrider_call_seconds_sum", (("operation", "host.exec"),)] == pytest.approx(5.55)


def test_metrics_of_the_process() -> None:
    found = samples(Metrics(enabled=True))
    assert 1e6 < found["process_resident_memory_bytes", ()] < 1e11
    assert {"process_cpu_seconds_total", "process_open_fds", "process_start_time_seconds"} <= {
        name for name, _ in found
    }


def test_processes_in_one_do_not_share() -> None:
    first, second = Metrics(enabled=True), Metrics(enabled=True)
    first.counter("outrider_x_total", "X").add()
    assert ("outrider_x_total", ()) not in samples(second)


def test_no_series_of_begin_times() -> None:
    metrics = Metrics(enabled=True)
    metrics.counter("outrider_x_total", "X").add()
    assert b"_created" not in metrics.render_metrics()


def test_everything_is_accepted_while_off() -> None:
    metrics = Metrics(enabled=False)
    metrics.counter("c", "C", ["a"]).add(a="1")
    metrics.gauge("g", "G").set(1)
    metrics.histogram("h", "H").observe(1)
    assert metrics.render_metrics() == b""


@pytest.mark.real
def test_off_loads_no_clients() -> None:
    code = (
        "import sys; from outrider.ports.telemetry import Metrics, span\n"
        "Metrics(enabled=False).counter('c', 'C').add()\n"
        "with span('work'): pass\n"
        "print([m for m in sys.modules if m.partition('.')[0] in ('prometheus_client', 'opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50)
    assert done.stdout == "[]\n"
