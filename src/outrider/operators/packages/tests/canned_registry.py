"""A server that answers with documents that a test gives it."""

from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

import msgspec

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.ports.http.server import Server


class CannedRegistry:
    """A server.

    Attributes:
        url: Its address.
        documents: Answers by path, or by `PUT PATH` for another method than GET: JSON, or a status where it is a number. `$URL` in them is its address.
        requests: What was asked.
    """

    def __init__(self) -> None:
        self.url = ""
        self.documents: dict[str, Any] = {}
        self.requests: list[Request] = []

    async def __aenter__(self) -> Self:
        self._server = Server(self._answer)
        self.url = f"http://127.0.0.1:{await self._server.start_tcp('127.0.0.1', 0)}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.stop(1.0)

    @property
    def paths(self) -> list[str]:
        """What was asked for, with the queries."""
        return [one.target for one in self.requests]

    async def _answer(self, request: Request) -> Response:
        self.requests.append(request)
        method = "" if request.method == "GET" else f"{request.method} "
        found = self.documents.get(f"{method}{unquote(request.path)}", 404)
        if isinstance(found, int):
            return Response(found)
        content = msgspec.json.encode(found).replace(b"$URL", self.url.encode())
        return Response(200, Headers({"content-type": "application/json"}), content)
