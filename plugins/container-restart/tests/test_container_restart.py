import asyncio
import json
import os
import resource
import shutil
import socket
import ssl
import tarfile
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import OutriderError
from outrider.ports.certificates.authority import Authority, ensure_authority
from outrider.ports.certificates.request import new_request
from outrider.ports.clock import SystemClock
from outrider.ports.process import ProcessGroup, run
from outrider.runtime.audit import AuditLog
from outrider.runtime.plugin_host.host import HostCallbacks, PluginHost
from outrider.runtime.plugin_host.launch import HostLauncher
from outrider.runtime.plugins.configuration import schema_faults, with_defaults
from outrider.runtime.plugins.manifest import read_plugin
from tests.plugins.harness import PLUGINS, Running, faults, refusal, running, until
from tests.servers.ports import free_port

pytestmark = pytest.mark.real
FOLDER = "container-restart"
WEB = {"container": "web", "timeout": 0}


class Podman:
    """A podman with storage, containers and an API of its own; its image holds one program of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "api"
        runtime = ["--runtime", "runc"] if shutil.which("runc") else []
        self._command = [
            "podman", "--root", f"{folder}/root", "--runroot", f"{folder}/run", "--tmpdir", f"{folder}/tmp",
            "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none", *runtime,
        ]  # fmt: skip
        self._services: list[ProcessGroup] = []

    async def run(self, *arguments: str) -> str:
        done = await run([*self._command, *arguments], timeout=50)
        assert done.exit_code == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    async def build(self) -> None:
        image = self.folder / "image.tar"
        with tarfile.open(image, "w") as tar:
            for path in [shutil.which("sleep") or "", *await libraries("sleep")]:
                tar.add(os.path.realpath(path), path)
        await self.run("import", "--quiet", "--change", 'CMD ["sleep", "1000"]', str(image), "localhost/sleeper")

    async def refuses(self) -> str:
        """Return why this machine runs no container, such as one that is a container itself; empty where it does."""
        done = await run(
            [*self._command, "run", "--rm", "--network=none", *limits(), "localhost/sleeper", "sleep", "0"], timeout=50
        )
        return done.stderr.decode().strip()[-300:] if done.exit_code else ""

    async def create(self, name: str, *command: str, start: bool = True) -> str:
        return await self.run(
            "run" if start else "create", *(["--detach"] if start else []), "--network=none", *limits(), "--name", name,
            "localhost/sleeper", *command,
        )  # fmt: skip

    async def serve(self, address: str) -> None:
        self._services.append(await ProcessGroup.start([*self._command, "system", "service", "--time=0", address]))

    async def close(self) -> None:
        await run([*self._command, "rm", "--all", "--force", "--time", "0"], timeout=50)
        for service in self._services:
            await service.terminate(1)
        await run([*self._command, "system", "reset", "--force"], timeout=50)


def limits() -> list[str]:
    """Return limits that this machine allows: podman's own may be above."""
    found = []
    for word, number in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        limit = min(resource.getrlimit(number)[1], 1024)
        found.append(f"--ulimit={word}={limit}:{limit}")
    return found


async def libraries(program: str) -> list[str]:
    done = await run(["ldd", shutil.which(program) or program], timeout=10)
    return [word for word in done.stdout.decode().split() if word.startswith("/")]


@pytest.fixture
async def podman() -> AsyncIterator[Podman]:
    if shutil.which("podman") is None:
        pytest.fail("podman is not in PATH: apt-get install podman")
    # A short path: that of a unix socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="podman-", ignore_cleanup_errors=True) as folder:
        started = Podman(Path(folder))
        try:
            await started.build()
            if refusal_text := await started.refuses():
                pytest.skip(f"podman cannot run a container on this machine: {refusal_text}")
            await started.serve(f"unix://{started.socket}")
            await until(started.socket.exists, within=20)
            yield started
        finally:
            await started.close()


async def failure(plugin: Running, given: dict[str, Any] | None = None, **options: Any) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await plugin.execute(WEB if given is None else given, **options)
    return caught.value


async def test_a_real_container(podman: Podman) -> None:
    number = await podman.create("web")
    first = await podman.run("inspect", "--format", "{{.State.Pid}}", "web")
    async with running(FOLDER, {"socket": str(podman.socket)}) as plugin:
        result = await plugin.execute(WEB)
        assert result["container"] == "web"
        assert result["id"] == number
        assert result["before"]["status"] == result["after"]["status"] == "running"
        assert result["before"]["pid"] == int(first)
        assert str(result["after"]["pid"]) == await podman.run("inspect", "--format", "{{.State.Pid}}", "web")
        assert result["after"]["pid"] != result["before"]["pid"]
        assert result["after"]["started_at"] > result["before"]["started_at"]
        assert result["summary"].startswith(f"restarted web · running, pid {first} -> running, pid ")
        assert plugin.lines

        await podman.run("stop", "--time", "0", "web")
        result = await plugin.execute(WEB)
        assert (result["before"]["status"], result["before"]["pid"]) == ("exited", 0)
        assert result["after"]["status"] == "running"

        error = await failure(plugin, {"container": number[:12]})
        assert (error.code, "expected the name, web" in error.message) == ("DENIED", True)
        assert (await failure(plugin, {"container": "none"})).code == "NOT_FOUND"

        await podman.create("broken", "/no/such/program", start=False)
        assert (await failure(plugin, {"container": "broken"})).code == "EXECUTION_FAILED"


