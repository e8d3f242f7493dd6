"""Where requests are forwarded to, and the connections that are kept to there."""

import asyncio
import errno
import os
import resource
import socket
import ssl
from typing import TYPE_CHECKING

from outrider.core.errors import InvalidConfigError
from outrider.sidecar.proxy.gate import Failure
from outrider.sidecar.proxy.upstream import Upstream

if TYPE_CHECKING:
    from outrider.sidecar.proxy.exchange import Exchange
    from outrider.sidecar.proxy.proxy import Proxy

_LACKS = frozenset({errno.EMFILE, errno.ENFILE})


class Target:
    """One server; its connections are kept, the one that was used last is used first.

    Args:
        proxy: Whose.
        host: Name or address.
        port: Port.
        tls: Whom to trust; None for plain HTTP.

    Attributes:
        authority: What the Host field says.
    """

    def __init__(self, proxy: "Proxy", host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        if not host or not 0 < port < 65536:
            raise InvalidConfigError("not an address", found=f"{host}:{port}", expected="a host and a port up to 65535")
        self.proxy = proxy
        self._host, self._port, self._tls = host, port, tls
        shown = f"[{host}]" if ":" in host else host
        usual = port == (443 if tls else 80)
        self.authority = (shown if usual else f"{shown}:{port}").encode("idna" if not host.isascii() else "ascii")
        self._idle: list[Upstream] = []
        self._all: set[Upstream] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._retired = False

    def send(self, exchange: "Exchange") -> None:
        """Send a request over a kept connection, or over a new one."""
        if not exchange.fresh:
            while self._idle:
                upstream = self._idle.pop()
                if upstream.usable:
                    upstream.send(exchange)
                    return
        task = asyncio.get_running_loop().create_task(self._connect(exchange))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, exchange: "Exchange") -> None:
        try:
            async with asyncio.timeout(self.proxy.limits.connect_time):
                _, upstream = await asyncio.get_running_loop().create_connection(
                    lambda: Upstream(self), self._host, self._port, ssl=self._tls,
                    server_hostname=self._host if self._tls else None,
                )  # fmt: skip
        except (OSError, ValueError) as error:  # ssl.SSLError and TimeoutError among them
            exchange.fail(_failure(f"{self._host}:{self._port}", error))
            return
        self._all.add(upstream)
        self.proxy.add(self)  # a retired one may have been dropped
        if exchange.gone:
            upstream.close()
        else:
            upstream.send(exchange)

    def give_back(self, upstream: Upstream) -> None:
        """Keep a connection for the next request."""
        if len(self._idle) >= self.proxy.limits.pooled or self.proxy.draining or self._retired:
            upstream.close()
            return
        upstream.deadline = self.proxy.now() + self.proxy.limits.pooled_time
        self._idle.append(upstream)

    def forget(self, upstream: Upstream) -> None:
        """Note that a connection has ended."""
        self._all.discard(upstream)
        if upstream in self._idle:
            self._idle.remove(upstream)

    def sweep(self, now: float) -> None:
        """End what has taken too long."""
        for upstream in [one for one in self._all if one.deadline < now]:
            upstream.expire()

    def retire(self) -> None:
        """Keep no connection any more: only what is in flight still needs it."""
        self._retired = True
        for upstream in list(self._idle):
            upstream.close()

    @property
    def done(self) -> bool:
        """Whether it is retired, and nothing is in flight."""
        return self._retired and not self._all and not self._connecting

    async def close(self) -> None:
        """Close all connections."""
        for task in self._connecting:
            task.cancel()
        if self._connecting:
            await asyncio.wait(self._connecting)
        for upstream in list(self._all):
            upstream.close()


def _failure(address: str, error: OSError | ValueError) -> Failure:
    """Return why there is no connection to an address."""
    if isinstance(error, TimeoutError):
        return Failure(f"{address}: no connection in time", late=True)
    if isinstance(error, socket.gaierror) and (lack := _lack()) is not None:  # it does not tell why it could not ask
        error = lack
    if isinstance(error, OSError) and error.errno in _LACKS:
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        limit = (
            f"{most} of this process, RLIMIT_NOFILE"
            if error.errno == errno.EMFILE
            else "that of the machine, fs.file-max"
        )
        return Failure(f"{error.strerror}; the limit is {limit}", ours=True)
    return Failure(f"{address}: {getattr(error, 'strerror', None) or error}")


def _lack() -> OSError | None:
    """Return why nothing can be opened now; None where it can."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error
    return None
