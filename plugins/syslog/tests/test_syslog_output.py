import asyncio
import contextlib
import re
import select
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import OutriderError
from outrider.runtime.plugins.manifest import read_plugin
from tests.plugins.harness import PLUGINS, faults, module, refusal, running, until
from tests.ports.http.authority import Authority
from tests.servers.ports import free_port

REPORT: dict[str, Any] = {
    "run": "01K0RUN",
    "rule": "heal-web",
    "state": "failed",
    "message": "restart: no such service",
    "finished": "2026-07-01T12:00:09.500+02:00",
    "event": {"source": "watch/web", "severity": "high", "data": {"state": "down", "summary": 'down: "grün" ]'}},
}
# RFC 5424, section 6: the whole of a message, on bytes.
NAME = rb"[!#-<>-\\^-~]{1,32}"
VALUE = rb'(?:[^"\\\]]|\\["\\\]])*'
MESSAGE = re.compile(
    rb"<(?P<priority>0|[1-9][0-9]?|1[0-8][0-9]|19[01])>(?P<version>1)"
    rb" (?P<time>[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    rb"(?:\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]))"
    rb" (?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<process>[!-~]{1,128}) (?P<id>[!-~]{1,32})"
    rb" (?P<data>(?:\[" + NAME + rb"(?: " + NAME + rb'="' + VALUE + rb'")*\])+) \xef\xbb\xbf(?P<text>.*)',
    re.DOTALL,
)
PARAMETER = re.compile(rb" (" + NAME + rb')="(' + VALUE + rb')"')
FRAME = re.compile(rb"([1-9][0-9]*) ")


def parsed(message: bytes) -> dict[str, Any]:
    """Read a message strictly; values and text must be UTF-8."""
    found = MESSAGE.fullmatch(message)
    assert found is not None, message
    parameters = {name.decode(): re.sub(rb'\\(["\\\]])', rb"\1", value).decode() for name, value in
                  PARAMETER.findall(found["data"])}  # fmt: skip
    return {
        **{name: found[name].decode() for name in ("time", "host", "app", "process", "id", "text")},
        "facility": int(found["priority"]) // 8,
        "severity": int(found["priority"]) % 8,
        "data": parameters,
        "sd_id": found["data"][1:].split(b" ")[0].decode(),
    }


def unframed(stream: bytes) -> list[dict[str, Any]]:
    """Take messages with their length before them out of a stream, which holds nothing else."""
    messages = []
    while stream:
        found = FRAME.match(stream)
        assert found is not None, stream
        end = found.end() + int(found[1])
        assert len(stream) >= end
        messages.append(parsed(stream[found.end() : end]))
        stream = stream[end:]
    return messages


class Collector:
    """Takes what comes over a stream, and may be slow to close or not close at all."""

    def __init__(self, *, stay: bool = False) -> None:
        self.stay = stay
        self.streams: list[bytes] = []
        self.connections = 0
        self.handlers: list[asyncio.Task[Any] | None] = []
        self.release = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.handlers.append(asyncio.current_task())
        self.connections += 1
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            self.streams.append(await reader.read())
            if self.stay:
                await self.release.wait()
        writer.close()


