"""A Kubernetes API server in memory, for tests of what talks to one: scripted faults, a recorder, and state in the test's hand.

async with FakeApi() as server:
    server.put("widgets", {"metadata": {"name": "a", "namespace": "shop"}, "spec": {"size": 1}})
    server.script(Match(method="PATCH", path="/status"), AfterWrite(Reset()), times=1)
    ...  # a client of server.url
    assert len(server.seen(Match(method="PATCH"))) == 2
"""

import asyncio
import copy
import socket
import struct
from types import TracebackType
from typing import Self

from outrider.core.http.limits import KIB, Limits
from outrider.core.http.messages import Request, Response
from outrider.ports.http.connection import ServerConnection
from outrider.ports.http.server import Server
from tests.servers.kube_api.api import Api
from tests.servers.kube_api.calls import Call, read_call
from tests.servers.kube_api.errors import Document
from tests.servers.kube_api.faults import Exchange, Fault, Match, Script
from tests.servers.kube_api.kinds import PREREGISTERED, Kind
from tests.servers.kube_api.store import Collection, End, Mark, Store
from tests.servers.kube_api.writes import Writer

_LIMITS = Limits(body=3 * KIB * KIB)  # that of the real one
_HOST = "127.0.0.1"


class _Connection(ServerConnection):
    """Ends with the sending half of the other end, as the real server does: a watch whose client is gone must not stay."""

    def eof_received(self) -> bool:
        super().eof_received()
        return False


class _Server(Server):
    def _connection(self) -> ServerConnection:
        return _Connection(self._state)


class FakeApi:
    """The server, on a free port of 127.0.0.1.

    Wherever a resource is named it is by `GROUP/VERSION/PLURAL` (`v1/configmaps`), or by its plural alone.

    Args:
        history: Changes of each kind that are remembered; a watch from an older version gets 410.
        bookmark_seconds: Between the bookmarks of a watch that allows them.

    Attributes:
        requests: All that came, in their order.
    """

    def __init__(self, *, history: int = 1000, bookmark_seconds: float = 60.0) -> None:
        self.requests: list[Call] = []
        self._store = Store(history)
        for kind in PREREGISTERED:
            self._store.register(kind)
        self._api = Api(self._store)
        self._scripts: list[Script] = []
        self._bookmark_seconds = bookmark_seconds
        self._server: _Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Its address, the same after a stop and a start."""
        return f"http://{_HOST}:{self._port}"

    @property
    def version(self) -> str:
        """The resourceVersion of the last write."""
        return str(self._store.version)

    @property
    def gone_as_event(self) -> bool:
        """Whether a watch from a forgotten version gets its 410 as an event of a stream; else as a status."""
        return self._api.gone_as_event

    @gone_as_event.setter
    def gone_as_event(self, value: bool) -> None:
        self._api.gone_as_event = value

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; after a stop on the same port and with all that was there."""
        assert self._server is None, "it runs"
        self._server = _Server(self._handle, limits=_LIMITS)
        self._port = await self._server.start_tcp(_HOST, self._port)
        self._send_bookmarks_later()

    async def stop(self) -> None:
        """End as if killed: all connections are reset, nobody listens, what was stored stays."""
        server, self._server = self._server, None
        if server is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(server._state.connections):
            _reset(connection)
        await server.stop(0)

    def cut(self) -> None:
        """Reset all connections, but go on."""
        assert self._server is not None, "it does not run"
        for connection in list(self._server._state.connections):
            _reset(connection)

    def register(self, kind: Kind) -> None:
        """Serve a kind from now on, like a CRD that is created; it has no objects."""
        self._store.register(kind)

    def drop_kind(self, resource: str) -> None:
        """Serve a kind no longer, like a CRD that is deleted: 404 from now on, and its watches end."""
        self._store.drop(self._collection(resource).kind.path)

    def put(self, resource: str, document: Document, *, manager: str = "somebody") -> Document:
        """Create an object or replace it, status and all, and return it.

        Args:
            resource: Its kind.
            document: It; apiVersion and kind may be left out. One with another uid replaces the one that is there.
            manager: Who owns what changes.
        """
        namespace = document["metadata"].get("namespace", "")
        writer = Writer(self._store, self._collection(resource))
        return copy.deepcopy(writer.place(namespace, copy.deepcopy(document), manager))

    def remove(self, resource: str, namespace: str, name: str) -> None:
        """Delete an object at once, whatever finalizers it has.

        Raises:
            KeyError: It is not there.
        """
        self._store.remove(self._collection(resource), (namespace, name))

    def get(self, resource: str, namespace: str, name: str) -> Document | None:
        """Return a copy of an object; None if it is not there."""
        return copy.deepcopy(self._collection(resource).objects.get((namespace, name)))

    def objects(self, resource: str) -> list[Document]:
        """Return copies of all objects of a kind, ordered by namespace and name."""
        return [copy.deepcopy(one) for _, one in sorted(self._collection(resource).objects.items())]

    def expire(self, resource: str) -> None:
        """Forget the history of a kind: whatever version a client has got so far is too old now."""
        self._collection(resource).forget(self._store.bump())

    def bookmark(self, resource: str) -> None:
        """Send a bookmark to all watches of a kind that allow it."""
        self._collection(resource).tell(Mark(self._store.version))

    def end_watches(self, resource: str) -> None:
        """End all watches of a kind as if their time were over."""
        self._collection(resource).tell(End())

    def watchers(self, resource: str) -> int:
        """Return how many watches of a kind are open."""
        return len(self._collection(resource).queues)

    def script(self, match: Match, fault: Fault, times: int | None = None) -> Script:
        """Let a fault happen to requests; of several that fit a request the first counts.

        Args:
            match: Which requests.
            fault: What happens to them.
            times: To how many of them; None for all until its `end`.
        """
        script = Script(match, fault, times)
        self._scripts.append(script)
        return script

    def seen(self, match: Match) -> list[Call]:
        """Return the requests that fit, in their order."""
        return [call for call in self.requests if match.fits(call)]

    def _collection(self, resource: str) -> Collection:
        return self._store.find(resource)

    async def _handle(self, request: Request) -> Response:
        call = read_call(request, asyncio.get_running_loop().time())
        self.requests.append(call)
        script = next((one for one in self._scripts if one.takes(call)), None)
        if script is None:
            return self._api.answer(call)
        return await script.fault(Exchange(call, self._api.answer, lambda: self._reset(call)))

    def _reset(self, call: Call) -> None:
        """Cut the connection on which a request came."""
        for connection in list(self._server._state.connections) if self._server else []:
            host, port, *_ = connection._transport.get_extra_info("peername")
            if f"{host}:{port}" == call.peer:
                _reset(connection)

    def _send_bookmarks_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._bookmark_seconds, self._send_bookmarks)

    def _send_bookmarks(self) -> None:
        for collection in self._store:
            collection.tell(Mark(self._store.version))
        self._send_bookmarks_later()


def _reset(connection: ServerConnection) -> None:
    """Cut a connection so that the other end sees a reset, not an end."""
    sock = connection._transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.abort()
