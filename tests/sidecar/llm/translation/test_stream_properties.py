"""Streams that nobody wrote: what one dialect says in them is what another one reads."""

import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from outrider.sidecar.llm.translation import chat, messages, responses
from outrider.sidecar.llm.translation.events import Events
from outrider.sidecar.llm.translation.neutral import (
    ArgumentsDelta,
    Began,
    CallBegan,
    Ended,
    Event,
    PartEnded,
    TextDelta,
)
from outrider.sidecar.llm.translation.translate import Form, Translation
from outrider.sidecar.llm.usage import Usage
from tests.core.profiles import thorough
from tests.sidecar.llm.translation.samples import PAIRS

MODULES: dict[Form, Any] = {"chat": chat, "responses": responses, "messages": messages}
words = st.text(min_size=1, max_size=8)
arguments = st.dictionaries(words, st.integers() | words, max_size=2).map(json.dumps)
usages = st.builds(lambda cached, written, more, output: Usage(input=cached + written + more, output=output, cached=cached, written=written, reasoning=output // 2), *[st.integers(0, 99)] * 4)  # fmt: skip
said = st.lists(words, min_size=1, max_size=3).map(lambda found: [TextDelta(one) for one in found])
called = st.tuples(words, words, arguments, st.integers(0, 9)).map(
    lambda found: [CallBegan(*found[:2]), ArgumentsDelta(found[2][: found[3]]), ArgumentsDelta(found[2][found[3] :])]
)
parts = st.tuples(st.lists(said, max_size=2), st.lists(called, max_size=3)).map(lambda found: [*found[0], *found[1]])


def accumulated(events: Iterable[Event]) -> tuple[str, list[list[str]], Ended]:
    """Return what events say: all text, the calls, and the end."""
    text, end = "", Ended("stop", None)
    calls: list[list[str]] = []
    for event in events:
        match event:
            case TextDelta():
                text += event.text
            case CallBegan():
                calls.append([event.id, event.name, ""])
            case ArgumentsDelta():
                calls[-1][2] += event.text
            case Ended():
                end = event
    return text, calls, end


@thorough
@given(parts, usages, st.sampled_from(PAIRS), st.integers(1, 200))
def test_there(spoken: list[list[Event]], usage: Usage, pair: tuple[Form, Form], size: int) -> None:
    client, provider = pair
    has_calls = any(isinstance(part[0], CallBegan) for part in spoken)
    told: list[Event] = [Began("id", "m"), *(event for part in spoken for event in [*part, PartEnded()])]
    told.append(Ended("calls" if has_calls else "stop", usage))
    asked = {"stream_options": {"include_usage": True}}
    writer = MODULES[provider].StreamWriter(asked, 0)
    body = b"".join(writer.write(event) for event in told)
    translated = Translation(client, provider)
    if client == "chat":
        translated.request(json.dumps({"messages": [{"role": "user", "content": "x"}], **asked}).encode(), "m")
    stream = translated.stream()
    found = b"".join(stream.feed(body[at : at + size]) for at in range(0, len(body), size))
    reader = MODULES[client].StreamReader()
    read = [event for data in Events().feed(found) for event in reader.feed(data)]
    assert accumulated(read) == accumulated(told)
