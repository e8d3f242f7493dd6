"""Commands and ports behind WebSockets, on a server that does what it should not."""

import asyncio
import base64
import http
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from outrider.core.errors import OutriderError
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.execution import Container, Kept, Pipes, execute, run
from outrider.ports.kube.forwarding import open_port
from outrider.ports.kube.kubeconfig import Cluster, Target, User
from outrider.ports.process.command import Completed
from tests.ports.kube.support import HOST, Pki, show
from tests.ports.kube.test_proxies import Proxy

WEB = Container("shop", "web-1", "web")
V5, V4 = Subprotocol("v5.channel.k8s.io"), Subprotocol("v4.channel.k8s.io")
SUCCESS = b'\x03{"metadata":{},"status":"Success"}'
Handler = Callable[[ServerConnection], Awaitable[None]]


def failure(reason: str = "", message: str = "", code: int = 0, *causes: tuple[str, str]) -> bytes:
    details = {"causes": [{"reason": reason, "message": message} for reason, message in causes]}
    status = {"status": "Failure", "reason": reason, "message": message, "code": code, "details": details}
    return b"\x03" + json.dumps(status).encode()


def saying(*messages: bytes | str) -> Handler:
    """A server that says the same to everybody, and ends."""

    async def handler(socket: ServerConnection) -> None:
        for message in messages:
            await socket.send(message)

    return handler


@asynccontextmanager
async def serving(
    handler: Handler, protocols: list[Subprotocol] | None = None, **settings: Any
) -> AsyncIterator[Server]:
    wanted = [V5, V4] if protocols is None else protocols
    async with serve(handler, "127.0.0.1", 0, subprotocols=wanted or None, **settings) as server:
        yield server


def port_of(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])


@asynccontextmanager
async def client_of(listening: Server, user: User | None = None, **cluster: Any) -> AsyncIterator[KubeClient]:
    cluster.setdefault("server", f"http://127.0.0.1:{port_of(listening)}/prefix")
    target = Target("t", Cluster(**cluster), user or User(token="t"))
    async with KubeClient(target, component="tests") as client:
        yield client


async def ran(
    server: Server, *, data: bytes | None = None, timeout: float = 20.0, command: tuple[str, ...] = ("ls", "-l")
) -> Completed:
    async with client_of(server) as client:
        return await run(client, WEB, command, timeout=timeout, output_limit=10, input=data)


async def refused(handler: Handler, protocols: list[Subprotocol] | None = None, **settings: Any) -> OutriderError:
    """Run a command on a server, which must fail, and return the error."""
    data, timeout = settings.pop("data", None), settings.pop("timeout", 20.0)
    async with serving(handler, protocols, **settings) as server:
        with pytest.raises(OutriderError) as caught:
            await ran(server, data=data, timeout=timeout)
    return caught.value


async def test_a_command_is_asked_for_with_all_its_words_and_its_output_is_kept_within_bounds() -> None:
    paths: list[str] = []

    async def handler(socket: ServerConnection) -> None:
        assert socket.request is not None
        paths.append(socket.request.path)
        assert socket.request.headers["authorization"] == "Bearer t"
        for message in (b"\x01", b"\x014", b"\x012\nabc", b"\x02oh", b"\x01" + b"x" * 100, b"\x03", SUCCESS):
            await socket.send(message)

    async with serving(handler) as server:
        done = await ran(server, command=("echo", "a b", "ä&c=d"))
    assert done == Completed(0, b"abcxxxxxxx", b"oh", truncated=True)
    parts = urlsplit(paths[0])
    assert parts.path == "/prefix/api/v1/namespaces/shop/pods/web-1/exec"
    query = parse_qs(parts.query)
    assert query["command"][-3:] == ["echo", "a b", "ä&c=d"]
    assert (query["container"], query["stdout"], query["stderr"]) == (["web"], ["true"], ["true"])
    assert "stdin" not in query


async def test_an_exit_code_is_a_result() -> None:
    async with serving(saying(b"\x017\n", failure("NonZeroExitCode", "", 0, ("ExitCode", "3")))) as server:
        assert (await ran(server)).exit_code == 3


async def test_input_is_sent_in_pieces_after_the_command_has_begun_and_then_ended() -> None:
    received: list[bytes] = []

    async def handler(socket: ServerConnection) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await socket.recv()
        await socket.send(b"\x011")
        await socket.send(b"\x01\n")
        while not received or received[-1] != b"\xff\x00":
            received.append(bytes(await socket.recv(decode=False)))
        await socket.send(SUCCESS)

    async with serving(handler) as server:
        await ran(server, data=b"x" * 70_000)
    assert [len(piece) for piece in received] == [32769, 32769, 4465, 2]


