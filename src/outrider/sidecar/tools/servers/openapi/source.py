"""Where a document is: a file, or an address from which it is fetched. It is read again only when it has changed."""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Protocol

import msgspec

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, NotFoundError, UnauthenticatedError
from outrider.core.http.messages import Response
from outrider.core.http.urls import request_target
from outrider.ports.http.client import Client
from outrider.sidecar.tools.servers.credentials import Credentials
from outrider.sidecar.tools.servers.wire import LIST_SECONDS, LONGEST_LIST

_ACCEPTED = "application/json, application/yaml;q=0.9, */*;q=0.5"


class Text(msgspec.Struct, frozen=True):
    """A document as it is.

    Attributes:
        mark: Tells it from what was there before and will be.
        content: It.
    """

    mark: tuple[str, ...]
    content: bytes


class Source(Protocol):
    """A place of a document."""

    async def read(self, mark: tuple[str, ...]) -> Text | None:
        """Return the document; None where it is the one that has the mark.

        Raises:
            OutriderError: It is not to be had.
        """
        ...

    async def close(self) -> None:
        """Give back what it holds."""
        ...


class FileSource:
    """A file.

    Args:
        path: It.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self, mark: tuple[str, ...]) -> Text | None:
        """As that of Source."""
        return await asyncio.to_thread(self._read, mark)

    def _read(self, mark: tuple[str, ...]) -> Text | None:
        try:
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                now = tuple(str(one) for one in (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino))
                if now == mark:
                    return None
                content = file.read(LONGEST_LIST + 1)
        except FileNotFoundError as error:
            raise NotFoundError(f"its document {self._path} is not there", found=str(self._path)) from error
        except OSError as error:
            raise InvalidConfigError(
                f"its document {self._path} cannot be read: {error.strerror}", found=str(self._path)
            ) from error
        if len(content) > LONGEST_LIST:
            raise InvalidConfigError(f"its document {self._path} has more than {LONGEST_LIST} bytes")
        return Text(now, content)

    async def close(self) -> None:
        """Nothing is held."""


class UrlSource:
    """An address.

    Args:
        url: It.
        client: Of its server.
        credentials: What its server is shown; None for nothing.
    """

    def __init__(self, url: str, client: Client, credentials: Credentials | None) -> None:
        self._target = request_target(url)
        self._url, self._client, self._credentials = url, client, credentials

    async def read(self, mark: tuple[str, ...]) -> Text | None:
        """As that of Source."""
        asked = {"accept": _ACCEPTED}
        validators = zip(("if-none-match", "if-modified-since"), mark[:2], strict=bool(mark))
        asked |= {name: value for name, value in validators if value}
        response = await self._fetch(asked)
        if response.status == 304 and mark:
            return None
        if response.status != 200:
            raise self._refused(response)
        content = response.content
        digest = hashlib.sha256(content).hexdigest()
        if mark[2:] == (digest,):  # of a server that gives no validators, or new ones for the same
            return None
        return Text((response.headers.get("etag") or "", response.headers.get("last-modified") or "", digest), content)

    async def _fetch(self, asked: dict[str, str]) -> Response:
        async def request(shown: dict[str, str], seconds: float) -> Response:
            fields = {**asked, **{name.lower(): value for name, value in shown.items()}}
            return await self._client.request("GET", self._target, headers=fields, timeout=seconds)

        if self._credentials is None:
            return await request({}, LIST_SECONDS)
        return await self._credentials.send(request, LIST_SECONDS)

    def _refused(self, response: Response) -> ExecutionFailedError | UnauthenticatedError:
        said = f"its document {self._url[:200]} is not to be had: status {response.status}"
        if response.status in (401, 403):
            sent = "with" if self._credentials is not None else "without"
            return UnauthenticatedError(
                f"{said} {sent} credentials", suggestions=["look at token, oauth and headers of its Tool"]
            )
        location = response.headers.get("location")
        if response.status < 400 and location:
            return ExecutionFailedError(
                f"{said}; name {location[:200]} in place of it", suggestions=["redirects are not followed"]
            )
        return ExecutionFailedError(said)

    async def close(self) -> None:
        """Drop its connections."""
        await self._client.close()
