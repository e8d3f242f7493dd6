"""`outrider controller`: what looks after AgentTypes in a Kubernetes cluster."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import msgspec
import yaml

from outrider.controller.chart import chart
from outrider.controller.definitions import AGENT_TYPES, MODEL_PROVIDERS, TOOLS
from outrider.controller.install import NAMESPACE, installation
from outrider.controller.keeper import NAME, SECRET
from outrider.controller.targets import hold_no_longer, let_go
from outrider.core.errors import ConflictError, DeadlineExceededError, NotFoundError
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.errors import KindGoneError
from outrider.ports.kube.kubeconfig import find_target
from outrider.ports.kube.resources import (
    ADMISSION_POLICIES,
    ADMISSION_POLICY_BINDINGS,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CRDS,
    DEPLOYMENTS,
    MUTATING_WEBHOOKS,
    NAMESPACES,
    ROLE_BINDINGS,
    ROLES,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Resource,
)
from outrider.ports.kube.versions import migrate_storage
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.session import ask_for_name, execute, need_terminal
from outrider.surfaces.cli.settings import FINDINGS, interactive, note
from outrider.version import __version__

IMAGE = f"outrider.dev/outrider:{__version__}"
READY_SECONDS = 120.0
POLL_SECONDS = 0.2
# After so long nobody else is taken to be there who lets AgentTypes go.
ALONE_SECONDS = 10.0
_KINDS = {
    one.kind: one
    for one in (
        CRDS,
        NAMESPACES,
        SERVICE_ACCOUNTS,
        CLUSTER_ROLES,
        CLUSTER_ROLE_BINDINGS,
        ROLES,
        ROLE_BINDINGS,
        SECRETS,
        SERVICES,
        MUTATING_WEBHOOKS,
        ADMISSION_POLICIES,
        ADMISSION_POLICY_BINDINGS,
        DEPLOYMENTS,
    )
}


class InstalledObject(msgspec.Struct):
    """An object of the controller, and what became of it: `created`, `configured`, `unchanged` or `removed`."""

    object: str
    state: str


def _options(command: Any) -> Any:
    for option in (
        click.option("--cluster", default="", metavar="CONTEXT", help="Kubernetes context; the current one if absent."),
        click.option("--namespace", default=NAMESPACE, show_default=True, help="Where it runs."),
    ):
        command = option(command)
    return command


def _image_options(command: Any) -> Any:
    for option in (
        click.option("--image", default=IMAGE, show_default=True, help="Of Outrider, for the controller and for what stands beside agents."),
        click.option("--replicas", type=click.IntRange(1, 9), default=1, show_default=True, help="One acts, the others wait."),
        click.option("--pull-policy", type=click.Choice(["IfNotPresent", "Always", "Never"]), default="IfNotPresent", show_default=True, help="Of the image."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.group()
def controller() -> None:
    """Look after AgentTypes in a Kubernetes cluster: install what does, bring it up to date, remove it."""


@controller.command()
@_image_options
@click.option("--namespace", default=NAMESPACE, show_default=True, help="Where it runs.")
def manifests(*, image: str, replicas: int, pull_policy: str, namespace: str) -> int:
    """Print the objects of the controller as YAML, for git or kubectl."""
    made = installation(image, namespace=namespace, replicas=replicas, pull_policy=pull_policy)
    sys.stdout.write(yaml.safe_dump_all(made, sort_keys=False))
    return 0


@controller.command("chart")
@click.argument("folder", type=click.Path(path_type=Path))
def write_chart(*, folder: Path) -> int:
    """Write the Helm chart of the controller into a folder: `helm install outrider FOLDER -n outrider-system --create-namespace`."""
    for name, text in chart(IMAGE).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    return 0


@controller.command()
@_options
@_image_options
@click.option("--wait/--no-wait", default=True, show_default=True, help="Until it is ready.")
@output_option(list[InstalledObject])
def install(
    *, cluster: str, namespace: str, image: str, replicas: int, pull_policy: str, wait: bool, output: Output
) -> int:
    """Install the controller into a cluster, or bring the one that is there to this version; agents go on meanwhile."""
    made = installation(image, namespace=namespace, replicas=replicas, pull_policy=pull_policy)
    done = execute(_install(cluster, made, namespace if wait else ""))
    show(done, output, columns=["object", "state"])
    return 0


# The same, by the name under which one looks for it later.
controller.add_command(install, "upgrade")


@controller.command()
@_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--keep-kinds", is_flag=True, help="Leave the kinds and all AgentTypes, with their pods.")
@output_option(list[InstalledObject])
def uninstall(*, cluster: str, namespace: str, yes: bool, keep_kinds: bool, output: Output) -> int:
    """Remove the controller, and with the kinds all AgentTypes and what runs for them."""
    if not yes:
        if not interactive():
            raise need_terminal("--yes")
        if not ask_for_name(find_target(cluster).name):
            note("nothing was changed")
            return FINDINGS
    show(execute(_uninstall(cluster, namespace, keep_kinds=keep_kinds)), output, columns=["object", "state"])
    return 0


async def _install(cluster: str, made: list[dict[str, Any]], namespace: str) -> list[InstalledObject]:
    async with KubeClient(find_target(cluster), component="install") as client:
        done = [await _apply(client, content) for content in made]
        if namespace:
            await _ready(client, namespace)
            for resource in (AGENT_TYPES, TOOLS, MODEL_PROVIDERS):
                await migrate_storage(client, resource)
        return done


async def _apply(client: KubeClient, content: dict[str, Any]) -> InstalledObject:
    resource, metadata = _KINDS[content["kind"]], content["metadata"]
    if resource == NAMESPACES:
        return await _namespace(client, content)
    before = await _version(client, resource, metadata)
    written = await client.apply(resource, content, force=True)
    state = (
        "created"
        if written.created
        else "unchanged"
        if written.object["metadata"]["resourceVersion"] == before
        else "configured"
    )
    return InstalledObject(_shown(resource, metadata), state)


async def _namespace(client: KubeClient, content: dict[str, Any]) -> InstalledObject:
    """Make the namespace unless it is there: one of somebody else stays as it is, and one that is going is waited for."""
    shown, name = _shown(NAMESPACES, content["metadata"]), content["metadata"]["name"]
    async for _ in _looks():
        try:
            await client.create(NAMESPACES, content)
        except ConflictError:
            if not await _goes(client, name):
                return InstalledObject(shown, "unchanged")
        else:
            return InstalledObject(shown, "created")
    raise DeadlineExceededError(
        f"Namespace {name} is being removed and does not go", found=name, expected="its end",
        suggestions=[f"kubectl get namespace {name} -o jsonpath='{{.status.conditions}}'"],
    )  # fmt: skip


async def _goes(client: KubeClient, namespace: str) -> bool:
    """Return whether a namespace is being removed, or is gone by now."""
    try:
        found = await client.get(NAMESPACES, namespace)
    except NotFoundError:
        return True
    return "deletionTimestamp" in found["metadata"]


async def _is_ours(client: KubeClient, namespace: str) -> bool:
    """Return whether a namespace was made by an installation, and holds nothing but that."""
    try:
        found = await client.get(NAMESPACES, namespace)
    except NotFoundError:
        return False
    return bool(found["metadata"].get("labels", {}).get("app.kubernetes.io/name") == NAME)


async def _version(client: KubeClient, resource: Resource, metadata: dict[str, Any]) -> str:
    try:
        found = await client.get(resource, metadata["name"], metadata.get("namespace", ""))
    except NotFoundError:
        return ""
    return str(found["metadata"]["resourceVersion"])


async def _ready(client: KubeClient, namespace: str) -> None:
    async for _ in _looks():
        found = await client.get(DEPLOYMENTS, NAME, namespace)
        status = found.get("status", {})
        wanted = found["spec"]["replicas"]
        current = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
        if current and wanted == status.get("updatedReplicas", 0) == status.get("availableReplicas", 0) == status.get(
            "replicas", 0
        ):
            return
    raise DeadlineExceededError(
        f"the controller is not ready after {READY_SECONDS:g} s", found=f"Deployment {namespace}/{NAME}", expected="ready pods",
        suggestions=[f"kubectl describe pods -n {namespace}", "is the image in the cluster? outrider cluster load-image FILE"],
    )  # fmt: skip


async def _uninstall(cluster: str, namespace: str, *, keep_kinds: bool) -> list[InstalledObject]:
    async with KubeClient(find_target(cluster), component="install") as client:
        made = installation(IMAGE, namespace=namespace)
        kinds = [one for one in made if one["kind"] == CRDS.kind]
        secret = {"kind": SECRETS.kind, "metadata": {"name": SECRET, "namespace": namespace}}
        # The namespace last, as all else of ours may be in one of somebody else.
        others = sorted([*made[len(kinds) :], secret], key=lambda one: one["kind"] == NAMESPACES.kind)
        if keep_kinds:
            done = await _remove(client, others)
            await _hold_none(client, namespace)
            return done
        # First, so that what belongs to their objects goes while somebody looks after it.
        done = await _remove(client, kinds)
        await _gone(client)
        return done + await _remove(client, others)


async def _remove(client: KubeClient, objects: list[dict[str, Any]]) -> list[InstalledObject]:
    done = []
    for content in objects:
        resource, metadata = _KINDS[content["kind"]], content["metadata"]
        if resource == NAMESPACES and not await _is_ours(client, metadata["name"]):
            continue
        try:
            await client.delete(resource, metadata["name"], metadata.get("namespace", ""), propagation="Foreground")
        except NotFoundError:
            continue
        done.append(InstalledObject(_shown(resource, metadata), "removed"))
    return done


async def _hold_none(client: KubeClient, namespace: str) -> None:
    """Have AgentTypes that stay be held by nobody, once the controller is gone, which would hold them again."""
    with suppress(NotFoundError):
        async for _ in _looks():
            await client.get(DEPLOYMENTS, NAME, namespace)
    with suppress(KindGoneError):
        await hold_no_longer(client)


async def _gone(client: KubeClient) -> None:
    """Wait until the kind has gone with all AgentTypes; those that no controller lets go are let go from here."""
    async for waited in _looks():
        try:
            await client.get(CRDS, AGENT_TYPES.title)
        except NotFoundError:
            return
        if waited > ALONE_SECONDS:
            with suppress(KindGoneError):
                await let_go(client)
    raise DeadlineExceededError("AgentTypes are left", suggestions=["kubectl get agenttypes --all-namespaces"])


async def _looks() -> AsyncIterator[float]:
    """Yield for how long it was waited, from time to time until that is too long."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while (waited := loop.time() - began) < READY_SECONDS:
        yield waited
        await asyncio.sleep(POLL_SECONDS)


def _shown(resource: Resource, metadata: dict[str, Any]) -> str:
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{resource.kind} {place}{metadata['name']}"
