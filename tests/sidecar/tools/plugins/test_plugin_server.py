"""One plugin as a server of one tool: kept warm, bounded, cancelled, restarted, confined."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import (
    ConflictError,
    DeadlineExceededError,
    DeniedError,
    ExecutionFailedError,
    InvalidConfigError,
    LimitedError,
    NotFoundError,
    OutcomeUnknownError,
    OutriderError,
    SandboxUnavailableError,
    UnavailableError,
)
from outrider.core.tool_settings import PluginServerSettings
from outrider.ports.clock import SystemClock
from outrider.ports.process.guardian import read_stat
from outrider.ports.secrets import Resolver
from outrider.runtime.plugin_host import host as host_module
from outrider.runtime.plugin_host import launch
from outrider.sidecar.tools.servers.opening import Surroundings, open_server
from outrider.sidecar.tools.servers.plugin import PluginServer
from tests.contract.worlds import until
from tests.sidecar.tools.plugins.support import write_probe

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
PROBE = {"name": "probe"}


class Plugged:
    """The probe, opened as a sidecar opens it.

    Args:
        folder: Where everything of it lies.
        settings: More than usual.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        for name in ("state", "protected"):
            (folder / name).mkdir(exist_ok=True)
        (folder / "token").write_text("sk-tool")
        usual: dict[str, Any] = {"name": "eyes", "plugin": "probe", "base": folder}
        self.work = folder / "state" / "servers" / "eyes" / "plugins" / "tool-eyes"
        opened = open_server(
            PluginServerSettings(**(usual | settings)),
            Surroundings(
                secrets=Resolver.declared({"t": {"file": "token"}}, folder=folder), state=folder / "state" / "servers",
                protected=[folder / "protected", folder / "state", folder / "token"], changed=lambda: None, clock=SystemClock(),
            ), 2**20,
        )  # fmt: skip
        assert isinstance(opened, PluginServer)
        self.server = opened

    async def do(self, what: str, timeout: float = 20.0, **arguments: Any) -> Any:
        """Call the tool."""
        result = await self.server.call(PROBE, {"arguments": {"do": what, **arguments}}, timeout)
        assert not result["isError"]
        return result["structuredContent"]

    @property
    def pid(self) -> int:
        """The process in front of the plugin."""
        assert self.server._host is not None
        host = self.server._host._host
        assert host is not None
        assert host._process is not None
        return host._process.pid

    async def begun(self, calling: "asyncio.Future[Any]") -> None:
        """Wait until a call is at work."""
        await until(lambda: calling.done() or (self.work / "begun").exists())
        (self.work / "begun").unlink()


@asynccontextmanager
async def plugged(folder: Path, settings: dict[str, Any] | None = None, **manifest: Any) -> AsyncIterator[Plugged]:
    """Give the probe, asked for its tool once."""
    write_probe(folder, **manifest)
    made = Plugged(folder, **(settings or {}))
    try:
        await made.server.list_tools()
        yield made
    finally:
        await made.server.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CANCEL_SECONDS", "STOP_SECONDS"):
        monkeypatch.setattr(host_module, name, 0.3)


async def problem(folder: Path, settings: dict[str, Any] | None = None, **manifest: Any) -> OutriderError:
    """Return why the tool cannot be offered."""
    with pytest.raises(OutriderError) as caught:
        async with plugged(folder, settings, **manifest):
            pass
    return caught.value


async def test_it_offers_one_tool_as_its_manifest_describes_it(tmp_path: Path) -> None:
    output = {"type": "object"}
    async with plugged(tmp_path, read_only=True, output=output, idempotent=True) as made:
        (tool,) = await made.server.list_tools()
        assert made.server.version == "1.2.0"
    assert {key: value for key, value in tool.items() if key != "inputSchema"} == {
        "name": "probe", "description": "does what a test wants", "outputSchema": output,
        "annotations": {"readOnlyHint": True, "idempotentHint": True},
    }  # fmt: skip
    assert tool["inputSchema"]["required"] == ["do"]


async def test_what_says_nothing_of_itself_may_change_something(tmp_path: Path) -> None:
    async with plugged(tmp_path) as made:
        (tool,) = await made.server.list_tools()
    assert tool["annotations"]["readOnlyHint"] is False
    assert "outputSchema" not in tool


