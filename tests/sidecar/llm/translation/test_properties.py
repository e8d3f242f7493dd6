"""Requests that nobody wrote: whatever both dialects can say comes back as it was, and garbage is refused in order."""

import json
from contextlib import suppress
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import OutriderError
from outrider.sidecar.llm.translation import chat, messages, responses
from outrider.sidecar.llm.translation.neutral import (
    Choice,
    Conversation,
    Effort,
    Format,
    Media,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from outrider.sidecar.llm.translation.translate import Form, Translation
from tests.core.profiles import thorough
from tests.sidecar.llm.translation.answers import answer, stream
from tests.sidecar.llm.translation.samples import FORMS, PAIRS, REQUESTS

MODULES: dict[Form, Any] = {"chat": chat, "responses": responses, "messages": messages}
SAMPLING = "2023-06-01"
words = st.text(min_size=1, max_size=8)
names = st.text("abcXYZ019_-", min_size=1, max_size=6)
scalars = st.none() | st.booleans() | st.integers() | words
schemas = st.fixed_dictionaries({"type": st.just("object"), "properties": st.dictionaries(names, st.just({}), max_size=2)})  # fmt: skip
text = st.builds(Text, words.filter(str.strip))
media = st.builds(Media, kind=st.just("image"), media_type=st.just("image/png"), data=st.just("eA==")) | st.builds(
    Media, kind=st.just("image"), url=st.just("https://example.org/a.png")
)
arguments = st.dictionaries(names, scalars, max_size=2).map(lambda found: msgspec.json.encode(found).decode())
results = st.builds(ToolResult, names, st.lists(text, max_size=2))
asked = st.tuples(st.lists(results, max_size=2), st.lists(text | media, min_size=1, max_size=3)).map(
    lambda found: Turn("user", [*found[0], *found[1]])
)
calls = st.builds(ToolCall, names, names, arguments)
answered = st.tuples(st.lists(text, min_size=1, max_size=2), st.lists(calls, max_size=2)).map(
    lambda found: Turn("assistant", [*found[0], *found[1]])
)
tools = st.builds(Tool, name=names, description=st.just("") | words, parameters=schemas, strict=st.sampled_from([None, True]))  # fmt: skip
choices = st.builds(Choice, st.sampled_from(["auto", "none", "required"])) | st.builds(Choice, st.just("one"), names)
formats = st.builds(Format, schema=schemas, name=names, strict=st.just(True))
efforts: list[Effort] = ["none", "low", "medium", "high", "xhigh", "max"]


@st.composite
def conversations(draw: Any) -> Conversation:
    """Return a conversation such as both dialects of any pair can express."""
    turns = [Turn("system", [draw(text)])] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 2))):
        turns += [draw(asked), draw(answered)]
    offered = draw(st.lists(tools, max_size=2))
    choice = draw(st.none() | choices) if offered else None
    return Conversation(
        turns=[*turns, draw(asked)],
        tools=offered,
        choice=choice,
        parallel=draw(st.none() | st.booleans()) if choice is not None and choice.mode != "none" else None,
        format=draw(st.none() | formats),
        max_tokens=draw(st.integers(1, 10**6)),
        temperature=draw(st.none() | st.floats(0, 1)),
        top_p=draw(st.none() | st.floats(0, 1)),
        effort=draw(st.none() | st.sampled_from(efforts)),
        stream=draw(st.booleans()),
    )


def comparable(conversation: Conversation) -> Conversation:
    """Return it without what not every dialect says: the name of a format, and that a tool is not strict."""
    if conversation.format is not None:
        conversation.format.name = ""
    for tool in conversation.tools:
        tool.strict = tool.strict or None
    return conversation


@thorough
@given(conversations(), st.sampled_from(PAIRS))
def test_there_and_back(conversation: Conversation, pair: tuple[Form, Form]) -> None:
    here, there = pair
    body = msgspec.json.encode(MODULES[here].write_request(conversation, "m"))
    gone = Translation(here, there, anthropic_version=SAMPLING).request(body, "m")
    back = Translation(there, here, anthropic_version=SAMPLING).request(gone, "m")
    wanted = comparable(MODULES[here].read_request(json.loads(body)))
    assert comparable(MODULES[there].read_request(json.loads(gone))) == wanted
    assert comparable(MODULES[here].read_request(json.loads(back))) == wanted
    assert wanted == comparable(conversation)


values = st.recursive(
    scalars | st.sampled_from(["message", "user", "text", "tool_use", "function", "function_call", "input_text"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "role", "content", "text", "name", "input", "id"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@st.composite
def damaged(draw: Any, document: Any) -> Any:
    """Return a document in which one value, anywhere, is another one, or is missing."""
    if isinstance(document, dict) and document and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(document)))
        if not draw(st.integers(0, 4)):
            return {name: value for name, value in document.items() if name != key}
        return {**document, key: draw(damaged(document[key]))}
    if isinstance(document, list) and document and draw(st.integers(0, 3)):
        at = draw(st.integers(0, len(document) - 1))
        return [*document[:at], draw(damaged(document[at])), *document[at + 1 :]]
    return draw(values)


@thorough
@given(st.sampled_from(PAIRS), st.data())
def test_garbage_is_refused_in_order(pair: tuple[Form, Form], data: Any) -> None:
    client, provider = pair
    translation = Translation(client, provider)
    request, found = data.draw(damaged(REQUESTS[client])), data.draw(damaged(answer(provider)))
    for way, document in ((lambda body: translation.request(body, "m"), request), (translation.answer, found)):
        with suppress(OutriderError):
            json.loads(way(json.dumps(document).encode()))
    json.loads(translation.error(500, json.dumps(found).encode()))


@thorough
@given(st.sampled_from(PAIRS), st.data())
def test_garbage_in_a_stream_ends_it_in_order(pair: tuple[Form, Form], data: Any) -> None:
    client, provider = pair
    lines = stream(provider).split(b"\n")
    at = data.draw(st.sampled_from([number for number, line in enumerate(lines) if line.startswith(b"data: {")]))
    lines[at] = b"data: " + json.dumps(data.draw(damaged(json.loads(lines[at][6:])))).encode()
    translated = Translation(client, provider).stream()
    translated.feed(b"\n".join(lines))
    translated.end()
    assert translated.whole != bool(translated.problem)


@thorough
@given(st.binary(max_size=200), st.sampled_from(FORMS), st.sampled_from(FORMS))
def test_bytes_of_no_meaning(body: bytes, client: Form, provider: Form) -> None:
    translation = Translation(client, provider)
    for way in (lambda given_: translation.request(given_, "m"), translation.answer):
        with suppress(OutriderError):
            way(body)
    assert translation.error(500, body)
    translated = translation.stream()
    assert translated.feed(body) + translated.end()
