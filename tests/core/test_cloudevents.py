import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.cloudevents import from_cloudevent, to_cloudevent
from outrider.core.errors import InvalidConfigError
from outrider.core.events import Event
from tests.core.profiles import quick

NOW = "2026-11-27T10:00:00.000Z"
FOREIGN: dict[str, Any] = {
    "specversion": "1.0", "id": "A234-1234-1234", "source": "/mycontext", "type": "com.example.someevent",
    "subject": "larger-context", "time": "2018-04-05T17:31:00Z", "comexampleextension1": "value", "comexampleothervalue": 5,
    "datacontenttype": "application/json", "data": {"appinfoA": "abc", "appinfoB": 123},
}  # fmt: skip
texts = st.text(max_size=20)
names = st.one_of(
    st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True), texts, st.sampled_from(["id", "severity", "subject"])
)
events = st.builds(
    Event,
    id=texts,
    source=texts,
    type=texts,
    time=st.just(NOW),
    severity=st.sampled_from(["low", "medium", "high", "critical"]),
    data=st.dictionaries(texts, st.one_of(texts, st.integers(-(2**31), 2**31), st.none(), st.booleans())),
    labels=st.dictionaries(names, texts, max_size=5),
    count=st.integers(1, 1000),
    trace_id=st.sampled_from(["", "4bf92f3577b34da6a3ce929d0e0e4736"]),
)


@quick
@given(events)
def test_an_event_survives_the_way_there_and_back(event: Event) -> None:
    document = json.loads(json.dumps(to_cloudevent(event)))
    assert from_cloudevent(document, now="unused") == event


def test_the_example_of_the_specification_is_read() -> None:
    event = from_cloudevent(FOREIGN, now=NOW)
    assert (event.id, event.source, event.type, event.time) == (
        "A234-1234-1234", "/mycontext", "com.example.someevent", "2018-04-05T17:31:00Z",
    )  # fmt: skip
    assert event.data == {"appinfoA": "abc", "appinfoB": 123}
    assert event.labels == {
        "subject": "larger-context", "comexampleextension1": "value", "comexampleothervalue": "5",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "data"),
    [
        ({"data": [1, 2]}, {"value": [1, 2]}),
        ({"data": None}, {}),
        ({"data_base64": "aGk="}, {"base64": "aGk="}),
        ({}, {}),
    ],
)
def test_data_that_is_no_object_has_a_place(more: dict[str, Any], data: dict[str, Any]) -> None:
    assert from_cloudevent({"specversion": "1.0", "id": "1", "source": "a", "type": "t", **more}, now=NOW).data == data


def test_the_trace_of_the_sender_goes_on() -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert from_cloudevent({**FOREIGN, "traceparent": parent}, now=NOW).trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": None}, "id"),
        ({"source": 7}, "source"),
        ({"type": ["t"]}, "type"),
    ],
)
def test_an_attribute_that_does_not_fit_is_named(change: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        from_cloudevent({**FOREIGN, **change}, now=NOW)
    assert caught.value.path == path