async def test_a_real_container_from_within_the_sandbox(podman: Podman, tmp_path: Path) -> None:
    await podman.create("web")
    port = free_port()
    await podman.serve(f"tcp://127.0.0.1:{port}")
    await until(lambda: answers(port), within=20)
    async with sandboxed({"url": f"http://127.0.0.1:{port}"}, tmp_path) as host:
        number, answer = host.execute("execute", {"input": WEB}, 30)
        result = await host.finish(number, answer, 30)
    assert result["after"]["pid"] != result["before"]["pid"]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_the_sandbox_keeps_unix_sockets_out_of_reach(tmp_path: Path) -> None:
    with pytest.raises(OutriderError, match="the sandbox lets no plugin reach a unix socket") as caught:
        async with sandboxed({"socket": str(tmp_path / "api")}, tmp_path):
            pytest.fail("it started")
    assert caught.value.code == "INVALID_CONFIG"


@asynccontextmanager
async def sandboxed(config: dict[str, Any], folder: Path) -> AsyncIterator[PluginHost]:
    plugin = read_plugin(PLUGINS / FOLDER)
    for name in ("state", "protected"):
        (folder / name).mkdir()
    launcher = HostLauncher(
        folder=folder, state=folder / "state", protected=[folder / "protected"], cache=folder / "cache",
        audit=AuditLog(folder / "audit.jsonl", "test", SystemClock()),
    )  # fmt: skip
    full = with_defaults(plugin.manifest.configuration, config)

    async def no_call(call: object) -> None:
        pytest.fail(f"an unexpected call: {call}")

    callbacks = HostCallbacks(event=lambda event: pytest.fail(str(event)), call=no_call, log=lambda _, __: None)
    host = PluginHost(plugin, full, lambda: launcher.launch(plugin, full, FOLDER), callbacks)
    await host.start()
    try:
        assert host.level != "none"
        yield host
    finally:
        await host.stop()


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
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

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*handlers)
        await server.wait_closed()


def state(status: str = "running", pid: int = 7, **fields: Any) -> bytes:
    data = {"Id": "0123", "Name": "/web", "State": {"Status": status, "Pid": pid, "ExitCode": 3}, **fields}
    return whole("200 OK", json.dumps(data).encode())


def whole(status: str, body: bytes = b"", *fields: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields])
    return head.encode() + b"\r\n\r\n" + body


PING = whole("200 OK", b"OK", "Api-Version: 1.51")
DONE = b"HTTP/1.1 204 No Content\r\n\r\n"


