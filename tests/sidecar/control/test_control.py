"""What a sidecar tells whoever runs the agent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from outrider.core.codec import encode
from outrider.core.errors import InvalidConfigError
from outrider.core.sidecar_settings import WrapperSettings
from outrider.ports.http.client import Client
from outrider.ports.http.server import Server
from outrider.sidecar.activity import KEPT, MOST, MOST_BYTES, Activity, ActivityFeed, Question
from outrider.sidecar.control import Control, SidecarStatus, WrapperStatus, wrapper_status
from outrider.sidecar.llm.ledger import Entry
from outrider.sidecar.llm.status import GatewayStatus
from outrider.sidecar.tools.status import ToolsStatus

WAIT = 10.0


def entry(name: str) -> Entry:
    return Entry(id=name, time=0.0, agent="a", endpoint="chat", alias="default", outcome="whole")


def status() -> SidecarStatus:
    gateway = GatewayStatus(agent="a", running=0, ledger="", offline=False, budget=None, routes=[])
    return SidecarStatus(
        problem="",
        currency="USD",
        wrapper=WrapperStatus(state="none"),
        models=gateway,
        tools=ToolsStatus(tools=[], problems={}),
    )


@asynccontextmanager
async def client(feed: ActivityFeed, path: Path) -> AsyncIterator[Client]:
    server = Server(Control(status, feed, lambda *_: None, lambda: b"").router())
    await server.start_unix(path)
    made = Client(f"unix:{path}")
    try:
        yield made
    finally:
        await made.close()
        await server.stop(0)


async def activity(asked: Client, after: int, wait: int = 0) -> list[Activity]:
    path = f"/activity?after={after}&wait_ms={wait}"
    return await asked.request_json("GET", path, None, list[Activity], timeout=WAIT)


async def test_the_status_is_told(tmp_path: Path) -> None:
    async with client(ActivityFeed(), tmp_path / "s") as asked:
        assert await asked.request_json("GET", "/status", None, SidecarStatus, timeout=WAIT) == status()


async def test_who_watches_hears_of_each_call_once(tmp_path: Path) -> None:
    feed = ActivityFeed()
    async with client(feed, tmp_path / "s") as asked:
        assert await activity(asked, 0) == []
        feed.add(entry("one"))
        waiting = asyncio.ensure_future(activity(asked, 1, 9000))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        feed.add(entry("two"))
        async with asyncio.timeout(WAIT):
            assert [one.call and one.call.id for one in await waiting] == ["two"]
        assert [one.number for one in await activity(asked, 0)] == [1, 2]
        with pytest.raises(InvalidConfigError):
            await asked.request_json("GET", "/activity?after=x", None, list[Activity], timeout=WAIT)


async def test_who_comes_late_gets_the_last_ones() -> None:
    feed = ActivityFeed()
    for number in range(KEPT + 10):
        feed.add(entry(str(number)))
    kept = await everything(feed)
    assert [kept[0].number, kept[-1].number, len(kept)] == [11, KEPT + 10, KEPT]


async def everything(feed: ActivityFeed) -> list[Activity]:
    """Follow a feed to its end."""
    found: list[Activity] = []
    while part := await feed.after(found[-1].number if found else 0, 0):
        assert len(part) <= MOST
        found += part
    return found


async def test_a_long_story_is_told_in_parts() -> None:
    feed = ActivityFeed()
    for number in range(60):
        text = "x" * 15_000
        feed.add(Question(id=str(number), tool="t", arguments={"a": text}, groups=[], expires=0.0))
    feed.add(Question(id="last", tool="t", arguments={"a": "x" * 2 * MOST_BYTES}, groups=[], expires=0.0))
    assert len(encode(await feed.after(0, 0))) <= MOST_BYTES + 1000
    assert [one.number for one in await everything(feed)] == list(range(1, 62))


async def test_two_watchers_are_woken() -> None:
    feed = ActivityFeed()
    watchers = [asyncio.ensure_future(feed.after(0, WAIT)) for _ in range(2)]
    await asyncio.sleep(0)
    feed.add(entry("one"))
    assert [len(found) for found in await asyncio.gather(*watchers)] == [1, 1]


def test_the_wrapper_is_seen_by_its_sign(tmp_path: Path) -> None:
    settings = WrapperSettings(seen=tmp_path / "seen")
    assert wrapper_status(None).state == "none"
    assert wrapper_status(settings).state == "not_seen"
    (tmp_path / "seen").mkdir()
    assert wrapper_status(settings).state == "not_seen"
    for name in ("python-1", "python-2", "nodejs-3"):
        (tmp_path / "seen" / name).touch()
    assert wrapper_status(settings) == WrapperStatus(state="seen", runtimes=["nodejs", "python"])
