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
        needed: Whether an object needs a queue by now.
    """

    def __init__(
        self, desk: "QueueDesk | None", authenticate: Callable[[Request], str], needed: Callable[[], bool]
    ) -> None:
        self._desk = desk
        self._authenticate = authenticate
        self._needed = needed

    def add_routes(self, router: Router) -> None:
        """Add the routes."""
        router.add("GET", "/v1/queue", self._status)
        router.add("GET", "/v1/queue/dead", self._letters)
        router.add("GET", "/v1/queue/dead/{sequence}", self._letter)
        router.add("POST", "/v1/queue/dead/{sequence}/retry", self._retry)
        router.add("DELETE", "/v1/queue/dead/{sequence}", self._drop)

    async def _status(self, request: Request) -> Response:
        self._authenticate(request)
        if self._desk is not None:
            return json_response(await self._desk.status())
        answer = QueueAnswer(declared=self._needed())
        if answer.declared:
            answer.problem = "the platform has been started without a queue: outrider down, outrider up"
        return json_response(answer)

    async def _letters(self, request: Request) -> Response:
        self._authenticate(request)
        return json_response(
            await self._known().dead_letters(
                after=number_argument(request, "after", 0), limit=number_argument(request, "limit", 50)
            )
        )

    async def _letter(self, request: Request) -> Response:
        self._authenticate(request)
        return json_response(await self._known().dead_letter(_sequence(request)))

    async def _retry(self, request: Request) -> Response:
        await self._known().retry(_sequence(request), self._authenticate(request))
        return json_response({"retried": _sequence(request)})

    async def _drop(self, request: Request) -> Response:
        await self._known().drop(_sequence(request), self._authenticate(request))
        return json_response({"dropped": _sequence(request)})

    def _known(self) -> "QueueDesk":
        if self._desk is None:
            raise nothing_taken()
        return self._desk


def nothing_taken() -> NotFoundError:
    """Return the error for a platform that has neither an inbox nor an AI agent in mode queue."""
    return NotFoundError(
        "the platform takes nothing from a queue", found="neither spec.queue.inbox nor an AgentType in mode queue",
        suggestions=["declare an inbox in the Platform: queue: {embedded: {}, inbox: {}}"],
    )  # fmt: skip


def _sequence(request: Request) -> int:
    text = request.params["sequence"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise InvalidConfigError("not the number of a dead letter", found=text, expected="a whole number")
    return int(text)