@asynccontextmanager
async def collecting(collector: Collector, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async with await asyncio.start_server(collector.serve, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]
    collector.release.set()
    await asyncio.gather(*filter(None, collector.handlers))


@pytest.fixture
def datagrams() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        yield receiver


async def failure(send: Awaitable[Any]) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await send
    return caught.value


def sending(port: int, **config: Any) -> Any:
    return running("syslog", {"server": f"127.0.0.1:{port}", "timeout": "5s", **config})


EXPECTED = {
    "time": "2026-07-01T10:00:09.500Z",
    "host": "host.test",
    "app": "outrider",
    "process": "-",
    "id": "failed",
    "facility": 3,
    "severity": 3,
    "sd_id": "outrider@32473",
    "data": {"run": "01K0RUN", "rule": "heal-web", "state": "failed", "severity": "high", "source": "watch/web"},
    "text": 'heal-web failed: down: "grün" ] - restart: no such service',
}


@pytest.mark.real
async def test_a_datagram(datagrams: socket.socket) -> None:
    async with sending(datagrams.getsockname()[1], hostname="host.test") as plugin:
        result = await plugin.send(REPORT)
    received = datagrams.recv(65535)
    assert parsed(received) == EXPECTED
    assert result["bytes"] == len(received)
    assert result["summary"] == f"sent to 127.0.0.1:{datagrams.getsockname()[1]} over udp"


@pytest.mark.real
async def test_a_stream_with_octet_counting() -> None:
    collector = Collector()
    async with collecting(collector) as port, sending(port, transport="tcp", hostname="host.test") as plugin:
        await plugin.send(REPORT)
        await plugin.send({**REPORT, "state": "completed", "message": ""})
    first, second = (unframed(stream) for stream in collector.streams)
    assert first == [EXPECTED]
    assert second[0]["text"] == 'heal-web completed: down: "grün" ]'


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def identity(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("logs", dns=("localhost",)))
    return context


@pytest.mark.real
async def test_tls_with_a_private_authority_and_without(authority: Authority, identity: ssl.SSLContext) -> None:
    collector = Collector()
    async with collecting(collector, identity) as port:
        options = {"server": f"localhost:{port}", "transport": "tls"}
        async with sending(port, **options, ca_file=str(authority.file), hostname="host.test") as plugin:
            await plugin.send(REPORT)
        async with sending(port, **options) as plugin:
            error = await failure(plugin.send(REPORT))
    assert [unframed(stream) for stream in collector.streams] == [[EXPECTED]]
    assert error.code == "CONNECTION_FAILED"
    assert "certificate" in error.message.lower()


@pytest.mark.real
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_server_that_wants_a_client_certificate_is_an_error(
    authority: Authority, identity: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    """Under TLS 1.3 the client has sent its message by the time that the server refuses."""
    identity.minimum_version = identity.maximum_version = version
    identity.verify_mode = ssl.CERT_REQUIRED
    identity.load_verify_locations(authority.file)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        options = {"server": f"localhost:{port}", "transport": "tls", "ca_file": str(authority.file)}
        async with sending(port, **options) as plugin:
            refused = asyncio.get_running_loop().run_in_executor(None, refuse, listener, identity)
            error = await failure(plugin.send(REPORT))
            assert "PEER_DID_NOT_RETURN_A_CERTIFICATE" in await refused
    assert (error.code, error.body().retryable) == ("CONNECTION_FAILED", True)


def refuse(listener: socket.socket, identity: ssl.SSLContext) -> str:
    """Shake hands with a client that has no certificate, and return why that failed.

    All that it sends is read to its end: else the kernel would reset the connection, which is an error in any case.
    """
    accepted, _ = listener.accept()
    with accepted, accepted.dup() as rest:
        with pytest.raises(ssl.SSLError) as caught:
            identity.wrap_socket(accepted, server_side=True)
        while rest.recv(65535):
            continue
    return str(caught.value.reason)


@pytest.mark.real
async def test_a_server_that_does_not_close_has_the_message_all_the_same() -> None:
    collector = Collector(stay=True)
    async with collecting(collector) as port, sending(port, transport="tcp") as plugin:
        assert (await plugin.send(REPORT))["bytes"] > 100
        assert len(unframed(collector.streams[0])) == 1


@pytest.mark.real
async def test_a_connection_that_is_reset_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        async with sending(listener.getsockname()[1], transport="tcp") as plugin:
            _, answer = plugin.host.execute("send", {"input": REPORT}, 30)
            accepted, _ = await asyncio.get_running_loop().sock_accept(listener)
            # Bytes that nobody read make the kernel reset a connection that is closed.
            with accepted:
                await until(lambda: bool(select.select([accepted], [], [], 0)[0]))
            error = await failure(answer)
    assert (error.code, error.body().retryable) == ("CONNECTION_FAILED", True)


@pytest.mark.real
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_nobody_listens(transport: str) -> None:
    async with sending(free_port(), transport=transport) as plugin:
        error = await failure(plugin.send(REPORT))
        assert (error.code, error.body().retryable) == ("CONNECTION_FAILED", True)
        assert "refused" in error.message.lower()
        assert plugin.host.fault is None


@pytest.mark.real
async def test_it_goes_on_once_somebody_listens() -> None:
    port = free_port()
    collector = Collector()
    async with sending(port, transport="tcp") as plugin:
        await failure(plugin.send(REPORT))
        async with await asyncio.start_server(collector.serve, "127.0.0.1", port):
            assert await plugin.send(REPORT, attempt=2)
        await asyncio.gather(*filter(None, collector.handlers))
    assert len(unframed(collector.streams[0])) == 1


@pytest.mark.real
async def test_a_silent_server_costs_the_timeout(tmp_path: Path) -> None:
    """The handshake of TLS never comes."""
    collector = Collector(stay=True)
    async with collecting(collector) as port, sending(port, transport="tls", timeout="200ms") as plugin:
        error = await failure(plugin.send(REPORT))
    assert (error.code, error.body().retryable) == ("TIMEOUT", True)


@pytest.mark.real
async def test_a_server_that_speaks_no_tls_is_an_error() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test ESMTP\r\n")
        writer.close()

    async with (
        await asyncio.start_server(serve, "127.0.0.1", 0) as server,
        sending(server.sockets[0].getsockname()[1], transport="tls") as plugin,
    ):
        assert (await failure(plugin.send(REPORT))).code == "CONNECTION_FAILED"


@pytest.mark.real
async def test_cancellation_and_stop_end_what_is_under_way() -> None:
    collector = Collector(stay=True)
    async with collecting(collector) as port:
        async with sending(port, transport="tls", timeout="30s") as plugin:
            number, answer = plugin.host.execute("send", {"input": REPORT}, 30)
            await until(lambda: collector.connections == 1)
            await plugin.host.cancel(number, answer)
            assert (await failure(answer)).code == "CANCELLED"
            answers = [plugin.host.execute("send", {"input": REPORT}, 30)[1] for _ in range(4)]
            await until(lambda: collector.connections == 5)
        assert all(answer.exception() is not None for answer in answers)


@pytest.fixture(scope="module")
def loaded() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        yield module("syslog", "syslog_output", patch)


def prepared(loaded: ModuleType, **config: Any) -> Any:
    plugin = loaded.Syslog.__new__(loaded.Syslog)
    plugin.config = {"server": "a:1", "transport": "udp", "timeout": "1s", "facility": "local7", "app_name": "outrider",
                     "sd_id": "outrider@32473", "max_size": 2048, **config}  # fmt: skip
    plugin.setup()
    return plugin


TEXTS = st.text(max_size=60) | st.sampled_from(
    ['"]\\', "\\" * 999, "]" * 999, "😀" * 999, "a\r\nb\x00\x1b[0m\u2028", '" x="y', '[a@1 b="c"]', "\ufeff", " ", "ü" * 200]
)  # fmt: skip
TIMES = st.datetimes(timezones=st.timezones()).map(datetime.isoformat) | TEXTS | st.none()
SEVERITIES = {"low": 6, "medium": 4, "high": 3, "critical": 2}


@settings(max_examples=200, deadline=None)
@given(run=TEXTS, rule=TEXTS, state=TEXTS, message=TEXTS, source=TEXTS, summary=TEXTS, finished=TIMES,
       severity=st.sampled_from(sorted(SEVERITIES)), size=st.integers(2048, 60000))  # fmt: skip
def test_any_report_is_a_strict_message(
    loaded: ModuleType, severity: str, size: int, finished: str | None, **texts: str
) -> None:
    event = {"source": texts.pop("source"), "severity": severity, "data": {"summary": texts.pop("summary")}}
    report = loaded.Report({**texts, "finished": finished, "event": event})
    message = prepared(loaded, max_size=size).message(report)
    assert len(message) <= size
    found = parsed(message)
    assert (found["facility"], found["severity"]) == (23, SEVERITIES[severity])
    for name, value in (("run", report.run), ("rule", report.rule), ("state", report.state), ("source", report.source)):
        shown = found["data"].get(name, "")
        assert value.startswith(shown)
        assert shown == value or len(shown.encode()) > 90
    assert found["text"].isprintable()
    whole = f"{report.rule} {report.state}: {report.summary}" + (f" - {report.message}" if report.message else "")
    assert whole.startswith(found["text"].removesuffix("…"))
    assert found["text"] == whole or len(message) > size - 4


def test_text_is_cut_between_two_characters(loaded: ModuleType) -> None:
    for extra in range(4):
        report = loaded.Report({"message": "x" * extra + "😀" * 900, "event": {"data": {"summary": "é" * 1000}}})
        message = prepared(loaded).message(report)
        assert 2044 < len(message) <= 2048
        assert parsed(message)["text"].endswith(("é", "😀"))


def test_the_longest_head_leaves_room_for_text(loaded: ModuleType) -> None:
    long = "]" * 999
    options = {"hostname": "h" * 255, "app_name": "a" * 48, "sd_id": f"{'s' * 20}@{'1' * 11}"}
    report = loaded.Report({"run": long, "rule": long, "state": long, "event": {"source": long}})
    message = prepared(loaded, **options).message(report)
    found = parsed(message)
    assert len(message) <= 2048
    assert len(found["text"]) > 500
    assert (found["host"], found["app"], found["sd_id"]) == tuple(options.values())


@pytest.mark.parametrize("name", ["", "a b", "ü", "\x00"])
def test_a_host_name_that_the_header_cannot_have(
    loaded: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    found = parsed(prepared(loaded).message(loaded.Report({})))
    assert found["host"] == ("ab" if name == "a b" else "-")


def test_a_report_without_times_is_of_now(loaded: ModuleType) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    for finished in (None, "never", "2026-07-01T10:00:00", "0001-01-01T00:00:00+14:00"):
        found = parsed(prepared(loaded).message(loaded.Report({"finished": finished})))
        assert before <= datetime.fromisoformat(found["time"])


def test_every_facility_has_its_number(loaded: ModuleType) -> None:
    listed = running_schema()["facility"]["enum"]
    assert tuple(listed) == loaded.FACILITIES
    assert len(listed) == 24
    assert [listed.index(name) for name in ("user", "daemon", "authpriv", "local0", "local7")] == [1, 3, 10, 16, 23]


def running_schema() -> dict[str, Any]:
    properties: dict[str, Any] = read_plugin(PLUGINS / "syslog").manifest.configuration["properties"]
    return properties


@asynccontextmanager
async def real_rsyslog(folder: Path) -> AsyncIterator[tuple[int, Path]]:
    """Run rsyslogd on one port for UDP and TCP; it writes what it understood of each message."""
    command = shutil.which("rsyslogd", path="/usr/sbin:/sbin") or shutil.which("rsyslogd")
    if command is None:
        pytest.fail("no rsyslogd: apt-get install rsyslog")
    port, log, config = free_port(), folder / "log", folder / "rsyslog.conf"
    fields = (
        "%syslogfacility-text%|%syslogseverity%|%timereported:::date-rfc3339%|%hostname%|%app-name%|%procid%|%msgid%"
    )
    config.write_text(
        f'global(workDirectory="{folder}")\nmodule(load="imudp")\nmodule(load="imtcp")\n'
        f'input(type="imudp" address="127.0.0.1" port="{port}")\n'
        f'input(type="imtcp" address="127.0.0.1" port="{port}")\n'
        f'template(name="seen" type="string" string="{fields}|%structured-data%|%msg%\\n")\n'
        f'action(type="omfile" file="{log}" template="seen")\n'
    )
    process = await asyncio.create_subprocess_exec(command, "-n", "-f", config, "-i", folder / "pid")
    try:
        await until(lambda: answers(port), within=20)
        yield port, log
    finally:
        process.terminate()
        await process.wait()


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.real
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_real_rsyslog_understands_it(tmp_path: Path, transport: str) -> None:
    odd = {**REPORT, "rule": 'a"b]c\\d', "state": "completed"}
    async with real_rsyslog(tmp_path) as (port, log):
        async with sending(port, transport=transport, hostname="host.test", facility="local3") as plugin:
            await plugin.send(REPORT)
            await plugin.send(odd)
        await until(lambda: log.exists() and len(log.read_text().splitlines()) == 2, within=20)
    first, second = (text.split("|") for text in log.read_text().splitlines())
    assert first[:7] == ["local3", "3", "2026-07-01T10:00:09.500Z", "host.test", "outrider", "-", "failed"]
    assert first[7].startswith('[outrider@32473 run="01K0RUN" rule="heal-web"')
    assert first[8].lstrip("\ufeff") == EXPECTED["text"]
    assert r'rule="a\"b\]c\\d"' in second[7]
    assert second[6] == "completed"


@pytest.mark.real
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"server": "logs:0"}, "server"),
        ({"server": "logs:70000"}, "server"),
        ({"transport": "tls", "ca_file": "/dev/null"}, "ca_file"),
        ({"app_name": "a b"}, "app_name"),
        ({"app_name": "a\n"}, "app_name"),
        ({"sd_id": "a"}, "sd_id"),
    ],
)
async def test_a_configuration_that_cannot_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], field: str
) -> None:
    # A secret reaches the plugin without having been held against the schema.
    monkeypatch.setattr("tests.plugins.harness.schema_faults", lambda *_: [])
    error = await refusal("syslog", {"server": "127.0.0.1:514", **changes})
    assert error.code == "INVALID_CONFIG"
    assert f"config.{field} is" in error.message


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"server": "logs"},
        {"server": "udp://logs:514"},
        {"server": "logs:514", "transport": "relp"},
        {"server": "logs:514", "facility": "local8"},
        {"server": "logs:514", "app_name": "a b"},
        {"server": "logs:514", "hostname": ""},
        {"server": "logs:514", "sd_id": "a]b@1"},
        {"server": "logs:514", "max_size": 100},
        {"server": "logs:514", "max_size": 70000},
        {"server": "logs:514", "timeout": 3},
        {"server": "logs:514", "tag": "x"},
    ],
)
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("syslog", bad)
