"""What the examples find in their namespace: a Deployment with a history, a Service, settings, a canary, releases."""

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from outrider.delivery.stages import Progress
from outrider.operators.kubernetes.bindings import GrantParams
from outrider.operators.kubernetes.canaries import TRACK, beside, template_of
from outrider.operators.kubernetes.tests.deliveries import APPLICATIONS, application, define, repository, tracked
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, ROLE_BINDINGS, SECRETS, SERVICES
from tests.servers.images import BUSYBOX

CHART = Path(__file__).parent / "chart"
_DELIVERED: dict[str, Any] = {"metadata": {"name": "delivered"}, "data": {"level": "info"}}


async def set_up(client: KubeClient, namespace: str, url: str, helm: Callable[..., str]) -> None:
    """Have the namespace be as the examples expect it; what earlier ones have changed is set back."""
    await _filled(client, namespace)
    for name in ("web", "paired-green"):
        await _ready(client, name, namespace)
    await _delivered(client, namespace, url)
    await _released(client, namespace, helm)


@cache
def declared() -> Path:
    """Return a repository that declares what is in the namespace."""
    folder = Path(tempfile.mkdtemp(prefix="outrider-"))
    atexit.register(shutil.rmtree, folder)
    web = {"apiVersion": "apps/v1", "kind": "Deployment", **deployment()}
    delivered = {"apiVersion": "v1", "kind": "ConfigMap", **_DELIVERED}
    return repository(folder, {"apps/web.yaml": yaml.safe_dump(web), "apps/delivered.yaml": yaml.safe_dump(delivered)})


def deployment(name: str = "web", *, replicas: int = 1, level: str = "info", **spec: Any) -> dict[str, Any]:
    """Return a Deployment whose pods say something and wait."""
    command = ["sh", "-c", "echo serving; trap exit TERM; while true; do sleep 1; done"]
    container = {
        "name": "web", "image": BUSYBOX, "command": command, "env": [{"name": "LEVEL", "value": level}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
    }  # fmt: skip
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{**container, **spec}]},
    }
    return {
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


async def _ready(client: KubeClient, name: str, namespace: str) -> None:
    while True:
        found = await client.get(DEPLOYMENTS, name, namespace)
        if (found.get("status") or {}).get("availableReplicas"):
            return
        await asyncio.sleep(0.1)


async def _filled(client: KubeClient, namespace: str) -> None:
    """Have a Deployment with a history, a Service and settings."""
    place = {"namespace": namespace}
    first = await client.apply(NAMESPACES, {"metadata": {"name": namespace}})
    wanted = deployment()
    wanted["metadata"].update(place)
    wanted["spec"]["template"]["metadata"]["labels"]["tenant"] = namespace
    if first.created:
        older = deployment(level="debug")
        older["metadata"].update(place)
        older["spec"]["template"]["metadata"]["labels"]["tenant"] = namespace
        await client.apply(DEPLOYMENTS, older)
        await client.apply(DEPLOYMENTS, wanted, force=True)
        service = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
        await client.apply(SERVICES, {"metadata": {"name": "web", **place}, "spec": service})
        await client.apply(CONFIG_MAPS, {"metadata": {"name": "settings", **place}, "data": {"level": "info"}})
    wanted["spec"]["paused"] = False
    await client.apply(DEPLOYMENTS, wanted, force=True)
    await _with_canary(client, place)
    await _with_pair(client, place)
    await client.apply(CONFIG_MAPS, {"metadata": {"name": "old", **place}, "data": {"key": "value"}})
    granted = GrantParams(role="clusterrole/edit", subject="user/ben")
    await client.apply(ROLE_BINDINGS, granted.wanted(namespace))


async def _with_canary(client: KubeClient, place: dict[str, str]) -> None:
    """Have a Deployment whose canary was frozen."""
    wanted = deployment("delivered", replicas=0)
    wanted["metadata"].update(place)
    stable = (await client.apply(DEPLOYMENTS, wanted)).object
    progress = Progress(version="1", phase="frozen", reason="nothing certain")
    await client.apply(DEPLOYMENTS, beside(stable, "canary", template_of(stable), 0, progress))


async def _with_pair(client: KubeClient, place: dict[str, str]) -> None:
    """Have two Deployments with a pod each, and a Service that leads to the first."""
    for name, track in (("paired", "blue"), ("paired-green", "green")):
        wanted = deployment(name)
        wanted["metadata"].update(place)
        labels = {"app": "paired", TRACK: track}
        wanted["spec"]["selector"]["matchLabels"] = labels
        wanted["spec"]["template"]["metadata"]["labels"] = labels
        await client.apply(DEPLOYMENTS, wanted, force=True)
    spec = {"selector": {"app": "paired", TRACK: "blue"}, "ports": [{"port": 80}]}
    await client.apply(SERVICES, {"metadata": {"name": "paired", **place}, "spec": spec}, force=True)


async def _delivered(client: KubeClient, namespace: str, url: str) -> None:
    """Have what Argo CD has brought into the namespace from a repository."""
    marks = tracked(f"{namespace}_shop", "/ConfigMap", namespace, "delivered")
    metadata = {**_DELIVERED["metadata"], "namespace": namespace, "annotations": marks}
    written = await client.apply(CONFIG_MAPS, {**_DELIVERED, "metadata": metadata})
    if written.created:
        await define(client)
    shop = application("shop", url)
    shop["metadata"]["namespace"] = namespace
    await client.apply(APPLICATIONS, shop, force=True)


async def _released(client: KubeClient, namespace: str, helm: Callable[..., str]) -> None:
    """Have the releases that the examples name: `info` with two revisions, `gone`, and none that is called `new`."""
    status: dict[str, dict[int, str]] = {}
    for one in await client.list(SECRETS, namespace, labels="owner=helm"):
        labels = one["metadata"]["labels"]
        status.setdefault(labels["name"], {})[int(labels["version"])] = labels["status"]
    for name, revisions in status.items():
        if name == "new" or revisions[max(revisions)] not in ("deployed", "failed"):
            helm("uninstall", name, "--namespace", namespace)
            revisions.clear()
    for name, wanted in (("info", 2), ("gone", 1)):
        for _ in range(wanted - len(status.get(name, ()))):
            helm("upgrade", "--install", name, str(CHART), "--namespace", namespace)
