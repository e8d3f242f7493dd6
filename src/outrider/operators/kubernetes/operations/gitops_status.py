"""What Argo CD and Flux bring from git into clusters, and how far they are."""

import asyncio
from typing import Any

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.kubernetes.deliveries import DELIVERERS, Source, served, sources_of
from outrider.operators.kubernetes.edits import Live
from outrider.operators.kubernetes.kinds import target_of_object
from outrider.operators.kubernetes.places import ALL, Failure, NamespaceNames, Place, Places, in_each, places
from outrider.operators.kubernetes.progress import commit_of, progress_of
from outrider.ports.kube.catalogue import ServedKind
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class GitopsStatusParams(Places, kw_only=True):
    """Where to look.

    Attributes:
        namespace: Namespaces with commas between them; all if not given.
    """

    namespace: NamespaceNames = ALL


class Delivery(msgspec.Struct, kw_only=True):
    """An Application, Kustomization or HelmRelease.

    Attributes:
        repository: Where it has its objects from; several with commas between them.
        follows: Branch, tag or version; the repository's own first branch if empty.
        path: Folder in the repository, or the chart of Helm.
        revision: Commit, or version of the chart, that it is at.
        sync: Synced, OutOfSync, Progressing, Failed, Suspended or Unknown.
        health: Of the objects; empty where nobody looks at it.
        message: What it says of what is not as it should be.
    """

    cluster: str
    namespace: str
    target: str
    repository: str
    follows: str
    path: str
    revision: str
    sync: str
    health: str
    message: str


class GitopsStatusResult(msgspec.Struct, kw_only=True):
    """All of them.

    Attributes:
        failed: Clusters and namespaces that gave none, and why.
    """

    items: list[Delivery]
    failed: list[Failure] = []


async def run(params: GitopsStatusParams, context: Context) -> GitopsStatusResult:
    """Ask the clusters.

    Raises:
        NotFoundError: The cluster has neither Argo CD nor Flux.
    """
    async with places(params, context, every=True) as here:
        found, failed = await in_each(here, _read)
    return GitopsStatusResult(items=[one for ones in found for one in ones], failed=failed)


async def _read(place: Place) -> list[Delivery]:
    kinds = [kind for name in DELIVERERS if (kind := await served(place, name)) is not None]
    if not kinds:
        raise NotFoundError(
            f"cluster {place.cluster.name} has neither Argo CD nor Flux", found="none of their kinds", expected=", ".join(DELIVERERS),
            suggestions=["ask the cluster from which this one is managed: --cluster"],
        )  # fmt: skip
    listed = await asyncio.gather(*(place.client.list(kind.resource, place.searched) for kind in kinds))
    return await asyncio.gather(
        *(_row(place, kind, one) for kind, ones in zip(kinds, listed, strict=True) for one in ones)
    )


async def _row(place: Place, kind: ServedKind, found: dict[str, Any]) -> Delivery:
    live = Live(place, kind, found)
    progress, message = progress_of(found), ""
    try:
        sources = await sources_of(live)
    except NotFoundError as error:
        sources, message = [Source(repository="")], error.message
    return Delivery(
        cluster=place.cluster.name,
        namespace=live.object["metadata"]["namespace"],
        target=target_of_object(found),
        repository=", ".join(dict.fromkeys(one.repository for one in sources)),
        follows=", ".join(dict.fromkeys(one.revision for one in sources)),
        path=", ".join(one.chart or one.path for one in sources),
        revision=", ".join(map(commit_of, progress.revisions)),
        sync=progress.sync,
        health=progress.health,
        message="; ".join(filter(None, [progress.message, message, *(one.message for one in sources)])),
    )


OPERATION = Implementation(
    params=GitopsStatusParams,
    result=GitopsStatusResult,
    run=run,
    target=lambda _: tuple(f"{kind}/*" for kind in DELIVERERS),
)
