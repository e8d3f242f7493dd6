"""The client of a running platform, for the CLI and for Python programs."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from outrider.core.codec import decode
from outrider.core.errors import NotFoundError, OutriderError, UnavailableError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.ports.certificates.tls import client_context
from outrider.ports.http.failover import FailoverClient
from outrider.runtime.contexts import Endpoint, PlatformContext

T = TypeVar("T")
TIMEOUT = 10.0


class PlatformClient:
    """Calls to the orchestrator's API for users.

    Args:
        url: Its address; those of several orchestrators stand one after the other, with a comma between them.
        authority: File with the certificate of its authority.
        token: The platform's token.
    """

    def __init__(self, url: str, authority: Path, token: str) -> None:
        self.url = url
        self._headers = Headers([("authorization", f"Bearer {token}")])
        self._client = FailoverClient(url.split(","), tls=client_context(read_authority(authority)))

    async def get(self, path: str, target: type[T], *, timeout: float = TIMEOUT) -> T:
        """Read something."""
        return await self._client.request_json("GET", path, None, target, headers=self._headers, timeout=timeout)

    async def post(
        self, path: str, body: Any, target: type[T], *, timeout: float = TIMEOUT, content_type: str = "application/json"
    ) -> T:
        """Change something; `body` is sent as JSON, under another name where one is given."""
        fields = Headers([*self._headers, ("content-type", content_type)])  # in place of the same name for plain JSON
        return await self._client.request_json("POST", path, body, target, headers=fields, timeout=timeout)

    async def delete(self, path: str, target: type[T], *, timeout: float = TIMEOUT) -> T:
        """Remove something."""
        return await self._client.request_json("DELETE", path, None, target, headers=self._headers, timeout=timeout)

    async def forward(
        self, method: str, target: str, body: bytes, headers: Mapping[str, str], *, timeout: float = TIMEOUT
    ) -> Response:
        """Send a request that somebody else made, with the token, and return the answer as it is."""
        fields = Headers([*self._headers, *headers.items()])
        return await self._client.request(method, target, headers=fields, body=body, timeout=timeout)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


def read_authority(file: Path) -> str:
    """Return the authority's certificate that a platform keeps for its clients.

    Raises:
        NotFoundError: It is not there.
    """
    try:
        return file.read_text()
    except OSError as error:
        raise NotFoundError(
            f"the authority's certificate cannot be read: {error.strerror}",
            found=str(file),
            suggestions=["start the platform once: outrider up DIR"],
        ) from error


def read_endpoint(state: Path) -> Endpoint | None:
    """Return how the platform of a state folder is reached; None where it is not running."""
    try:
        return decode((state / "endpoint.json").read_bytes(), Endpoint)
    except (FileNotFoundError, NotADirectoryError, OutriderError):
        return None


def connect_to(context: PlatformContext) -> PlatformClient:
    """Return a client of a platform on this machine.

    Raises:
        UnavailableError: It is not running.
        NotFoundError: Its token is gone.
    """
    endpoint = read_endpoint(context.state)
    if endpoint is None:
        raise UnavailableError(
            f"platform '{context.name}' is not running",
            found=str(context.folder),
            suggestions=[f"start it: outrider up {context.folder}"],
        )
    try:
        token = (context.state / "token").read_text().strip()
    except OSError as error:
        raise NotFoundError(
            f"the token of platform '{context.name}' cannot be read: {error.strerror}",
            found=str(context.state / "token"),
            suggestions=["use the CLI as the user who started the platform"],
        ) from error
    return PlatformClient(endpoint.url, context.state / "orchestrator" / "ca.pem", token)
