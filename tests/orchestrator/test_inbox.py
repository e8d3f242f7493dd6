"""Events from a message of the queue."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.codec import encode
from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.orchestrator.inbox import InboxReader, _read
from outrider.orchestrator.metrics import QueueMetrics
from outrider.ports.nats.work import Delivery
from outrider.ports.telemetry import Metrics
from tests.orchestrator.bench import Bench

EVENT = {"specversion": "1.0", "id": "1", "source": "eyes/web", "type": "t", "data": {"state": "down"}}


def delivery(data: bytes, headers: dict[str, str] | None = None) -> Delivery:
    return Delivery(
        subject="s", data=data, headers=headers or {}, sequence=1, stored="2026-11-28T00:00:00+00:00", number=1
    )


def reader(bench: Bench) -> InboxReader:
    return InboxReader(bench.engine, QueueMetrics(Metrics(enabled=False)))


async def test_structured_and_binary_ones(bench: Bench) -> None:
    await bench.declare()
    await reader(bench).take(delivery(encode(EVENT)))
    head = {"ce-specversion": "1.0", "Ce-Id": "2", "ce-source": "eyes/web", "ce-type": "t"}
    await reader(bench).take(delivery(b'{"state": "up"}', {**head, "Content-Type": "application/json"}))
    assert len(await bench.runs()) == 1
    events = [_read(delivery(encode(EVENT)), 0.0), _read(delivery(b'{"state": "up"}', head), 0.0)]
    assert [event.data["state"] for event in events] == ["down", "up"]
    assert {event.labels["outrider.dev/sent-by"] for event in events} == {"queue:inbox"}


async def test_the_same_one_again_changes_nothing(bench: Bench) -> None:
    await bench.declare()
    for _ in range(3):
        await reader(bench).take(delivery(encode(EVENT)))
    assert len(await bench.runs()) == 1


async def test_one_that_can_never_be_stored_is_refused(bench: Bench) -> None:
    await bench.declare()
    for wrong in ({"source": "x" * 131}, {"id": "x" * 65}, {"time": "yesterday"}, {"data": {"a": "x" * 300_000}}):
        with pytest.raises(InvalidConfigError):
            await reader(bench).take(delivery(encode(EVENT | wrong)))
    assert await bench.runs() == []


@given(
    st.binary(max_size=60),
    st.dictionaries(st.sampled_from(["ce-specversion", "ce-id", "content-type"]), st.text(max_size=5)),
)
def test_anything_is_read_or_refused(data: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(OutriderError):
        _read(delivery(data, headers), 0.0)
