"""The refs of a repository by git's smart HTTP protocol: gitprotocol-http(5), versions 0, 1 and 2 of gitprotocol-v2(5)."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import re
import socket
import time
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from pkt_line import DELIMITER, FLUSH, ProtocolError, packet, packets

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

MAX_ANSWER = 64 * 1024 * 1024
MAX_REFS = 5000
SHOWN = 200
SERVICE = "git-upload-pack"
HASHES = (b"", b"sha1", b"sha256")
_NAME = rb"[!-~\x80-\xff]{1,4096}"
_REF = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) (" + _NAME + rb")((?: [!-~\x80-\xff]+)*)")
_PEELED = re.compile(rb" peeled:([0-9a-f]{40}|[0-9a-f]{64})(?= |$)")


class RemoteError(Exception):
    """The repository could not be read; the text says why."""


class Wanted:
    """Which refs are followed.

    Args:
        patterns: Full names, in which `*` and `?` stand for any characters.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(patterns)

    def __contains__(self, ref: str) -> bool:
        return any(fnmatchcase(ref, pattern) for pattern in self._patterns)

    def prefixes(self) -> list[str]:
        """Return what the names begin with, for a server that can leave the others out."""
        return [re.split(r"[*?]", pattern, maxsplit=1)[0] for pattern in self._patterns]


class Refs(dict[str, str]):
    """Name and commit of each wanted ref; of an annotated tag the commit that it is put on."""

    def __init__(self, wanted: Wanted) -> None:
        super().__init__()
        self._wanted = wanted

    def take(self, line: bytes) -> None:
        """Note a line of version 0, where a line of its own follows a tag, or of version 2, where attributes do."""
        match = _REF.fullmatch(line)
        if match is None:
            raise ProtocolError(f"a line of it is no ref: {readable(line.decode('utf-8', 'replace'))}")
        name = match[2].decode("utf-8", "replace")
        tag = name.removesuffix("^{}")
        if tag not in self._wanted:
            return
        if tag not in self and len(self) >= MAX_REFS:
            raise ProtocolError(f"more than {MAX_REFS} refs match")
        peeled = _PEELED.search(match[3])
        self[tag] = (peeled or match)[1].decode()


