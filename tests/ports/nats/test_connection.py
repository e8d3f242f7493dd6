import asyncio
import json
import os
import signal
import socket
from pathlib import Path

import pytest

from outrider.core.errors import ConnectionFailedError, DeniedError, OutriderError, UnauthenticatedError
from outrider.core.secrets import SecretValue
from outrider.ports.nats.address import NatsAddress
from outrider.ports.nats.connection import Connection, connected
from outrider.ports.nats.streams import StreamSpec, ensure_stream
from tests.ports.http.authority import Authority
from tests.ports.nats.support import address, make_streams
from tests.servers.nats import NatsServer
from tests.servers.nats_operator import Operator

pytestmark = pytest.mark.real


async def refusal(where: NatsAddress) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        async with connected(where):
            pytest.fail("it connected")
    return caught.value


async def test_user_and_password() -> None:
    with NatsServer('authorization { user: "a", password: "secret" }') as server:
        async with connected(NatsAddress(servers=[server.url], user="a", password=SecretValue("secret"))) as connection:
            assert connection.server == f"127.0.0.1:{server.port}"
        for wrong in (NatsAddress(servers=[server.url], user="a", password=SecretValue("other")), address(server)):
            error = await refusal(wrong)
            assert isinstance(error, UnauthenticatedError)
            assert "secret" not in str(error)


async def test_token() -> None:
    with NatsServer('authorization { token: "secret" }') as server:
        async with connected(NatsAddress(servers=[server.url], token=SecretValue("secret"))):
            assert isinstance(
                await refusal(NatsAddress(servers=[server.url], token=SecretValue("x"))), UnauthenticatedError
            )


async def test_credentials_of_an_operator() -> None:
    mine, other = Operator(), Operator()
    with NatsServer(mine.server, jetstream=True) as server:
        async with connected(
            NatsAddress(servers=[server.url], credentials=SecretValue(mine.credentials))
        ) as connection:
            await make_streams(connection)
        wrong = NatsAddress(servers=[server.url], credentials=SecretValue(other.credentials))
        assert isinstance(await refusal(wrong), UnauthenticatedError)


async def test_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    identity = authority.issue("server", dns=("localhost",))
    with NatsServer(f'tls {{ cert_file: "{identity}", key_file: "{identity}" }}') as server:
        named = f"tls://localhost:{server.port}"
        async with connected(NatsAddress(servers=[named], ca=authority.file)):
            pass
        for wrong in (
            NatsAddress(servers=[named]),
            NatsAddress(servers=[named], ca=Authority(tmp_path, "other").file),
            NatsAddress(servers=[f"tls://127.0.0.1:{server.port}"], ca=authority.file),
        ):
            assert "CERTIFICATE_VERIFY_FAILED" in (await refusal(wrong)).message


async def test_no_password_goes_to_a_server_without_tls(tmp_path: Path) -> None:
    heard = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        writer.write(b'INFO {"auth_required": true, "max_payload": 1000}\r\n')
        heard += await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        where = NatsAddress(
            servers=[f"nats://127.0.0.1:{port}"], token=SecretValue("secret"), ca=Authority(tmp_path).file
        )
        assert "secure connection not available" in (await refusal(where)).message
    assert heard == b""


async def test_the_next_server_is_tried(server: NatsServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"nats://127.0.0.1:{closed.getsockname()[1]}"
    async with connected(NatsAddress(servers=[nobody, server.url])) as connection:
        assert connection.server == f"127.0.0.1:{server.port}"
    error = await refusal(NatsAddress(servers=[nobody]))
    assert isinstance(error, ConnectionFailedError)
    assert nobody in error.message


INFO = b"INFO " + json.dumps({"max_payload": 1000, "headers": True}).encode() + b"\r\n"


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"INFO []\r\n", b"x" * 100_000, INFO + b"nonsense\r\n"]
)
async def test_what_does_not_speak_nats(answer: bytes) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        assert isinstance(await refusal(NatsAddress(servers=[f"nats://127.0.0.1:{port}"])), ConnectionFailedError)


async def test_a_killed_server_is_noticed_at_once(server: NatsServer, connection: Connection) -> None:
    server.stop()
    with pytest.raises(ConnectionFailedError):
        await asyncio.wait_for(connection.until_lost(), 3)


async def test_a_silent_server_is_noticed(server: NatsServer, connection: Connection) -> None:
    os.kill(server.process.pid, signal.SIGSTOP)
    with pytest.raises(ConnectionFailedError):
        await asyncio.wait_for(connection.until_lost(), 25)


async def test_what_the_user_may_not_do_is_denied() -> None:
    allowed = '{publish: ["$JS.API.INFO"], subscribe: ["_INBOX.>"]}'
    with NatsServer(
        f"authorization {{ users: [{{user: a, password: b, permissions: {allowed}}}] }}", jetstream=True
    ) as server:
        where = NatsAddress(servers=[server.url], user="a", password=SecretValue("b"))
        async with connected(where) as connection:
            with pytest.raises((DeniedError, ConnectionFailedError)):
                await ensure_stream(
                    connection, StreamSpec(name="A", subjects=["a"], retention="limits", max_bytes=1000)
                )
