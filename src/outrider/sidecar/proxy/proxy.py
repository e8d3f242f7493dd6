"""The proxy as a whole: it listens, bounds, sweeps and drains."""

import asyncio
import select
import socket
from pathlib import Path

from outrider.ports.telemetry import logger
from outrider.sidecar.proxy.downstream import Downstream
from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.gate import Gate, Tunnels
from outrider.sidecar.proxy.limits import ProxyLimits
from outrider.sidecar.proxy.pool import Target
from outrider.sidecar.proxy.upstream import Upstream

SWEEP_SECONDS = 0.25
BACKLOG = 1024
# Where there is no such event, only a connection that was reset is seen.
_LEAVE = getattr(select, "POLLRDHUP", 0)
_log = logger(__name__)


class Proxy:
    """Listens for clients and forwards what its gate lets through.

    Args:
        gate: Decides.
        limits: Bounds.

    Attributes:
        tunnels: Takes clients that ask for a tunnel; None where there are none.
        draining: Whether it takes no further requests.
        unread: Clients of which nothing is read now, so that their leave is not seen by reading.
    """

    def __init__(self, gate: Gate, limits: ProxyLimits | None = None) -> None:
        self.gate = gate
        self.limits = limits or ProxyLimits()
        self.tunnels: Tunnels | None = None
        self.draining = False
        self.targets: set[Target] = set()
        self.unread: set[Downstream] = set()
        self._clients: set[Downstream] = set()
        self._servers: list[asyncio.Server] = []
        self._sweeper: asyncio.TimerHandle | None = None
        self._unsent: list[Downstream | Upstream] = []
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time

    async def listen(self, listening: socket.socket) -> asyncio.Server:
        """Take clients from a listening socket until what is returned is closed."""
        self._servers = [one for one in self._servers if one.is_serving()]
        server = await self._loop.create_server(lambda: Downstream(self), sock=listening, backlog=BACKLOG)
        self._servers.append(server)
        if self._sweeper is None:
            self._sweep()
        return server

    def listens_at(self, path: Path) -> bool:
        """Return whether clients are taken at a unix socket already."""
        return any(one.getsockname() == str(path) for server in self._servers for one in server.sockets)

    def add(self, target: Target) -> Target:
        """Have a target's connections swept and closed with the proxy."""
        self.targets.add(target)
        return target

    def admit(self, client: Downstream) -> bool:
        """Return whether a client may stay."""
        if len(self._clients) >= self.limits.connections or self.draining:
            return False
        self._clients.add(client)
        return True

    def forget(self, client: Downstream) -> None:
        """Note that a client has gone."""
        self._clients.discard(client)
        self.unread.discard(client)

    def decide(self, exchange: Exchange) -> None:
        """Ask the gate; a fault of it costs one request, not the connection of all that wait behind it."""
        try:
            self.gate.decide(exchange)
        except Exception:  # noqa: BLE001 - the HTTP edge
            _log.exception("the gate failed")
            exchange.refuse(500, "internal_error", "a fault of the sidecar; its log has the report")

    def send_soon(self, connection: "Downstream | Upstream") -> None:
        """Have a connection send what it holds at the end of this turn of the event loop.

        The peers are then woken once for all that a turn has for them. Between the requests of a turn they would fall asleep
        and be woken again, which costs more than the request.
        """
        if not self._unsent:
            self._loop.call_soon(self._send_all)
        self._unsent.append(connection)

    def _send_all(self) -> None:
        connections, self._unsent = self._unsent, []
        for connection in connections:
            connection.send_now()

    def _sweep(self) -> None:
        now = self.now()
        for client in [one for one in self._clients if one.deadline < now]:
            client.expire()
        if self.unread:
            self._look_for_leave()
        for target in self.targets:
            target.sweep(now)
        self.targets = {target for target in self.targets if not target.done}
        self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    def _calls(self) -> int:
        return sum(client.calls for client in self._clients)

    def _look_for_leave(self) -> None:
        """Ask the kernel which of the clients that are not read have left: the end of what they send stands behind the rest."""
        poll, clients = select.poll(), {client.number: client for client in self.unread}
        for number in clients:
            poll.register(number, _LEAVE)
        for number, _ in poll.poll(0):
            clients[number].left()

    async def close(self, grace: float) -> None:
        """Take nothing more, let what is in flight end, and close everything when `grace` seconds are over."""
        self.draining = True
        for server in self._servers:
            server.close()
        for client in list(self._clients):
            client.drain()
        if calls := self._calls():
            _log.info("ending; calls waited for, up to %g seconds: %d", grace, calls)
        end = self.now() + grace
        while self._clients and self.now() < end:  # noqa: ASYNC110 - once in a life, and nothing on the fast path pays for it
            await asyncio.sleep(0.01)
        if calls := self._calls():
            _log.warning("ending; calls cut: %d", calls)
        for client in list(self._clients):
            client.cut()
        for target in self.targets:
            await target.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        await asyncio.sleep(0)