async def test_it_gets_arguments_and_configuration_with_their_defaults(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    async with plugged(tmp_path, {"config": {"token": {"secret": "t"}, "path": "logs"}}) as made:
        seen = await made.do("tell", word="abc")
        assert (await made.do("tell"))["begun"] == seen["begun"], "it is kept warm"
    assert seen["given"] == {"do": "tell", "word": "abc", "often": 3}
    assert seen["config"] == {"token": "sk-tool", "unit": "s", "path": str(tmp_path / "logs")}
    assert "sk-tool" not in f"{seen['argv']} {seen['env']}"
    assert not [name for name in seen["env"] if name.startswith(("OUTRIDER", "PYTEST"))]


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"do": 1}, "do"), ({"do": "tell", "word": "A"}, "word"), ({"do": "tell", "wrod": "a"}, "wrod"), ({}, "do"),
        ({"do": "tell", "word": {"secret": "t"}}, "word"), ({"do": "tell", "often": None}, "often"),
    ],
)  # fmt: skip
async def test_arguments_that_do_not_fit_never_reach_it(tmp_path: Path, arguments: dict[str, Any], path: str) -> None:
    async with plugged(tmp_path) as made:
        with pytest.raises(InvalidConfigError) as caught:
            await made.server.call(PROBE, {"arguments": arguments}, 20.0)
        assert not (made.work / "begun").exists()
    assert path in f"{caught.value.path} {caught.value.message}"


async def test_arguments_that_fill_more_than_a_line_are_refused(tmp_path: Path) -> None:
    async with plugged(tmp_path) as made:
        with pytest.raises(LimitedError, match="too long"):
            await made.do("tell", word="a" * 530_000)
        assert len((await made.do("tell", word="a" * 200_000))["given"]["word"]) == 200_000


async def test_it_is_started_by_a_call_where_nobody_asked_for_its_tool(tmp_path: Path) -> None:
    write_probe(tmp_path)
    made = Plugged(tmp_path)
    try:
        assert (await made.do("tell"))["given"]["do"] == "tell"
        with pytest.raises(NotFoundError, match="has no such tool"):
            await made.server.call({"name": "prob"}, {"arguments": {"do": "tell"}}, 20.0)
    finally:
        await made.server.close()


async def test_an_error_of_the_plugin_is_that_of_the_call(tmp_path: Path) -> None:
    async with plugged(tmp_path) as made:
        with pytest.raises(NotFoundError, match="probe: there is no such thing"):
            await made.do("fail")
        await made.do("tell")


@pytest.mark.parametrize(
    ("what", "error", "said"),
    [
        ("die", OutcomeUnknownError, "while it worked"),
        ("noise", ExecutionFailedError, "line protocol"),
        ("long", ExecutionFailedError, "a message has"),
        ("long_line", ExecutionFailedError, "broke a line"),
        ("ask", DeniedError, "a tool asks for no operations"),
        ("hang", DeadlineExceededError, "not done within 0.5 s"),
        ("obey", DeadlineExceededError, "not done within 0.5 s"),
    ],
)
async def test_after_whatever_it_does_the_next_call_works(
    tmp_path: Path, what: str, error: type[OutriderError], said: str
) -> None:
    async with plugged(tmp_path) as made:
        with pytest.raises(error, match=said):
            await made.do(what, timeout=0.5 if error is DeadlineExceededError else 20.0)
        assert (await made.do("tell", word="again"))["given"]["word"] == "again"


async def test_a_host_that_is_killed_in_the_middle_of_a_call_comes_back(tmp_path: Path) -> None:
    async with plugged(tmp_path) as made:
        first = made.pid
        calling = asyncio.ensure_future(made.do("hang"))
        await made.begun(calling)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(OutcomeUnknownError):
            await calling
        await made.do("tell")
        assert made.pid != first


@pytest.mark.parametrize(("what", "survives"), [("obey", True), ("hang", False)])
async def test_a_client_that_leaves_ends_its_call(tmp_path: Path, what: str, *, survives: bool) -> None:
    async with plugged(tmp_path) as made:
        before = made.pid
        calling = asyncio.ensure_future(made.do(what))
        await made.begun(calling)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await made.do("tell")
        assert (made.pid == before) is survives


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_so_many_calls_run_at_a_time_and_the_others_wait(tmp_path: Path, concurrency: int) -> None:
    async with plugged(tmp_path, concurrency=concurrency) as made:
        met = await asyncio.gather(*(made.do("meet") for _ in range(3 * concurrency)))
    assert max(one["most"] for one in met) == concurrency


async def test_a_call_waits_for_its_turn_within_its_time_only(tmp_path: Path) -> None:
    async with plugged(tmp_path) as made:
        calling = asyncio.ensure_future(made.do("obey"))
        await made.begun(calling)
        with pytest.raises(DeadlineExceededError, match="other calls took all of the time"):
            await made.do("tell", timeout=0.2)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await made.do("tell")


