import asyncio
import contextlib
import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from outrider.core.errors import ConflictError, InvalidConfigError
from outrider.core.http.messages import Request, Response
from outrider.core.http.request_parser import Stage
from outrider.ports.http.server import Server
from tests.ports.http.support import GET, Sleeper, Wire, echo, eventually, only_connection, serving, wire


async def over_unix(path: Path) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(GET)
    body = (await Wire(reader, writer).answer())[1]
    writer.close()
    await writer.wait_closed()
    return body


async def test_stop_closes_idle_connections_at_once() -> None:
    async with serving() as (server, port), wire(port) as used, wire(port) as fresh:
        used.send(GET)
        await used.answer()
        await eventually(lambda: server.connections == 2)
        await server.stop(60)
        assert await used.rest() == await fresh.rest() == b""


async def test_stop_lets_requests_finish() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def handler(_: Request) -> Response:
        started.set()
        await go_on.wait()
        return Response(200, body=b"done")

    async with serving(handler) as (server, port), wire(port) as connection:
        connection.send(GET + GET)
        await started.wait()
        stopping = asyncio.create_task(server.stop(60))
        await eventually(lambda: server._state.stopping)
        go_on.set()
        answer = await connection.rest()
        await stopping
        assert b"\r\nconnection: close\r\n" in answer
        assert answer.count(b"done") == 1


async def test_stop_takes_in_a_request_that_has_begun() -> None:
    async with serving() as (server, port), wire(port) as client:
        client.send(GET[:10])
        connection = await only_connection(server)
        await eventually(lambda: connection._parser.stage is Stage.HEAD)
        stopping = asyncio.create_task(server.stop(60))
        await eventually(lambda: server._state.stopping)
        client.send(GET[10:])
        assert (await client.rest()).endswith(b"GET / ")
        await stopping


async def test_stop_ends_a_kept_connection_whose_answer_is_half_sent() -> None:
    body = b"x" * 30_000_000

    async def handler(_: Request) -> Response:
        return Response(200, body=body)

    async with serving(handler) as (server, port), wire(port) as client:
        client.send(GET)
        connection = await only_connection(server)
        await eventually(lambda: connection._writer.paused)
        stopping = asyncio.create_task(server.stop(60))
        assert (await client.answer())[1] == body
        assert await client.rest() == b""
        await stopping


async def test_stop_cancels_what_does_not_finish() -> None:
    sleeper = Sleeper()
    async with serving(sleeper) as (server, port), wire(port) as connection:
        connection.send(GET)
        await sleeper.started.wait()
        await server.stop(0.01)
        assert sleeper.cancelled.is_set()
        assert server.connections == 0
        assert await connection.rest() == b""


async def test_nothing_is_accepted_after_stop() -> None:
    async with serving() as (server, port):
        await server.stop(0)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_busy_port_is_named_with_a_remedy() -> None:
    async with serving() as (_, port):
        with pytest.raises(ConflictError, match=f"127.0.0.1:{port}: another process does") as caught:
            await Server(echo).start_tcp("127.0.0.1", port)
        assert "port 0" in caught.value.suggestions[1]


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("a..b", 0), ("127.0.0.1", 70000), ("127.0.0.1", -1)])
async def test_address_that_is_not_ours_is_refused(host: str, port: int) -> None:
    with pytest.raises(InvalidConfigError):
        await Server(echo).start_tcp(host, port)


async def test_unix_socket_is_private_and_goes_away(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = Server(echo)
    await server.start_unix(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert await over_unix(path) == b"GET / "
    await server.stop(1)
    assert not path.exists()


async def test_mode_of_a_unix_socket_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = Server(echo)
    before = os.umask(0o077)
    try:
        await server.start_unix(path, 0o660)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    await server.stop(0)


async def test_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = Server(echo)
    await server.start_unix(path)
    assert await over_unix(path) == b"GET / "
    await server.stop(0)


async def test_unix_socket_in_use_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    first = Server(echo)
    await first.start_unix(path)
    with pytest.raises(ConflictError, match="another process does"):
        await Server(echo).start_unix(path)
    assert await over_unix(path) == b"GET / "
    await first.stop(0)


async def test_socket_of_a_successor_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    first, second = Server(echo), Server(echo)
    await first.start_unix(path)
    path.unlink()
    await second.start_unix(path)
    await first.stop(0)
    assert await over_unix(path) == b"GET / "
    await second.stop(0)


async def test_unix_socket_whose_queue_is_full_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with contextlib.ExitStack() as stack:
        busy = stack.enter_context(socket.socket(socket.AF_UNIX))
        busy.bind(str(path))
        busy.listen(0)
        code = 0
        while code == 0:
            caller = stack.enter_context(socket.socket(socket.AF_UNIX))
            caller.setblocking(False)
            code = caller.connect_ex(str(path))
        assert code == errno.EAGAIN
        with pytest.raises(ConflictError, match="another process does"):
            await Server(echo).start_unix(path)
        assert path.exists()


async def test_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("precious")
    with pytest.raises(ConflictError, match="no socket"):
        await Server(echo).start_unix(path)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("name", ["x" * 120, "missing/socket"])
async def test_path_that_cannot_hold_a_socket_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidConfigError, match="socket"):
        await Server(echo).start_unix(tmp_path / name)
