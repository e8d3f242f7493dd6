"""Workers look at every object that may need it, one at a time each, and again after a failure."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from outrider.core.errors import ExecutionFailedError, InvalidConfigError
from outrider.core.machines.work_queue import Pace as QueuePace
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.controller import After, Controller, TerminalError, Work, generation_changed, owner_keys
from outrider.ports.kube.manager import Manager
from outrider.ports.kube.metrics import ControllerMetrics
from outrider.ports.kube.resources import CONFIG_MAPS
from outrider.ports.telemetry import Metrics
from tests.ports.kube.conftest import WIDGETS, Server, target_of, until
from tests.ports.kube.test_reflector import QUICK
from tests.servers.kube_api.server import FakeApi


def widget(name: str, size: int = 1, namespace: str = "shop") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"size": size}}


@contextlib.asynccontextmanager
async def running(manager: Manager) -> AsyncIterator[None]:
    task = asyncio.create_task(manager.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


@pytest.fixture
async def caller(fake: FakeApi) -> AsyncIterator[KubeClient]:
    async with KubeClient(target_of(fake), component="test") as one:
        yield one


async def test_children_are_made_kept_and_mended(server: Server, client: KubeClient) -> None:
    manager = Manager(client, pace=QUICK)
    widgets, maps = manager.informer(WIDGETS), manager.informer(CONFIG_MAPS)

    async def reconcile(work: Work) -> None:
        item = widgets.cache.get(work.key)
        if item is None or item.metadata.namespace != server.namespace:
            return
        metadata = item.metadata
        owner = {
            "apiVersion": WIDGETS.api_version, "kind": "Widget", "name": metadata.name, "uid": metadata.uid, "controller": True, "blockOwnerDeletion": True,
        }  # fmt: skip
        child = {"name": f"{metadata.name}-child", "namespace": metadata.namespace, "ownerReferences": [owner]}
        await client.apply(CONFIG_MAPS, {"metadata": child, "data": {"spec": bytes(item.spec).decode()}})

    controller = manager.add(Controller("widgets", reconcile))
    controller.follow(widgets)
    controller.follow(maps, owner_keys(WIDGETS))
    await client.apply(WIDGETS, widget("one", namespace=server.namespace))
    key = f"{server.namespace}/one-child"
    async with running(manager):
        await until(lambda: key in maps.cache)
        await client.apply(WIDGETS, widget("one", 2, server.namespace))
        await until(lambda: (found := maps.cache.get(key)) is not None and b":2" in bytes(found.data))
        old = maps.cache.get(key)
        await client.delete(CONFIG_MAPS, "one-child", server.namespace)
        await until(
            lambda: (found := maps.cache.get(key)) is not None and found.metadata.uid != (old and old.metadata.uid)
        )
        await client.patch(CONFIG_MAPS, "one-child", server.namespace, {"data": {"other": "stays"}})
        await until(lambda: (found := maps.cache.get(key)) is not None and b"other" in bytes(found.data))
        assert b":2" in bytes(maps.cache.get(key).data)  # type: ignore[union-attr]  # it was there just now


async def test_what_fails_is_tried_again_and_what_is_of_no_use_is_not(fake: FakeApi, caller: KubeClient) -> None:
    manager = Manager(caller, pace=QUICK)
    widgets = manager.informer(WIDGETS)
    seen: list[str] = []

    async def reconcile(work: Work) -> None:
        seen.append(work.key)
        if work.key == "shop/never":
            raise TerminalError(InvalidConfigError("spec.size: too big"))
        if work.key == "shop/later" and seen.count(work.key) < 4:
            raise ExecutionFailedError("not yet")
        if work.key == "shop/broken" and seen.count(work.key) < 2:
            raise ZeroDivisionError

    controller = manager.add(Controller("widgets", reconcile, pace=QueuePace(base=0.01)))
    controller.follow(widgets)
    for name in ("never", "later", "broken", "fine"):
        fake.put("widgets", widget(name))
    async with running(manager):
        await until(lambda: seen.count("shop/later") == 4 and seen.count("shop/broken") == 2)
        await asyncio.sleep(0.1)
        assert (seen.count("shop/never"), seen.count("shop/fine"), controller.queue.failures("shop/later")) == (1, 1, 0)
        fake.put("widgets", widget("never", 2))
        await until(lambda: seen.count("shop/never") == 2)


async def test_an_object_is_looked_at_again_after_a_time_and_one_that_hangs_is_given_up(
    fake: FakeApi, caller: KubeClient
) -> None:
    manager = Manager(caller, pace=QUICK)
    widgets = manager.informer(WIDGETS)
    seen: list[str] = []

    async def reconcile(work: Work) -> After | None:
        seen.append(work.key)
        if work.key == "shop/hangs" and seen.count(work.key) == 1:
            await asyncio.sleep(60)
        return After(0.05) if work.key == "shop/again" and seen.count(work.key) < 3 else None

    manager.add(Controller("widgets", reconcile, workers=2, timeout=0.2)).follow(widgets)
    for name in ("again", "hangs"):
        fake.put("widgets", widget(name))
    async with running(manager):
        await until(lambda: seen.count("shop/again") == 3 and seen.count("shop/hangs") == 2)


async def test_no_object_is_worked_at_by_two_and_many_changes_cost_one_more_run(
    fake: FakeApi, caller: KubeClient
) -> None:
    manager = Manager(caller, pace=QUICK)
    widgets = manager.informer(WIDGETS)
    at_work: set[str] = set()
    runs = 0

    async def reconcile(work: Work) -> None:
        nonlocal runs
        assert work.key not in at_work
        at_work.add(work.key)
        runs += 1
        await asyncio.sleep(0.1)
        at_work.discard(work.key)

    manager.add(Controller("widgets", reconcile)).follow(widgets)
    fake.put("widgets", widget("one"))
    async with running(manager):
        await until(lambda: runs == 1)
        for size in range(2, 30):
            fake.put("widgets", widget("one", size))
            await asyncio.sleep(0)
        await until(lambda: runs == 2)
        await asyncio.sleep(0.3)
        assert runs <= 3


async def test_a_change_now_comes_before_what_was_there_at_the_start(fake: FakeApi, caller: KubeClient) -> None:
    manager = Manager(caller, pace=QUICK)
    widgets = manager.informer(WIDGETS)
    order: list[str] = []

    async def reconcile(work: Work) -> None:
        order.append(work.key)
        await asyncio.sleep(0.005)

    manager.add(Controller("widgets", reconcile, workers=1)).follow(widgets)
    for number in range(200):
        fake.put("widgets", widget(f"w{number:03}"))
    async with running(manager):
        await until(lambda: len(order) > 3)
        fake.put("widgets", widget("now"))
        await until(lambda: "shop/now" in order)
        assert order.index("shop/now") < 30


async def test_only_what_is_wanted_counts_where_that_is_asked_for(server: Server, client: KubeClient) -> None:
    manager = Manager(client, pace=QUICK)
    widgets = manager.informer(WIDGETS)
    seen: list[str] = []

    async def reconcile(work: Work) -> None:
        seen.append(work.key)

    manager.add(Controller("widgets", reconcile)).follow(widgets, when=generation_changed)
    await client.apply(WIDGETS, widget("one", namespace=server.namespace))
    key = f"{server.namespace}/one"
    async with running(manager):
        await until(lambda: seen.count(key) == 1)
        status = {"metadata": {"name": "one", "namespace": server.namespace}, "status": {"size": 1}}
        before = widgets.cache.get(key)
        await client.apply(WIDGETS, status, part="status")
        await until(lambda: widgets.cache.get(key) is not before)
        await asyncio.sleep(0.05)
        assert seen.count(key) == 1
        await client.apply(WIDGETS, widget("one", 2, server.namespace))
        await until(lambda: seen.count(key) == 2)


async def test_it_is_counted_under_the_names_that_dashboards_know(fake: FakeApi, caller: KubeClient) -> None:
    metrics = Metrics(enabled=True)
    manager = Manager(caller, pace=QUICK, metrics=(counted := ControllerMetrics(metrics)))
    widgets = manager.informer(WIDGETS)

    async def reconcile(work: Work) -> None:
        if work.key == "shop/bad":
            raise TerminalError(InvalidConfigError("no"))

    manager.add(Controller("widgets", reconcile, metrics=counted)).follow(widgets)
    fake.put("widgets", widget("good"))
    fake.put("widgets", widget("bad"))
    async with running(manager):
        await until(
            lambda: (
                b'controller_runtime_terminal_reconcile_errors_total{controller="widgets"} 1.0'
                in metrics.render_metrics()
            )
        )
        assert manager.problems() == []
        manager.measure()
        text = metrics.render_metrics().decode()
    for line in (
        'controller_runtime_reconcile_total{controller="widgets",result="success"} 1.0', 'workqueue_depth{controller="widgets",name="widgets"} 0.0',
        'outrider_kube_objects{resource="widgets.test.outrider.dev"} 2.0', 'workqueue_adds_total{controller="widgets",name="widgets"} 2.0',
    ):  # fmt: skip
        assert line in text
