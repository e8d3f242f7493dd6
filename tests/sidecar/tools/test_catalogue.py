"""What the agent sees while servers hang, fail, and tell too much."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from outrider.core.codec import decode_plain
from outrider.core.http.messages import Response
from outrider.core.tool_settings import HttpServerSettings, ToolGrantSettings, ToolsSettings
from outrider.ports.clock import SystemClock
from outrider.ports.secrets import Resolver
from outrider.sidecar.tools import building
from outrider.sidecar.tools.building import Tools
from outrider.sidecar.tools.pins import MOST_PINS, Pins
from outrider.sidecar.tools.servers import mcp
from tests.sidecar.proxy.support import eventually
from tests.sidecar.tools.support import JSON, Desk, definition, desk, scripted


def tools(folder: Path, **servers: str) -> Tools:
    settings = ToolsSettings(
        servers=[HttpServerSettings(name=name, url=url) for name, url in servers.items()],
        grants=[ToolGrantSettings(server=name, tools=["*"], prefix=f"{name}_") for name in servers],
    )
    return Tools(
        settings, agent="a", state=folder, secrets=Resolver({}), clock=SystemClock(), used=lambda _: None,
        asked=lambda _: None,
    )  # fmt: skip


async def stop(made: Tools, looking: "asyncio.Task[None]") -> None:
    looking.cancel()
    await asyncio.wait([looking])
    await made.close()


async def test_a_server_that_hangs_hides_no_other(tmp_path: Path) -> None:
    async with scripted() as good, scripted() as bad:
        bad.delay = 60.0
        made = tools(tmp_path, good=good.url, bad=bad.url)
        looking = asyncio.ensure_future(made.keep_looking())
        await eventually(lambda: bool(made.catalogue.all()))
        assert [one.name for one in made.catalogue.all()] == ["good_echo"]
        assert not made.catalogue.looked.is_set()
        assert "isError" not in await made.desk.call("good_echo", {"arguments": {}})
        await stop(made, looking)


async def test_a_look_has_one_deadline_for_all_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp, "LIST_SECONDS", 0.3)
    async with scripted() as slow:
        numbers = iter(range(1000))
        slow.answers["tools/list"] = lambda _: {"tools": [], "nextCursor": str(next(numbers))}
        slow.delay = 0.05
        made = Desk(slow.url, tmp_path)
        await made.catalogue.refresh()
        assert "no list of tools" in made.catalogue.problems["s"]
        await made.catalogue.close()


@pytest.mark.parametrize("error", [OSError(5, "gone"), RecursionError("deep"), ValueError("odd")])
async def test_no_fault_ends_the_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(building, "RETRY_SECONDS", 0.01)
    async with scripted() as good, scripted() as bad:
        made = tools(tmp_path, good=good.url, bad=bad.url)
        (failing,) = [one for one in made.catalogue.servers.values() if one.name == "bad"]
        listing: Callable[[], Awaitable[Any]] = failing.list_tools

        async def fail() -> Any:
            raise error

        monkeypatch.setattr(failing, "list_tools", fail)
        looking = asyncio.ensure_future(made.keep_looking())
        await made.catalogue.looked.wait()
        assert [one.name for one in made.catalogue.all()] == ["good_echo"]
        assert str(error.args[-1]) in made.status().problems["bad"]
        monkeypatch.setattr(failing, "list_tools", listing)
        await eventually(lambda: made.status().problems == {})
        assert len(made.catalogue.all()) == 2
        await stop(made, looking)


async def test_pins_that_cannot_be_written_hold_until_the_end(tmp_path: Path) -> None:
    (tmp_path / "pins.json").mkdir()
    (tmp_path / "pins.json.damaged").mkdir()
    (tmp_path / "pins.json.damaged" / "x").touch()
    async with scripted() as one, desk(one, tmp_path) as made:
        assert "in memory" in made.catalogue.problems["s"]
        assert "isError" not in await made.call()
        one.tools = [{**one.tools[0], "description": "other"}]
        await made.catalogue.refresh()
        assert made.catalogue.all()[0].changed == "text"
        (tmp_path / "pins.json").rmdir()
        await made.catalogue.refresh()
        assert made.catalogue.problems == {}
        assert "does echo" in (tmp_path / "pins.json").read_text()


async def test_only_what_is_granted_is_pinned(tmp_path: Path) -> None:
    async with scripted() as one:
        one.tools = [definition("a"), definition("b")]
        async with desk(one, tmp_path, tools=["a"]):
            pass
    assert list(decode_plain((tmp_path / "pins.json").read_bytes())["s@1"]) == ["a"]


async def test_pins_are_bounded(tmp_path: Path) -> None:
    pins = Pins(tmp_path / "pins.json")
    assert pins.add("s@1", [definition(str(number)) for number in range(MOST_PINS)]) == 0
    assert pins.add("s@1", [definition("0"), definition("more")]) == 1
    assert "more" not in pins.of("s@1")
    assert pins.add("s@2", [definition("more")]) == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"s@1": {"echo": 7}}'])
async def test_damaged_pins_are_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes) -> None:
    (tmp_path / "pins.json").write_bytes(content)
    async with scripted() as one, desk(one, tmp_path) as made:
        assert [tool.name for tool in made.catalogue.all()] == ["echo"]
    assert (tmp_path / "pins.json.damaged").read_bytes() == content
    assert any("pins.json.damaged" in record.getMessage() for record in caplog.records)


async def test_names_that_clients_do_not_take_are_left_out(tmp_path: Path) -> None:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"properties": deep}
    names = ["séarch", "a b", "", "x" * 129, "a\n", "a/b"]
    async with scripted() as one:
        one.tools = [*map(definition, names), definition("deep", inputSchema=deep), definition("x" * 126)]
        async with desk(one, tmp_path, prefix="p_") as made:
            assert [tool.name for tool in made.catalogue.all()] == ["p_" + "x" * 126]
            assert "left out 6 tools" in made.catalogue.problems["s"]
            assert made.catalogue.silent == set()
        async with desk(one, tmp_path, tools=["x" * 126]) as made:
            assert made.catalogue.problems == {}, "what is not granted is no problem"


async def test_a_server_that_fails_is_asked_sooner(tmp_path: Path) -> None:
    async with scripted() as one:
        one.raw = lambda _: Response(503, JSON, b"{}")
        async with desk(one, tmp_path) as made:
            assert made.catalogue.silent == {"s"}
