"""Against programs of others: curl and http.client as clients, http.server as server."""

import asyncio
import contextlib
import http.client
import http.server
import shutil
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Request, Response
from outrider.ports.certificates.tls import server_context
from outrider.ports.http.client import Client
from outrider.ports.http.server import Server
from tests.ports.http.authority import SPIFFE, Authority
from tests.ports.http.support import WAIT, serving
from tests.servers.http_threads import answering

pytestmark = pytest.mark.real
# Where curl is not installed its cases do not exist.
CURL = [path for path in [shutil.which("curl")] if path]
LIMITS = Limits(body=2_000_000)


async def handler(request: Request) -> Response:
    if request.path == "/stream":
        return Response(200, Headers({"content-type": "text/plain"}), pieces())
    if request.path == "/empty":
        return Response(204)
    return Response(200, body=f"{request.method} {request.path} {len(request.body)}".encode())


async def pieces() -> AsyncIterator[bytes]:
    for number in range(3):
        yield b"piece %d\n" % number


async def run_curl(curl: str, *arguments: str, data: bytes = b"") -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        curl,
        "--silent",
        "--show-error",
        "--max-time",
        "5",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(2 * WAIT):
        out, _ = await process.communicate(data)
    assert process.returncode is not None
    return process.returncode, out.decode()


@pytest.mark.parametrize("curl", CURL)
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("/a",), "GET /a 0"),
        (("/a", "--http1.0"), "GET /a 0"),
        (("/a", "-d", "hello"), "POST /a 5"),
        (("/a", "-T", "-"), "PUT /a 1500000"),
        (("/a", "-T", "-", "-H", "Expect: 100-continue"), "PUT /a 1500000"),
        (("/stream",), "piece 0\npiece 1\npiece 2\n"),
        (("/stream", "--http1.0"), "piece 0\npiece 1\npiece 2\n"),
        (("/empty", "-w", "%{http_code}"), "204"),
        (("/a", "-I", "-o", "/dev/null", "-w", "%{http_code} %header{content-length}"), "200 9"),
        (("/a", "-w", " %{num_connects} ", "--next", "--silent", "{}/b"), "GET /a 0 1 GET /b 0"),
    ],
)
async def test_curl(curl: str, arguments: tuple[str, ...], expected: str) -> None:
    async with serving(handler, limits=LIMITS) as (_, port):
        base = f"http://127.0.0.1:{port}"
        rest = [argument.replace("{}", base) for argument in arguments[1:]]
        data = b"x" * 1_500_000 if "-T" in rest else b""
        assert await run_curl(curl, base + arguments[0], *rest, data=data) == (0, expected)


@pytest.mark.parametrize("curl", CURL)
@pytest.mark.parametrize("expect", ["Expect:", "Expect: 100-continue"])
async def test_curl_reads_the_refusal_of_ten_megabytes(curl: str, expect: str, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 10_000_000)
    async with serving(handler) as (_, port):
        url = f"http://127.0.0.1:{port}/"
        _, out = await run_curl(
            curl, url, "--data-binary", f"@{tmp_path / 'big'}", "-H", expect, "-o", "/dev/null", "-w", "%{http_code}"
        )
    assert out == "413"


@pytest.mark.parametrize("curl", CURL)
async def test_curl_over_unix_socket(curl: str, tmp_path: Path) -> None:
    server = Server(handler)
    await server.start_unix(tmp_path / "socket")
    answer = await run_curl(curl, "--unix-socket", str(tmp_path / "socket"), "http://localhost/a")
    await server.stop(0)
    assert answer == (0, "GET /a 0")


@pytest.mark.parametrize("curl", CURL)
async def test_curl_with_client_certificate(curl: str, tmp_path: Path) -> None:
    async def identity(request: Request) -> Response:
        return Response(200, body=str(request.peer.spiffe_id).encode())

    authority = Authority(tmp_path)
    own = authority.issue("agent", uris=(SPIFFE,))
    tls = server_context(authority.issue("server", dns=("localhost",)), authority.pem, require_client=True)
    async with serving(identity, tls=tls) as (_, port):
        url = f"https://localhost:{port}/"
        trust = ("--cacert", str(authority.file))
        assert await run_curl(curl, url, *trust, "--cert", str(own)) == (0, SPIFFE)
        status, out = await run_curl(curl, url, *trust)
        assert status != 0
        assert out == ""


def use_http_client(port: int) -> list[tuple[int, bytes]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
    answers = []
    try:
        for method, path, body in (
            ("GET", "/a", None),
            ("POST", "/b", b"hello"),
            ("HEAD", "/c", None),
            ("GET", "/stream", None),
        ):
            connection.request(method, path, body)
            response = connection.getresponse()
            answers.append((response.status, response.read()))
        connection.request(
            "PUT", "/d", iter([b"chunk"] * 3), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
        )
        answers.append((connection.getresponse().status, b""))
    finally:
        connection.close()
    return answers


async def test_http_client() -> None:
    async with serving(handler) as (_, port):
        assert await asyncio.to_thread(use_http_client, port) == [
            (200, b"GET /a 0"),
            (200, b"POST /b 5"),
            (200, b""),
            (200, b"piece 0\npiece 1\npiece 2\n"),
            (200, b""),
        ]


async def test_http_client_reads_the_refusal_of_ten_megabytes() -> None:
    def post(port: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
        try:
            connection.request("POST", "/", b"x" * 10_000_000)
            return connection.getresponse().status
        finally:
            connection.close()

    async with serving(handler) as (_, port):
        assert await asyncio.to_thread(post, port) == 413


class Files(http.server.BaseHTTPRequestHandler):
    """Echoes what was sent to it."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(201)
        self.send_header("x-host", self.headers["host"])
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"until the end")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@contextlib.contextmanager
def standard_server(version: str, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    handler_class = type("Versioned", (Files,), {"protocol_version": version})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler_class)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    with answering(server) as port:
        yield port


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
async def test_http_server(version: str) -> None:
    with standard_server(version) as port:
        client = Client(f"http://127.0.0.1:{port}")
        for size in (0, 5, 300_000):
            response = await client.request("POST", "/", body=b"x" * size)
            assert (response.status, response.body) == (201, b"x" * size)
            assert response.headers.get("x-host") == f"127.0.0.1:{port}"
        assert (await client.request("GET", "/")).body == b"until the end"
        await client.close()


async def test_http_server_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = server_context(authority.issue("server", dns=("localhost",)), authority.pem, require_client=False)
    trust = ssl.create_default_context(cafile=str(authority.file))
    with standard_server("HTTP/1.1", context) as port:
        client = Client(f"https://localhost:{port}", tls=trust)
        for _ in range(2):
            assert (await client.request("POST", "/", body=b"hello")).body == b"hello"
        await client.close()
