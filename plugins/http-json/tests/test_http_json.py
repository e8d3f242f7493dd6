import contextlib
import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plugins.harness import Running, faults, module, refusal, running, until
from tests.servers.ports import free_port

pytestmark = pytest.mark.real
MIB = 1024 * 1024


def ok(body: bytes | str, *fields: str) -> bytes:
    data = body.encode() if isinstance(body, str) else body
    head = "".join(f"{field}\r\n" for field in (f"Content-Length: {len(data)}", *fields))
    return f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + data


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    body = b"".join(b"%x;note=1\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + end


class Server:
    """Answers each request with the bytes of `answer`, `pause` seconds apart where they are several; None says nothing."""

    def __init__(self, *answer: bytes | None, pause: float = 0.0, keeps_open: bool = False, port: int = 0) -> None:
        self.answer = answer
        self.pause = threading.Event(), pause
        self.keeps_open = keeps_open
        self.context: ssl.SSLContext | None = None
        self.requests: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self._listen, daemon=True)]
        self.threads[0].start()

    @property
    def url(self) -> str:
        return f"http{'s' if self.context else ''}://127.0.0.1:{self.port}/status?x=1"

    def _listen(self) -> None:
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            self.threads.append(threading.Thread(target=self._serve, args=(plain,), daemon=True))
            self.threads[-1].start()

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain:
            plain.settimeout(10)
            with self.context.wrap_socket(plain, server_side=True) if self.context else plain as connection:
                request = b""
                while b"\r\n\r\n" not in request and not request.startswith(b"\x16"):  # the first byte of TLS
                    chunk = connection.recv(4096)
                    if not chunk:
                        return
                    request += chunk
                self.requests.append(request)
                for piece in self.answer:
                    if piece is not None:
                        connection.sendall(piece)
                    stop, pause = self.pause
                    stop.wait(pause)
                if self.keeps_open or None in self.answer:
                    connection.recv(1)

    def close(self) -> None:
        self.pause[0].set()
        self.listener.shutdown(socket.SHUT_RDWR)
        for thread in list(self.threads):
            thread.join()
        self.listener.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*answer: bytes | None, **more: Any) -> Server:
        servers.append(Server(*answer, **more))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


Serve = Callable[..., Server]


def config(server: Server, **more: Any) -> dict[str, Any]:
    condition = {} if {"equals", "above", "below", "matches"} & set(more) else {"equals": "failed"}
    return {"url": server.url, "every": "20ms", "timeout": "3s", **condition, **more}


async def first(server: Server, **more: Any) -> dict[str, Any]:
    async with running("http-json", config(server, **more)) as plugin:
        await plugin.seen(1)
        return plugin.events[0].data


def states(plugin: Running) -> list[str]:
    return [event.data["state"] for event in plugin.events]


async def test_it_reports_changes_only_and_the_way_back(serve: Serve) -> None:
    server = serve(ok('{"parts": [{"load": 5}]}'))
    async with running("http-json", config(server, path="parts[0].load", above=90)) as plugin:
        await until(lambda: len(server.requests) > 3)
        assert states(plugin) == ["good"]
        server.answer = (ok('{"parts": [{"load": 90.5}]}'),)
        await plugin.seen(2)
        server.answer = (ok('{"parts": []}'),)
        await plugin.seen(3)
        server.answer = (ok('{"parts": [{"load": 90}]}'),)
        await plugin.seen(4)
    assert states(plugin) == ["good", "bad", "down", "good"]
    assert [event.unhealthy for event in plugin.events] == [False, True, True, False]
    assert [event.severity for event in plugin.events] == ["low", "high", "high", "low"]
    assert {event.key for event in plugin.events} == {server.url}
    assert [event.data["met"] for event in plugin.events] == [False, True, None, False]
    assert [event.data["value"] for event in plugin.events] == [5, 90.5, None, 90]
    assert plugin.events[1].data["summary"] == "bad: parts[0].load is 90.5, above 90"
    assert plugin.events[2].data["summary"] == "down: there is no [0] in a list of 0"
    assert plugin.events[3].data["summary"] == "good: parts[0].load is 90, not above 90"
    assert plugin.events[3].data["status"] == 200


