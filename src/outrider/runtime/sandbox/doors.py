"""The door of a program with a network of its own: it is made inside, and served outside.

A socket belongs to the network in which it was made, whoever holds it. So the launcher listens inside, before the program
begins, and sends what listens to whoever starts the program (unix(7), SCM_RIGHTS). Nothing is forwarded, and nothing else
leads out.
"""

import asyncio
import os
import socket

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
    command = [interpreter(), "-I", "-S", str(GUEST / "listen_inside.py"), str(pid), str(port), str(frame.guest)]
    try:
        guest = await ProcessGroup.start(command, pass_fds=[frame.guest])
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
