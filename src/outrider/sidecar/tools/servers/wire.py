"""What an MCP client asks of the way to its server."""

from typing import Any, Protocol

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.core.http.messages import Response
from outrider.core.mcp.asking import Asked, Fault, read_answer

MIB = 1024 * 1024
# Of a list of tools; for all its pages together.
LONGEST_LIST, LIST_SECONDS = 16 * MIB, 20.0
SESSION = "Mcp-Session-Id"


class Answer(msgspec.Struct, frozen=True):
    """What came back for a request.

    Attributes:
        found: The result, or the server's error; where neither came, what is wrong with that which did.
        status: Of HTTP; 200 where there is none.
        session: Headers of a session that the server has begun.
    """

    found: dict[str, Any] | Fault | ExecutionFailedError
    status: int = 200
    session: str = ""

    def read(self) -> dict[str, Any] | Fault:
        """Return the result or the server's error.

        Raises:
            ExecutionFailedError: There is neither.
        """
        if isinstance(self.found, ExecutionFailedError):
            raise self.found
        return self.found


class Wire(Protocol):
    """A way to a server.

    Attributes:
        patience: Seconds after which a server that says nothing to a first question does not know it; None where silence
            says nothing of the server.
    """

    patience: float | None

    async def begin(self) -> int:
        """Make sure that there is a server, and return a number that is another one where it knows nothing of the past.

        Raises:
            OutriderError: There is none.
        """
        ...

    async def ask(self, asked: Asked, number: int, timeout: float, *, is_call: bool = False) -> Answer:
        """Send a request and return what comes back for its number.

        Args:
            asked: The request.
            number: Its id.
            timeout: Seconds.
            is_call: Whether it calls a tool, so that the bounds of a result hold.

        Raises:
            OutriderError: Nothing came back.
        """
        ...

    async def tell(self, asked: Asked) -> None:
        """Send a notification.

        Raises:
            OutriderError: It could not be sent.
        """
        ...

    async def close(self) -> None:
        """Give back what it holds."""
        ...


def answer_of(server: str, response: Response, number: int) -> dict[str, Any] | Fault:
    """Return what an answer over HTTP says to a JSON-RPC request: the result, or the server's error.

    Args:
        server: Its name, for errors.
        response: The answer.
        number: The id of the request.

    Raises:
        ExecutionFailedError: There is neither.
    """
    try:
        return read_answer(response.content, response.headers.get("content-type", "") or "", number)
    except ExecutionFailedError as error:
        error.found = f"status {response.status}: {error.found}"
        error.about(f"server '{server}'")
        raise


def result_of(who: str, found: dict[str, Any] | Fault) -> dict[str, Any]:
    """Return the result of a request.

    Args:
        who: Has answered, for errors.
        found: The result, or the server's error.

    Raises:
        ExecutionFailedError: It is an error.
    """
    if isinstance(found, Fault):
        raise ExecutionFailedError(f"{who}: {found.message or 'an error'}", found=f"JSON-RPC error {found.code}")
    return found


def room_for(longest: int) -> int:
    """Return the bytes of an answer with a result of that length: JSON may be written at greater length than it is measured with."""
    return 2 * max(longest, MIB) + MIB // 16