async def test_a_command_that_reads_none_of_its_input_ends_all_the_same() -> None:
    scripts: list[str] = []

    async def handler(socket: ServerConnection) -> None:
        assert socket.request is not None
        scripts.append(parse_qs(urlsplit(socket.request.path).query)["command"][2])
        await saying(b"\x011\n", SUCCESS)(socket)

    async with serving(handler) as server:
        assert (await ran(server, data=b"x" * 10_000_000)).exit_code == 0
        await ran(server)
    assert ["cat >/dev/null" in script for script in scripts] == [True, False]


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([], "without a word on how the command did"),
        ([b"\x011\nabc"], "without a word on how the command did"),
        ([b""], "a message without a channel"),
        ([b"\x07x"], "a message for channel 7"),
        (["text"], "a message for channel 116"),
        ([b"\x01no number\n"], "no process id came first"),
        ([b"\x01" + b"1" * 33], "no process id came first"),
        ([b"\x011\n", b"\x03{"], "no status came last"),
        ([b"\x011\n", b"\x03[1]"], "no status came last"),
        ([b"\x011\n", b"\x03" + b"[" * 100_000], "no status came last"),
        ([b"\x01" + b"x" * 2_000_000], "code 1009"),
    ],
)  # fmt: skip
async def test_a_server_that_does_not_keep_to_the_protocol_is_left(messages: list[bytes | str], told: str) -> None:
    error = await refused(saying(*messages))
    assert error.code == "CONNECTION_FAILED"
    assert error.sent  # type: ignore[attr-defined]  # of this error
    assert told in error.message


@pytest.mark.parametrize("code", ["-3", "x", "", "99999999999999", "３"])  # noqa: RUF001 - a digit of another script
async def test_an_exit_code_that_is_none_is_no_success(code: str) -> None:
    error = await refused(saying(b"\x011\n", failure("NonZeroExitCode", "it ended", 0, ("ExitCode", code))))
    assert error.message.endswith("it ended")


async def test_a_connection_that_breaks_says_so() -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.send(b"\x011\nabc")
        socket.transport.abort()

    error = await refused(handler)
    assert (error.code, "broke" in error.message) == ("CONNECTION_FAILED", True)


async def test_what_cannot_be_started_is_told_apart() -> None:
    missing = (
        'OCI runtime exec failed: unable to start container process: exec: "{}": executable file not found in $PATH'
    )
    calls: list[str] = []

    async def handler(socket: ServerConnection) -> None:
        assert socket.request is not None
        program = parse_qs(urlsplit(socket.request.path).query)["command"][0]
        calls.append(program)
        await socket.send(failure("InternalError", missing.format(program), 500))

    error = await refused(handler)
    assert (error.code, error.found, calls) == ("NOT_FOUND", "ls", ["sh", "ls"])
    error = await refused(saying(b"\x01-\n", failure("NonZeroExitCode", "", 0, ("ExitCode", "127"))))
    assert (error.code, error.found) == ("NOT_FOUND", "ls")
    folder = 'failed to start exec "1": OCI runtime exec failed: exec: "/etc": is a directory'
    error = await refused(saying(failure("InternalError", folder, 500)))
    assert (error.code, error.message) == (
        "EXECUTION_FAILED",
        'exec in shop/web-1/web: sh cannot be started: "/etc": is a directory',
    )
    assert (await refused(saying(failure("", "container not found", 500)))).code == "UNAVAILABLE"
    assert (await refused(saying(failure("NonZeroExitCode", "", 0, ("ExitCode", "2"))))).code == "EXECUTION_FAILED"


async def test_a_command_without_a_shell_is_run_by_itself_and_gets_no_input() -> None:
    async def handler(socket: ServerConnection) -> None:
        assert socket.request is not None
        if parse_qs(urlsplit(socket.request.path).query)["command"][0] == "sh":
            await socket.send(failure("", "exec: no such file or directory", 500))
        else:
            await saying(b"\x0112\n34", SUCCESS)(socket)

    async with serving(handler) as server:
        assert (await ran(server)).stdout == b"12\n34"
    error = await refused(handler, data=b"x")
    assert (error.code, error.path, error.found) == ("NOT_FOUND", "stdin", "sh")


