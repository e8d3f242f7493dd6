"""The sidecar of an AI agent on this machine, as a process that ends with this one."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from outrider.core.codec import encode
from outrider.core.errors import OutriderError, UnavailableError
from outrider.core.http.limits import Limits
from outrider.core.sidecar_settings import SidecarSettings
from outrider.local.agents.files import AgentFiles
from outrider.local.last_words import last_words
from outrider.ports.http.client import Client
from outrider.ports.process import ProcessGroup, spawn_guarded
from outrider.ports.secrets.private_files import write_private
from outrider.sidecar.activity import Activity
from outrider.sidecar.control import CONTROL_SOCKET, DOORS_SOCKET, SidecarStatus, Task
from outrider.sidecar.tools.status import Decision

READY_SECONDS = 30.0
PROBE_SECONDS = 0.01
STOP_SECONDS = 15.0
LONGEST_ANSWER = 16 * 1024 * 1024
WAIT_MILLISECONDS = 10_000


class Sidecar:
    """A running sidecar, as whoever runs the agent speaks to it.

    Args:
        files: Of the agent.
        group: Its process.
    """

    def __init__(self, files: AgentFiles, group: ProcessGroup) -> None:
        self._files = files
        self._group = group
        self._client = Client(f"unix:{files.control / CONTROL_SOCKET}", limits=Limits(body=LONGEST_ANSWER))
        self._doors: list[socket.socket] = []

    async def status(self) -> SidecarStatus:
        """Ask how it does.

        Raises:
            OutriderError: It does not answer.
        """
        return await self._client.request_json("GET", "/status", None, SidecarStatus, timeout=5.0)

    async def activity(self, after: int, wait: int = WAIT_MILLISECONDS) -> list[Activity]:
        """Return what it did after a number, and wait for it so many milliseconds.

        Raises:
            OutriderError: It does not answer.
        """
        path = f"/activity?after={after}&wait_ms={wait}"
        return await self._client.request_json("GET", path, None, list[Activity], timeout=wait / 1000 + 5.0)

    async def decide(self, question: str, decision: Decision) -> None:
        """Answer a call of a tool that waits for a person.

        Raises:
            OutriderError: It does not wait any more.
        """
        await self._client.request_json("POST", f"/approvals/{question}", decision, dict[str, bool], timeout=5.0)

    async def open_door(self, listening: socket.socket) -> None:
        """Have it serve what listens in the network of an agent.

        Raises:
            UnavailableError: It does not.
        """
        loop = asyncio.get_running_loop()
        sender = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sender.setblocking(False)
        try:
            async with asyncio.timeout(READY_SECONDS):
                await loop.sock_connect(sender, str(self._files.control / DOORS_SOCKET))
                socket.send_fds(sender, [b"d"], [listening.fileno()])
                taken = await loop.sock_recv(sender, 1)
        except (OSError, TimeoutError) as error:
            sender.close()
            raise UnavailableError(
                "the sidecar does not serve the agent", found=str(error), suggestions=[f"read {self._files.log}"]
            ) from error
        if not taken:
            sender.close()
            raise UnavailableError("the sidecar ended", suggestions=[f"read {self._files.log}"])
        self._doors.append(sender)

    @property
    def exited(self) -> "asyncio.Future[None]":
        """Done when its process has ended."""
        return self._group.exited

    @property
    def ended(self) -> bool:
        """Whether its process has ended."""
        return self._group.exit_code is not None

    async def begin_task(self, traceparent: str) -> None:
        """Say in which trace the next calls stand.

        Raises:
            OutriderError: It does not answer.
        """
        await self._client.request_json("POST", "/task", Task(traceparent=traceparent), dict[str, bool], timeout=5.0)

    def close_doors(self) -> None:
        """Have it serve no agent any more."""
        while self._doors:
            self._doors.pop().close()

    async def wait_until_ready(self) -> None:
        """Wait until it answers.

        Raises:
            OutriderError: It ended, or does not get so far; its own error where it gave one.
        """
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            if self._group.exit_code is not None:
                raise last_words(self._files.log, "the sidecar did not start")
            if (self._files.control / CONTROL_SOCKET).exists():
                with suppress(OutriderError):
                    await self.status()
                    return
            await asyncio.sleep(PROBE_SECONDS)
        raise UnavailableError("the sidecar was not ready in time", suggestions=[f"read {self._files.log}"])

    async def stop(self) -> None:
        """End it; what it has in flight ends before."""
        self.close_doors()
        await self._client.close()
        await self._group.terminate(STOP_SECONDS)


@asynccontextmanager
async def running_sidecar(settings: SidecarSettings, files: AgentFiles) -> AsyncIterator[Sidecar]:
    """Run a sidecar for as long as the block lasts.

    Raises:
        OutriderError: It did not start; its own error where it gave one.
    """
    write_private(files.settings, encode(settings))
    files.log.unlink(missing_ok=True)
    (files.control / CONTROL_SOCKET).unlink(missing_ok=True)
    argv = [sys.executable, "-m", "outrider", "sidecar", "serve", "--settings", str(files.settings)]
    sidecar = Sidecar(files, await spawn_guarded(argv, env=dict(os.environ), log=files.log))
    try:
        await sidecar.wait_until_ready()
        yield sidecar
    finally:
        await sidecar.stop()
