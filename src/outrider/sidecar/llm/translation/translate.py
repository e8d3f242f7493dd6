"""A call whose provider speaks another dialect than its client: what goes to the provider, and what comes back."""

from collections.abc import Callable, Iterator
from typing import Any, Literal, Protocol

import msgspec

from outrider.core.codec import decode_plain, encode
from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.sidecar_settings import Dialect
from outrider.sidecar.llm.dialects import ANTHROPIC_VERSION, error_document
from outrider.sidecar.llm.translation import chat, messages, responses
from outrider.sidecar.llm.translation.events import Events
from outrider.sidecar.llm.translation.faults import fault_of
from outrider.sidecar.llm.translation.neutral import (
    Answer,
    ArgumentsDelta,
    Began,
    CallBegan,
    Conversation,
    Document,
    Ended,
    Event,
    Failed,
    TextDelta,
)
from outrider.sidecar.llm.translation.reading import unreadable
from outrider.sidecar.proxy.messages import Field

Form = Literal["chat", "responses", "messages"]
# The last version whose requests may say how tokens are chosen.
_SAMPLING_VERSION = "2023-06-01"
# Letters of an answer that some clients get once more when it ends.
LONGEST_ANSWER = 16 * 1024 * 1024


class _Reader(Protocol):
    def feed(self, data: bytes) -> Iterator[Event]:
        """Return what an event says."""

    def end(self) -> Iterator[Event]:
        """Return what the end of the stream says."""


class _Writer(Protocol):
    def write(self, event: Event) -> bytes:
        """Return what the client gets."""


class _Language(msgspec.Struct, frozen=True):
    dialect: Dialect
    path: bytes
    read_request: Callable[[Document], Conversation]
    write_request: Callable[[Conversation, str], Document]
    read_answer: Callable[[Any], Answer]
    write_answer: Callable[[Answer, Document, int], Document]
    reader: Callable[[], _Reader]
    writer: Callable[[Document, int], _Writer]


_LANGUAGES: dict[Form, _Language] = {
    "chat": _Language(
        "openai", b"/chat/completions", chat.read_request, chat.write_request, chat.read_answer, chat.write_answer,
        chat.StreamReader, chat.StreamWriter,
    ),
    "responses": _Language(
        "openai", b"/responses", responses.read_request, responses.write_request, responses.read_answer,
        responses.write_answer, responses.StreamReader, responses.StreamWriter,
    ),
    "messages": _Language(
        "anthropic", b"/v1/messages", messages.read_request, messages.write_request, messages.read_answer,
        messages.write_answer, messages.StreamReader, messages.StreamWriter,
    ),
}  # fmt: skip