async def test_a_command_is_killed_at_its_deadline_and_when_nobody_waits_any_longer() -> None:
    killed: list[str] = []
    fed = asyncio.Event()

    async def handler(socket: ServerConnection) -> None:
        assert socket.request is not None
        words = parse_qs(urlsplit(socket.request.path).query)["command"]
        if len(words) == 3:
            killed.append(words[2])
            await socket.send(SUCCESS)
            return
        await socket.send(b"\x0142\n")
        await socket.recv()
        fed.set()
        await socket.wait_closed()

    async with serving(handler) as server, client_of(server) as client:
        with pytest.raises(OutriderError, match="was killed") as caught:
            await ran(server, data=b"x", timeout=0.3)
        assert (caught.value.code, caught.value.found) == ("TIMEOUT", "still running")
        fed.clear()
        task = asyncio.create_task(ran(server, data=b"x"))
        await fed.wait()
        task.cancel()
        await asyncio.wait({task})
        with pytest.raises(OSError, match="local"):
            await execute(client, WEB, ["cat"], Pipes(bytes, bytes, _failing()), timeout=20)
    assert killed == ["kill -KILL -42 || kill -KILL 42 || ! kill -0 42"] * 3


async def test_a_command_whose_process_id_comes_late_is_killed_too() -> None:
    killed, heard, given_up = list[str](), asyncio.Event(), asyncio.Event()

    async def handler(socket: ServerConnection) -> None:
        assert socket.request is not None
        words = parse_qs(urlsplit(socket.request.path).query)["command"]
        if len(words) == 3:
            killed.append(words[2])
            await socket.send(SUCCESS)
            return
        await socket.send(b"\x02x")
        await given_up.wait()
        await socket.send(b"\x0142\n")
        await socket.wait_closed()

    async with serving(handler) as server, client_of(server) as client:
        pipes = Pipes(bytes, lambda _: heard.set())
        task = asyncio.create_task(execute(client, WEB, ["ls"], pipes, timeout=20))
        await heard.wait()
        task.cancel()
        given_up.set()
        await asyncio.wait({task})
    assert (task.cancelled(), len(killed)) == (True, 1)


async def _failing() -> AsyncIterator[bytes]:
    yield b"x"
    raise OSError("local")


async def test_that_nobody_could_kill_it_is_said() -> None:
    async def handler(socket: ServerConnection) -> None:
        assert socket.request is not None
        if len(parse_qs(urlsplit(socket.request.path).query)["command"]) > 3:
            await socket.send(b"\x0142\n")
            await socket.wait_closed()

    assert "may go on" in (await refused(handler, timeout=0.3)).message


async def test_a_server_that_never_answers_is_not_waited_for() -> None:
    ended = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with KubeClient(Target("t", Cluster(server=f"http://127.0.0.1:{port}"), User()), component="t") as client:
            with pytest.raises(OutriderError) as caught:
                await run(client, WEB, ["ls"], timeout=0.2, output_limit=10)
        await ended.wait()
    assert caught.value.code == "TIMEOUT"


def _answer(status: int, body: bytes = b"", **fields: str) -> Callable[[ServerConnection, Request], Response]:
    def process(socket: ServerConnection, request: Request) -> Response:
        del request
        response = socket.respond(http.HTTPStatus(status), "")
        response.body = body
        del response.headers["Content-Length"]
        response.headers["Content-Length"] = str(len(body))
        for name, value in fields.items():
            response.headers[name] = value
        return response

    return process


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, b'{"kind":"Status","message":"pods is forbidden","code":403}', "DENIED"),
        (403, b"", "UNSUPPORTED"),
        (200, b"hello", "UNSUPPORTED"),
        (404, b'{"kind":"Status","reason":"NotFound","details":{"name":"web-1","kind":"pods"}}', "NOT_FOUND"),
        (400, b'{"kind":"Status","message":"container x is not valid"}', "INVALID_CONFIG"),
        (500, b'container not found ("web")', "UNAVAILABLE"),
        (503, b"\xff\xfe", "UNAVAILABLE"),
    ],
)  # fmt: skip
async def test_a_refusal_has_the_code_that_it_has_elsewhere(status: int, body: bytes, code: str) -> None:
    assert (await refused(saying(), process_request=_answer(status, body))).code == code


async def test_credentials_go_to_no_other_server() -> None:
    asked: list[str] = []

    async def handler(socket: ServerConnection) -> None:
        asked.append("other")
        await socket.close()

    async with serving(handler) as other:
        place = f"ws://127.0.0.1:{port_of(other)}/"
        error = await refused(saying(), process_request=_answer(302, Location=place))
    assert (error.code, asked) == ("CONNECTION_FAILED", [])


