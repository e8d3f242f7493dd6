"""Streams of responses, read and written."""

from collections.abc import Iterator
from typing import Any

import msgspec

from outrider.sidecar.llm.translation.events import written_event
from outrider.sidecar.llm.translation.faults import UNNAMED, message_in
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
    ToolCall,
)
from outrider.sidecar.llm.translation.reading import read_event, usage_of
from outrider.sidecar.llm.translation.responses.answer import (
    Item,
    Response,
    begun,
    call_item,
    ended,
    is_call,
    item_id,
    message_item,
    reason_of,
    text_part,
)


class _Told(msgspec.Struct):
    type: str = ""
    delta: Any = None
    item: Item | None = None
    response: Response | None = None
    error: Any = None
    message: Any = None


class StreamReader:
    """Reads a provider's stream."""

    def __init__(self) -> None:
        self._called = self._refusal = self._has_arguments = False

    def feed(self, data: bytes) -> Iterator[Event]:
        """Return what an event says."""
        told = read_event(data, _Told)
        match told.type:
            case "response.created" if told.response is not None:
                yield Began(told.response.id, told.response.model)
            case "response.output_item.added" | "response.output_item.done" if told.item is not None:
                yield from self._item(told.item, is_whole=told.type.endswith("done"))
            case "response.output_text.delta" | "response.refusal.delta":
                self._refusal = self._refusal or "refusal" in told.type
                yield TextDelta(str(told.delta))
            case "response.function_call_arguments.delta":
                self._has_arguments = True
                yield ArgumentsDelta(str(told.delta))
            case "response.content_part.done":
                yield PartEnded()
            case "response.completed" | "response.incomplete" if told.response is not None:
                reason = reason_of(told.response, refusal=self._refusal, calls=self._called)
                yield Ended(reason, usage_of(told.response.usage))
            case "response.failed" | "error" | "":
                error = told.response.error if told.response is not None else told.error
                yield Failed(message_in({"error": error, "message": told.message}))

    def _item(self, item: Item, *, is_whole: bool) -> Iterator[Event]:
        if not is_call(item):
            return
        if not is_whole:
            self._called = True
            self._has_arguments = False
            yield CallBegan(item.call_id, item.name)
            return
        if not self._has_arguments:
            yield ArgumentsDelta(item.arguments or "{}")
        yield PartEnded()

    def end(self) -> Iterator[Event]:
        """Return what the end of the stream says: nothing that an event has not said."""
        return iter(())


class StreamWriter:
    """Writes a stream for a client.

    Args:
        asked: The client's request, some of which is told again.
        created: When, in seconds since the epoch.
    """

    def __init__(self, asked: Document, created: int) -> None:
        self._response = begun(asked, created)
        self._output: list[Document] = []
        self._number = 0
        self._call: ToolCall | None = None
        self._pieces: list[str] = []
        self._is_open = False

    def write(self, event: Event) -> bytes:
        """Return what the client gets."""
        said = b""
        match event:
            case Began():
                self._response.update(id=event.id, model=event.model)
                said = self._stage("created") + self._stage("in_progress")
            case TextDelta():
                begin = b"" if self._is_open and self._call is None else self._close() + self._begin_text()
                self._pieces.append(event.text)
                said = begin + self._say("output_text.delta", **self._place, delta=event.text, logprobs=[])
            case CallBegan():
                said = self._close() + self._begin_call(ToolCall(event.id, event.name, ""))
            case ArgumentsDelta():
                self._pieces.append(event.text)
                said = self._say("function_call_arguments.delta", **self._item, delta=event.text)
            case PartEnded():
                said = self._close()
            case Ended():
                said = self._close() + self._end(event)
            case Failed():
                said = self._fail(event.message)
        return said

    @property
    def _item(self) -> Document:
        name = item_id("msg" if self._call is None else "fc", self._response["id"], len(self._output))
        return {"item_id": name, "output_index": len(self._output)}

    @property
    def _place(self) -> Document:
        return {**self._item, "content_index": 0}

    def _say(self, kind: str, **told: Any) -> bytes:
        name = f"response.{kind}"
        self._number += 1
        return written_event({"type": name, "sequence_number": self._number - 1, **told}, name)

    def _stage(self, kind: str) -> bytes:
        return self._say(kind, response=self._response)

    def _add(self, item: Document) -> bytes:
        self._is_open = True
        self._pieces = []
        return self._say("output_item.added", output_index=len(self._output), item={**item, "status": "in_progress"})

    def _begin_text(self) -> bytes:
        self._call = None
        added = self._add({**message_item(self._item["item_id"], ""), "content": []})
        return added + self._say("content_part.added", **self._place, part=text_part(""))

    def _begin_call(self, call: ToolCall) -> bytes:
        self._call = call
        return self._add(call_item(self._item["item_id"], call))

    def _close(self) -> bytes:
        """End the item that is open, with all that was said in it."""
        if not self._is_open:
            return b""
        self._is_open = False
        said, name = "".join(self._pieces), self._item["item_id"]
        if self._call is not None:
            said = said or "{}"
            item = call_item(name, ToolCall(self._call.id, self._call.name, said))
            done = self._say("function_call_arguments.done", **self._item, name=self._call.name, arguments=said)
        else:
            item = message_item(name, said)
            done = self._say("output_text.done", **self._place, text=said, logprobs=[])
            done += self._say("content_part.done", **self._place, part=text_part(said))
        done += self._say("output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)
        return done

    def _end(self, event: Ended) -> bytes:
        self._response.update(output=self._output, **ended(event.reason, event.usage))
        return self._stage(self._response["status"])

    def _fail(self, message: str) -> bytes:
        # The provider itself writes the reason twice: the SDK raises what stands in `error`, others read what is beside it.
        error = {"message": message, "type": UNNAMED, "code": UNNAMED, "param": None}
        told = {"type": "error", "sequence_number": self._number, "code": UNNAMED, "message": message, "param": None}
        return written_event({**told, "error": error}, "error")