class Scripted:
    """An API that gives answers of which a real one is hard to persuade; None answers never."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[str] = []
        self.given_up = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head.split(b" HTTP/", 1)[0].decode())
        answer = self.answers.pop(0)
        if answer is None:
            await reader.read()
            self.given_up += 1
        else:
            writer.write(answer)


@asynccontextmanager
async def scripted(*answers: bytes | None) -> AsyncIterator[tuple[Running, Scripted]]:
    api = Scripted(*answers)
    async with listening(api.serve) as port, running(FOLDER, {"url": f"http://127.0.0.1:{port}"}) as plugin:
        yield plugin, api


async def test_the_requests_that_are_made() -> None:
    async with scripted(PING, state(), DONE, state(pid=8)) as (plugin, api):
        result = await plugin.execute({"container": "web"})
    assert api.requests == [
        "GET /_ping", "GET /v1.51/containers/web/json", "POST /v1.51/containers/web/restart?t=10",
        "GET /v1.51/containers/web/json",
    ]  # fmt: skip
    assert result["after"] == {"status": "running", "pid": 8, "exit_code": 3, "started_at": "", "health": ""}


@pytest.mark.parametrize("version", ["", "Api-Version: x/../y", "Api-Version: 1.41"])
async def test_a_server_without_a_version(version: str) -> None:
    ping = whole("200 OK", b"OK", *([version] if version else []))
    async with scripted(ping, state(), DONE, state()) as (plugin, api):
        await plugin.execute({"container": "web", "timeout": 3})
    assert api.requests[2] == "POST /v1.41/containers/web/restart?t=3"


async def test_a_container_that_ends_at_once() -> None:
    async with scripted(PING, state(), DONE, state("exited", 0)) as (plugin, _):
        error = await failure(plugin)
    assert error.code == "EXECUTION_FAILED"
    assert "does not run after the restart: running, pid 7 -> exited, exit status 3" in error.message


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([whole("404 Not Found", b"404 page not found")], "NOT_FOUND"),
        ([PING, whole("404 Not Found", b'{"message": "no such container"}')], "NOT_FOUND"),
        ([PING, whole("200 OK", b"[]")], "EXECUTION_FAILED"),
        ([PING, whole("200 OK", b'{"Name": "/web", "State": 3}')], "EXECUTION_FAILED"),
        ([PING, whole("200 OK", b"{")], "EXECUTION_FAILED"),
        ([PING, whole("200 OK", b"[" * 100_000)], "EXECUTION_FAILED"),
        ([PING, state(), whole("500 No", b'{"message": "cannot"}')], "EXECUTION_FAILED"),
        ([PING, state(), whole("400 No", b'{"message": "client version 1.41 is too old"}')], "EXECUTION_FAILED"),
        ([PING, whole("403 Forbidden")], "DENIED"),
        ([whole("503 Busy")], "UNAVAILABLE"),
        ([b"SSH-2.0-x\r\n"], "CONNECTION_FAILED"),
        ([b""], "CONNECTION_FAILED"),
        ([PING, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut"], "CONNECTION_FAILED"),
        ([PING, b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 5_000_000], "CONNECTION_FAILED"),
    ],
)
async def test_failures_and_the_plugin_lives(answers: list[bytes], code: str) -> None:
    async with scripted(*answers, PING, state(), DONE, state()) as (plugin, _):
        error = await failure(plugin)
        assert (error.code, error.retryable) == (code, code in {"UNAVAILABLE", "CONNECTION_FAILED"})
        assert await plugin.execute(WEB)


@pytest.mark.parametrize("silent_at", [0, 1, 2, 3])
@pytest.mark.parametrize("how", ["cancel", "timeout"])
async def test_a_silent_api_can_be_given_up(silent_at: int, how: str) -> None:
    answers: list[bytes | None] = [PING, state(), DONE, state()]
    answers[silent_at:] = [None]
    async with scripted(*answers) as (plugin, api):
        number, answer = plugin.host.execute("execute", {"input": WEB}, 30 if how == "cancel" else 0.5)
        if how == "cancel":
            await until(lambda: len(api.requests) == silent_at + 1)
            await plugin.host.cancel(number, answer)
        with pytest.raises(OutriderError) as caught:
            await answer
        assert caught.value.code == ("CANCELLED" if how == "cancel" else "TIMEOUT")
        await until(lambda: api.given_up == 1)
        api.answers = [PING, state(), DONE, state()]
        assert await plugin.execute(WEB)


async def test_nobody_listens(tmp_path: Path) -> None:
    for config in ({"url": f"http://127.0.0.1:{free_port()}"}, {"socket": str(tmp_path / "none")}):
        async with running(FOLDER, config) as plugin:
            assert (await failure(plugin)).code == "CONNECTION_FAILED"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    now = time.time()
    made = ensure_authority(tmp_path / "authority", "test", now)
    made.issue_server(tmp_path / "server.pem", [], now)
    (tmp_path / "ca.pem").write_text(made.ca_pem)
    request = new_request(tmp_path / "key.pem")
    agent = made.issue_agent(request, "spiffe://test/tenant/default/action/a", now)
    (tmp_path / "cert.pem").write_text(agent.certificate_pem)
    return made


async def test_tls_with_certificates_of_both_sides(authority: Authority, tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.ca_pem)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(tmp_path / "server.pem")
    api = Scripted(PING, state(), DONE, state())
    own = {"certificate": str(tmp_path / "cert.pem"), "key": str(tmp_path / "key.pem")}
    async with listening(api.serve, context) as port:
        base = {"url": f"https://127.0.0.1:{port}", "ca": str(tmp_path / "ca.pem")}
        async with running(FOLDER, {**base, **own}) as plugin:
            assert (await plugin.execute(WEB))["container"] == "web"
        async with running(FOLDER, base) as plugin:
            assert (await failure(plugin)).code == "CONNECTION_FAILED"
        async with running(FOLDER, {"url": base["url"], **own}) as plugin:
            assert "certificate is not accepted" in (await failure(plugin)).message
    assert len(api.requests) == 4


@pytest.mark.parametrize(
    "config",
    [
        {}, {"url": "http://127.0.0.1:1", "socket": "/x"}, {"url": "http://127.0.0.1:99999"},
        {"url": "https://127.0.0.1:1", "ca": "/nowhere/ca.pem"},
        {"url": "https://127.0.0.1:1", "certificate": __file__, "key": __file__},
    ],
)  # fmt: skip
async def test_configurations_that_only_the_program_can_judge(config: dict[str, Any]) -> None:
    error = await refusal(FOLDER, config)
    assert (error.code, "config" in error.message) == ("INVALID_CONFIG", True)


@pytest.mark.parametrize("bad", [{"url": "unix:///x"}, {"url": "http://a/b"}, {"socket": "x"}, {"x": 1}])
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults(FOLDER, bad)


@pytest.mark.parametrize("bad", [{}, {"container": "../x"}, {"container": "a/b"}, {"container": "a\n"},
                                 {"container": "-a"}, {"container": "a", "timeout": -1},
                                 {"container": "a", "timeout": 1.5}, {"container": "a", "x": 1}])  # fmt: skip
def test_wrong_inputs(bad: dict[str, Any]) -> None:
    assert list(schema_faults(read_plugin(PLUGINS / FOLDER).manifest.input, bad, ("with",)))
