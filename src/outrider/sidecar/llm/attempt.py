"""A call on its way to one provider: what passes is looked at, and accounted for when it has ended."""

import math
from typing import TYPE_CHECKING

import msgspec

from outrider.sidecar.llm.bodies import Call
from outrider.sidecar.llm.budget import Reservation
from outrider.sidecar.llm.dialects import Endpoint, error_event
from outrider.sidecar.llm.forms import Form
from outrider.sidecar.llm.hosting.host import Reading
from outrider.sidecar.llm.ledger import Entry
from outrider.sidecar.llm.routes import Provider
from outrider.sidecar.llm.streams import WithoutUsage
from outrider.sidecar.llm.unpacking import PACKED, Unpacker
from outrider.sidecar.llm.usage import BYTES_PER_TOKEN, StreamScanner, Usage, usage_at_end, usage_of
from outrider.sidecar.proxy.gate import Attempt, Failure
from outrider.sidecar.proxy.messages import Field, is_event_stream

if TYPE_CHECKING:
    from outrider.sidecar.llm.gate import LlmGate
    from outrider.sidecar.llm.similar.vectors import Likeness
    from outrider.sidecar.proxy.exchange import Exchange

# Answers that say nothing about the call: another provider may do better.
PASSING = frozenset({408, 429, 500, 502, 503, 504, 529})
# The provider's quarrel with the gateway: its key, its account, its address. An agent would follow a redirect past the gateway.
REFUSING = frozenset({401, 402, 403, *range(300, 400)})
# Of an answer in one piece, what is kept to find its usage.
LONGEST_ANSWER = 4 * 1024 * 1024
# Of one that is longer, what is kept of its end.
LONGEST_TAIL = 64 * 1024

# The last event may be torn: the one that says so must not become a part of it. Without one, it says nothing.
_END_OF_EVENT = b"\n\n"


class Record(msgspec.Struct, kw_only=True):
    """What is known of a call from its beginning to its entry in the ledger.

    Attributes:
        id: Of the entry.
        alias: The model as the agent names it.
        endpoint: What was asked for.
        call: Its body, as far as it is read.
        path: With its query, without a key.
        size: Bytes of the body.
        began: On the clock that cannot be set.
        moment: Seconds since the epoch.
        providers: Who may still be asked.
        asked: Whether any was.
        traceparent: Of the client; read only where spans are sent.
        refused: Why one could not be asked: the call cannot be translated for it.
        left: How many of them were left while they may have worked at it.
        tried: When the last of those was left, or tools had looked at the prompt, on the same clock; 0 for neither.
        reservation: Money that is held for it.
        asks_usage: Whether the gateway asks for the usage of a stream, and not the client.
        allowed_output: Tokens of all its answers that the call allows, or that are usual.
        paid_tokens: As many tokens of a stream are reserved for.
        cache_key: Under which its answer is kept; empty where it is not.
        likeness: What calls must have that get its answer too; None where only the same call does.
        inside: Whether the sidecar makes it for another call that waits for it.
    """

    id: str
    alias: str
    endpoint: Endpoint
    call: Call | Form
    path: bytes
    size: int
    began: float
    moment: float
    providers: list[Provider] = []
    asked: bool = False
    traceparent: bytes = b""
    refused: str = ""
    left: int = 0
    tried: float = 0.0
    reservation: Reservation | None = None
    asks_usage: bool = False
    paid_tokens: float = math.inf
    allowed_output: int = 0
    cache_key: bytes = b""
    likeness: "Likeness | None" = None
    inside: bool = False

    @property
    def estimate(self) -> int:
        """Tokens that are taken from the limits before it begins."""
        return self.size // BYTES_PER_TOKEN


