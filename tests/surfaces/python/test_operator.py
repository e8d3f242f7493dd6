"""Controllers in a few lines, on a scripted API server and on a real one."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from outrider.api import After, Operator, OutriderError, TerminalError
from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.discovery import find_resource
from outrider.ports.kube.resources import CONFIG_MAPS
from outrider.surfaces.python.operator import BlockingKube, Item, Kube
from tests.ports.kube.conftest import WIDGETS, Server, client, server, until
from tests.ports.kube.test_reflector import QUICK

__all__ = ["client", "server"]
KIND = ("test.outrider.dev/v1", "Widget")


@contextlib.asynccontextmanager
async def serving(operator: Operator, own: KubeClient) -> AsyncIterator[None]:
    task = asyncio.create_task(operator.serve(own))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
        if not task.cancelled() and task.exception() is not None:
            raise task.exception()  # type: ignore[misc]  # there is one


def widget(server: Server, name: str = "one", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": server.namespace}, "spec": spec}


async def found(own: KubeClient, name: str, server: Server) -> dict[str, Any]:
    try:
        return await own.get(CONFIG_MAPS, name, server.namespace)
    except NotFoundError:
        return {}


async def eventually(look: Any) -> None:
    async with asyncio.timeout(10):
        while not await look():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)


async def test_an_object_has_what_it_owns_and_says_how_it_does(server: Server, client: KubeClient) -> None:
    operator = Operator("widgets", namespace=server.namespace, pace=QUICK)

    @operator.controller(*KIND, owns=["v1/ConfigMap"])
    async def sized(item: Item, kube: Kube) -> None:
        data = {"size": str(item.spec["size"])}
        await kube.own({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": item.name}, "data": data})
        if item.spec.get("color"):
            await kube.own(
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{item.name}-color"}, "data": {}}
            )
        await kube.disown_others()
        await kube.status({"size": item.spec["size"]})

    await client.apply(WIDGETS, widget(server, size=1, color="red"))
    async with serving(operator, client):

        async def made() -> bool:
            return (await found(client, "one", server)).get("data") == {"size": "1"} and bool(
                await found(client, "one-color", server)
            )

        await eventually(made)
        await client.apply(WIDGETS, widget(server, size=2))

        async def changed() -> bool:
            item = await client.get(WIDGETS, "one", server.namespace)
            return (
                (await found(client, "one", server)).get("data") == {"size": "2"} and item.get("status") == {"size": 2} and not await found(client, "one-color", server)
            )  # fmt: skip

        await eventually(changed)
        await client.delete(CONFIG_MAPS, "one", server.namespace)
        await eventually(changed)


async def test_a_finalizer_lets_go_when_its_work_is_done(server: Server, client: KubeClient) -> None:
    operator = Operator("widgets", namespace=server.namespace, pace=QUICK)
    elsewhere: set[str] = set()

    @operator.controller(*KIND, finalizer="test.outrider.dev/elsewhere")
    def blocking(item: Item, kube: BlockingKube) -> After | None:
        time.sleep(0.01)
        if item.deleting and item.name in elsewhere:
            elsewhere.discard(item.name)
            return After(0.05)
        if not item.deleting:
            kube.status({"size": 7})
            elsewhere.add(item.name)
        return None

    await client.apply(WIDGETS, widget(server, size=1))
    async with serving(operator, client):
        await until(lambda: elsewhere == {"one"})
        assert (await client.get(WIDGETS, "one", server.namespace))["status"] == {"size": 7}
        await client.delete(WIDGETS, "one", server.namespace)
        await until(lambda: not elsewhere)

        async def gone() -> bool:
            return not await client.list(WIDGETS, server.namespace)

        await eventually(gone)


async def test_what_is_said_twice_in_a_run_wakes_nobody_for_ever(server: Server, client: KubeClient) -> None:
    operator = Operator("widgets", namespace=server.namespace, pace=QUICK)
    runs: list[str] = []

    @operator.controller(*KIND)
    async def phases(item: Item, kube: Kube) -> None:
        runs.append(item.name)
        await kube.status({"size": 1})
        await kube.status({"size": 2})

    await client.apply(WIDGETS, widget(server, size=1))
    async with serving(operator, client):
        await until(lambda: runs == ["one"])
        await asyncio.sleep(0.3)
        assert len(runs) == 1
        assert (await client.get(WIDGETS, "one", server.namespace))["status"] == {"size": 2}


async def test_what_is_of_no_use_is_not_tried_again(server: Server, client: KubeClient) -> None:
    operator = Operator("widgets", namespace=server.namespace, pace=QUICK)
    calls: list[int] = []

    @operator.controller(*KIND)
    async def never(item: Item, kube: Kube) -> None:
        calls.append(item.spec["size"])
        raise TerminalError(InvalidConfigError("spec.size: too big"))

    await client.apply(WIDGETS, widget(server, size=1))
    async with serving(operator, client):
        await until(lambda: calls == [1])
        await asyncio.sleep(0.2)
        assert calls == [1]
        await client.apply(WIDGETS, widget(server, size=2))
        await until(lambda: calls == [1, 2])


async def test_what_it_does_not_own_it_does_not_make(server: Server, client: KubeClient) -> None:
    operator = Operator("widgets", namespace=server.namespace, pace=QUICK)
    told: list[OutriderError] = []

    @operator.controller(*KIND)
    async def wrong(item: Item, kube: Kube) -> None:
        try:
            await kube.own({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": item.name}})
        except OutriderError as error:
            told.append(error)

    await client.apply(WIDGETS, widget(server, size=1))
    async with serving(operator, client):
        await until(lambda: bool(told))
    assert (told[0].message, told[0].hint) == ("this controller owns no v1/Secret", 'write owns=["v1/Secret"]')


async def test_kinds_are_found_as_the_server_has_them(server: Server, client: KubeClient) -> None:
    assert await find_resource(client, *KIND) == WIDGETS
    assert (await find_resource(client, "v1", "ConfigMap")).plural == "configmaps"
    with pytest.raises(NotFoundError, match="has no kind 'Widgit'") as caught:
        await find_resource(client, KIND[0], "Widgit")
    assert caught.value.hint == "did you mean 'Widget'?"
    with pytest.raises(NotFoundError, match=r"nobody\.dev/v1"):
        await find_resource(client, "nobody.dev/v1", "Thing")
    with pytest.raises(InvalidConfigError, match="no API version"):
        await find_resource(client, "a/b/c", "Thing")