async def test_the_request_is_what_was_asked_for(serve: Serve) -> None:
    server = serve(ok("1"))
    await first(
        server, headers={"Authorization": "Bearer x y", "accept": "application/vnd.a+json", "host": "status.example"}
    )
    lines = server.requests[0].split(b"\r\n")
    assert lines[0] == b"GET /status?x=1 HTTP/1.1"
    assert {b"Authorization: Bearer x y", b"host: status.example", b"Connection: close"} <= set(lines)
    names = [line.split(b":")[0].lower() for line in lines[1:-2]]
    assert len(names) == len(set(names))
    assert [line for line in lines if line.lower().startswith(b"accept:")] == [b"Accept: application/vnd.a+json"]
    assert b"Accept-Encoding: identity" in lines


@pytest.mark.parametrize(
    ("body", "path", "condition", "state"),
    [
        ('"failed"', "", {"equals": "failed"}, "bad"),
        ('"ok"', "", {"equals": "failed"}, "good"),
        ('"ok"', "", {"equals": "ok", "bad_when": "unmet"}, "good"),
        ('"failed"', "", {"equals": "ok", "bad_when": "unmet"}, "bad"),
        ("1", "", {"equals": 1.0}, "bad"),
        ("1", "", {"equals": True}, "good"),
        ("true", "", {"equals": 1}, "good"),
        ("true", "", {"equals": True}, "bad"),
        ('"1"', "", {"equals": 1}, "good"),
        ("null", "", {"equals": None}, "bad"),
        ("0", "", {"equals": None}, "good"),
        ("[]", "", {"equals": "failed"}, "good"),
        ("100", "", {"above": 100}, "good"),
        ("100.1", "", {"above": 100}, "bad"),
        ("100", "", {"below": 100}, "good"),
        ("-1e3", "", {"below": 100}, "bad"),
        ('"100"', "", {"above": 1}, "down"),
        ("true", "", {"above": 0}, "down"),
        ("null", "", {"below": 1}, "down"),
        ('"degraded: 2"', "", {"matches": "^degraded"}, "bad"),
        ('"not degraded"', "", {"matches": "^degraded"}, "good"),
        ("5", "", {"matches": "5"}, "down"),
        ('[[0, {"a": 7}]]', "[0][1].a", {"above": 6}, "bad"),
        ('{"a.b": {"": {"c d": [7]}}}', '["a.b"][""].c d[0]', {"above": 6}, "bad"),
        ('{"0": 7}', "0", {"above": 6}, "bad"),
        ('{"0": 7}', "[0]", {"above": 6}, "down"),
        ("[7]", "[1]", {"above": 6}, "down"),
        ('"text"', "[0]", {"above": 6}, "down"),
        ('{"a": {}}', "a.b", {"equals": None}, "down"),
        ("[]", "length", {"equals": 0}, "down"),
    ],
)  # fmt: skip
async def test_judgements(serve: Serve, body: str, path: str, condition: dict[str, Any], state: str) -> None:
    data = await first(serve(ok(body)), path=path, **condition)
    assert (data["state"], data["status"]) == (state, 200)
    assert (data["met"] is None) == (state == "down")


async def test_long_and_broken_texts_are_shown_in_part(serve: Serve) -> None:
    assert (await first(serve(ok(json.dumps("x" * 5000)))))["value"] == "x" * 200
    data = await first(serve(ok('"\\ud800!"')), matches="!")
    assert (data["state"], data["value"]) == ("bad", "?!")
    data = await first(serve(ok('"\\ud800!"')), path="name")
    assert (data["state"], data["detail"]) == ("down", "there is no 'name' in \"?!\"")


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (chunked(b'"fai', b'led"'), "bad"),
        (chunked(b'"failed"', end=b"0\r\nX-Trailer: 1\r\n\r\n"), "bad"),
        (b'HTTP/1.0 200 OK\r\n\r\n"failed"', "bad"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + ok('"failed"'), "bad"),
        (ok(b"\xef\xbb\xbf" + b'"failed"'), "bad"),
        (ok('"' + "x" * (MIB - 2) + '"'), "good"),
        (chunked(*[b'"' + b"x" * 65534 + b'"', *[b" " * 65536] * 15]), "good"),
    ],
)  # fmt: skip
async def test_the_ways_in_which_servers_answer(serve: Serve, answer: bytes, state: str) -> None:
    assert (await first(serve(answer)))["state"] == state


