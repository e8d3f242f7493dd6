"""The door of a program with a network of its own: it is made inside, and served outside.

A socket belongs to the network in which it was made, whoever holds it. So the launcher listens inside, before the program
begins, and sends what listens to whoever starts the program (unix(7), SCM_RIGHTS). Nothing is forwarded, and nothing else
leads out.
"""

import asyncio
import os
import socket
from pathlib import Path

from outrider.core.errors import ExecutionFailedError
from outrider.ports.process import ProcessGroup
from outrider.runtime.sandbox.paths import GUEST, interpreter

DOOR_SECONDS = 15.0


class DoorFrame:
    """Where what listens at a door arrives."""

    def __init__(self) -> None:
        self._own, self._guest = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._own.setblocking(False)

    @property
    def guest(self) -> int:
        """The program's end."""
        return self._guest.fileno()

    def handed_over(self) -> None:
        """Close the program's end here: once the program has closed it too, nothing more can come."""
        self._guest.close()

    async def listening(self) -> socket.socket:
        """Wait for what listens; it is the caller's.

        Raises:
            ExecutionFailedError: The program ended before, or did not get so far in time.
        """
        loop = asyncio.get_running_loop()
        came = asyncio.Event()
        loop.add_reader(self._own, came.set)
        try:
            async with asyncio.timeout(DOOR_SECONDS):
                await came.wait()
            _, descriptors, _, _ = socket.recv_fds(self._own, 1, 1)
        except (TimeoutError, OSError) as error:
            raise ExecutionFailedError("sandbox: the door of the program was not opened", found=str(error)) from error
        finally:
            loop.remove_reader(self._own)
        if not descriptors:
            raise ExecutionFailedError("sandbox: the program ended before its door was open")
        os.set_inheritable(descriptors[0], False)
        return socket.socket(fileno=descriptors[0])

    def close(self) -> None:
        """Close what is left; may be called again."""
        self._own.close()
        self._guest.close()


async def door_inside(pid: int, port: int) -> socket.socket:
    """Return what listens on a port of 127.0.0.1 in the network of a process that somebody else has started.

    Args:
        pid: Of a process in that network.
        port: Its.

    Raises:
        ExecutionFailedError: There is no such network, or the port is used in it.
    """
    frame = DoorFrame()
    try:
        guest = await ProcessGroup.start(_inside(pid, "listen", port, frame.guest), pass_fds=[frame.guest])
        frame.handed_over()
        try:
            return await frame.listening()
        except ExecutionFailedError as error:
            assert guest.stderr is not None  # it has pipes
            error.found = (await guest.stderr.read()).decode("utf-8", "replace").strip()[-300:] or error.found
            raise
        finally:
            await guest.kill()
    finally:
        frame.close()


async def way_inside(pid: int, port: int, path: Path) -> ProcessGroup:
    """Hand connections to a unix socket on to a port of 127.0.0.1 in the network of a process, until the returned program ends.

    Args:
        pid: Of a process in that network, or of one whose child is in it.
        port: Its.
        path: Of the unix socket, which only this user may open.

    Raises:
        ExecutionFailedError: There is no such network.
    """
    guest = await ProcessGroup.start(_inside(_guest(pid), "forward", port, path))
    assert guest.stdout is not None  # it has pipes
    assert guest.stderr is not None
    try:
        async with asyncio.timeout(DOOR_SECONDS):
            ready = await guest.stdout.readline()
    except TimeoutError:
        ready = b""
    if not ready:
        await guest.kill()
        said = (await guest.stderr.read()).decode("utf-8", "replace").strip()[-300:]
        raise ExecutionFailedError("sandbox: there is no way into the network of the program", found=said or "no word")
    return guest


def _inside(pid: int, verb: str, port: int, where: object) -> list[str]:
    return [interpreter(), "-I", "-S", str(GUEST / "inside.py"), str(pid), verb, str(port), str(where)]


def _guest(pid: int) -> int:
    """Return the process itself, or the first one below it that is in another network than this one: bwrap stays outside."""
    waiting, here = [pid], _network(os.getpid())
    while waiting:
        one = waiting.pop(0)
        if _network(one) != here:
            return one
        waiting += _children(one)
    return pid


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _network(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""
