"""What is asked of whatever starts the program of an agent."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

from outrider.kinds.agenttype.environment import Value
from outrider.kinds.agenttype.render import Workload
from outrider.ports.process import ProcessGroup
from outrider.runtime.sandbox.doors import way_inside

INPUT_FILE = "input.json"
# The one port of a network of its own.
DOOR_PORT = 4180
OpenDoor = Callable[[socket.socket], Awaitable[None]]


class Running(Protocol):
    """A started program; who started it calls `kill` in the end, also when it ended by itself.

    Attributes:
        exceeded: The bound for which it was ended; else empty.
        pid: Of a process that is in its network, or above it.
    """

    exceeded: str
    pid: int

    @property
    def stdin(self) -> asyncio.StreamWriter:
        """Where to write."""
        ...

    @property
    def stdout(self) -> asyncio.StreamReader:
        """Its output."""
        ...

    @property
    def stderr(self) -> asyncio.StreamReader:
        """Its log."""
        ...

    async def wait(self) -> int:
        """Wait until it has ended, and return its exit code; 128 + n for signal n."""
        ...

    async def kill(self) -> None:
        """End it with all that it ever started; may be called again."""
        ...


class Reach:
    """A way to a server that was started.

    Args:
        base: Its address, as a client takes it.
        forwarder: What leads there, if anything has to.
    """

    def __init__(self, base: str, forwarder: ProcessGroup | None = None) -> None:
        self.base = base
        self._forwarder = forwarder

    async def close(self) -> None:
        """Give it up."""
        if self._forwarder is not None:
            await self._forwarder.kill()


async def reach_inside(pid: int, port: int, path: Path) -> Reach:
    """Return a way into the network of a process; arguments and errors are those of `way_inside`."""
    return Reach(f"unix:{path}", await way_inside(pid, port, path))


class Starter(Protocol):
    """Starts the program of one agent, task by task.

    Attributes:
        sandbox: How it is confined, in a word.
        egress: What holds of its network: `sealed` has only the sidecar in it, `advisory` is the machine's, of which it may
            use the sidecar's port.
        address: `host:port` at which it reaches its sidecar.
        shared: Folder with what init puts before it, as it sees that.
        work: Its own folder, as it sees that.
        variables: Of its image, with which those of the agent are joined.
    """

    sandbox: str
    egress: str
    address: str
    shared: Path
    work: Path
    variables: Mapping[str, Value]

    async def find(self, workload: Workload) -> None:
        """Make sure that there is a program to start.

        Raises:
            OutriderError: There is none.
        """
        ...

    async def start(self, workload: Workload, env: Mapping[str, str], open_door: OpenDoor) -> Running:
        """Start it.

        Args:
            workload: What is to be started.
            env: Its variables, opened.
            open_door: Has the sidecar serve what listens where the program calls it.

        Raises:
            OutriderError: It could not be started.
        """
        ...

    async def reach(self, program: Running, port: int, path: Path) -> Reach:
        """Return a way to a port on which a program that was started listens.

        Args:
            program: It.
            port: Its, on 127.0.0.1.
            path: Of a unix socket that may be made for it.

        Raises:
            ExecutionFailedError: There is none.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...