class CallAttempt(Attempt):
    """One provider's try at a call.

    Args:
        gate: Accounts for it.
        record: The call.
        provider: Who is asked.
        trial: Which trial of the provider's circuit it is; 0 for none.
    """

    __slots__ = (
        "_answer",
        "_filter",
        "_gate",
        "_packed",
        "_provider",
        "_reading",
        "_record",
        "_scanner",
        "_size",
        "_status",
        "_trial",
        "rewrites",
    )

    def __init__(self, gate: "LlmGate", record: Record, provider: Provider, *, trial: int) -> None:
        super().__init__()
        self._gate, self._record, self._provider, self._trial = gate, record, provider, trial
        self._status = self._size = 0
        self._answer: list[bytes] = []
        self._scanner: StreamScanner | None = None
        self._packed: Unpacker | None = None
        self._reading: Reading | None = None
        self._filter = WithoutUsage() if record.asks_usage else None
        self.rewrites = record.asks_usage

    def accept(self, status: int, fields: list[Field]) -> bool:
        """Pass on what concerns the client; what does not is for another provider, if there is one."""
        host = self._provider.host
        self._status = status = host.status(status, fields)
        if status in REFUSING:
            self._gate.provider_failed(self._provider, self._trial)
            return False
        if status in PASSING:
            self._gate.provider_failed(self._provider, self._trial, rest=_rest(fields))
            if self._record.providers:
                return False
        else:
            self._provider.circuit.succeeded()
        self._unpack(fields)
        self._reading = host.read(status, fields)
        self.rewrites = self.rewrites or self._reading is not None
        if is_event_stream(fields):
            self._scanner = self._filter.scanner if self._filter is not None else StreamScanner()
        else:
            self._filter = None  # an error in place of the stream
        return True

    def _unpack(self, fields: list[Field]) -> None:
        """Unpack an answer that is packed although nobody asked for that: what cannot be read cannot be counted."""
        packed = next((field for field in fields if field[0] == b"content-encoding"), None)
        if packed is not None and packed[1].lower() in PACKED:
            fields.remove(packed)
            self._packed = Unpacker()
            self.rewrites = True

    def piece(self, data: bytes) -> bytes:
        """Look at what passes; of a stream, an event that only the gateway has asked for stays here."""
        if self._packed is not None:
            try:
                data = self._packed.unpack(data)
            except ValueError as error:
                self.stop = f"the answer cannot be unpacked: {error}"
                return b""
        if self._reading is not None:
            data = self._reading.feed(data)
            self.stop = self.stop or self._reading.problem
        return self._see(data)

    def _see(self, data: bytes) -> bytes:
        if self._filter is not None:
            passed = self._filter.pass_on(data)
            self._check_budget(self._filter.scanner)
            return passed
        if self._scanner is not None:
            self._scanner.feed(data)
            self._check_budget(self._scanner)
        else:
            self._answer.append(data)
            self._size += len(data)
            if self._size > LONGEST_ANSWER:
                self._answer = [b"".join(self._answer)[-LONGEST_TAIL:]]
        return data

    def _check_budget(self, scanner: StreamScanner) -> None:
        """Have more money held where an answer is longer than was reserved for; where there is none left it ends here."""
        tokens = self._tokens(scanner)
        if tokens > self._record.paid_tokens and not self._gate.extend(self._record, self._provider, tokens):
            self.stop = "the budget of this period is used up"

    def _tokens(self, scanner: StreamScanner) -> int:
        # OpenAI's responses repeat in their events what has come before.
        return scanner.events if self._record.endpoint.name == "responses" else scanner.tokens

    def last(self, *, framed: bool) -> bytes:
        """Return what was held of the last event; what was packed must have come to its end, and an event, if nothing else tells."""
        if self._packed is not None and not self._packed.whole:
            self.stop = "the packed answer has no end"
            return b""
        told = b""
        if self._reading is not None:
            told = self._see(self._reading.end())
            self.stop = self.stop or self._reading.problem
        if not framed and self._scanner is not None and self._scanner.torn:
            self.stop = self.stop or "the upstream closed the connection inside an event"
        return self._filter.rest() if self._filter is not None and not self.stop else told

    def cut(self, reason: str) -> bytes:
        """End a stream with the reason, as clients of its dialect read it."""
        if self._scanner is None:
            return b""
        return self._fault() or _END_OF_EVENT + error_event(self._record.endpoint.dialect, reason)

    def _fault(self) -> bytes:
        """Return what tells a client of the failure of which the provider has told; empty where the reason must do."""
        return self._reading.fault if self._reading is not None else b""

    def ended(self, problem: str) -> None:
        """Account for the call."""
        self._gate.close(self._record, self._heard("cut" if problem else "whole"))

    def _heard(self, outcome: str) -> Entry:
        """Return what the ledger says of an answer, as far as it has come."""
        usage = self._usage()
        entry = self._gate.entry(self._record, outcome, provider=self._provider, status=self._status)
        torn = outcome != "whole"
        if usage is None or (torn and self._scanner is not None and self._scanner.partial):
            entry.estimated, usage = True, self._estimated(usage)
        entry.tell(usage, self._provider.price)
        return entry

    def failed(self, exchange: "Exchange", failure: Failure) -> None:
        """Go on with the next provider."""
        if failure.ours:
            self._provider.circuit.gave_up(self._trial)
            self._gate.give_up(exchange, self._record, failure)
            return
        if not failure.status:
            self._gate.provider_failed(self._provider, self._trial)
        self._gate.try_next(exchange, self._record, failure, left=self._left(failure))

    def _left(self, failure: Failure) -> Entry | None:
        """Return what the ledger says of a try that may be charged although its answer goes to nobody; None where nothing is."""
        if not self._record.endpoint.charged:
            return None
        if failure.sent:
            return self._unheard(sent=True)
        # Of an answer that broke, or that the client's dialect cannot express, what came was made.
        came = self._size if self._scanner is None else self._scanner.size
        return self._heard("failed") if came and self._status < 400 else None

    def abandoned(self, *, sent: bool) -> None:
        """Account for a call whose client left before there was an answer."""
        self._provider.circuit.gave_up(self._trial)
        self._gate.close(self._record, self._unheard(sent=sent))

    def _unheard(self, *, sent: bool) -> Entry:
        """Return what the ledger says of a try whose answer nobody waits for any more."""
        record = self._record
        entry = self._gate.entry(record, "failed", provider=self._provider, status=self._status)
        if sent and record.endpoint.charged:
            # Providers finish, and charge, what they have begun; of a stream, what is generated for nobody is stopped.
            entry.estimated = True
            stream = record.call.stream or record.endpoint.streams
            usage = Usage(input=record.estimate, output=0 if stream else record.allowed_output)
            entry.tell(usage, self._provider.price)
        return entry

    def _usage(self) -> Usage | None:
        """Return what the provider told; None where it told nothing of an answer that cost something."""
        if self._status >= 400 or not self._record.endpoint.charged:
            return Usage()
        if self._scanner is not None:
            self._scanner.end()
            return self._scanner.usage
        answer = self._answer[0] if len(self._answer) == 1 else b"".join(self._answer)
        told = usage_of(answer) if self._size <= LONGEST_ANSWER else usage_at_end(answer)
        # A list of parts that was cut is none.
        return usage_at_end(answer) if told is None and self._record.endpoint.streams else told

    def _estimated(self, told: Usage | None) -> Usage:
        """Return what it may have been, from what has passed."""
        if self._record.endpoint.name == "embeddings" or self._record.endpoint.media:  # what comes back is no text
            return Usage(input=self._record.estimate)
        output = self._tokens(self._scanner) if self._scanner is not None else self._size // BYTES_PER_TOKEN
        if told is not None:
            return msgspec.structs.replace(told, output=max(told.output, output))
        return Usage(input=self._record.estimate, output=output)


def _rest(fields: list[Field]) -> float:
    """Return how long a provider asks to be left alone, in seconds."""
    return next((float(value) for name, value in fields if name == b"retry-after" and value.isdigit()), 0.0)
