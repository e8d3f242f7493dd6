"""AgentTypes under lasting trouble, on clusters of their own. Part of `make test-long`."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from outrider.controller.children import _holds
from outrider.controller.definitions import AGENT_TYPES
from outrider.controller.owned import CHILD_KINDS
from outrider.controller.references import read_agent
from outrider.core.errors import ConflictError, NotFoundError, OutriderError
from outrider.kinds.agenttype.manifests import LABEL, kubernetes_manifests
from outrider.kinds.agenttype.pod import Images
from outrider.kinds.agenttype.render import References
from outrider.local.cluster.lifecycle import Cluster
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.objects import KubeObject, read_object
from outrider.ports.kube.resources import CRDS, SERVICES
from tests.controller.chaos import IMAGE, AuditLog, ControllerProcess, Trouble, grant, teach
from tests.controller.support import WITHOUT_PODS
from tests.servers.cluster import RealCluster, why_not

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(1800)]
CHAOS_SECONDS = 150.0
NAMES = [f"agent-{number}" for number in range(30)]


class Scene:
    """A cluster, and two controllers beside it."""

    def __init__(self, cluster: RealCluster, folder: Path) -> None:
        self.real, self.cluster = cluster, Cluster(cluster.name)
        self.audit = AuditLog(self.cluster.layout)
        teach(cluster)
        grant(cluster, ["one", "two"])
        self.controllers = [
            ControllerProcess(cluster, folder, "one"),
            ControllerProcess(cluster, folder, "two", skewed=True),
        ]
        for each in self.controllers:
            each.start()

    @property
    def users(self) -> list[str]:
        """Whom the audit log knows the controllers by."""
        return [one.user for one in self.controllers]

    def close(self) -> None:
        """End the controllers."""
        for one in self.controllers:
            one.close()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    if reason := why_not():
        pytest.skip(reason)
    with RealCluster("--audit") as cluster:
        if not cluster.report:
            pytest.skip("a cluster of somebody else is not to be killed")
        monkeypatch.setenv("XDG_STATE_HOME", cluster.environment["XDG_STATE_HOME"])
        made = Scene(cluster, tmp_path)
        yield made
        made.close()


class Load:
    """Makes, changes and removes AgentTypes, and meddles with their objects, until it is stopped."""

    def __init__(self, client: KubeClient, chance: random.Random) -> None:
        self._client, self._chance = client, chance
        self.accepted = 0

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._once(self._chance.choice(NAMES))
                self.accepted += 1
            except (NotFoundError, ConflictError):
                continue
            except OutriderError:
                await asyncio.sleep(0.5)  # the server is in trouble
            await asyncio.sleep(0.1)

    async def _once(self, name: str) -> None:
        metadata = {"name": name, "namespace": "default"}
        what = self._chance.random()
        if what < 0.75:
            limits = {"requestsPerMinute": self._chance.randint(1, 1000)}
            mode = self._chance.choice(
                [{"mode": "http", "port": 8000}, {"mode": "http", "port": 9000}, {"mode": "job"}]
            )
            spec = {**WITHOUT_PODS, "invocation": mode, "llm": {**WITHOUT_PODS["llm"], "limits": limits}}
            await self._client.apply(AGENT_TYPES, {"metadata": metadata, "spec": spec}, manager="people", force=True)
        elif what < 0.85:
            await self._client.delete(AGENT_TYPES, name, "default")
        else:
            change = {"spec": {"ports": [{"name": "tasks", "port": 81, "targetPort": 1, "protocol": "TCP"}]}}
            await self._client.patch(SERVICES, name, "default", change)


async def settled(client: KubeClient) -> str:
    """Return what is not as it is declared; empty where all is."""
    agents = {one["metadata"]["name"]: read_object(one) for one in await client.list(AGENT_TYPES, "default")}
    live: dict[tuple[str, str], KubeObject] = {}
    there = {item.metadata.uid for item in agents.values()}
    for resource in CHILD_KINDS:
        for one in await client.list(resource, "default", labels=LABEL):
            # What is left of those that are gone the cluster removes in its own time.
            if one["metadata"]["ownerReferences"][0]["uid"] in there:
                live[resource.kind, one["metadata"]["name"]] = read_object(one)
    wanted: set[tuple[str, str]] = set()
    for name, item in agents.items():
        if json.loads(bytes(item.status) or b"{}").get("observedGeneration") != item.metadata.generation:
            return f"{name} was not looked at since it has changed"
        made = kubernetes_manifests(read_agent(item), "default", References(), Images(outrider=IMAGE))
        for content in made.manifests:
            key = (content["kind"], content["metadata"]["name"])
            wanted.add(key)
            if key not in live or not _holds(live[key], content):
                said = json.loads(bytes(item.status) or b"{}").get("message", "")
                return f"{' '.join(key)} of {name} is not as it is declared; its status says: {said}"
    left = live.keys() - wanted
    return f"{min(left)} is wanted by nobody" if left else ""


async def converged(client: KubeClient, seconds: float = 120.0) -> None:
    """Wait until all is as it is declared."""
    end, problem = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        try:
            problem = await settled(client)
        except OutriderError as error:
            problem = error.message
        if not problem:
            return
        await asyncio.sleep(1.0)
    raise AssertionError(f"after {seconds:g} s: {problem}")


async def eventually(look: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not await asyncio.to_thread(look):
        assert time.monotonic() < end, f"{what} did not come about"
        await asyncio.sleep(0.3)


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_fails_all_is_as_declared_and_one_alone_has_written(scene: Scene, seed: int) -> None:
    chance, stop = random.Random(seed), asyncio.Event()
    trouble = Trouble(scene.cluster, scene.controllers, scene.audit, chance)
    async with KubeClient(scene.real.target(), component="people") as client:
        await eventually(lambda: scene.audit.leader() != "", "a leader")
        load = Load(client, random.Random(seed))
        working = asyncio.create_task(load.run(stop))
        end = time.monotonic() + CHAOS_SECONDS
        while time.monotonic() < end:
            await asyncio.sleep(chance.uniform(1.0, 4.0))
            await asyncio.to_thread(trouble.once)
        stop.set()
        await working
        await converged(client)
    told = f"after {trouble.done}, {load.accepted} changes"
    assert load.accepted > 100, told
    assert scene.audit.strangers(scene.users) == [], told
    # A watch that ends costs a look and another watch; a process that starts, one of each kind.
    most = 6 * (len(trouble.done) + sum(one.starts for one in scene.controllers) + 4)
    assert max(scene.audit.followed(scene.users).values()) <= most, told


async def test_a_kind_that_is_taken_away_under_a_watch_comes_back(scene: Scene) -> None:
    name = AGENT_TYPES.title
    async with KubeClient(scene.real.target(), component="people") as client:
        for agent in NAMES[:5]:
            await client.apply(AGENT_TYPES, {"metadata": {"name": agent, "namespace": "default"}, "spec": WITHOUT_PODS})
        await converged(client)
        before = scene.audit.followed(scene.users)
        await client.delete(CRDS, name)
        await eventually(lambda: name not in scene.real.kubectl("get", "crds", "-o", "name"), "the end of the kind")
        await asyncio.sleep(20)
        during = scene.audit.followed(scene.users)
        for controller in ("one", "two"):
            assert during[f"{controller} agenttypes"] - before[f"{controller} agenttypes"] <= 20, "it is not stormed"
        teach(scene.real)
        for agent in NAMES[3:8]:
            await client.apply(AGENT_TYPES, {"metadata": {"name": agent, "namespace": "default"}, "spec": WITHOUT_PODS})
        await converged(client)
        assert scene.audit.strangers(scene.users) == []


async def test_two_who_want_different_things_do_not_write_without_end(scene: Scene) -> None:
    """Somebody who writes a field back each time gets it back each time, and no more often."""
    async with KubeClient(scene.real.target(), component="people") as client:
        await client.apply(AGENT_TYPES, {"metadata": {"name": "agent-0", "namespace": "default"}, "spec": WITHOUT_PODS})
        await converged(client)
        before = scene.audit.writes(scene.users)
        change = {"spec": {"ports": [{"name": "tasks", "port": 81, "targetPort": 1, "protocol": "TCP"}]}}
        for _ in range(20):
            await client.patch(SERVICES, "agent-0", "default", change)
            await asyncio.sleep(0.3)
        await converged(client)
        made = scene.audit.writes(scene.users) - before
        assert made["services/agent-0"] <= 20
        assert set(made) <= {"services/agent-0", "agenttypes/agent-0"}