async def test_its_own_bound_of_time_holds_too(tmp_path: Path) -> None:
    async with plugged(tmp_path, limits={"execution_time": "300ms"}) as made:
        with pytest.raises(DeadlineExceededError, match=r"within 0\.3 s"):
            await made.do("obey")


async def test_a_result_that_is_not_what_it_promised_is_refused(tmp_path: Path) -> None:
    output = {"type": "object", "properties": {"lines": {"type": "integer"}}}
    async with plugged(tmp_path, output=output) as made:
        with pytest.raises(ExecutionFailedError, match=r"its result is not what its plugin\.yaml says: result\.lines"):
            await made.do("several")
        await made.do("tell")


async def test_what_it_forks_is_bounded_and_ends_with_it(tmp_path: Path) -> None:
    async with plugged(tmp_path) as made:
        assert (await made.do("fork"))["started"] < 20
        pid = made.pid
    assert read_stat(pid) is None


async def test_it_sees_neither_keys_nor_states(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "file").write_text("open")
    (tmp_path / "other").write_text("other")
    async with plugged(tmp_path, {"config": {"path": "open"}}) as made:
        (tmp_path / "protected" / "key").write_text("sk-virtual")
        names = [
            "state",
            "state/audit.jsonl",
            "state/servers",
            "protected",
            "protected/key",
            "token",
            "other",
            "open/file",
        ]
        seen = await made.do("touch", paths=[str(tmp_path / name) for name in names])
    assert [one.startswith("no:") for one in seen["read"]] == [True] * 7 + [False]
    assert seen["read"][-1] == "open"


@pytest.mark.parametrize("path", [".", "state", "state/audit.jsonl", "protected", "token", "gone/../protected"])
async def test_no_configuration_opens_keys_and_states(tmp_path: Path, path: str) -> None:
    error = await problem(tmp_path, {"config": {"path": path}})
    assert (error.code, error.path) == ("INVALID_CONFIG", "config.path")


async def test_a_plugin_that_has_a_secret_in_its_folder_is_not_started(tmp_path: Path) -> None:
    write_probe(tmp_path / "protected")
    error = await problem(tmp_path, {"base": tmp_path / "protected"})
    assert "holds keys or states" in error.message


async def test_below_its_level_it_is_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(level: Any, **_: Any) -> Any:
        raise SandboxUnavailableError(f"no sandbox as strong as {level.label} works here")

    monkeypatch.setattr(launch, "strongest_level", none)
    error = await problem(tmp_path, {"min_level": "namespaced"})
    assert "as strong as namespaced" in error.message
    assert not (tmp_path / "state" / "servers").exists()


@pytest.mark.parametrize(
    ("settings", "manifest", "error", "said"),
    [
        ({"plugin": "prob"}, {}, NotFoundError, "no tool plugin is called 'prob'"),
        ({"plugin": "dns-probe"}, {}, NotFoundError, "is of another type"),
        ({"version": "2.0.0"}, {}, ConflictError, "has another version"),
        ({"config": {"refuse": True}}, {}, InvalidConfigError, "not with me"),
        ({"config": {"token": {"secret": "none"}}}, {}, OutriderError, "none"),
        ({}, {"input": {"type": "object", "properties": {"do": {"type": "txt"}}}}, InvalidConfigError, "no JSON Schema"),
        ({}, {"permissions": {"operations": ["host.disk"]}}, NotFoundError, "cannot be used"),
    ],
)  # fmt: skip
async def test_why_it_cannot_be_offered_is_told(
    tmp_path: Path, settings: dict[str, Any], manifest: dict[str, Any], error: type[OutriderError], said: str
) -> None:
    found = await problem(tmp_path, settings, **manifest)
    assert isinstance(found, error)
    assert said in found.message


async def test_one_that_cannot_live_says_why_in_each_call(tmp_path: Path) -> None:
    async with plugged(tmp_path) as made:
        (tmp_path / "plugins" / "probe" / "probe.py").write_text("raise SystemExit(3)")
        with pytest.raises(OutcomeUnknownError):
            await made.do("die")
        with pytest.raises(UnavailableError, match="does not start"):
            await made.do("tell", timeout=1.0)
        with pytest.raises(OutriderError):
            await made.server.list_tools()


async def test_a_secret_that_is_needed_is_opened_at_each_start(tmp_path: Path) -> None:
    async with plugged(tmp_path, {"config": {"token": {"secret": "t"}}}) as made:
        assert (await made.do("tell"))["config"]["token"] == "sk-tool"
        (tmp_path / "token").write_text("sk-new")
        with pytest.raises(OutcomeUnknownError):
            await made.do("die")
        assert (await made.do("tell"))["config"]["token"] == "sk-new"
