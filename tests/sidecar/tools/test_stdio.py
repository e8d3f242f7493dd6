"""Servers that are programs: started, confined, asked, and ended."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from outrider.core.codec import decode_plain
from outrider.core.errors import (
    DeadlineExceededError,
    ExecutionFailedError,
    InvalidConfigError,
    LimitedError,
    MissingRequirementError,
    OutriderError,
    UnavailableError,
)
from outrider.core.secrets import SecretRef
from outrider.core.tool_settings import StdioServerSettings
from outrider.ports.secrets import Resolver
from outrider.sidecar.tools.servers import stdio
from outrider.sidecar.tools.servers.mcp import McpServer
from outrider.sidecar.tools.servers.stdio import StdioWire
from tests.contract.worlds import until
from tests.peers.environments import install
from tests.peers.mcp_client import ENVIRONMENTS
from tests.servers.mcp_servers import PROGRAMS

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
SCRIPT = Path(__file__).parent / "stdio_program.py"


class Program(McpServer):
    """A server in a folder of its own, with what it leaves there.

    Args:
        folder: Where it works.
        mode: Of the script.
        settings: Others than usual.
    """

    def __init__(self, folder: Path, mode: str = "plain", **settings: Any) -> None:
        (folder / "code").mkdir(exist_ok=True)
        (folder / "code" / "server.py").write_text(SCRIPT.read_text())
        usual: dict[str, Any] = {
            "command": [sys.executable, "-I", "server.py", mode], "base": folder, "folder": folder / "code",
            "memory": 2**29, "processes": 64,
        }  # fmt: skip
        self.changes = 0
        self.work = folder / "work"
        (folder / "token").write_text("sk-tool")
        super().__init__(
            "shop", "1",
            StdioWire(
                StdioServerSettings(name="shop", **(usual | settings)), Resolver.declared({"t": {"file": "token"}}, folder=folder),
                state=self.work, protected=[folder / "protected"], changed=self._change,
            ),
        )  # fmt: skip

    def _change(self) -> None:
        self.changes += 1

    async def echo(self, timeout: float = 20.0, **arguments: Any) -> Any:
        """Call the tool and return what it says."""
        result = await self.call({"name": "echo"}, {"arguments": arguments}, timeout)
        return json.loads(result["content"][0]["text"])


@asynccontextmanager
async def program(folder: Path, mode: str = "plain", **settings: Any) -> AsyncIterator[Program]:
    made = Program(folder, mode, **settings)
    try:
        yield made
    finally:
        await made.close()


@pytest.mark.parametrize("sdk", ["mcp1", "mcp2"])
async def test_servers_on_the_official_kits(tmp_path: Path, sdk: str) -> None:
    python = install(sdk, ENVIRONMENTS[sdk]) / "python"
    command = [str(python), str(PROGRAMS / f"{sdk}_server.py"), "stdio"]
    async with program(tmp_path, command=command, read=[str(PROGRAMS)]) as server:
        tools = {one["name"]: one for one in await server.list_tools()}
        assert set(tools) == {"add", "fail", "wait", "count", "hidden"}
        result = await server.call(tools["add"], {"arguments": {"a": 1, "b": 2}}, 20.0)
        assert result["structuredContent"] == {"result": 3}
        assert (await server.call(tools["fail"], {"arguments": {"reason": "why"}}, 20.0))["isError"]
        sums = [server.call(tools["add"], {"arguments": {"a": n, "b": n}}, 20.0) for n in range(50)]
        assert [one["structuredContent"]["result"] for one in await asyncio.gather(*sums)] == list(range(0, 100, 2))
        with pytest.raises(DeadlineExceededError, match="did not answer within"):
            await server.call(tools["wait"], {"arguments": {"seconds": 1.0}}, 0.2)
        assert (await server.call(tools["add"], {"arguments": {"a": 1, "b": 2}}, 20.0))["structuredContent"][
            "result"
        ] == 3


@pytest.mark.parametrize("mode", ["plain", "banner", "asks", "silent"])
async def test_a_program_answers(tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StdioWire, "patience", 0.5)
    async with program(tmp_path, mode, env={"TOKEN": SecretRef(secret="t"), "PLAIN": "x"}) as server:
        assert [one["name"] for one in await server.list_tools()] == ["echo"]
        seen = await server.echo(word="ü\n")
        assert seen["arguments"] == {"word": "ü\n"}
        assert (seen["env"]["TOKEN"], seen["env"]["PLAIN"]) == ("sk-tool", "x")
        assert not any(name.startswith(("OUTRIDER", "PYTEST")) for name in seen["env"])


async def test_what_a_server_asks_of_its_client_is_answered(tmp_path: Path) -> None:
    async with program(tmp_path, "asks") as server:
        await server.echo()
        await server.echo()
        lines = [json.loads(line) for line in (server.work / "answers").read_text().splitlines()]
    assert lines[:2] == [
        {"jsonrpc": "2.0", "id": 7, "result": {}},
        {"jsonrpc": "2.0", "id": "r", "error": {"code": -32601, "message": "this client offers nothing to servers"}},
    ]


async def test_a_program_that_cannot_live_says_why(tmp_path: Path) -> None:
    async with program(tmp_path, "dies") as server:
        for _ in range(2):  # the second time it is not even started
            with pytest.raises(UnavailableError, match="has ended") as caught:
                await server.list_tools()
            assert "the database is not there" in caught.value.found


async def test_a_crash_ends_the_calls_and_the_next_one_starts_it_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stdio, "RESTART_SECONDS", 0.0)
    async with program(tmp_path, "crash") as server:
        await server.list_tools()
        with pytest.raises(UnavailableError) as caught:
            await server.echo()
        assert "out of luck" in caught.value.found
        assert [one["name"] for one in await server.list_tools()] == ["echo"]


async def test_one_that_is_killed_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdio, "RESTART_SECONDS", 0.0)
    async with program(tmp_path, min_level="landlock") as server:
        await server.echo()
        wire = server._wire
        assert isinstance(wire, StdioWire)
        assert wire._program is not None
        os.kill(wire._program.pid, signal.SIGKILL)
        seen = None
        while seen is None:
            try:
                seen = await server.echo(n=2)
            except OutriderError:
                await asyncio.sleep(0.05)
        assert seen["arguments"] == {"n": 2}


async def test_a_message_without_end_is_the_end(tmp_path: Path) -> None:
    async with program(tmp_path, "long") as server:
        await server.list_tools()
        with pytest.raises(LimitedError, match="too long"):
            await server.echo()


async def test_who_does_not_wait_any_more_says_so(tmp_path: Path) -> None:
    async with program(tmp_path, "hang") as server:
        await server.list_tools()
        with pytest.raises(DeadlineExceededError):
            await server.echo(timeout=0.1)
        notes = server.work / "notes"
        await until(lambda: "cancelled" in notes.read_text())
        last = json.loads(notes.read_text().splitlines()[-1])
    assert last["method"] == "notifications/cancelled"
    assert last["params"]["requestId"] > 0


async def test_another_list_is_heard_of(tmp_path: Path) -> None:
    async with program(tmp_path, "more") as server:
        assert len(await server.list_tools()) == 1
        await until(lambda: server.changes > 0)
        assert len(await server.list_tools()) == 2


CURIOUS = """
import json, socket, sys
from pathlib import Path
def tried(path):
    try:
        return Path(path).read_text()
    except OSError:
        return ""
