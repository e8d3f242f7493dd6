"""Runs where the SDKs are installed: it lets each of them judge what it is given, one JSON document per line in and out."""

import json
import sys
from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import openai
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from pydantic import TypeAdapter

from tests.peers.orders import follow

Document = dict[str, Any]
PARAMETERS: dict[str, tuple[Any, Any]] = {
    "chat": (CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming),
    "responses": (ResponseCreateParamsNonStreaming, ResponseCreateParamsStreaming),
    "messages": (MessageCreateParamsNonStreaming, MessageCreateParamsStreaming),
}
ANSWERS: dict[str, Any] = {"chat": ChatCompletion, "responses": Response, "messages": Message}
EVENTS: dict[str, Any] = {
    "chat": TypeAdapter(ChatCompletionChunk),
    "responses": TypeAdapter(ResponseStreamEvent),
    "messages": TypeAdapter(RawMessageStreamEvent),
}


def forbid_unknown_keys() -> None:
    """Make the types of parameters, which let any key pass, say which ones they do not know."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("openai.types", "anthropic.types")):
            for kind in vars(module).values():
                if hasattr(kind, "__total__") and not hasattr(kind, "__pydantic_config__"):
                    kind.__pydantic_config__ = {"extra": "forbid"}


def walked(value: Any) -> Any:
    """Go through all of a value: what is typed as iterable is judged only then."""
    if isinstance(value, dict):
        return {key: walked(one) for key, one in value.items()}
    return [walked(one) for one in value] if hasattr(value, "__iter__") and not isinstance(value, str) else value


def keys(form: str) -> list[str]:
    return sorted({key for kind in PARAMETERS[form] for key in kind.__annotations__})


def request(form: str, body: Document) -> None:
    walked(ADAPTERS[form, body.get("stream") is True].validate_python(body))


def client(form: str, status: int, body: str, kind: str) -> Any:
    def answer(_: Any) -> httpx2.Response:
        return httpx2.Response(status, content=body.encode(), headers={"content-type": kind})

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    sdk = anthropic.Anthropic if form == "messages" else openai.OpenAI
    return sdk(api_key="k", base_url="http://provider", http_client=transport, max_retries=0)


def ask(form: str, sdk: Any, **more: Any) -> Any:
    if form == "chat":
        return sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}], **more)
    if form == "responses":
        return sdk.responses.create(model="m", input="hi", **more)
    return sdk.messages.create(model="m", max_tokens=10, messages=[{"role": "user", "content": "hi"}], **more)


def plain(form: str, status: int, body: str) -> Document:
    """Return what the client of an SDK sees of an answer in one piece."""
    try:
        found = ask(form, client(form, status, body, "application/json"))
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        return {"error": type(error).__name__, "message": str(error), "status": error.status_code}
    ANSWERS[form].model_validate(json.loads(body))
    return seen(form, found)


def stream(form: str, body: str) -> Document:
    """Return what the accumulator of an SDK makes of a stream, and the types of its events."""
    events: list[Any] = []
    sdk = client(form, 200, body, "text/event-stream")
    try:
        for event in ask(form, sdk, stream=True):
            EVENTS[form].validate_python(event.model_dump(mode="json", by_alias=True, exclude_unset=True))
            events.append(event)
        found = last_of(form, events) or accumulated(form, sdk)
    except (openai.APIError, anthropic.APIError) as error:
        return {"error": type(error).__name__, "message": str(error), "kinds": kinds_of(events)}
    return {**found, "kinds": kinds_of(events)}


def kinds_of(events: list[Any]) -> list[str]:
    return [getattr(event, "type", "chunk") for event in events]


def last_of(form: str, events: list[Any]) -> Document | None:
    """Return what the events say themselves, of an answer that is incomplete: the accumulators of OpenAI's SDK refuse those."""
    if form == "responses" and events[-1].type == "response.incomplete":
        return seen(form, events[-1].response)
    choices = [event.choices[0] for event in events if event.choices] if form == "chat" else []
    if not choices or choices[-1].finish_reason not in ("length", "content_filter"):
        return None
    text = "".join(choice.delta.content or "" for choice in choices)
    return {
        "id": events[0].id,
        "model": events[0].model,
        "text": text,
        "calls": [],
        "reason": choices[-1].finish_reason,
    }


def accumulated(form: str, sdk: Any) -> Document:
    with open_stream(form, sdk) as opened:
        for _ in opened:
            pass
        return seen(form, final(form, opened))


def open_stream(form: str, sdk: Any) -> Any:
    if form == "chat":
        return sdk.chat.completions.stream(model="m", messages=[{"role": "user", "content": "hi"}])
    if form == "responses":
        return sdk.responses.stream(model="m", input="hi")
    return sdk.messages.stream(model="m", max_tokens=10, messages=[{"role": "user", "content": "hi"}])


def final(form: str, opened: Any) -> Any:
    calls = {"chat": "get_final_completion", "responses": "get_final_response", "messages": "get_final_message"}
    return getattr(opened, calls[form])()


def seen(form: str, found: Any) -> Document:
    """Return text, calls, reason and usage as an agent reads them off an answer."""
    usage = found.usage.model_dump() if found.usage is not None else None
    common = {"id": found.id, "model": found.model, "usage": usage}
    if form == "chat":
        choice = found.choices[0]
        calls = [[call.id, call.function.name, call.function.arguments] for call in choice.message.tool_calls or []]
        return {**common, "text": choice.message.content or "", "calls": calls, "reason": choice.finish_reason}
    if form == "responses":
        calls = [[one.call_id, one.name, one.arguments] for one in found.output if one.type == "function_call"]
        why = found.incomplete_details.reason if found.incomplete_details else found.status
        return {**common, "text": found.output_text, "calls": calls, "reason": why}
    calls = [[one.id, one.name, json.dumps(one.input)] for one in found.content if one.type == "tool_use"]
    text = "".join(one.text for one in found.content if one.type == "text")
    return {**common, "text": text, "calls": calls, "reason": found.stop_reason}


forbid_unknown_keys()
ADAPTERS = {
    (form, streams): TypeAdapter(kind) for form, kinds in PARAMETERS.items() for streams, kind in enumerate(kinds)
}
WAYS: dict[str, Callable[..., Any]] = {"keys": keys, "request": request, "plain": plain, "stream": stream}


follow(WAYS)