async def test_an_answer_is_whole_although_the_server_keeps_the_connection(serve: Serve) -> None:
    for answer in (ok('"failed"'), chunked(b'"failed"')):
        assert (await first(serve(answer, keeps_open=True), timeout="1h"))["state"] == "bad"


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 3\r\n\r\n'a'", "the server answered 302"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 8\r\n\r\n'failed'", "the server answered 503"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "the answer is no JSON: "),
        (ok("<html>"), "the answer is no JSON: "),
        (ok("NaN"), "the answer is no JSON: NaN"),
        (ok("[" * 100_000), "the answer is no JSON for here: "),
        (b"SSH-2.0-nothing\r\n", "the answer is not HTTP: BadStatusLine"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n1", "the answer is not HTTP: HTTPException"),
        (b"HTTP/1.1 200 OK\r\na: " + b"b" * 70_000, "the answer is not HTTP: LineTooLong"),
        (b"", "the connection ended before the answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n12", "the answer is cut off"),
        (chunked(b"12", end=b""), "the answer is cut off"),
        (chunked(b"12", end=b"4\r\n3"), "the answer is cut off"),
        (chunked(b"12", end=b"xyz\r\n"), "the answer is cut off"),
        (chunked(b"12", end=b"-1\r\n" + b"3" * 100), "the answer is "),
        (ok('"' + "x" * MIB + '"'), "the answer has more than 1048576 bytes"),
        (b'HTTP/1.1 200 OK\r\n\r\n"' + b"x" * MIB, "the answer has more than 1048576 bytes"),
        (chunked(*[b" " * 65536] * 17), "the answer has more than 1048576 bytes"),
        (chunked(*[b" "] * 500_000), "the answer has more than 2097152 bytes with its headers"),
        (chunked(end=b"0\r\n" + b"X: 1\r\n" * 400_000), "the answer has more than 2097152 bytes with its headers"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 90_000, "the answer has more than 2097152 bytes with its headers"),
    ],
)  # fmt: skip
async def test_what_cannot_be_told_is_down(serve: Serve, answer: bytes, detail: str) -> None:
    data = await first(serve(answer))
    assert data["state"] == "down"
    assert data["detail"].startswith(detail)
    assert data["value"] is None