class Translation:
    """One call, between a client and a provider of different dialects.

    Args:
        client: What the client speaks.
        provider: What the provider speaks.
        created: When the call was made, in seconds since the epoch; OpenAI's answers tell it.
        max_tokens: How long an answer may be where the client does not say and the provider must be told.
        anthropic_version: Of Anthropic's dialect, for a provider. From 2026-10-21 on it refuses every request that says how tokens are
            chosen: temperature and top_p are then left out. Older models take them with 2023-06-01.
    """

    def __init__(
        self,
        client: Form,
        provider: Form,
        *,
        created: int = 0,
        max_tokens: int = messages.MAX_TOKENS,
        anthropic_version: str = ANTHROPIC_VERSION,
    ) -> None:
        self._client, self._provider = _LANGUAGES[client], _LANGUAGES[provider]
        self._created, self._max_tokens, self._version = created, max_tokens, anthropic_version
        self._asked: Document = {}

    def request(self, body: bytes, model: str) -> bytes:
        """Return the body for the provider.

        Args:
            body: Of the client's call.
            model: As the provider names it.

        Raises:
            UnsupportedError: The call asks for something that cannot be translated; the error names it.
            InvalidConfigError: It is no call of the client's dialect.
        """
        asked = decode_plain(body)
        conversation = self._client.read_request(asked)
        self._asked = asked
        if self._provider.dialect == "anthropic":
            conversation.max_tokens = conversation.max_tokens or self._max_tokens
            if self._version > _SAMPLING_VERSION:
                conversation.temperature = conversation.top_p = None
        return encode(self._provider.write_request(conversation, model))

    def path(self) -> bytes:
        """Return the provider's path below the one of its address, which for OpenAI's dialect holds the version."""
        return self._provider.path

    def fields(self) -> list[Field]:
        """Return the header fields that the provider's dialect wants beside its key."""
        return [(b"anthropic-version", self._version.encode())] if self._provider.dialect == "anthropic" else []

    def answer(self, body: bytes) -> bytes:
        """Return the body for the client, of an answer in one piece.

        Raises:
            ExecutionFailedError: It is no answer of the provider's dialect, or one that the client's cannot express.
        """
        try:
            document = decode_plain(body)
        except InvalidConfigError as error:
            raise unreadable(error.message) from error
        return encode(self._client.write_answer(self._provider.read_answer(document), self._asked, self._created))

    def error(self, status: int, body: bytes) -> bytes:
        """Return the body for the client, of an answer that is an error; its status stays."""
        code, message = fault_of(status, body)
        return error_document(self._client.dialect, status, code, message)

    def stream(self) -> "Stream":
        """Return what translates an answer in events; the request comes first."""
        return Stream(self._provider.reader(), self._client.writer(self._asked, self._created))


class Stream:
    """An answer in events on its way to the client.

    Attributes:
        whole: Whether the answer has come to its proper end.
        problem: Why it has not, where an error has ended it.
        fault: The event that said so, at the end of what was returned.
    """

    __slots__ = ("_began", "_calls", "_events", "_reader", "_size", "_writer", "fault", "problem", "whole")

    def __init__(self, reader: _Reader, writer: _Writer) -> None:
        self._events = Events()
        self._reader, self._writer = reader, writer
        self._size = 0
        self._began = self._calls = False
        self.whole = False
        self.problem = ""
        self.fault = b""

    def feed(self, data: bytes) -> bytes:
        """Return what goes to the client for the next piece, which may begin and end anywhere."""
        return self._guarded(self._read(data))

    def end(self) -> bytes:
        """Return what goes to the client when the provider's stream has ended: an error, unless its answer was whole."""
        said = self._guarded(self._reader.end())
        if self.whole or self.problem:
            return said
        return said + self._fail("the provider's stream ended before its answer was whole")

    def _read(self, data: bytes) -> Iterator[Event]:
        for found in self._events.feed(data):
            yield from self._reader.feed(found)

    def _guarded(self, events: Iterator[Event]) -> bytes:
        """Write events until the answer is at its end; what goes wrong ends it with an error."""
        said: list[bytes] = []
        try:
            while not (self.whole or self.problem) and (event := next(events, None)) is not None:
                said.append(self._write(event))
        except OutriderError as error:
            said.append(self._fail(error.message))
        return b"".join(said)

    def _write(self, event: Event) -> bytes:
        if isinstance(event, Failed):
            return self._fail(event.message or "the provider's stream ended with an error")
        self._check(event)
        said = self._writer.write(event)
        self.whole = isinstance(event, Ended)
        return said

    def _check(self, event: Event) -> None:
        """Let no event pass that would make the client's stream other than its dialect wants it."""
        self._began = self._began or isinstance(event, Began)
        if not self._began or (isinstance(event, ArgumentsDelta) and not self._calls):
            raise unreadable(f"nothing has begun that a {type(event).__name__} could go on with")
        self._calls = isinstance(event, CallBegan | ArgumentsDelta)
        self._size += len(event.text) if isinstance(event, TextDelta | ArgumentsDelta) else 0
        if self._size > LONGEST_ANSWER:
            raise unreadable(f"it is longer than {LONGEST_ANSWER} letters")

    def _fail(self, message: str) -> bytes:
        self.problem = message
        self.fault = self._writer.write(Failed(message))
        return self.fault
