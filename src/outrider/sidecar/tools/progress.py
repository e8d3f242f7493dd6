"""Progress of a call: from the server that works at it to the client that waits for it.

Between the two lie parts that know nothing of it, so it goes around them: whoever asks a server looks whether the task in which
it does so has a listener.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import msgspec

from outrider.core.codec import encode
from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.messages import CONTENT_TYPE, EVENT_STREAM, Field, value_of

TOKEN, METHOD = "progressToken", "notifications/progress"
LONGEST_MESSAGE = 1000
# A server that reports more often is heard again after so many seconds.
PAUSE_SECONDS = 0.05
_FIELDS: list[Field] = [
    (CONTENT_TYPE, EVENT_STREAM), (b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"),
]  # fmt: skip
# What every reader of JSON takes as it is.
_LARGEST = 2**53


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a call is (MCP, "progress").

    Attributes:
        total: What `progress` is when it is done; None where nobody knows.
        message: For people.
    """

    progress: float
    total: float | None = None
    message: str = ""


Heard = Callable[[Progress], None]
_heard: ContextVar[Heard | None] = ContextVar("heard", default=None)


def listener() -> Heard | None:
    """Return who hears of the progress of what this task asks for."""
    return _heard.get()


@contextmanager
def listening(heard: Heard) -> Iterator[None]:
    """Have the progress heard of what is asked for inside."""
    token = _heard.set(heard)
    try:
        yield
    finally:
        _heard.reset(token)


def with_token(params: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    """Return the parameters of a call that asks for its progress under the number of its request."""
    if listener() is None:
        return params
    return {**params, "_meta": {**params.get("_meta", {}), TOKEN: number}}


def read_progress(message: Any, number: int) -> Progress | None:
    """Return what a message tells of the progress of a request; None where it tells nothing."""
    if not isinstance(message, dict) or message.get("method") != METHOD:
        return None
    params = message.get("params")
    if not isinstance(params, dict) or type(params.get(TOKEN)) is not int or params[TOKEN] != number:
        return None
    done, said = _number(params.get("progress")), params.get("message")
    if done is None:
        return None
    return Progress(done, _number(params.get("total")), said[:LONGEST_MESSAGE] if isinstance(said, str) else "")


class ProgressStream:
    """The answer to a call, as events where there is progress before it.

    Args:
        exchange: The call.
        token: What its client calls its progress.
        now: Seconds of a clock that cannot be set.
    """

    def __init__(self, exchange: Exchange, token: str | int, now: Callable[[], float]) -> None:
        self._exchange, self._token, self._now = exchange, token, now
        self._next = 0.0

    def heard(self, progress: Progress) -> None:
        """Tell the client, unless it was told just now or reads too slowly."""
        now = self._now()
        if now < self._next or self._exchange.client.choked or self._exchange.gone:
            return
        self._next = now + PAUSE_SECONDS
        if not self._exchange.begun:
            self._exchange.begin(_FIELDS)
        told = {"jsonrpc": "2.0", "method": METHOD, "params": {TOKEN: self._token, **msgspec.to_builtins(progress)}}
        self._exchange.piece(_event(encode(told)))

    def end(self, body: bytes) -> bool:
        """Send the answer as the last event, and return whether that was done: not where no event came before."""
        if not self._exchange.begun:
            return False
        self._exchange.piece(_event(body))
        self._exchange.end()
        return True


def stream_for(exchange: Exchange, params: Mapping[str, Any], now: Callable[[], float]) -> ProgressStream | None:
    """Return what tells the client of a call of its progress; None where it does not want that, or cannot take it."""
    meta = params.get("_meta")
    token = meta.get(TOKEN) if isinstance(meta, dict) else None
    if not isinstance(token, str | int) or isinstance(token, bool) or exchange.request.old:
        return None
    accepted = value_of(exchange.request.fields, b"accept")
    return ProgressStream(exchange, token, now) if EVENT_STREAM in accepted else None


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and type(value) is not bool and abs(value) < _LARGEST else None


def _event(data: bytes) -> bytes:
    return b"data: %s\n\n" % data
