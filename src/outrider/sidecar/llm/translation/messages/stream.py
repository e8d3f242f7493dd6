"""Streams of messages, read and written."""

from collections.abc import Iterator
from typing import Any

import msgspec

from outrider.core.codec import encode
from outrider.sidecar.llm.dialects import error_event
from outrider.sidecar.llm.translation.events import written_event
from outrider.sidecar.llm.translation.faults import message_in
from outrider.sidecar.llm.translation.messages.answer import (
    REASONS,
    Block,
    begun,
    called_with,
    is_shown,
    reason_of,
    written_usage,
)
from outrider.sidecar.llm.translation.neutral import (
    ArgumentsDelta,
    Began,
    CallBegan,
    Document,
    Ended,
    Event,
    Failed,
    PartEnded,
    TextDelta,
    present,
)
from outrider.sidecar.llm.translation.reading import read_event, usage_of


class _Message(msgspec.Struct):
    id: str = ""
    model: str = ""
    usage: Document | None = None


class _Delta(msgspec.Struct, frozen=True):
    type: str = ""
    text: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class _Told(msgspec.Struct):
    type: str = ""
    message: _Message | None = None
    content_block: Block | None = None
    delta: _Delta = _Delta()
    usage: Document | None = None
    error: Any = None


class StreamReader:
    """Reads a provider's stream."""

    def __init__(self) -> None:
        self._usage: Document = {}
        self._reason: str | None = None
        # Of the block that is open.
        self._block: Block | None = None
        self._has_arguments = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """Return what an event says."""
        told = read_event(data, _Told)
        match told.type:
            case "message_start" if told.message is not None:
                self._usage = present(told.message.usage or {})
                yield Began(told.message.id, told.message.model)
            case "content_block_start" if told.content_block is not None:
                yield from self._begin(told.content_block)
            case "content_block_delta":
                yield from self._go_on(told.delta)
            case "content_block_stop":
                yield from self._stop()
            case "message_delta":
                # Totals: later ones replace earlier ones.
                self._usage.update(present(told.usage or {}))
                self._reason = told.delta.stop_reason or self._reason
            case "message_stop":
                yield Ended(reason_of(self._reason), usage_of(self._usage))
            case "error":
                yield Failed(message_in({"error": told.error}))

    def _begin(self, block: Block) -> Iterator[Event]:
        self._block = block if is_shown(block) else None
        self._has_arguments = False
        if block.type == "tool_use":
            yield CallBegan(block.id, block.name)
        elif block.text:
            yield TextDelta(block.text)

    def _go_on(self, delta: _Delta) -> Iterator[Event]:
        if delta.type == "text_delta":
            yield TextDelta(delta.text)
        elif delta.type == "input_json_delta" and delta.partial_json:
            self._has_arguments = True
            yield ArgumentsDelta(delta.partial_json)

    def _stop(self) -> Iterator[Event]:
        block, self._block = self._block, None
        if block is None:
            return
        if block.type == "tool_use" and not self._has_arguments:
            yield ArgumentsDelta(encode(block.input).decode())
        yield PartEnded()

    def end(self) -> Iterator[Event]:
        """Return what the end of the stream says: nothing that an event has not said."""
        return iter(())


class StreamWriter:
    """Writes a stream for a client. The input is told at the end too: other dialects do not tell it before."""

    def __init__(self, _: Document, __: int) -> None:
        self._index = -1
        self._is_open = False
        # Of the call that is open.
        self._name = ""
        self._arguments: list[str] = []

    def write(self, event: Event) -> bytes:
        """Return what the client gets.

        Raises:
            ExecutionFailedError: The model called a tool with something that is no JSON object.
        """
        said = b""
        match event:
            case Began():
                said = _say("message_start", message=begun(event.id, event.model))
            case TextDelta():
                begin = b"" if self._is_open and not self._name else self._begin({"type": "text", "text": ""})
                said = begin + self._go_on({"type": "text_delta", "text": event.text})
            case CallBegan():
                block = {"type": "tool_use", "id": event.id, "name": event.name, "input": {}}
                said = self._begin(block, event.name)
            case ArgumentsDelta():
                self._arguments.append(event.text)
                said = self._go_on({"type": "input_json_delta", "partial_json": event.text})
            case PartEnded():
                said = self._close()
            case Ended():
                said = self._close() + _end(event)
            case Failed():
                said = error_event("anthropic", event.message)
        return said

    def _begin(self, block: Document, name: str = "") -> bytes:
        closed = self._close()
        self._index += 1
        self._is_open, self._name, self._arguments = True, name, []
        return closed + _say("content_block_start", index=self._index, content_block=block)

    def _go_on(self, delta: Document) -> bytes:
        return _say("content_block_delta", index=self._index, delta=delta)

    def _close(self) -> bytes:
        if not self._is_open:
            return b""
        if self._name:
            called_with("".join(self._arguments), self._name)
        self._is_open = False
        return _say("content_block_stop", index=self._index)


def _say(kind: str, **told: Any) -> bytes:
    return written_event({"type": kind, **told}, kind)


def _end(event: Ended) -> bytes:
    delta = {"stop_reason": REASONS[event.reason], "stop_sequence": None}
    return _say("message_delta", delta=delta, usage=written_usage(event.usage)) + _say("message_stop")
