"""Faults by script: which requests, how often, and what happens to them in place of their answer.

Those of the lines of a watch are in `stream_faults`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import msgspec

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from tests.servers.kube_api.calls import Call
from tests.servers.kube_api.errors import ApiError, Document

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class Match(msgspec.Struct, frozen=True):
    """Which requests a fault is for: those that fit all that is given.

    Attributes:
        method: Such as `PATCH`.
        path: Is part of the path.
        watch: Only watches, or only what is none.
        query: Fields that the query must have.
    """

    method: str = ""
    path: str = ""
    watch: bool | None = None
    query: dict[str, str] = {}

    def fits(self, call: Call) -> bool:
        """Return whether a request is meant."""
        return (
            self.method in ("", call.method)
            and self.path in call.path
            and self.watch in (None, call.watch)
            and all(call.query.get(name) == value for name, value in self.query.items())
        )


ANY = Match()
WATCHES = Match(watch=True)
WATCH_LISTS = Match(watch=True, query={"sendInitialEvents": "true"})


class Exchange:
    """A request and what can be done to it.

    Args:
        call: The request.
        answer: Gives the answer that a request gets without faults; what it writes is written then.
        reset: Cuts its connection.
    """

    def __init__(self, call: Call, answer: Callable[[Call], Response], reset: Callable[[], None]) -> None:
        self.call = call
        self._answer = answer
        self._reset = reset

    def answer(self, call: Call | None = None) -> Response:
        """Do what the request, or another in its place, asks for, and return the answer."""
        return self._answer(call or self.call)

    def answered(self, response: Response) -> "Exchange":
        """Return the same of which the answer is given already."""
        return Exchange(self.call, lambda _: response, self._reset)

    async def reset(self) -> NoReturn:
        """Cut the connection, so that the other end sees a reset."""
        self._reset()
        await wait_for_ever()


Fault = Callable[[Exchange], Awaitable[Response]]


async def wait_for_ever() -> NoReturn:
    """Wait until the connection is gone, which cancels this."""
    await asyncio.Event().wait()
    raise AssertionError


class Answer(msgspec.Struct, frozen=True):
    """Another answer, and nothing is done.

    Attributes:
        status: Its code.
        retry_after: Seconds of its Retry-After.
        body: It; by default a Status that fits the code. Bytes are sent as they are.
    """

    status: int
    retry_after: int | None = None
    body: Document | bytes | None = None

    async def __call__(self, _: Exchange) -> Response:
        headers = Headers({} if self.retry_after is None else {"retry-after": str(self.retry_after)})
        if isinstance(self.body, bytes):
            return Response(self.status, headers, self.body)
        details = {} if self.retry_after is None else {"retryAfterSeconds": self.retry_after}
        error = ApiError(self.status, _REASONS.get(self.status, "Unknown"), "as the script says", details)
        return json_answer(self.status, error.status if self.body is None else self.body, headers)


class Hang(msgspec.Struct, frozen=True):
    """No answer, ever, and nothing is done."""

    async def __call__(self, _: Exchange) -> Response:
        await wait_for_ever()


class Delay(msgspec.Struct, frozen=True):
    """All goes as it should, but later."""

    seconds: float

    async def __call__(self, exchange: Exchange) -> Response:
        await asyncio.sleep(self.seconds)
        return exchange.answer()


class Reset(msgspec.Struct, frozen=True):
    """The connection is cut before the head of the answer, and nothing is done."""

    async def __call__(self, exchange: Exchange) -> Response:
        await exchange.reset()


class AfterWrite(msgspec.Struct, frozen=True):
    """What is asked for is done, and then another fault happens in place of the answer: the outcome is unknown.

    Attributes:
        fault: `Reset()`, `Hang()`, `Answer(500)`, `Delay(5)`.
    """

    fault: Fault

    async def __call__(self, exchange: Exchange) -> Response:
        return await self.fault(exchange.answered(exchange.answer()))


class Script:
    """A fault and the requests that it is for.

    Attributes:
        match: Which requests.
        fault: What happens to them.
        left: How many more; None for no end.
        used: How many it has happened to.
    """

    def __init__(self, match: Match, fault: Fault, times: int | None) -> None:
        self.match = match
        self.fault = fault
        self.left = times
        self.used = 0

    def end(self) -> None:
        """Let it happen no more."""
        self.left = 0

    def takes(self, call: Call) -> bool:
        """Return whether it happens to a request, and count it."""
        if self.left == 0 or not self.match.fits(call):
            return False
        self.left = None if self.left is None else self.left - 1
        self.used += 1
        return True


def json_answer(status: int, document: Any, headers: Headers | None = None) -> Response:
    """Return an answer that is JSON."""
    fields = [("content-type", "application/json"), *(headers or ())]
    return Response(status, Headers(fields), msgspec.json.encode(document))
