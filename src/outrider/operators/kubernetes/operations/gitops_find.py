"""Where in git an object of the cluster is declared."""

import msgspec

from outrider.operators.kubernetes.deliveries import Source, deliverer_or_itself, sources_of
from outrider.operators.kubernetes.edits import Live, read_live
from outrider.operators.kubernetes.kinds import target_of_object
from outrider.operators.kubernetes.places import Failure, Place, TargetInPlaces, in_each, places
from outrider.operators.kubernetes.progress import commit_of, progress_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class GitopsFindParams(TargetInPlaces, kw_only=True):
    """Which object."""


class Found(msgspec.Struct, kw_only=True):
    """Where it is declared.

    Attributes:
        deliverer: Who brings it into the cluster.
        repository: Its address.
        follows: Branch, tag or version; the repository's own first branch if empty.
        path: Folder in the repository.
        chart: Of Helm, where that makes the object.
        revision: Commit, or version of the chart, that is in the cluster.
    """

    cluster: str
    namespace: str
    deliverer: str
    repository: str
    follows: str
    path: str
    chart: str
    revision: str


class GitopsFindResult(msgspec.Struct, kw_only=True):
    """Where it is declared, place by place; `namespace` is that of the deliverer.

    Attributes:
        failed: Clusters and namespaces that gave none, and why.
    """

    items: list[Found]
    failed: list[Failure] = []


async def run(params: GitopsFindParams, context: Context) -> GitopsFindResult:
    """Ask the cluster; no repository is read.

    Raises:
        NotFoundError: It is not there, or what names the repository is not.
        InvalidConfigError: Neither Argo CD nor Flux declares it.
        ConflictError: Several Applications could be meant.
    """
    async with places(params, context) as here:
        found, failed = await in_each(here, lambda place: _find(params.target, place))
    return GitopsFindResult(items=[one for ones in found for one in ones], failed=failed)


async def _find(target: str, place: Place) -> list[Found]:
    deliverer = await deliverer_or_itself(await read_live(target, place))
    return [_found(deliverer, one) for one in await sources_of(deliverer)]


def _found(deliverer: Live, source: Source) -> Found:
    return Found(
        cluster=deliverer.place.cluster.name,
        namespace=deliverer.object["metadata"]["namespace"],
        deliverer=target_of_object(deliverer.object),
        repository=source.repository,
        follows=source.revision,
        path=source.path,
        chart=source.chart,
        revision=", ".join(map(commit_of, progress_of(deliverer.object).revisions)),
    )


OPERATION = Implementation(
    params=GitopsFindParams, result=GitopsFindResult, run=run, target=lambda params: params.target
)
