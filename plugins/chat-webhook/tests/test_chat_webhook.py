import asyncio
import contextlib
import json
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import OutriderError
from tests.plugins.harness import Running, faults, module, refusal, running, until
from tests.ports.http.authority import Authority
from tests.servers.ports import free_port

SHAPES = ["slack", "teams", "discord"]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REPORT: dict[str, Any] = {
    "run": "01K0RUN",
    "rule": "heal-web",
    "state": "failed",
    "message": "restart: no such service",
    "finished": "2026-07-01T10:00:09.500Z",
    "event": {
        "source": "watch/web",
        "severity": "high",
        "data": {"state": "down", "summary": "down: connection refused"},
    },
    "steps": [{"name": "restart", "state": "failed", "result": {"error": {"message": "no such service"}}}],
}


class Server:
    """Answers every request with given bytes; None answers never."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.requests: list[tuple[bytes, bytes]] = []
        self.handlers: list[asyncio.Task[Any] | None] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.handlers.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2])
            self.requests.append((head, await reader.readexactly(int(fields[b"content-length"]))))
            if self.answer is None:
                await reader.read()
            else:
                writer.write(self.answer)
        writer.close()

    @property
    def messages(self) -> list[Any]:
        return [json.loads(body) for _, body in self.requests]


@asynccontextmanager
async def serving(answer: bytes | None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(answer)
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server
    await asyncio.gather(*filter(None, server.handlers))


@asynccontextmanager
async def posting(answer: bytes | None, **config: Any) -> AsyncIterator[tuple[Running, Server]]:
    async with serving(answer) as server:
        url = f"http://127.0.0.1:{server.port}/hooks/"
        options = {"url": url, "secret_path": "T0/hidden?b=1", "shape": "slack", "timeout": "2s", **config}
        async with running("chat-webhook", options) as plugin:
            yield plugin, server


async def failure(send: Awaitable[Any]) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await send
    return caught.value


@pytest.fixture(scope="module")
def loaded() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        yield module("chat-webhook", "chat_webhook", patch)


@pytest.mark.real
async def test_slack() -> None:
    async with posting(OK) as (plugin, server):
        result = await plugin.send(REPORT)
    [(head, _)] = server.requests
    assert head.startswith(b"POST /hooks/T0/hidden?b=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}\r\n".encode() in head
    assert b"Content-Type: application/json\r\n" in head
    assert result == {"status": 200, "summary": f"127.0.0.1:{server.port} answered 200"}
    [message] = server.messages
    assert message["text"] == "heal-web: failed\ndown: connection refused"
    [attachment] = message["attachments"]
    assert attachment["color"] == "#C62828"
    texts = [block["text"]["text"] for block in attachment["blocks"] if "text" in block]
    assert texts == ["restart: no such service", "restart: failed - no such service"]
    fields = [field["text"] for field in attachment["blocks"][-1]["fields"]]
    assert fields == ["*Severity*\nhigh", "*Source*\nwatch/web", "*Run*\n01K0RUN"]


@pytest.mark.real
async def test_teams() -> None:
    async with posting(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", shape="teams") as (plugin, server):
        assert (await plugin.send(REPORT))["status"] == 202
    [message] = server.messages
    assert message["type"] == "message"
    [attachment] = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["body"][0]["style"] == "attention"
    assert list(card_texts(message)) == [
        "heal-web: failed",
        "down: connection refused",
        "restart: no such service",
        "restart: failed - no such service",
        "Severity: high",
        "Source: watch/web",
        "Run: 01K0RUN",
    ]


@pytest.mark.real
async def test_discord() -> None:
    async with posting(b"HTTP/1.1 204 No Content\r\n\r\n", shape="discord") as (plugin, server):
        assert (await plugin.send(REPORT))["status"] == 204
    assert server.messages == [
        {
            "allowed_mentions": {"parse": []},
            "embeds": [
                {
                    "title": "heal-web: failed",
                    "description": "down: connection refused\n\nrestart: no such service\n\n"
                    "restart: failed - no such service",
                    "color": 0xC62828,
                    "fields": [
                        {"name": "Severity", "value": "high", "inline": True},
                        {"name": "Source", "value": "watch/web", "inline": True},
                        {"name": "Run", "value": "01K0RUN", "inline": True},
                    ],
                    "timestamp": "2026-07-01T10:00:09.500000+00:00",
                }
            ],
        }
    ]


def card_texts(message: dict[str, Any]) -> Iterator[str]:
    """Yield the texts of a card, of which none may be searched for markup."""
    head, *rest = message["attachments"][0]["content"]["body"]
    for block in [*head["items"], *rest]:
        assert block["type"] == "RichTextBlock"
        for piece in block["inlines"]:
            assert piece["type"] == "TextRun"
            yield piece["text"]


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def check_slack(message: dict[str, Any]) -> Iterator[str]:
    """Hold a message against the documented bounds, and yield its texts."""
    assert set(message) == {"text", "mrkdwn", "attachments"}
    assert units(message["text"]) <= 3000
    yield message["text"]
    [attachment] = message["attachments"]
    assert re.fullmatch("#[0-9A-F]{6}", attachment["color"])
    assert len(attachment["blocks"]) <= 50
    for block in attachment["blocks"]:
        assert block["type"] == "section"
        assert len(block.get("fields", [])) <= 10
        for text in [*([block["text"]] if "text" in block else ()), *block.get("fields", [])]:
            assert (text["type"], text["verbatim"]) == ("mrkdwn", True)
            assert 1 <= units(text["text"]) <= (3000 if "text" in block else 2000)
            yield text["text"]


def check_discord(message: dict[str, Any]) -> Iterator[str]:
    assert message["allowed_mentions"] == {"parse": []}
    assert "content" not in message
    [embed] = message["embeds"]
    pairs = [(field["name"], field["value"]) for field in embed["fields"]]
    assert 1 <= units(embed["title"]) <= 256
    assert 1 <= units(embed["description"]) <= 4096
    assert len(pairs) <= 25
    assert all(1 <= units(name) <= 256 and 1 <= units(value) <= 1024 for name, value in pairs)
    texts = [embed["title"], embed["description"], *(text for pair in pairs for text in pair)]
    assert sum(map(units, texts)) <= 6000
    yield from texts


def check_teams(message: dict[str, Any]) -> Iterator[str]:
    assert len(json.dumps(message, ensure_ascii=False).encode()) <= 28 * 1024
    yield from card_texts(message)


CHECKS = {"slack": check_slack, "teams": check_teams, "discord": check_discord}
ODD = "<!channel> <@U1> <#C1> <https://a|b> @everyone @here @channel <at>x</at> [a](http://b) **x** `y` ||z|| &lt;"
LONG = st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=30), st.integers(1, 400))
TEXTS = (
    st.text(max_size=60) | st.sampled_from([ODD, "&" * 4000, "<" * 4000, "😀" * 4000, "\\" * 4000, '"' * 9000]) | LONG
)
REPORTS = st.fixed_dictionaries(
    {
        "run": TEXTS,
        "rule": TEXTS,
        "state": st.sampled_from(["completed", "failed", "cancelled", "unknown"]) | TEXTS,
        "message": TEXTS,
        "event": st.fixed_dictionaries(
            {"source": TEXTS, "severity": st.sampled_from(["low", "high"]), "data": st.dictionaries(TEXTS, TEXTS)}
        ),
        "steps": st.lists(
            st.fixed_dictionaries({"name": TEXTS, "state": TEXTS, "result": st.builds(
                lambda text: {"error": {"message": text}}, TEXTS)}),
            max_size=60,
        ),
    }
)  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=60, deadline=None)
@given(report=REPORTS)
def test_any_report_keeps_the_bounds_and_calls_nobody(loaded: ModuleType, shape: str, report: dict[str, Any]) -> None:
    message = json.loads(loaded.encoded(getattr(loaded, shape)(loaded.Report(report))))
    for text in CHECKS[shape](message):
        assert not re.search(r"@(everyone|here|channel)", text, re.IGNORECASE)
        if shape == "slack":
            assert re.fullmatch(r"([^&<>]|&(amp|lt|gt);)*", text, re.DOTALL)
        elif shape == "discord":
            assert re.fullmatch(r"([^\\`*~|<>\[\]]|\\[\\`*~|<>\[\]])*", text, re.DOTALL)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("character", ["&", "<", "😀", "\\", "x", '"'])
def test_the_longest_report_fits_and_says_that_it_was_cut(loaded: ModuleType, shape: str, character: str) -> None:
    text = character * 5000
    step = {"name": text, "state": text, "agent": text, "result": {"error": {"message": text}}}
    event = {"source": text, "severity": "low", "data": {"summary": text}}
    report = {"run": text, "rule": text, "state": text, "message": text, "event": event, "steps": [step] * 300}
    texts = list(CHECKS[shape](getattr(loaded, shape)(loaded.Report(report))))
    assert sum(text.count("…") for text in texts) >= 4
    found = [match for text in texts for match in re.findall(r"… and (\d+) more steps", text)]
    shown = "\n".join(texts).count("\n") if shape != "teams" else len(texts)
    assert len(found) == 1
    assert 0 < 300 - int(found[0]) < shown


def test_text_is_cut_at_its_limit_and_between_two_characters(loaded: ModuleType) -> None:
    assert loaded.clipped("x" * 10, 10, loaded.PLAIN) == "x" * 10
    assert loaded.clipped("x" * 11, 10, loaded.PLAIN) == "x" * 9 + "…"
    assert loaded.clipped("😀" * 9, 10, loaded.PLAIN) == "😀" * 4 + "…"
    assert loaded.clipped("<" * 9, 10, loaded.SLACK) == "&lt;&lt;…"


def test_what_is_odd_reads_as_it_was_written(loaded: ModuleType) -> None:
    def read_slack(text: str) -> str:
        return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")

    report = loaded.Report({**REPORT, "message": ODD, "event": {"data": {"summary": ODD}}})
    slack = [read_slack(text) for text in check_slack(loaded.slack(report))]
    discord = [re.sub(r"\\(.)", r"\1", text) for text in check_discord(loaded.discord(report))]
    for texts in (slack, discord, list(check_teams(loaded.teams(report)))):
        assert sum(text.replace("\u200b", "").count(ODD) for text in texts) == 2


@pytest.mark.parametrize(
    ("state", "severity", "expected"),
    [
        ("completed", "critical", "good"),
        ("cancelled", "high", "neutral"),
        ("failed", "low", "warning"),
        ("failed", "medium", "warning"),
        ("failed", "high", "bad"),
        ("unknown", "critical", "bad"),
        ("what", "medium", "warning"),
    ],
)
def test_colours(loaded: ModuleType, state: str, severity: str, expected: str) -> None:
    report = loaded.Report({"state": state, "event": {"severity": severity}})
    colour, style = loaded.TONES[expected]
    assert loaded.slack(report)["attachments"][0]["color"] == f"#{colour:06X}"
    assert loaded.discord(report)["embeds"][0]["color"] == colour
    assert loaded.teams(report)["attachments"][0]["content"]["body"][0]["style"] == style


@pytest.mark.real
@pytest.mark.parametrize("shape", SHAPES)
async def test_an_empty_report_is_a_message_too(shape: str) -> None:
    async with posting(OK, shape=shape) as (plugin, server):
        await plugin.send({})
    assert list(CHECKS[shape](server.messages[0]))


@pytest.mark.real
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "UNAVAILABLE"),
        (b"HTTP/1.1 500 No\r\n\r\nrollup_error", "UNAVAILABLE"),
        (b"HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n", "LIMITED"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 15\r\n\r\nno_such_channel", "EXECUTION_FAILED"),
        (b"HTTP/1.1 400 No\r\n\r\ninvalid_blocks", "EXECUTION_FAILED"),
        (b"HTTP/1.1 302 No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "EXECUTION_FAILED"),
        (b"SSH-2.0-nothing\r\n", "CONNECTION_FAILED"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "CONNECTION_FAILED"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", "CONNECTION_FAILED"),
        (b"HTTP/1.1 200 " + b"x" * 100_000, "CONNECTION_FAILED"),
        (b"\xff\xfe\r\n\r\n", "CONNECTION_FAILED"),
        (b"", "CONNECTION_FAILED"),
    ],
)
async def test_failures_say_whether_to_try_again(answer: bytes, code: str) -> None:
    async with posting(answer) as (plugin, _):
        error = await failure(plugin.send(REPORT))
        assert error.code == code
        assert error.body().retryable == (code != "EXECUTION_FAILED")
        assert "hidden" not in error.message
        assert plugin.host.fault is None


@pytest.mark.real
@pytest.mark.parametrize(("status", "code"), [(429, "LIMITED"), (413, "EXECUTION_FAILED")])
async def test_a_failure_inside_of_success_is_found(status: int, code: str) -> None:
    text = f"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error {status} with".encode()
    async with posting(b"HTTP/1.1 200 OK\r\n\r\n" + text, shape="teams") as (plugin, _):
        assert (await failure(plugin.send(REPORT))).code == code
    async with posting(b"HTTP/1.1 200 OK\r\n\r\n" + text, shape="slack") as (plugin, _):
        assert await plugin.send(REPORT)


@pytest.mark.real
@pytest.mark.parametrize(
    ("status", "given", "least", "most"), [(429, "7", 7, 7), (429, "0.65", 0.65, 0.65), (503, "3", 3, 3)]
)
async def test_retry_after_is_passed_on(status: int, given: str, least: float, most: float) -> None:
    async with posting(f"HTTP/1.1 {status} No\r\nRetry-After: {given}\r\nContent-Length: 0\r\n\r\n".encode()) as (
        plugin,
        _,
    ):
        wait = (await failure(plugin.send(REPORT))).retry_after
    assert wait is not None
    assert least <= wait <= most


@pytest.mark.parametrize("given", [None, "", "soon", "-1", "1e9", "nan", "9" * 40, "Wed, 99 Jul 2026 10:00:00 GMT"])
def test_a_retry_after_that_says_nothing(loaded: ModuleType, given: str | None) -> None:
    assert loaded.Endpoint.exchange.__globals__["wait_of"](given) is None


def test_a_retry_after_may_be_a_date(loaded: ModuleType) -> None:
    wait_of = loaded.Endpoint.exchange.__globals__["wait_of"]
    assert wait_of(formatdate(0, usegmt=True)) == 0
    assert wait_of(formatdate(4_000_000_000, usegmt=True)) > 3600


@pytest.mark.real
@pytest.mark.parametrize("body", [b"Content-Length: 50\r\n\r\ncut", b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"])
async def test_an_answer_that_is_cut_after_its_status_is_an_answer(body: bytes) -> None:
    async with posting(b"HTTP/1.1 200 OK\r\n" + body) as (plugin, server):
        assert (await plugin.send(REPORT))["status"] == 200
    assert len(server.requests) == 1


@pytest.mark.real
async def test_a_long_answer_is_not_read_to_its_end() -> None:
    async with posting(b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n" + b"x" * 100_000) as (plugin, _):
        assert (await plugin.send(REPORT))["status"] == 200


@pytest.mark.real
async def test_nobody_listens_and_then_somebody_does() -> None:
    port = free_port()
    async with running("chat-webhook", {"url": f"http://127.0.0.1:{port}/", "shape": "slack"}) as plugin:
        error = await failure(plugin.send(REPORT))
        assert (error.code, error.body().retryable) == ("CONNECTION_FAILED", True)
        assert "refused" in error.message.lower()
        server = Server(OK)
        async with await asyncio.start_server(server.serve, "127.0.0.1", port):
            assert await plugin.send(REPORT)
        await asyncio.gather(*filter(None, server.handlers))


@pytest.mark.real
async def test_a_host_that_is_not_there() -> None:
    async with running("chat-webhook", {"url": "http://no-such-host.invalid/", "shape": "slack"}) as plugin:
        assert (await failure(plugin.send(REPORT))).code == "CONNECTION_FAILED"
    async with running("chat-webhook", {"url": f"http://{'a' * 64}.invalid/", "shape": "slack"}) as plugin:
        assert "is no host name" in (await failure(plugin.send(REPORT))).message


@pytest.mark.real
async def test_a_silent_server_costs_the_timeout() -> None:
    async with posting(None, timeout="200ms") as (plugin, _):
        error = await failure(plugin.send(REPORT))
    assert (error.code, error.body().retryable) == ("TIMEOUT", True)
    assert "0.2 s" in error.message


@pytest.mark.real
async def test_cancellation_ends_the_request_and_the_plugin_lives() -> None:
    async with posting(None) as (plugin, server):
        number, answer = plugin.host.execute("send", {"input": REPORT}, 30)
        await until(lambda: len(server.requests) == 1)
        await plugin.host.cancel(number, answer)
        assert (await failure(answer)).code == "CANCELLED"
        server.answer = OK
        assert await plugin.send(REPORT)


@pytest.fixture
def full_port() -> Iterator[int]:
    """Yield a port whose queue is full: the kernel leaves a further connection without an answer."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def half_open(port: int) -> int:
    """Return how many connections to a port wait for their first answer (state SYN_SENT)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "02" for row in rows)


@pytest.mark.real
async def test_a_connection_that_hangs_costs_the_timeout_and_can_be_cancelled(full_port: int) -> None:
    options = {"url": f"http://127.0.0.1:{full_port}/", "shape": "slack"}
    async with running("chat-webhook", {**options, "timeout": "200ms"}) as plugin:
        assert (await failure(plugin.send(REPORT))).code == "TIMEOUT"
    async with running("chat-webhook", {**options, "timeout": "30s"}) as plugin:
        before = half_open(full_port)
        number, answer = plugin.host.execute("send", {"input": REPORT}, 30)
        await until(lambda: half_open(full_port) > before)
        await plugin.host.cancel(number, answer)
        assert (await failure(answer)).code == "CANCELLED"
        assert plugin.host.fault is None


@pytest.mark.real
async def test_several_at_a_time_and_stop_while_busy() -> None:
    async with posting(None) as (plugin, server):
        answers = [plugin.host.execute("send", {"input": REPORT}, 30)[1] for _ in range(4)]
        await until(lambda: len(server.requests) == 4)
    assert all(answer.exception() is not None for answer in answers)


@pytest.mark.real
async def test_tls_with_a_private_authority_and_without(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("chat", dns=("localhost",)))
    async with serving(OK, context) as server:
        options = {"url": f"https://localhost:{server.port}/", "shape": "slack"}
        async with running("chat-webhook", {**options, "ca_file": str(authority.file)}) as plugin:
            assert await plugin.send(REPORT)
        async with running("chat-webhook", options) as plugin:
            error = await failure(plugin.send(REPORT))
    assert error.code == "CONNECTION_FAILED"
    assert "certificate" in error.message.lower()
    assert len(server.requests) == 1


@pytest.mark.real
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "http://a", "secret_path": "x"}, "url"),
        ({"url": "http://a:99999/"}, "url"),
        ({"url": "http://[::1/"}, "url"),
        ({"url": "http://:80/"}, "url"),
        ({"url": "http://a/", "secret_path": "hidden\r\nX: y"}, "url"),
        ({"url": "http://a/", "secret_path": "hidden ü"}, "url"),
        ({"url": "https://a/", "ca_file": "/dev/null"}, "ca_file"),
    ],
)
async def test_a_configuration_that_cannot_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], field: str
) -> None:
    # A secret reaches the plugin without having been held against the schema.
    monkeypatch.setattr("tests.plugins.harness.schema_faults", lambda *_: [])
    error = await refusal("chat-webhook", {"shape": "slack", **changes})
    assert error.code == "INVALID_CONFIG"
    assert f"config.{field} is" in error.message
    assert "hidden" not in error.message


@pytest.mark.parametrize(
    "bad",
    [
        {"url": "http://a/"},
        {"url": "ftp://a/", "shape": "slack"},
        {"url": "http://a b/", "shape": "slack"},
        {"url": "http://me:pass@a/", "shape": "slack"},
        {"url": "http://a/", "shape": "irc"},
        {"url": "http://a/", "shape": "slack", "timeout": 3},
        {"url": "http://a/", "shape": "slack", "channel": "x"},
    ],
)
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("chat-webhook", bad)
