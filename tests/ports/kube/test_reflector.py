"""A cache follows the API server, whatever happens on the way: on both servers what can happen on both, the rest by script."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from outrider.ports.kube.cache import Change
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.informer import Informer
from outrider.ports.kube.reflector import Pace, Selection
from tests.ports.kube.conftest import WIDGETS, Server, target_of, until
from tests.servers.kube_api.faults import WATCH_LISTS, WATCHES, Answer, Fault, Hang, Match, Reset
from tests.servers.kube_api.server import FakeApi
from tests.servers.kube_api.stream_faults import (
    Cut,
    Duplicates,
    EmptyLines,
    EndAtOnce,
    ErrorEvent,
    HalfLine,
    IgnoreInitialEvents,
    NoBookmarks,
    Pieces,
    RefuseInitialEvents,
    Together,
)

QUICK = Pace(fill=0.5, watch=30, silence=5, steady=0.3, first=0.02, longest=0.2, calm=5)
LISTS = Match(method="GET", path="/widgets", watch=False)


class Followed:
    """A running informer and what it has told."""

    def __init__(self, informer: Informer) -> None:
        self.informer = informer
        self.changes: list[Change] = []
        informer.on_change(lambda change, first: self.changes.append(change))

    @property
    def names(self) -> list[str]:
        return sorted(item.metadata.name for item in self.informer.cache)

    def told(self, name: str) -> list[str]:
        return [change.type for change in self.changes if change.key.endswith(f"/{name}")]


@contextlib.asynccontextmanager
async def following(client: KubeClient, namespace: str = "", pace: Pace = QUICK) -> AsyncIterator[Followed]:
    informer = Informer(client, WIDGETS, selection=Selection(namespace), pace=pace)
    followed = Followed(informer)
    task = asyncio.create_task(informer.run())
    try:
        async with asyncio.timeout(20):
            await informer.reflector.synced.wait()
        yield followed
    finally:
        task.cancel()
        await asyncio.wait((task,))


def widget(name: str, size: int = 1, namespace: str = "shop") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"size": size}}


@pytest.fixture
async def caller(fake: FakeApi) -> AsyncIterator[KubeClient]:
    async with KubeClient(target_of(fake), component="test") as one:
        yield one


async def test_a_cache_has_what_was_there_and_follows_what_comes(server: Server, client: KubeClient) -> None:
    await client.apply(WIDGETS, widget("old", namespace=server.namespace))
    async with following(client, server.namespace) as followed:
        assert followed.names == ["old"]
        await client.apply(WIDGETS, widget("new", namespace=server.namespace))
        await client.apply(WIDGETS, widget("old", 2, namespace=server.namespace))
        await until(lambda: followed.told("old") == ["added", "updated"] and followed.told("new") == ["added"])
        await client.delete(WIDGETS, "old", server.namespace)
        await until(lambda: followed.names == ["new"])
        await client.apply(WIDGETS, widget("old", 3, namespace=server.namespace))
        await until(lambda: followed.told("old") == ["added", "updated", "deleted", "added"])


@pytest.mark.parametrize(
    "fault", [Pieces(3), Together(), EmptyLines(), Duplicates()], ids=lambda fault: type(fault).__name__
)
async def test_events_come_in_any_pieces(fake: FakeApi, caller: KubeClient, fault: Fault) -> None:
    fake.put("widgets", widget("old"))
    fake.script(WATCHES, fault)
    async with following(caller) as followed:
        fake.put("widgets", widget("new"))
        fake.put("widgets", widget("new", 2))
        await until(lambda: followed.told("new") == ["added", "updated"])
        assert followed.told("old") == ["added"]


async def test_a_line_as_long_as_objects_may_be_comes_through(fake: FakeApi, caller: KubeClient) -> None:
    fake.put("widgets", {**widget("big"), "spec": {"text": "x" * 1_450_000}})
    async with following(caller) as followed:
        found = followed.informer.cache.get("shop/big")
        assert found is not None
        assert len(found.spec) > 1_450_000


@pytest.mark.parametrize(
    "fault", [Reset(), Cut(), Cut(after=2), HalfLine(), HalfLine(after=1), EndAtOnce(), Answer(500), Answer(503, retry_after=0), ErrorEvent(500, "InternalError")],
    ids=repr,
)  # fmt: skip
async def test_whatever_ends_a_watch_no_change_is_missed(fake: FakeApi, caller: KubeClient, fault: Fault) -> None:
    fake.put("widgets", widget("old"))
    async with following(caller) as followed:
        fake.script(WATCHES, fault, times=3)
        fake.end_watches("widgets")
        fake.put("widgets", widget("between"))
        fake.remove("widgets", "shop", "old")
        await until(lambda: followed.names == ["between"])
        fake.put("widgets", widget("after"))
        await until(lambda: followed.names == ["after", "between"])
        assert [followed.told(name) for name in ("old", "between", "after")] == [
            ["added", "deleted"],
            ["added"],
            ["added"],
        ]


@pytest.mark.parametrize("as_event", [True, False])
async def test_a_version_that_is_too_old_means_to_ask_for_all_again(
    fake: FakeApi, caller: KubeClient, as_event: bool
) -> None:
    fake.gone_as_event = as_event
    for name in ("stays", "goes", "renewed"):
        fake.put("widgets", widget(name))
    async with following(caller) as followed:
        fake.script(WATCHES, Reset(), times=1)
        fake.cut()
        fake.remove("widgets", "shop", "goes")
        fake.remove("widgets", "shop", "renewed")
        fake.put("widgets", widget("renewed"))
        fake.expire("widgets")
        await until(lambda: followed.told("goes") == ["added", "deleted"], 15)
        assert followed.told("stays") == ["added"], "what has not changed is told once"
        assert followed.told("renewed") == ["added", "deleted", "added"], "another object of the same name"
        assert followed.informer.reflector.relists == 1


@pytest.mark.parametrize(
    "fault", [RefuseInitialEvents(), IgnoreInitialEvents(), NoBookmarks()], ids=lambda fault: type(fault).__name__
)
async def test_a_server_without_watch_lists_is_asked_for_pages(fake: FakeApi, caller: KubeClient, fault: Fault) -> None:
    fake.put("widgets", widget("old"))
    fake.script(WATCH_LISTS, fault)
    async with following(caller) as followed:
        assert followed.names == ["old"]
        assert len(fake.seen(LISTS)) == 1
        fake.put("widgets", widget("new"))
        await until(lambda: followed.names == ["new", "old"])


async def test_a_silent_watch_is_given_up_and_taken_up_where_it_was(fake: FakeApi, caller: KubeClient) -> None:
    fake.put("widgets", widget("old"))
    async with following(caller, pace=Pace(fill=1, watch=30, silence=0.5, steady=0.1, first=0.02)) as followed:
        fake.script(WATCHES, Hang(), times=1)
        fake.end_watches("widgets")
        fake.put("widgets", widget("new"))
        await until(lambda: followed.names == ["new", "old"])
        assert followed.told("old") == ["added"]
        assert followed.informer.reflector.relists == 0


async def test_a_server_that_goes_down_and_comes_back_has_told_all(fake: FakeApi, caller: KubeClient) -> None:
    fake.put("widgets", widget("before"))
    async with following(caller) as followed:
        await fake.stop()
        fake.put("widgets", widget("while"))
        await asyncio.sleep(0.3)
        assert followed.informer.reflector.problem is not None
        await fake.start()
        await until(lambda: followed.names == ["before", "while"])
        fake.put("widgets", widget("after"))
        await until(lambda: followed.names == ["after", "before", "while"])
        await until(lambda: followed.informer.reflector.problem is None)


@pytest.mark.real  # it takes its time
async def test_a_server_that_ends_each_watch_at_once_is_not_stormed(fake: FakeApi, caller: KubeClient) -> None:
    fake.put("widgets", widget("old"))
    async with following(caller, pace=Pace(fill=1, first=0.1, longest=4)) as followed:
        fake.script(WATCHES, EndAtOnce())
        fake.end_watches("widgets")
        await asyncio.sleep(2)
        # 0.1, 0.2, 0.4, 0.8 s and so on, each halved at most: not the thousand of a tight loop.
        assert 3 <= len(fake.seen(WATCHES)) <= 9
        assert followed.names == ["old"]


async def test_objects_of_a_kind_that_is_taken_away_are_not_told_to_be_gone(fake: FakeApi, caller: KubeClient) -> None:
    fake.put("widgets", widget("old"))
    async with following(caller) as followed:
        fake.drop_kind("widgets")
        await until(lambda: followed.informer.reflector.problem is not None)
        await asyncio.sleep(0.3)
        assert followed.names == ["old"]
        assert followed.told("old") == ["added"]


async def test_bookmarks_move_the_version(fake: FakeApi, caller: KubeClient) -> None:
    fake.put("widgets", widget("old"))
    async with following(caller) as followed:
        fake.put("configmaps", {"metadata": {"name": "else", "namespace": "shop"}})
        fake.bookmark("widgets")
        await asyncio.sleep(0.1)
        fake.end_watches("widgets")
        fake.put("widgets", widget("new"))
        await until(lambda: followed.names == ["new", "old"])
        assert fake.seen(WATCHES)[-1].query["resourceVersion"] == str(int(fake.version) - 1)
