"""The next changes since a version, on both servers what can happen on both, the rest by script."""

import asyncio

import pytest

from outrider.core.errors import ConnectionFailedError
from outrider.ports.clock import SystemClock
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.errors import ExpiredError
from outrider.ports.kube.following import News, next_changes
from outrider.ports.kube.reflector import Selection
from tests.ports.kube.conftest import WIDGETS, Server, target_of
from tests.servers.kube_api.faults import WATCHES, Reset
from tests.servers.kube_api.server import FakeApi
from tests.servers.kube_api.stream_faults import EndAtOnce


async def changes(client: KubeClient, namespace: str, since: str, seconds: float = 5.0) -> News:
    return await next_changes(
        client, WIDGETS, Selection(namespace), since=since, seconds=seconds, clock=SystemClock()
    )  # fmt: skip


async def test_what_happens_is_told_once_and_goes_on_from_there(server: Server, client: KubeClient) -> None:
    version = (await client.snapshot(WIDGETS, server.namespace)).version
    waiting = asyncio.create_task(changes(client, server.namespace, version, 20.0))
    await asyncio.sleep(0)
    metadata = {"name": "one", "namespace": server.namespace}
    await client.apply(WIDGETS, {"metadata": metadata, "spec": {"size": 1}})
    news = await waiting
    assert [(one.type, one.object["metadata"]["name"]) for one in news.changes] == [("ADDED", "one")]
    await client.apply(WIDGETS, {"metadata": metadata, "spec": {"size": 2}})
    await client.delete(WIDGETS, "one", server.namespace)
    found: list[str] = []
    while len(found) < 2:
        news = await changes(client, server.namespace, news.version)
        found += [one.type for one in news.changes]
    assert found == ["MODIFIED", "DELETED"]


async def test_where_nothing_happens_the_version_stays_good(server: Server, client: KubeClient) -> None:
    version = (await client.snapshot(WIDGETS, server.namespace)).version
    news = await changes(client, server.namespace, version, 1.0)
    assert news.changes == []
    assert (await changes(client, server.namespace, news.version, 1.0)).changes == []


@pytest.mark.parametrize("as_event", [True, False])
async def test_a_version_that_is_too_old(fake: FakeApi, as_event: bool) -> None:
    fake.gone_as_event = as_event
    fake.put("widgets", {"metadata": {"name": "one", "namespace": "shop"}})
    async with KubeClient(target_of(fake), component="test") as client:
        version = (await client.snapshot(WIDGETS, "shop")).version
        fake.put("widgets", {"metadata": {"name": "two", "namespace": "shop"}})
        fake.expire("widgets")
        with pytest.raises(ExpiredError):
            await changes(client, "shop", version)


async def test_a_connection_that_breaks_is_an_error_and_one_that_ends_is_none(fake: FakeApi) -> None:
    async with KubeClient(target_of(fake), component="test") as client:
        version = (await client.snapshot(WIDGETS, "shop")).version
        fake.script(WATCHES, EndAtOnce(), times=1)
        assert await changes(client, "shop", version) == News([], version)
        fake.script(WATCHES, Reset(), times=1)
        with pytest.raises(ConnectionFailedError):
            await changes(client, "shop", version)