@pytest.mark.parametrize(
    "pieces",
    [[None], [b"HTTP/1.1 200 OK\r\n", None], [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", None],
     [b"HTTP/1.1 200 OK\r\n", *[b"a: b\r\n"] * 12, b"Content-Length: 1\r\n\r\n1"],
     [b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n", *[b"1"] * 13],
     [chunked(end=b""), *[b"1\r\n1\r\n"] * 12, b"0\r\n\r\n"]],
)  # fmt: skip
async def test_silence_and_trickles_do_not_move_the_deadline(serve: Serve, pieces: list[bytes | None]) -> None:
    data = await first(serve(*pieces, pause=0.02), timeout="150ms")
    assert (data["state"], data["detail"]) == ("down", "no answer within 150ms")


async def test_nobody_listens_until_somebody_does(serve: Serve) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with running("http-json", {"url": url, "above": 1, "every": "20ms", "severity": "medium"}) as plugin:
        await plugin.seen(1)
        serve(ok("1"), port=port)
        await plugin.seen(2)
    assert states(plugin) == ["down", "good"]
    assert plugin.events[0].data["detail"] == "connection refused"
    assert plugin.events[0].data["status"] is None
    assert plugin.events[0].severity == "medium"


async def test_it_stops_at_once_while_a_server_is_silent(serve: Serve) -> None:
    server = serve(None)
    async with running("http-json", config(server, timeout="1h")) as plugin:
        await until(lambda: bool(server.requests))
    assert plugin.events == []
    assert plugin.host.fault is None


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    """Return a certificate for 127.0.0.1 that is its own authority; the file with its key lies beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(secret + certificate)
    (tmp_path / "ca.pem").write_bytes(certificate)
    return tmp_path / "ca.pem"


async def test_https_trusts_its_authorities_only(serve: Serve, ca_file: Path) -> None:
    server = serve(ok('"failed"'))
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(ca_file.with_name("server.pem"))
    assert (await first(server, ca_file=str(ca_file)))["state"] == "bad"
    data = await first(server)
    assert data["state"] == "down"
    assert "self-signed certificate" in data["detail"]


async def test_a_server_without_tls_is_down(serve: Serve) -> None:
    server = serve(ok("1"))
    async with running("http-json", {**config(server), "url": server.url.replace("http", "https")}) as plugin:
        await plugin.seen(1)
    assert "WRONG_VERSION_NUMBER" in plugin.events[0].data["detail"]


SETTINGS = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def http_json(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return module("http-json", "http_json", monkeypatch)


@SETTINGS
@given(path=st.lists(st.integers(0, 3) | st.text(alphabet="ab.[] \u00fc", max_size=4), max_size=6), leaf=st.integers())
def test_every_place_of_a_document_has_a_path(http_json: ModuleType, path: list[str | int], leaf: int) -> None:
    document: Any = leaf
    for step in reversed(path):
        document = [None] * step + [document] if isinstance(step, int) else {step: document}
    written = "".join(f"[{step}]" if isinstance(step, int) else f'["{step}"]' for step in path)
    assert not faults("http-json", {"url": "http://a", "above": 1, "path": written})
    assert http_json.value_at(document, http_json.steps(written)) == leaf
    plain = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    if not any(isinstance(step, str) and (set(step) & set(".[]") or not step) for step in path):
        assert http_json.steps("".join(plain).removeprefix(".")) == path


@SETTINGS
@given(path=st.text(alphabet='ab.[]"01', max_size=8))
def test_any_path_that_the_schema_takes_is_read_to_its_end(http_json: ModuleType, path: str) -> None:
    if not faults("http-json", {"url": "http://a", "above": 1, "path": path}):
        steps = http_json.steps(path)
        again = "".join(f"[{step}]" if isinstance(step, int) else f'["{step}"]' for step in steps)
        assert http_json.steps(again) == steps
        assert (
            "".join(str(step) for step in steps) == path.translate(str.maketrans("", "", '.[]"'))
            or '"' in path
            or "[0" in path
        )


@pytest.mark.parametrize(
    ("bad", "words"),
    [({"url": "http://127.0.0.1:99999/"}, "config.url"), ({"headers": {"X-A": "\u00fc"}}, "config.headers"),
     ({"equals": None, "matches": "("}, "config.matches"), ({"every": "0s"}, "config.every"), ({"timeout": "0s"}, "config.timeout"),
     ({"ca_file": "/nowhere/ca.pem"}, "config.ca_file"), ({"ca_file": __file__}, "config.ca_file")],
)  # fmt: skip
async def test_what_only_the_plugin_can_tell_is_refused(bad: dict[str, Any], words: str) -> None:
    given = {"url": "http://127.0.0.1:1/", "equals": "a", **bad}
    if "matches" in bad:
        del given["equals"]
    error = await refusal("http-json", given)
    assert error.code == "INVALID_CONFIG"
    assert words in error.message


@pytest.mark.parametrize(
    "bad",
    [{"url": "ftp://a"}, {"url": "http://user@a/"}, {"url": "http://a b"}, {"above": 1}, {"equals": [1]}, {"path": "a..b"},
     {"path": ".a"}, {"path": "a["}, {"path": "[x]"}, {"path": "a[0]b"}, {"path": '["a]'}, {"headers": {"a b": "c"}},
     {"headers": {"a": "b\r\nc"}}, {"headers": {"a": 1}}, {"bad_when": "never"}, {"ca_file": "/etc/"}],
)  # fmt: skip
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert not faults("http-json", {"url": "http://a", "equals": "b"})
    assert faults("http-json", {"url": "http://a"})
    assert faults("http-json", {"url": "http://a", "equals": "b", **bad})
