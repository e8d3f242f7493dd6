"""Requests to an API server, fake or real, and watches of which every chunk is seen."""

import asyncio
import json
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from outrider.core.http.messages import Response
from outrider.ports.http.client import Client
from tests.servers.kube_api.errors import Document

WAIT = 20.0


class Answered:
    """An answer.

    Attributes:
        status: Its code.
        response: All of it.
    """

    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.response = response

    @property
    def body(self) -> Any:
        """It, from JSON."""
        return json.loads(self.response.content)

    @property
    def metadata(self) -> Document:
        """Of the object in it."""
        found: Document = self.body["metadata"]
        return found

    @property
    def version(self) -> str:
        """The resourceVersion of the object in it."""
        return str(self.metadata["resourceVersion"])

    @property
    def told(self) -> tuple[int, str, str]:
        """Code, reason and message of the Status in it."""
        status = self.body
        assert (status["kind"], status["apiVersion"], status["code"]) == ("Status", "v1", self.status), status
        return self.status, status.get("reason", ""), status["message"]


class Caller:
    """Sends requests, each with the query as keywords.

    Args:
        url: Of the server.
        timeout: Seconds of one request.
    """

    def __init__(self, url: str, *, timeout: float = WAIT) -> None:
        self.client = Client(url, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.close()

    async def ask(
        self, method: str, path: str, body: Any = None, *, content: str = "application/json", **query: str
    ) -> Answered:
        """Send a request.

        Args:
            method: Such as `GET`.
            path: Without a query.
            body: Sent as JSON; None for none.
            content: Its type.
            **query: Fields of the query.
        """
        headers = {"user-agent": "tester/1", **({"content-type": content} if body is not None else {})}
        data = b"" if body is None else json.dumps(body).encode()
        target = f"{path}?{urlencode(query)}" if query else path
        return Answered(await self.client.request(method, target, headers=headers, body=data))

    async def apply(self, path: str, intent: Any, manager: str = "one", **query: str) -> Answered:
        """Apply an intent as a manager."""
        return await self.ask(
            "PATCH", path, intent, content="application/apply-patch+yaml", fieldManager=manager, **query
        )

    async def merge(self, path: str, patch: Any, **query: str) -> Answered:
        """Send a merge patch."""
        return await self.ask("PATCH", path, patch, content="application/merge-patch+json", **query)

    async def json_patch(self, path: str, *steps: Document) -> Answered:
        """Send a JSON patch."""
        return await self.ask("PATCH", path, list(steps), content="application/json-patch+json")


class Watching:
    """A watch on a connection of its own.

    Args:
        url: Of the server.
        path: Without a query.
        **query: Its fields; `watch=true` comes by itself.

    Attributes:
        status: Of the answer.
        rest: What has come of a line that is not whole.
    """

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter

    def __init__(self, url: str, path: str, **query: str) -> None:
        self._host, _, port = url.removeprefix("http://").partition(":")
        self._port = int(port)
        self._target = f"{path}?{urlencode({'watch': 'true', **query})}"
        self._events: list[Document] = []
        self.status = 0
        self.rest = b""

    async def __aenter__(self) -> Self:
        async with asyncio.timeout(WAIT):
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port, limit=10**7)
            self._writer.write(f"GET {self._target} HTTP/1.1\r\nhost: fake\r\nuser-agent: tester/1\r\n\r\n".encode())
            head = await self._reader.readuntil(b"\r\n\r\n")
        self.status = int(head.split()[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.transport.abort()

    async def chunk(self) -> bytes:
        """Return the next chunk; empty at the end of the body.

        Raises:
            ConnectionError: The connection was cut.
            asyncio.IncompleteReadError: So too.
        """
        async with asyncio.timeout(WAIT):
            size = int(await self._reader.readuntil(b"\r\n"), 16)
            return (await self._reader.readexactly(size + 2))[:-2]

    async def event(self) -> Document | None:
        """Return the next event; None at the end of the body. Errors are those of `chunk`."""
        while not self._events:
            chunk = await self.chunk()
            if not chunk:
                return None
            *lines, self.rest = (self.rest + chunk).split(b"\n")
            self._events += [json.loads(line) for line in lines if line.strip()]
        return self._events.pop(0)

    async def told(self) -> tuple[str, str]:
        """Return type and name of the next event; of a bookmark its annotations in place of a name."""
        event = await self.event()
        assert event is not None, "the watch has ended"
        metadata = event["object"]["metadata"]
        return event["type"], metadata.get("name") or ",".join(metadata.get("annotations", ()))

    async def all(self) -> list[tuple[str, str]]:
        """Return type and name of all that comes until the end."""
        found = []
        while (event := await self.event()) is not None:
            found.append((event["type"], event["object"]["metadata"].get("name", "")))
        return found