def readable(text: str) -> str:
    """Return the beginning of what a server wrote, for people."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text[:SHOWN])


def section(stream: Iterator[bytes | int]) -> Iterator[bytes]:
    """Yield the lines up to the next flush.

    Raises:
        ProtocolError: It ends before, or the server tells an error.
    """
    for item in stream:
        if item == FLUSH:
            return
        if isinstance(item, int):
            raise ProtocolError(f"a packet {item:04} stands where none may")
        if item.startswith(b"ERR "):
            raise ProtocolError(f"the server says: {readable(item[4:].strip().decode('utf-8', 'replace'))}")
        yield item.removesuffix(b"\n")
    raise ProtocolError("it is cut off")


def read_advertisement(stream: Iterator[bytes | int], wanted: Wanted) -> Refs | bytes:
    """Return the refs; of version 2, which does not name them yet, the kind of hashes, if it is named.

    Raises:
        ProtocolError: It is no advertisement.
    """
    lines = section(stream)
    first = next(lines, b"")
    if first.startswith(b"# service="):
        for _ in lines:
            pass
        lines = section(stream)
        first = next(lines, b"")
    if first == b"version 2":
        return _hash_of(lines)
    refs = Refs(wanted)
    for line in itertools.chain([first], lines):
        ref = line.partition(b"\0")[0]  # what follows in the first line are the server's capabilities
        if ref not in (b"", b"version 1") and not ref.startswith(b"shallow "):
            refs.take(ref)
    return refs


def _hash_of(capabilities: Iterable[bytes]) -> bytes:
    found = dict(line.partition(b"=")[::2] for line in capabilities)
    kind = found.get(b"object-format", b"")
    if b"ls-refs" not in found or kind not in HASHES:
        raise ProtocolError("the server does not tell its refs")
    return kind


def listing_request(wanted: Wanted, kind: bytes) -> bytes:
    """Return the command of version 2 that asks for the refs."""
    command = [b"command=ls-refs\n"]
    if kind:  # an older server ends at a capability that it did not name itself
        command.append(b"object-format=" + kind + b"\n")
    arguments = [b"peel\n", *(b"ref-prefix " + prefix.encode() + b"\n" for prefix in wanted.prefixes())]
    return b"".join([*map(packet, command), b"%04d" % DELIMITER, *map(packet, arguments), b"%04d" % FLUSH])


def read_listing(stream: Iterator[bytes | int], wanted: Wanted) -> Refs:
    """Return the refs of an answer to the command.

    Raises:
        ProtocolError: It is no such answer.
    """
    refs = Refs(wanted)
    for line in section(stream):
        refs.take(line)
    return refs


class Remote:
    """A repository on a server.

    Args:
        url: Where it is.
        headers: Further request headers.
        wanted: Which refs are followed.
    """

    def __init__(self, url: str, headers: dict[str, str], wanted: Wanted) -> None:
        scheme, _, rest = url.partition("://")
        self._authority, slash, path = rest.partition("/")
        self._secure = scheme == "https"
        self._path = (slash + path).rstrip("/")
        self._headers = headers
        self._wanted = wanted
        self._socket: socket.socket | None = None
        self._deadline = 0.0

    def read(self, timeout: float) -> dict[str, str]:
        """Return name and commit of each wanted ref.

        Raises:
            RemoteError: They cannot be read.
        """
        self._deadline = time.monotonic() + timeout
        try:
            return self._read()
        except TimeoutError as error:
            raise RemoteError(f"no answer within {timeout:g} s") from error
        except ConnectionRefusedError as error:
            raise RemoteError("connection refused") from error
        except ProtocolError as error:
            raise RemoteError(f"the answer is not git's: {error}") from error
        except (OSError, ValueError) as error:
            raise RemoteError(str(error) or type(error).__name__) from error
        except http.client.HTTPException as error:
            raise RemoteError(f"the answer is not HTTP: {type(error).__name__}") from error

    def abandon(self) -> None:
        """End a reading that another thread waits in."""
        waiting = self._socket
        if waiting is not None:
            with contextlib.suppress(OSError):
                # Of an SSL socket this is not its own shutdown, which would pull the session from under the reader.
                socket.socket.shutdown(waiting, socket.SHUT_RDWR)

    def _read(self) -> Refs:
        found = self._ask(None, lambda stream: read_advertisement(stream, self._wanted))
        if isinstance(found, Refs):
            return found
        return self._ask(listing_request(self._wanted, found), lambda stream: read_listing(stream, self._wanted))

    def _ask(self, body: bytes | None, take: Callable[[Iterator[bytes | int]], T]) -> T:
        """Make the first request, or with a body the second one, and read its answer."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._authority, timeout=self._left())
        try:
            connection.connect()
            self._socket = connection.sock
            self._socket.settimeout(self._left())
            response = self._answered(connection, body)
            return take(packets(lambda count: self._received(response, count), MAX_ANSWER))
        finally:
            self._socket = None
            connection.close()

    def _answered(self, connection: http.client.HTTPConnection, body: bytes | None) -> http.client.HTTPResponse:
        if body is None:
            kind = f"application/x-{SERVICE}-advertisement"
            connection.request("GET", f"{self._path}/info/refs?service={SERVICE}", headers=self._fields({}))
        else:
            kind = f"application/x-{SERVICE}-result"
            fields = self._fields({"Content-Type": f"application/x-{SERVICE}-request", "Accept": kind})
            connection.request("POST", f"{self._path}/{SERVICE}", body, fields)
        response = connection.getresponse()
        _check(response, kind)
        return response

    def _received(self, response: http.client.HTTPResponse, count: int) -> bytes:
        if self._socket is None or response.isclosed():  # it closes itself at its end
            return b""
        self._socket.settimeout(self._left())
        return response.read(count)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _fields(self, own: dict[str, str]) -> dict[str, str]:
        given = {name.lower() for name in self._headers}
        base = {"User-Agent": "outrider-git-repository", "Git-Protocol": "version=2", **own}
        return {**{name: value for name, value in base.items() if name.lower() not in given}, **self._headers}


def _check(response: http.client.HTTPResponse, kind: str) -> None:
    if response.status != http.client.OK:
        moved = response.getheader("Location") or ""
        to = f", moved to {readable(moved)}" if moved and 300 <= response.status < 400 else ""
        raise RemoteError(f"the server answered {response.status}{to}")
    found = response.getheader("Content-Type") or "nothing"
    if found.partition(";")[0].strip().lower() != kind:
        raise RemoteError(f"the server does not speak git's smart HTTP protocol: it answered with {readable(found)}")
