"""Answers that are given again to the same call."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from outrider.core.codec import encode
from outrider.core.sidecar_settings import CacheSettings
from outrider.sidecar.llm.wrapping import WrappedAttempt
from outrider.sidecar.proxy.gate import Attempt
from outrider.sidecar.proxy.messages import Field, Request

if TYPE_CHECKING:
    from outrider.sidecar.llm.attempt import Record
    from outrider.sidecar.proxy.exchange import Exchange

LONGEST_ANSWER = 1024 * 1024
# What a client says of itself, and of how a provider is to keep its own accounts.
_APART = frozenset({"user", "metadata", "store", "safety_identifier", "prompt_cache_key", "service_tier"})
# Fields that change an answer: versions of a dialect, and what of it is on trial.
_TELLING = frozenset({b"anthropic-version", b"anthropic-beta", b"openai-beta", b"x-goog-fieldmask"})
_UNCACHED = (b"no-cache", b"no-store")
_FORM = (b"content-type", b"content-encoding")
# An error within an answer that began well.
_FAULTS = frozenset({"error", "response.failed"})
Members = Mapping[str, msgspec.Raw]
members_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Answer(msgspec.Struct, frozen=True):
    """An answer as the client got it; `size` is that of the body and of what is kept beside it."""

    fields: list[Field]
    body: bytes
    until: float
    size: int


class ResponseCache:
    """Keeps answers for a while; of too many the one that was not asked for longest goes.

    Args:
        settings: How long, and how many.
        now: Seconds of a clock that cannot be set.

    Attributes:
        own_key: Identifies calls that are made to look for an answer; None where none are made.
    """

    own_key: bytes | None = None

    def __init__(self, settings: CacheSettings, now: Callable[[], float]) -> None:
        self._settings, self._now = settings, now
        self._answers: OrderedDict[bytes, Answer] = OrderedDict()
        self._size = 0

    @property
    def problem(self) -> str:
        """Why answers are given to the same call only, though similar ones are to get them too."""
        return ""

    def key(self, request: Request, path: bytes) -> bytes:
        """Return what is the same for the same call; empty where its answer is not to be kept.

        Args:
            request: The call.
            path: As it is asked for.
        """
        if any(
            name == b"cache-control" and any(one in value.lower() for one in _UNCACHED)
            for name, value in request.fields
        ):
            return b""
        return key_of(request, path, members_of(request.body))

    def find(self, key: bytes) -> Answer | None:
        """Return an answer that still holds."""
        found = self._answers.get(key) if key else None
        if found is None:
            return None
        if found.until < self._now():
            self._drop(key)
            return None
        self._answers.move_to_end(key)
        return found

    def look(
        self, exchange: "Exchange", record: "Record", go_on: Callable[[Answer | None], None], *, left: Callable[[], None]
    ) -> bool:  # fmt: skip
        """Look for the answer to a call that is like this one, and return whether `go_on` is called with what is found.

        Args:
            exchange: Of the call.
            record: The call.
            go_on: Called later, with None where nothing is found.
            left: Called in its place if the client leaves meanwhile.
        """
        del exchange, record, go_on, left
        return False

    def keep(self, key: bytes, fields: list[Field], body: bytes, beside: int = 0) -> None:
        """Keep an answer, with so many bytes beside it."""
        if key in self._answers:
            self._drop(key)
        size = len(body) + beside
        self._answers[key] = Answer(fields, body, self._now() + self._settings.ttl, size)
        self._size += size
        while len(self._answers) > self._settings.entries or self._size > self._settings.bytes:
            self._drop(next(iter(self._answers)))

    def around(self, attempt: Attempt, record: "Record") -> Attempt:
        """Return an attempt whose answer is kept, if it is a good one."""
        return CachedAttempt(attempt, self, record.cache_key)

    async def close(self) -> None:
        """Drop what is open."""

    def _drop(self, key: bytes) -> None:
        self._size -= self._answers.pop(key).size


def key_of(request: Request, path: bytes, members: Members) -> bytes:
    """Return what is the same for the same call.

    Args:
        request: The call.
        path: As it is asked for.
        members: Of its body.
    """
    told = [name + b":" + value for name, value in request.fields if name in _TELLING]
    said = [encode(name) + bytes(members[name]) for name in sorted(members) if name not in _APART]
    return hashlib.sha256(b"\n".join([path, *sorted(told), *said])).digest()


class CachedAttempt(WrappedAttempt):
    """Keeps an answer that is whole and good.

    Args:
        inner: The attempt.
        cache: Where to.
        key: Under which.
    """

    __slots__ = ("_cache", "_fields", "_key", "_pieces", "_size")

    def __init__(self, inner: Attempt, cache: ResponseCache, key: bytes) -> None:
        super().__init__(inner)
        self._cache, self._key = cache, key
        self._fields: list[Field] = []
        self._pieces: list[bytes] = []
        self._size = 0

    def accept(self, status: int, fields: list[Field]) -> bool:
        """Note of what type the answer is."""
        accepted = super().accept(status, fields)
        self._fields = [field for field in fields if field[0] in _FORM]
        return accepted

    def _take(self, passed: bytes) -> bytes:
        self._size += len(passed)
        if self._size <= LONGEST_ANSWER:
            self._pieces.append(passed)
        return passed

    def ended(self, problem: str) -> None:
        """Keep the answer, where it is one."""
        super().ended(problem)
        if problem or self.status != 200 or self._size > LONGEST_ANSWER:
            return
        body = b"".join(self._pieces)
        if not any(_is_fault(one) for one in (body.splitlines() if self.is_stream else [body])):
            self._keep(body)

    def _keep(self, body: bytes) -> None:
        self._cache.keep(self._key, self._fields, body)


def _is_fault(said: bytes) -> bool:
    """Return whether an answer, or a line of a stream, tells of an error."""
    if b"error" not in said and b"response.failed" not in said:
        return False
    try:
        document = msgspec.json.decode(said.removeprefix(b"data:"))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return isinstance(document, dict) and (bool(document.get("error")) or document.get("type") in _FAULTS)
