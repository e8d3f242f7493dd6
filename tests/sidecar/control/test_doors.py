"""Listening sockets that come from elsewhere."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from outrider.core.errors import ConflictError
from outrider.sidecar.doors import Doors
from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.proxy import Proxy
from tests.sidecar.proxy.support import GET, WAIT


class Hello:
    """Answers every request."""

    def decide(self, exchange: Exchange) -> None:
        exchange.answer(200, [], b"hello")


@asynccontextmanager
async def doors(path: Path) -> AsyncIterator[Doors]:
    proxy = Proxy(Hello())
    made = Doors(proxy, path)
    try:
        yield made
    finally:
        made.close()
        await proxy.close(0)


async def send(path: Path, listening: socket.socket) -> socket.socket:
    sender = socket.socket(socket.AF_UNIX)
    sender.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sender, str(path))
    socket.send_fds(sender, [b"d"], [listening.fileno()])
    async with asyncio.timeout(WAIT):
        assert await loop.sock_recv(sender, 1) == b"1"
    return sender


async def ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GET.replace(b"host", b"connection: close\r\nhost"))
    async with asyncio.timeout(WAIT):
        answer = await reader.read()
    writer.close()
    return answer


def listening() -> tuple[socket.socket, int]:
    made = socket.create_server(("127.0.0.1", 0))
    return made, made.getsockname()[1]


async def test_a_door_is_served_until_its_sender_closes(tmp_path: Path) -> None:
    path = tmp_path / "doors"
    async with doors(path):
        for _ in range(2):
            mine, port = listening()
            sender = await send(path, mine)
            mine.close()
            assert (await ask(port)).endswith(b"hello")
            sender.close()
            async with asyncio.timeout(WAIT):
                while True:
                    try:
                        await ask(port)
                    except OSError:
                        break
                    await asyncio.sleep(0.01)
    assert not path.exists()


async def test_two_doors_are_served_beside_each_other(tmp_path: Path) -> None:
    async with doors(tmp_path / "doors"):
        (first, one), (second, two) = listening(), listening()
        senders = [await send(tmp_path / "doors", first), await send(tmp_path / "doors", second)]
        assert (await ask(one)).endswith(b"hello")
        senders[0].close()
        assert (await ask(two)).endswith(b"hello")
        senders[1].close()
        first.close()
        second.close()


async def test_what_is_no_door_is_no_harm(tmp_path: Path) -> None:
    async with doors(tmp_path / "doors"):
        for garbage in (b"x" * 1000, b""):
            other = socket.socket(socket.AF_UNIX)
            other.connect(str(tmp_path / "doors"))
            other.send(garbage or b"d")
            other.close()
        with (tmp_path / "file").open("wb") as file:
            sender = socket.socket(socket.AF_UNIX)
            sender.connect(str(tmp_path / "doors"))
            socket.send_fds(sender, [b"d"], [file.fileno()])
        sender.setblocking(False)
        async with asyncio.timeout(WAIT):
            assert await asyncio.get_running_loop().sock_recv(sender, 1) == b""
        mine, port = listening()
        kept = await send(tmp_path / "doors", mine)
        assert (await ask(port)).endswith(b"hello")
        kept.close()
        sender.close()
        mine.close()


async def test_only_its_user_may_send_doors(tmp_path: Path) -> None:
    async with doors(tmp_path / "doors"):
        assert (tmp_path / "doors").stat().st_mode & 0o777 == 0o600
        with pytest.raises(ConflictError):
            Doors(Proxy(Hello()), tmp_path / "doors")
