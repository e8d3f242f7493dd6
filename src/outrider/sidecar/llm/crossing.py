"""A call whose provider speaks another dialect than its client, on its way there and back."""

from typing import TYPE_CHECKING

from outrider.core.errors import OutriderError
from outrider.sidecar.llm.attempt import CallAttempt, Record
from outrider.sidecar.llm.routes import Provider
from outrider.sidecar.llm.translation.translate import Form, Stream, Translation
from outrider.sidecar.llm.usage import StreamScanner
from outrider.sidecar.proxy.messages import JSON, Field, with_content_type

if TYPE_CHECKING:
    from outrider.sidecar.llm.gate import LlmGate

# The endpoints whose calls can be translated.
FORMS: dict[str, Form] = {"chat": "chat", "responses": "responses", "messages": "messages"}
LONGEST_WHOLE = 16 * 1024 * 1024
# What a client's SDK says of itself and to its own provider.
_CLIENTS = (b"anthropic-", b"openai-", b"x-stainless-", b"x-goog-")


def translation(record: Record, provider: Provider) -> Translation:
    """Return what translates a call for a provider; of OpenAI's forms every server knows the chat."""
    provider_form: Form = "messages" if provider.dialect == "anthropic" else "chat"
    return Translation(
        FORMS[record.endpoint.name], provider_form, created=int(record.moment),
        anthropic_version=provider.host.anthropic_version,
    )  # fmt: skip


def fields_of(translated: Translation, fields: list[Field]) -> list[Field]:
    """Return the fields that go to a provider of another dialect."""
    return [*(field for field in fields if not field[0].startswith(_CLIENTS)), *translated.fields()]


class CrossingAttempt(CallAttempt):
    """A try at a call that is translated; what is counted is what the provider says, before it is translated.

    Args:
        gate: Accounts for it.
        record: The call.
        provider: Who is asked.
        translated: Has translated the request.
        trial: Which trial of the provider's circuit it is; 0 for none.
    """

    __slots__ = ("_stream", "_translated", "_whole")

    def __init__(
        self, gate: "LlmGate", record: Record, provider: Provider, translated: Translation, *, trial: int
    ) -> None:
        super().__init__(gate, record, provider, trial=trial)
        self._translated = translated
        self._stream: Stream | None = None
        self._whole = bytearray()
        self.rewrites = True

    def accept(self, status: int, fields: list[Field]) -> bool:
        """Pass on what concerns the client, and say that it is JSON where it is one piece."""
        if not super().accept(status, fields):
            return False
        if self._scanner is not None and status < 400:
            self._stream = self._translated.stream()
        else:
            fields[:] = with_content_type(fields, JSON)
        return True

    def piece(self, data: bytes) -> bytes:
        """Return what of a stream can be told to the client now; an answer in one piece waits for its end."""
        return self._take(super().piece(data))

    def _take(self, data: bytes) -> bytes:
        if self._stream is not None:
            return self._told(self._stream, self._stream.feed(data))
        self._whole += data
        if len(self._whole) > LONGEST_WHOLE:
            self.stop = f"the answer is longer than {LONGEST_WHOLE} bytes, and cannot be translated"
        return b""

    def last(self, *, framed: bool) -> bytes:
        """Return the end of the stream, or the answer."""
        said = self._take(super().last(framed=framed))
        if self.stop:
            return said
        if self._stream is not None:
            return said + self._told(self._stream, self._stream.end())
        if self._status >= 400:
            return self._translated.error(self._status, bytes(self._whole))
        try:
            return self._translated.answer(bytes(self._whole))
        except OutriderError as error:
            self.stop = error.message
            return b""

    def _told(self, stream: Stream, said: bytes) -> bytes:
        """Return what is told of a stream; the event with which it fails is held back until it is cut."""
        self.stop = self.stop or stream.problem
        return said.removesuffix(stream.fault)

    def _fault(self) -> bytes:
        return self._stream.fault if self._stream is not None else b""

    def _tokens(self, scanner: StreamScanner) -> int:
        return scanner.tokens
