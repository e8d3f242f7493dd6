"""The engine where much happens at once. Part of `make test-long`."""

import asyncio
import json
import sys
from typing import Any

import pytest

from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.controller import After, Controller, Work
from outrider.ports.kube.kubeconfig import Cluster, Target, User
from outrider.ports.kube.manager import Manager
from outrider.ports.kube.reflector import Pace
from tests.ports.kube.conftest import WIDGETS, target_of, until
from tests.ports.kube.test_reflector import LISTS, following, widget
from tests.servers.kube_api.faults import WATCHES
from tests.servers.kube_api.server import FakeApi

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(300)]


@pytest.mark.parametrize("as_event", [True, False])
async def test_a_storm_of_versions_that_are_too_old_is_met_with_patience(fake: FakeApi, as_event: bool) -> None:
    """Ten times a second all is forgotten and all connections are cut, while objects come, change and go."""
    fake.gone_as_event = as_event
    for number in range(200):
        fake.put("widgets", widget(f"w{number}"))
    async with KubeClient(target_of(fake), component="test") as client, following(client, pace=Pace()) as followed:
        for turn in range(100):
            for number in range(10):
                fake.put("widgets", widget(f"w{(turn * 7 + number) % 250}", size=turn))
            fake.remove("widgets", "shop", f"w{(turn * 7) % 250}")
            fake.expire("widgets")
            fake.cut()
            await asyncio.sleep(0.1)
        wanted = {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in fake.objects("widgets")}

        def seen() -> dict[str, str]:
            return {one.metadata.name: one.metadata.resource_version for one in followed.informer.cache}

        await until(lambda: seen() == wanted, 60)
        # In ten seconds with pauses that grow from the first on: some tens of times, and not as often as it was cut.
        assert len(fake.seen(LISTS)) + len(fake.seen(WATCHES)) <= 60
        last = {}
        for change in followed.changes:
            last[change.key] = change.type
        assert {key for key, kind in last.items() if kind != "deleted"} == {f"shop/{name}" for name in wanted}


async def test_two_thousand_changes_a_second_are_followed_and_none_is_missed() -> None:
    command = (sys.executable, "-m", "tests.servers.kube_api.busy")
    server = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=16 << 20
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        url = json.loads(await server.stdout.readline())["url"]
        reconciled: dict[str, str] = {}
        async with KubeClient(Target("busy", Cluster(server=url), User(token="t")), component="test") as client:
            manager = Manager(client)
            informer = manager.informer(WIDGETS)

            async def reconcile(work: Work) -> After | None:
                item = informer.cache.get(work.key)
                assert item is not None
                reconciled[item.metadata.name] = item.metadata.resource_version
                return None

            controller = manager.add(Controller("widgets", reconcile))
            controller.follow(informer)
            running = asyncio.create_task(manager.run())
            await until(lambda: len(reconciled) == 10_000, 60)
            server.stdin.write(b"go\n")
            told: dict[str, Any] = json.loads(await server.stdout.readline())
            assert told["changes"] == 30_000
            print(f"{told['changes'] / told['seconds']:.0f} changes a second")
            await until(lambda: reconciled == told["versions"], 30)
            assert informer.reflector.relists == 0, "it never fell so far behind that it had to begin anew"
            running.cancel()
            await asyncio.wait((running,))
    finally:
        server.kill()
        await server.wait()
