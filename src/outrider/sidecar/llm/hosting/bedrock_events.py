"""An answer of Anthropic's models as Bedrock streams it, on its way to what Anthropic would have sent.

A `chunk` holds one of Anthropic's events in base64; an exception ends the stream (`ResponseStream` of bedrock-runtime in botocore's data;
anthropic/lib/bedrock/_stream_decoder.py).
"""

import msgspec

from outrider.core.codec import decode_plain
from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.sidecar.llm.dialects import error_document
from outrider.sidecar.llm.hosting.amazon import error_message
from outrider.sidecar.llm.hosting.eventstream import Decoder, Message

# Amazon's own count and time of a call, in the last event; Anthropic's clients know the usage from the events before.
_METRICS = "amazon-bedrock-invocationMetrics"
# What exceptions mean; the first event may be one, behind a status of 200.
_STATUS = {"throttlingException": 429, "validationException": 400, "serviceUnavailableException": 503}


class _Chunk(msgspec.Struct):
    """The payload of a chunk; its `p` only hides its length."""

    event: bytes = msgspec.field(name="bytes", default=b"")  # in base64


class _Typed(msgspec.Struct):
    type: str = ""


_chunks = msgspec.json.Decoder(_Chunk)
_typed = msgspec.json.Decoder(_Typed)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class EventReading:
    """The events of an answer."""

    __slots__ = ("_decoder", "fault", "problem")

    def __init__(self) -> None:
        self._decoder = Decoder()
        self.problem, self.fault = "", b""

    def feed(self, data: bytes) -> bytes:
        """Return Anthropic's events, those before a problem."""
        if self.problem:
            return b""
        said: list[bytes] = []
        try:
            for message in self._decoder.feed(data):
                event = self._event(message)
                if event is None:
                    break
                said.append(event)
        except OutriderError as error:
            self._fail(500, error.message)
        return b"".join(said)

    def end(self) -> bytes:
        """Note where a stream ends inside a message."""
        if not self.problem and not self._decoder.whole:
            self._fail(500, "the provider's stream ended inside a message")
        return b""

    def _event(self, message: Message) -> bytes | None:
        """Return an event as Anthropic sends it; None where the stream ends with a problem."""
        if message.text(":message-type") in ("exception", "error"):
            self._except(message)
            return None
        if message.text(":event-type") != "chunk":
            return b""
        try:
            return server_sent(_chunks.decode(message.payload).event)
        except (ValueError, RecursionError):  # msgspec's errors are values too
            self._fail(500, "the provider's stream of events is damaged: an event is no JSON")
            return None

    def _except(self, message: Message) -> None:
        """Take an exception that the model has, or an error that the service has, as the problem."""
        code = message.text(":exception-type") or message.text(":error-code")
        try:
            document = decode_plain(message.payload)
        except InvalidConfigError:
            document = None
        told = error_message(document) or message.text(":error-message") or "the provider ended the stream"
        self._fail(_STATUS.get(code, 500), f"{code}: {told}" if code else told)

    def _fail(self, status: int, problem: str) -> None:
        self.problem = problem
        self.fault = b"event: error\ndata: %s\n\n" % error_document("anthropic", status, "", problem)


def server_sent(event: bytes) -> bytes:
    """Return an event as Anthropic sends it; nothing for what is none of its messages.

    Raises:
        ValueError: It is no JSON object, or its type is no word.
    """
    kind = _typed.decode(event).type
    if not kind:
        return b""
    if not kind.isascii() or not kind.isidentifier():
        raise ValueError("the type of an event is no word")
    if _METRICS.encode() in event:
        members = _members.decode(event)
        members.pop(_METRICS, None)
        event = msgspec.json.encode(members)
    elif b"\n" in event or b"\r" in event:  # an event is one line
        event = msgspec.json.format(event, indent=-1)
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), event)
