"""Doors into networks that only have their agent in them: whoever starts an agent sends what listens there."""

import asyncio
import contextlib
import os
import socket
from pathlib import Path

from outrider.ports.http.listening import listen_unix, remove_unix
from outrider.ports.telemetry import logger
from outrider.sidecar.proxy.proxy import Proxy

_log = logger(__name__)


class Doors:
    """Takes listening sockets over a unix socket (unix(7), SCM_RIGHTS); each is served until its sender closes.

    Args:
        proxy: Serves them.
        path: Of the unix socket.
    """

    def __init__(self, proxy: Proxy, path: Path) -> None:
        self._proxy = proxy
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._listening, self._inode = listen_unix(path, 0o600)
        self._open: dict[socket.socket, list[asyncio.Server]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            sender, _ = self._listening.accept()
            sender.setblocking(False)
            self._open[sender] = []
            self._loop.add_reader(sender, self._receive, sender)

    def _receive(self, sender: socket.socket) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(sender, 1, 1)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        if not data:
            self._end(sender)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
            task = self._loop.create_task(self._serve(sender, descriptor))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, sender: socket.socket, descriptor: int) -> None:
        try:
            server = await self._listen(descriptor)
        except (OSError, ValueError) as error:
            _log.warning("what was sent is no door: %s", error)
            self._end(sender)
            return
        if sender not in self._open:  # it was gone before
            server.close()
            return
        self._open[sender].append(server)
        sender.send(b"1")
        _log.info("a door is open")

    async def _listen(self, descriptor: int) -> asyncio.Server:
        try:
            listening = socket.socket(fileno=descriptor)
        except OSError:
            os.close(descriptor)
            raise
        try:
            listening.setblocking(False)
            return await self._proxy.listen(listening)
        except BaseException:
            listening.close()
            raise

    def _end(self, sender: socket.socket) -> None:
        servers = self._open.pop(sender, None)
        if servers is None:
            return
        self._loop.remove_reader(sender)
        sender.close()
        for server in servers:
            server.close()

    def close(self) -> None:
        """Close all doors."""
        self._loop.remove_reader(self._listening)
        self._listening.close()
        remove_unix(self._path, self._inode)
        for sender in list(self._open):
            self._end(sender)
