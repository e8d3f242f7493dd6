"""Works in the network of another process.

    python inside.py PID listen PORT DESCRIPTOR
    python inside.py PID forward PORT PATH

`listen` listens on a port of 127.0.0.1 there, and sends what listens to whoever started this: a socket stays in the network in
which it was made, whoever holds it. `forward` listens on a unix socket of this file system, and hands each connection on to a
port of 127.0.0.1 there, until its standard input ends.

A program of its own: only one without threads may join the user namespace that a network belongs to (setns(2)). Standard
library only.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_IFREQ = "16sh22x"
_HOST = "127.0.0.1"
_PIECE = 64 * 1024


def join(pid: str) -> None:
    """Join the network of a process, with its user namespace where that is another one."""
    libc = ctypes.CDLL(None, use_errno=True)
    for kind in ("user", "net"):
        path = Path(f"/proc/{pid}/ns/{kind}")
        if path.stat().st_ino == Path(f"/proc/self/ns/{kind}").stat().st_ino:
            continue
        namespace = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if libc.setns(namespace, 0) != 0:
            raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}", str(path))
        os.close(namespace)


def listen(port: int, channel: int) -> None:
    """Listen, and send what listens."""
    _raise_loopback()
    listening = socket.create_server((_HOST, port), backlog=1024)
    socket.send_fds(socket.socket(fileno=channel), [b"d"], [listening.fileno()])


def _raise_loopback() -> None:
    """Switch on the loopback device, which a new network has switched off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        found = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, struct.pack(_IFREQ, b"lo", 0))
        flags = struct.unpack(_IFREQ, found)[1]
        if not flags & _IFF_UP:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack(_IFREQ, b"lo", flags | _IFF_UP))


async def forward(port: int, path: str) -> None:
    """Hand connections on until standard input ends."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection(_HOST, port)
        except OSError:  # nobody listens there yet; who asks sees a connection that ends
            writer.close()
            return
        # Whoever asks sends no end before it leaves: then nobody waits for an answer, and the program must see that.
        pumps = {asyncio.ensure_future(_pump(*way)) for way in ((reader, there_writer), (there_reader, writer))}
        _, others = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            other.cancel()
        writer.close()
        there_writer.close()

    os.umask(0o177)
    server = await asyncio.start_unix_server(connected, path)  # it takes the place of a socket that is there
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), lambda: ended.set() if not os.read(0, 1) else None)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await ended.wait()
    server.close()
    os._exit(0)  # what is still connected ends with it


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()


def main(pid: str, verb: str, port: int, where: str) -> None:
    """Join, and do one of the two."""
    join(pid)
    if verb == "listen":
        listen(port, int(where))
    else:
        asyncio.run(forward(port, where))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
