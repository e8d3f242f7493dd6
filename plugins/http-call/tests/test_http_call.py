import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import OutriderError
from outrider.ports.certificates.authority import ensure_authority
from outrider.runtime.plugins.configuration import schema_faults
from outrider.runtime.plugins.manifest import read_plugin
from tests.plugins.harness import PLUGINS, Running, faults, module, refusal, running, until
from tests.servers.ports import free_port

GET = {"method": "GET", "path": "/x"}


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent."""

    protocol_version = "HTTP/1.1"

    def do_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = {
            "method": self.command,
            "target": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode(),
        }
        answer = json.dumps(seen).encode()
        self.send_response(201 if self.command == "POST" else 200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("ETag", '"1"')
        self.send_header("X-Other", "left out")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_any  # noqa: N815 - names that http.server looks for

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - as http.server has it


@pytest.fixture
def echo() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@asynccontextmanager
async def calling(echo: ThreadingHTTPServer, path: str = "", **config: Any) -> AsyncIterator[Running]:
    async with running("http-call", {"url": f"http://127.0.0.1:{echo.server_port}{path}", **config}) as plugin:
        yield plugin


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, port: int = 0, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve connections on a port of 127.0.0.1; at the end each handler has ended, too."""
    handlers: list[asyncio.Task[None]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client went away
        finally:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.ensure_future(handle(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", port, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*handlers)
        await server.wait_closed()


class Raw:
    """Answers every request with given bytes; None answers never."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.heads: list[bytes] = []
        self.given_up = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        if self.answer is None:
            await reader.read()
            self.given_up += 1
        else:
            writer.write(self.answer)


@asynccontextmanager
async def answered(answer: bytes | None, **config: Any) -> AsyncIterator[tuple[Running, Raw]]:
    raw = Raw(answer)
    async with (
        listening(raw.serve) as raw.port,
        running("http-call", {"url": f"http://127.0.0.1:{raw.port}", **config}) as plugin,
    ):
        yield plugin, raw


def whole(status: str, body: bytes, *fields: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields])
    return head.encode() + b"\r\n\r\n" + body


async def failure(plugin: Running, given: dict[str, Any] | None = None, **options: Any) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await plugin.execute(GET if given is None else given, **options)
    return caught.value


@pytest.mark.real
async def test_a_request_arrives_as_it_was_given(echo: ThreadingHTTPServer) -> None:
    given = {
        "method": "POST", "path": "/a b/ü;v=1/%41", "query": {"q": "1&2 ü", "n": 3, "yes": True},
        "headers": {"X-Given": "ü"}, "body": {"a": [1, "ü"], "n": 2**63 + 1},
    }  # fmt: skip
    async with calling(echo, "/base/", headers={"Authorization": "Bearer s3cret"}) as plugin:
        result = await plugin.execute(given, idempotency_key="key-7")
    seen = result["body"]
    assert seen["method"] == "POST"
    assert seen["target"] == "/base/a%20b/%C3%BC;v=1/%41?q=1%262+%C3%BC&n=3&yes=true"
    assert json.loads(seen["body"]) == given["body"]
    assert seen["headers"] == {
        "host": f"127.0.0.1:{echo.server_port}", "user-agent": "outrider-http-call", "accept-encoding": "identity",
        "content-type": "application/json", "idempotency-key": "key-7", "authorization": "Bearer s3cret",
        "x-given": "ü".encode().decode("latin-1"), "connection": "close", "content-length": seen["headers"]["content-length"],
    }  # fmt: skip
    assert result["status"] == 201
    assert result["headers"] == {"content-type": "application/json; charset=utf-8", "etag": '"1"'}
    assert result["summary"] == "POST /a b/ü;v=1/%41 · 201"
    assert result["truncated"] is False


@pytest.mark.real
async def test_bodies_have_a_type_and_a_given_one_wins(echo: ThreadingHTTPServer) -> None:
    async with calling(echo) as plugin:
        text = await plugin.execute({"method": "PUT", "path": "/", "body": "grüß"})
        own = await plugin.execute({"method": "PATCH", "path": "/", "body": [1], "headers": {"content-type": "a/b"}})
        empty = await plugin.execute({"method": "POST", "path": "/"})
        plain = await plugin.execute({"method": "DELETE", "path": "/"})
    assert text["body"]["body"] == "grüß"
    assert text["body"]["headers"]["content-type"] == "text/plain; charset=utf-8"
    assert (own["body"]["headers"]["content-type"], own["body"]["body"]) == ("a/b", "[1]")
    assert empty["body"]["headers"]["content-length"] == "0"
    assert "content-type" not in empty["body"]["headers"]
    assert "content-length" not in plain["body"]["headers"]


@pytest.mark.real
async def test_an_answer_to_head_has_no_body(echo: ThreadingHTTPServer) -> None:
    async with calling(echo) as plugin:
        result = await plugin.execute({"method": "HEAD", "path": "/"})
    assert (result["status"], result["body"]) == (200, "")


@pytest.mark.real
async def test_several_at_a_time() -> None:
    async with answered(None, timeout="5s") as (plugin, raw):
        calls = [asyncio.ensure_future(plugin.execute(GET)) for _ in range(4)]
        await until(lambda: len(raw.heads) == 4)
    for call in calls:
        with pytest.raises(OutriderError):
            await call


@pytest.mark.real
@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (whole("200 OK", b'{"a": 1.0}', "Content-Type: application/problem+json"), {"a": 1.0}),
        (whole("200 OK", b"[1]", "Content-Type: text/plain"), "[1]"),
        (whole("200 OK", b'{"a": ', "Content-Type: application/json"), '{"a": '),
        (whole("200 OK", b'"\\ud800"', "Content-Type: application/json"), '"\\ud800"'),
        (whole("200 OK", b"1e999", "Content-Type: application/json"), "1e999"),
        (whole("200 OK", b"[" * 60000, "Content-Type: application/json"), "[" * 60000),
        (whole("200 OK", b"\xff\x00", "Content-Type: application/json"), "\ufffd\0"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "abc"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + whole("200 OK", b"late"), "late"),
    ],
)
async def test_bodies_of_answers(answer: bytes, body: Any) -> None:
    async with answered(answer) as (plugin, _):
        assert (await plugin.execute(GET))["body"] == body


@pytest.mark.real
@pytest.mark.parametrize("length", [65536, 65537, 900_000_000])
async def test_a_body_is_cut_at_its_bound(length: int) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode()
    async with answered(head + b'"' + b"\0" * 65534 + b'"' + b"\0" * min(length - 65536, 100_000)) as (plugin, _):
        result = await plugin.execute(GET)
    assert len(result["body"]) == 65536
    assert result["truncated"] is (length > 65536)


@pytest.mark.real
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (whole("503 Busy", b"why", "Retry-After: 7"), "UNAVAILABLE"),
        (whole("500 No", b""), "UNAVAILABLE"),
        (whole("429 Slow", b"", "Retry-After: 7"), "LIMITED"),
        (whole("404 Not Found", b"why"), "EXECUTION_FAILED"),
        (whole("302 Found", b"", "Location: /y"), "EXECUTION_FAILED"),
        (b"SSH-2.0-nothing\r\n", "CONNECTION_FAILED"),
        (b"HTTP/1.1 2xx OK\r\n\r\n", "CONNECTION_FAILED"),
        (b"", "CONNECTION_FAILED"),
        (whole("200 OK", b"")[:-2], "CONNECTION_FAILED"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut", "CONNECTION_FAILED"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ncut", "CONNECTION_FAILED"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "CONNECTION_FAILED"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000 + b"\r\n", "CONNECTION_FAILED"),
        (b"HTTP/1.1 200 " + b"x" * 100_000, "CONNECTION_FAILED"),
    ],
)
async def test_failures_say_whether_to_try_again(answer: bytes, code: str) -> None:
    async with answered(answer) as (plugin, raw):
        error = await failure(plugin)
        assert (error.code, error.retryable) == (code, code != "EXECUTION_FAILED")
        assert error.retry_after == (7 if b"Retry-After" in answer else None)
        assert len(raw.heads) == 1, "a redirect was followed, or the request was repeated"
        raw.answer = whole("200 OK", b"again")
        assert (await plugin.execute(GET))["body"] == "again"


@pytest.mark.real
async def test_the_reason_is_shown() -> None:
    async with answered(whole("422 No", b'{"error": "no such service"}')) as (plugin, _):
        assert 'the server answered 422 No: {"error": "no such service"}' in (await failure(plugin)).message


@pytest.mark.real
async def test_expected_statuses_and_no_others() -> None:
    async with answered(whole("404 Not Found", b""), expect=[404, 503]) as (plugin, raw):
        assert (await plugin.execute(GET))["status"] == 404
        raw.answer = whole("200 OK", b"")
        assert (await failure(plugin)).code == "EXECUTION_FAILED"


@pytest.mark.real
async def test_nobody_listens_then_somebody_does() -> None:
    port = free_port()
    async with running("http-call", {"url": f"http://127.0.0.1:{port}"}) as plugin:
        error = await failure(plugin)
        assert error.code == "CONNECTION_FAILED"
        assert "Connection refused" in error.message
        raw = Raw(whole("200 OK", b"up"))
        async with listening(raw.serve, port):
            assert (await plugin.execute(GET))["body"] == "up"


@pytest.mark.real
async def test_a_name_that_does_not_resolve() -> None:
    async with running("http-call", {"url": "http://nowhere.invalid"}) as plugin:
        assert (await failure(plugin)).code == "CONNECTION_FAILED"


@pytest.mark.real
@pytest.mark.parametrize(
    ("begin", "drip"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
        (whole("200 OK", b"x" * 9999)[:99], b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    ],
)
async def test_an_answer_that_comes_too_slowly_costs_the_timeout(begin: bytes, drip: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(begin)
        gone = asyncio.ensure_future(reader.read())
        while not gone.done():  # each byte comes in time, the whole does not
            writer.write(drip)
            await asyncio.wait({gone}, timeout=0.02)

    async with (
        listening(serve) as port,
        running("http-call", {"url": f"http://127.0.0.1:{port}", "timeout": "300ms"}) as plugin,
    ):
        assert (await failure(plugin)).code == "TIMEOUT"


@pytest.mark.real
async def test_cancellation_ends_the_request_and_the_plugin_lives() -> None:
    async with answered(None, timeout="1h") as (plugin, raw):
        number, answer = plugin.host.execute("execute", {"input": GET}, 30)
        await until(lambda: len(raw.heads) == 1)
        await plugin.host.cancel(number, answer)
        with pytest.raises(OutriderError) as caught:
            await answer
        assert caught.value.code == "CANCELLED"
        await until(lambda: raw.given_up == 1)
        raw.answer = whole("200 OK", b"")
        assert await plugin.execute(GET)


@pytest.mark.real
async def test_an_answer_before_the_whole_body_was_read() -> None:
    def answer_early(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(100)
            connection.sendall(whole("413 Too Large", b""))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that the body cannot be sent whole
        answering = asyncio.ensure_future(asyncio.to_thread(answer_early, listener))
        async with running("http-call", {"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}) as plugin:
            error = await failure(plugin, {"method": "POST", "path": "/", "body": "x" * 400_000})
        await answering
    assert "413" in error.message


@pytest.mark.real
@pytest.mark.parametrize(
    "given",
    [
        {"path": "/../x"}, {"path": "/a/.."}, {"path": "/%2e%2E/x"}, {"path": "/a/.%2e/x"}, {"path": "/a%2f..%2fx"},
        {"path": "/a%5c..%5cx"}, {"path": "/..;v=1/x"}, {"path": "/./x"}, {"path": "x"}, {"path": "//other/x"},
        {"path": "/x?y"}, {"path": "/x#y"}, {"path": "/a\r\nb"}, {"path": "/a\n"}, {"path": "/a\\b"}, {"path": "@other"},
        {"headers": {"Host": "other"}}, {"headers": {"authorization": "mine"}}, {"headers": {"Content-Length": "3"}},
        {"headers": {"Idempotency-Key": "mine"}}, {"headers": {"a b": "c"}}, {"headers": {"a": "b\n"}},
        {"headers": {"": "c"}}, {"body": "\ud800"}, {"path": "/\ud800"}, {"query": {"q": "\ud800"}},
    ],
)  # fmt: skip
async def test_what_would_leave_the_server_or_break_the_message_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    # The program itself is asked: the schema refuses most of this before, and a rule may be older than the schema.
    loaded = module("http-call", "http_call", monkeypatch)
    plugin = loaded.HttpCall(
        {"url": "http://127.0.0.1:1", "headers": {"Authorization": "s"}, "timeout": "1s", "expect": []}, None
    )
    plugin.setup()
    request = loaded.Request(1, {"input": {"method": "POST", "path": "/x", **given}}, None)
    with pytest.raises(loaded.PluginError) as caught:
        plugin.execute(request)
    assert caught.value.body["code"] == "INVALID_CONFIG"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/", "/"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a/...", "/a/..."),
        ("/a//b", "/a//b"),
        ("/?".rstrip("?"), "/"),
        ("/a'b", "/a'b"),
    ],
)
def test_request_targets(monkeypatch: pytest.MonkeyPatch, path: str, target: str) -> None:
    assert module("http-call", "http_call", monkeypatch).request_target(path, {}) == target


@pytest.mark.real
async def test_https_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    now = time.time()
    authority = ensure_authority(tmp_path / "authority", "test", now)
    authority.issue_server(tmp_path / "server.pem", [], now)
    (tmp_path / "ca.pem").write_text(authority.ca_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    async with listening(Raw(whole("200 OK", b"secret")).serve, context=context) as port:
        url = f"https://127.0.0.1:{port}"
        async with running("http-call", {"url": url, "ca": str(tmp_path / "ca.pem")}) as plugin:
            assert (await plugin.execute(GET))["body"] == "secret"
        async with running("http-call", {"url": url}) as plugin:
            error = await failure(plugin)
    assert error.code == "EXECUTION_FAILED"
    assert "certificate is not accepted" in error.message


@pytest.mark.real
async def test_https_to_a_server_that_speaks_something_else_and_to_a_silent_one() -> None:
    mute = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if mute.is_set():
            await reader.read()
        else:
            await reader.read(1)
            writer.write(whole("400 Bad Request", b""))

    async with (
        listening(serve) as port,
        running("http-call", {"url": f"https://127.0.0.1:{port}", "timeout": "500ms"}) as plugin,
    ):
        assert (await failure(plugin)).code == "CONNECTION_FAILED"
        mute.set()
        assert (await failure(plugin)).code == "TIMEOUT"


@pytest.mark.real
@pytest.mark.parametrize(
    "config",
    [
        {"url": "http://127.0.0.1:99999"}, {"url": "http://:80"}, {"headers": {"a b": "c"}}, {"headers": {"a": "b\n"}},
        {"headers": {"Content-Length": "1"}}, {"url": "https://127.0.0.1:1", "ca": "/nowhere/ca.pem"},
        {"url": "https://127.0.0.1:1", "ca": __file__},
    ],
)  # fmt: skip
async def test_configurations_that_only_the_program_can_judge(config: dict[str, Any]) -> None:
    error = await refusal("http-call", {"url": "http://127.0.0.1:1", **config})
    assert error.code == "INVALID_CONFIG"
    assert "config." in error.message


@pytest.mark.parametrize("bad", [{}, {"url": "ftp://a"}, {"url": "http://a/?x"}, {"url": "http://u:p@a"},
                                 {"url": "http://a", "timeout": 3}, {"url": "http://a", "expect": [100]},
                                 {"url": "http://a", "headers": {"a": "b\r\nc"}}, {"url": "http://a", "x": 1}])  # fmt: skip
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("http-call", bad)


@pytest.mark.parametrize("bad", [{}, {"path": "/"}, {"method": "GET"}, {"method": "CONNECT", "path": "/"},
                                 {"method": "GET", "path": "http://a/"}, {"method": "GET", "path": "//a"},
                                 {"method": "GET", "path": "/a?b"}, {"method": "GET", "path": "/", "body": 1},
                                 {"method": "GET", "path": "/", "url": "x"}])  # fmt: skip
def test_wrong_inputs(bad: dict[str, Any]) -> None:
    assert list(schema_faults(read_plugin(PLUGINS / "http-call").manifest.input, bad, ("with",)))
