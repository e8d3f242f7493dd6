"""The API of the queue, for users."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.core.http.messages import Request, Response
from outrider.orchestrator.wire import QueueAnswer
from outrider.ports.http.routing import Router, json_response, number_argument

if TYPE_CHECKING:
    from outrider.orchestrator.queue_desk import QueueDesk


class QueueApi:
    """Routes under /v1/queue.

    Args:
        desk: Answers; None where the platform was started without a queue.
        authenticate: Returns who calls.
    """

    def __init__(self, desk: "QueueDesk | None", authenticate: Callable[[Request], str]) -> None:
        self._desk = desk
        self._authenticate = authenticate

    def add_routes(self, router: Router) -> None:
        """Add the routes."""
        router.add("GET", "/v1/queue", self._status)
        router.add("GET", "/v1/queue/dead", self._letters)
        router.add("GET", "/v1/queue/dead/{sequence}", self._letter)
        router.add("POST", "/v1/queue/dead/{sequence}/retry", self._retry)
        router.add("DELETE", "/v1/queue/dead/{sequence}", self._drop)

    async def _status(self, request: Request) -> Response:
        self._authenticate(request)
        return json_response(QueueAnswer(declared=False) if self._desk is None else await self._desk.status())

    async def _letters(self, request: Request) -> Response:
        self._authenticate(request)
        return json_response(
            await self._inbox().dead_letters(
                after=number_argument(request, "after", 0), limit=number_argument(request, "limit", 50)
            )
        )

    async def _letter(self, request: Request) -> Response:
        self._authenticate(request)
        return json_response(await self._inbox().dead_letter(_sequence(request)))

    async def _retry(self, request: Request) -> Response:
        await self._inbox().retry(_sequence(request), self._authenticate(request))
        return json_response({"retried": _sequence(request)})

    async def _drop(self, request: Request) -> Response:
        await self._inbox().drop(_sequence(request), self._authenticate(request))
        return json_response({"dropped": _sequence(request)})

    def _inbox(self) -> "QueueDesk":
        if self._desk is None:
            raise no_inbox()
        return self._desk


def no_inbox() -> NotFoundError:
    """Return the error for a platform without an inbox."""
    return NotFoundError(
        "the platform takes nothing from a queue", found="no spec.queue.inbox",
        suggestions=["declare one in the Platform: queue: {embedded: {}, inbox: {}}"],
    )  # fmt: skip


def _sequence(request: Request) -> int:
    text = request.params["sequence"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise InvalidConfigError("not the number of a dead letter", found=text, expected="a whole number")
    return int(text)