def reached(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
        return True
    except OSError:
        return False
for line in sys.stdin:
    message = json.loads(line)
    given = message.get("params", {}).get("arguments", {})
    if "id" not in message:
        continue
    found = {"read": [tried(path) for path in given.get("paths", [])], "ports": [reached(one) for one in given.get("ports", [])]}
    try:
        Path(given.get("write", "/nowhere")).write_text("x")
        found["written"] = True
    except OSError:
        found["written"] = False
    result = {"protocolVersion": "2025-11-25", "capabilities": {}, "content": [{"type": "text", "text": json.dumps(found)}]}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"""


async def test_a_program_reaches_what_it_is_granted_and_nothing_else(tmp_path: Path) -> None:
    for name in ("protected", "code", "open", "out"):
        (tmp_path / name).mkdir()
    for name in ("protected/key", "other", "open/file"):
        (tmp_path / name).write_text(name)
    (tmp_path / "code" / "curious.py").write_text(CURIOUS)
    command = [sys.executable, "-I", "curious.py"]
    with socket.create_server(("127.0.0.1", 0)) as granted, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [one.getsockname()[1] for one in (granted, other)]
        async with program(tmp_path, command=command, read=["open"], write=["out"], ports=ports[:1]) as server:
            paths = [str(tmp_path / name) for name in ("protected/key", "other", "token", "open/file")]
            seen = await server.echo(paths=paths, ports=ports, write=str(tmp_path / "out" / "made"))
            denied = await server.echo(write=str(tmp_path / "code" / "made"))
    assert seen == {"read": ["", "", "", "open/file"], "ports": [True, False], "written": True}
    assert denied["written"] is False


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"command": ["no-such-program"]}, MissingRequirementError),
        ({"write": ["protected"]}, InvalidConfigError),
        ({"read": ["nowhere"]}, OutriderError),
        ({"env": {"A": SecretRef(secret="none")}}, OutriderError),
        ({"command": ["/bin/true"]}, UnavailableError),
        ({"command": ["/bin/cat"]}, ExecutionFailedError),
    ],
)
async def test_what_is_wrong_is_said(
    tmp_path: Path, wrong: dict[str, Any], error: type[OutriderError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StdioWire, "patience", 0.5)
    (tmp_path / "protected").mkdir()
    async with program(tmp_path, **wrong) as server:
        with pytest.raises(error):
            await asyncio.wait_for(server.list_tools(), 25)


async def test_a_program_that_reads_nothing_fills_no_memory(tmp_path: Path) -> None:
    async with program(tmp_path, "deaf") as server:
        await server.list_tools()
        wire = cast("StdioWire", server._wire)
        for _ in range(12):
            with pytest.raises(DeadlineExceededError):
                await server.echo(0.1, word="x" * 300_000)
        await until((server.work / "deaf").exists)
        assert wire._program is not None
        assert wire._program.stdin.transport.get_write_buffer_size() < stdio.MOST_UNREAD + 400_000
        assert not wire._waiting


async def test_long_calls_at_a_time_are_all_sent(tmp_path: Path) -> None:
    async with program(tmp_path) as server:
        said = await asyncio.gather(*(server.echo(word=str(number) * 400_000) for number in range(8)))
        assert [one["arguments"]["word"][:1] for one in said] == [str(number) for number in range(8)]


async def test_what_answers_nobody_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def decode(line: bytes) -> Any:
        read.append(len(line))
        return decode_plain(line)

    monkeypatch.setattr(stdio, "decode_plain", decode)
    async with program(tmp_path, "loud") as server:
        await server.list_tools()
        assert await server.echo() == "x" * 100_000
        assert [size for size in read if size > 10_000] == [size for size in read if 100_000 < size < 101_000]