async def test_no_agreed_protocol_and_an_old_one() -> None:
    error = await refused(saying(b"\x011\n", SUCCESS), select_subprotocol=lambda _, __: None)
    assert error.code == "UNSUPPORTED"
    async with serving(saying(b"\x011\n", SUCCESS), [V4]) as server:
        assert (await ran(server)).exit_code == 0
    error = await refused(saying(b"\x011\n"), [V4], data=b"abc")
    assert (error.code, error.found) == ("UNSUPPORTED", V4)


async def test_a_refused_token_is_read_again_once(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    shown: list[str] = []

    def process(socket: ServerConnection, request: Request) -> Response | None:
        shown.append(request.headers["authorization"])
        file.write_text("new")
        return None if shown[-1] == "Bearer new" else socket.respond(http.HTTPStatus.UNAUTHORIZED, "")

    async with (
        serving(saying(b"\x011\n", SUCCESS), process_request=process) as server,
        client_of(server, User(token_file=str(file))) as client,
    ):
        await run(client, WEB, ["ls"], timeout=20, output_limit=10)
        assert shown == ["Bearer old", "Bearer new"]
        file.write_text("old")
    error = await refused(saying(), process_request=_answer(401))
    assert error.code == "UNAUTHENTICATED"


async def test_certificates_server_names_and_proxies_are_those_of_the_kubeconfig() -> None:
    pki, names = Pki(), list[str]()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_verify_locations(cadata=pki.pem)
    context.verify_mode = ssl.CERT_REQUIRED
    show(context, pki.server(HOST))
    me = pki.client("me")

    async def handler(socket: ServerConnection) -> None:
        shown = socket.transport.get_extra_info("peercert")
        names.append(dict(pair[0] for pair in shown["subject"])["commonName"])
        await saying(b"\x011\n", SUCCESS)(socket)

    user = User(client_certificate_data=_encoded(me.certificate), client_key_data=_encoded(me.key))
    async with serving(handler, ssl=context) as server, Proxy(port_of(server)) as proxy:
        for changes in (
            {"server": f"https://127.0.0.1:{port_of(server)}", "tls_server_name": HOST},
            {"server": f"https://{HOST}", "proxy_url": proxy.url},
        ):
            async with client_of(server, user, certificate_authority_data=_encoded(pki.pem), **changes) as client:
                await run(client, WEB, ["ls"], timeout=20, output_limit=10)
        wrong = {"server": f"https://127.0.0.1:{port_of(server)}", "certificate_authority_data": _encoded(pki.pem)}
        async with client_of(server, user, **wrong) as client:
            with pytest.raises(OutriderError) as caught:
                await run(client, WEB, ["ls"], timeout=20, output_limit=10)
    assert (names, proxy.asked) == (["me", "me"], [f"CONNECT {HOST}:443 HTTP/1.1"])
    assert caught.value.code == "UNAUTHENTICATED"


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def received(*messages: bytes) -> bytes:
    async with (
        serving(saying(*messages), [V4]) as server,
        client_of(server) as client,
        open_port(client, "shop", "web-1", 0x1F90) as stream,
    ):
        data = b""
        while piece := await stream.receive():
            data += piece
        return data


async def test_bytes_of_a_port_come_without_its_number() -> None:
    assert await received(b"\x00\x90\x1f", b"\x01\x90\x1f", b"\x00abc", b"\x00", b"\x00def") == b"abcdef"
    assert await received(b"\x00\x90", b"\x00\x1fabc", b"\x01\x90\x1f") == b"abc"
    assert await received() == b""


@pytest.mark.parametrize(
    ("messages", "code", "told"),
    [
        ([b"\x00\x91\x1f"], "CONNECTION_FAILED", "another port"),
        ([b"\x01\x90\x1e"], "CONNECTION_FAILED", "another port"),
        ([b"\x02\x90\x1f"], "CONNECTION_FAILED", "channel 2"),
        ([b""], "CONNECTION_FAILED", "without a channel"),
        ([b"\x01\x90\x1fdial tcp4: Connection refused"], "UNAVAILABLE", "nobody listens on it"),
        ([b"\x00\x90\x1fx", b"\x01\x90\x1f", b"\x01so: it went \xff"], "UNAVAILABLE", "it went"),
    ],
)  # fmt: skip
async def test_errors_of_a_port_are_told(messages: list[bytes], code: str, told: str) -> None:
    with pytest.raises(OutriderError, match=told) as caught:
        await received(*messages)
    assert caught.value.code == code


def test_the_beginning_is_kept() -> None:
    kept = Kept(3)
    for piece in (b"ab", b"", b"cd", b"e"):
        kept.take(piece)
    assert (bytes(kept.data), kept.truncated) == (b"abc", True)
