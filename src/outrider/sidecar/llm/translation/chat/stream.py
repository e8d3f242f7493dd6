"""Streams of chat completions, read and written."""

from collections.abc import Iterator

import msgspec

from outrider.sidecar.llm.dialects import error_event
from outrider.sidecar.llm.translation.chat.answer import REASONS, reason_of, written_usage
from outrider.sidecar.llm.translation.chat.wire import StreamWish
from outrider.sidecar.llm.translation.events import written_event
from outrider.sidecar.llm.translation.faults import message_in
from outrider.sidecar.llm.translation.neutral import (
    ArgumentsDelta,
    Began,
    CallBegan,
    Document,
    Ended,
    Event,
    Failed,
    TextDelta,
)
from outrider.sidecar.llm.translation.reading import read_event, read_leniently, unreadable, usage_of
from outrider.sidecar.llm.usage import Usage

DONE = b"[DONE]"


class _Function(msgspec.Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct, frozen=True):
    index: int = 0
    id: str | None = None
    function: _Function = _Function()


class _Delta(msgspec.Struct, frozen=True):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    id: str = ""
    model: str = ""
    choices: list[_Choice] = []
    usage: Document | None = None
    error: Document | str | None = None


class StreamReader:
    """Reads a provider's stream. Its answer is whole when it says why it stopped: some providers send no `[DONE]` after that."""

    def __init__(self) -> None:
        self._usage: Usage | None = None
        self._word = ""
        self._open = self._call = -1
        self._id = ""
        self._began = self._refusal = self._ended = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """Return what an event says."""
        if data.strip() == DONE:
            yield from self.end()
            return
        chunk = read_event(data, _Chunk)
        if chunk.error is not None:
            yield Failed(message_in({"error": chunk.error}))
            return
        if not self._began:
            self._began = True
            yield Began(chunk.id, chunk.model)
        self._usage = usage_of(chunk.usage) or self._usage
        for choice in chunk.choices[:1]:
            yield from self._look(choice.delta)
            self._word = choice.finish_reason or self._word

    def _look(self, delta: _Delta) -> Iterator[Event]:
        for text in (delta.content, delta.refusal):
            if text:
                self._open = -1
                yield TextDelta(text)
        self._refusal = self._refusal or bool(delta.refusal)
        for call in delta.tool_calls or []:
            yield from self._call_tool(call)

    def _call_tool(self, call: _Call) -> Iterator[Event]:
        name, arguments = call.function.name, call.function.arguments
        # Some providers number all calls alike.
        if call.index > self._call or (name and call.id and call.id != self._id):
            self._open = self._call = max(call.index, self._call)
            self._id = call.id or ""
            yield CallBegan(self._id, name or "")
        elif call.index != self._open:
            raise unreadable("it goes back to a call that it has left for another part")
        if arguments:
            yield ArgumentsDelta(arguments)

    def end(self) -> Iterator[Event]:
        """Return what the end of the stream says: nothing, where the answer is not whole."""
        if self._word and not self._ended:
            self._ended = True
            reason = reason_of(self._word, refusal=self._refusal, calls=self._call >= 0)
            yield Ended(reason, self._usage)


class StreamWriter:
    """Writes a stream for a client; it tells the usage where the client asked for it.

    Args:
        asked: The client's request.
        created: When, in seconds since the epoch.
    """

    def __init__(self, asked: Document, created: int) -> None:
        self._common: Document = {"id": "", "object": "chat.completion.chunk", "created": created, "model": ""}
        options = read_leniently(asked, StreamWish).stream_options
        self._tells = options is not None and options.include_usage is True
        self._call = -1

    def write(self, event: Event) -> bytes:
        """Return what the client gets."""
        said = b""
        match event:
            case Began():
                self._common.update(id=event.id, model=event.model)
                said = self._chunk({"role": "assistant", "content": ""})
            case TextDelta():
                said = self._chunk({"content": event.text})
            case CallBegan():
                self._call += 1
                function = {"name": event.name, "arguments": ""}
                said = self._call_chunk({"id": event.id, "type": "function", "function": function})
            case ArgumentsDelta():
                said = self._call_chunk({"function": {"arguments": event.text}})
            case Ended():
                said = self._chunk({}, REASONS[event.reason]) + self._told(event.usage) + b"data: %s\n\n" % DONE
            case Failed():
                said = error_event("openai", event.message)
        return said

    def _chunk(self, delta: Document, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        usage = {"usage": None} if self._tells else {}
        return written_event({**self._common, "choices": [choice], **usage})

    def _call_chunk(self, call: Document) -> bytes:
        return self._chunk({"tool_calls": [{"index": self._call, **call}]})

    def _told(self, usage: Usage | None) -> bytes:
        if not self._tells or usage is None:
            return b""
        return written_event({**self._common, "choices": [], "usage": written_usage(usage)})
