"""Requests as the server sees them: what they ask, of which kind, of which object."""

from typing import Any

import msgspec

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request
from tests.servers.kube_api.errors import bad_request


class Call(msgspec.Struct, frozen=True):
    """One request.

    Attributes:
        method: Such as `GET`.
        path: Without the query.
        query: Fields of the query; of those that are there twice, the first.
        headers: Its fields.
        body: Its body as it came.
        time: When it came, on the monotonic clock of the event loop.
        peer: `host:port` of who sent it.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: Headers
    body: bytes
    time: float
    peer: str = ""

    @property
    def watch(self) -> bool:
        """Whether it is a watch."""
        return self.method == "GET" and self.flag("watch")

    def flag(self, name: str) -> bool:
        """Return whether a field of the query says yes."""
        return self.query.get(name, "") in ("1", "true", "True")

    def number(self, name: str) -> int:
        """Return a whole number from the query; 0 where there is none.

        Raises:
            ApiError: It is no number (400).
        """
        text = self.query.get(name, "") or "0"
        if not text.isdecimal():
            raise bad_request(f"Invalid value: {name}: {text!r} is no number")
        return int(text)

    def json(self) -> Any:
        """Return the body; None if it is empty.

        Raises:
            ApiError: It is no JSON (400).
        """
        try:
            return msgspec.json.decode(self.body) if self.body else None
        except msgspec.DecodeError as error:
            raise bad_request(f"the object provided is unrecognized: {error}") from error


def read_call(request: Request, time: float) -> Call:
    """Return what a request says."""
    query = {name: values[0] for name, values in request.arguments().items()}
    return Call(request.method, request.path, query, request.headers, request.body, time, request.peer.address)


class Place(msgspec.Struct, frozen=True):
    """What a path names.

    Attributes:
        kind: `GROUP/VERSION/PLURAL`.
        namespace: Empty where the path has none.
        name: Empty for the collection.
        subresource: Such as `status`; empty for the object itself.
    """

    kind: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def read_place(segments: list[str]) -> Place | None:
    """Return what a path names; None if it is none of objects.

    Args:
        segments: The decoded path, cut at its slashes.
    """
    base = {"api": 2, "apis": 3}.get(segments[0], 0)
    rest = segments[base:]
    if not base or not rest or "" in rest:
        return None
    group_version = "/".join(segments[1:base])
    namespace = ""
    # `namespaces/NAME/status` is a part of the namespace itself.
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    if len(rest) > 3:
        return None
    plural, name, subresource = [*rest, "", ""][:3]
    return Place(f"{group_version}/{plural}", namespace, name, subresource)
