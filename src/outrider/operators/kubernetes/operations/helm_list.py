"""The releases of Helm, read from what Helm keeps of them."""

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.kubernetes.helm_records import Record
from outrider.operators.kubernetes.helm_releases import Revision, all_revisions, records_of, repair
from outrider.operators.kubernetes.places import Failure, Place, Places, in_each, places
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class HelmListParams(Places, kw_only=True):
    """Where the releases are."""


class ReleaseLine(msgspec.Struct, kw_only=True):
    """A release at its newest revision.

    Attributes:
        updated: When that was made.
        repair: What mends a release that was left in the middle of a change, where no helm is at work on it.
        fault: Why its record cannot be read.
    """

    cluster: str
    namespace: str
    name: str
    revision: int
    status: str
    chart: str = ""
    app_version: str = ""
    updated: str = ""
    repair: str = ""
    fault: str = ""


class HelmListResult(msgspec.Struct, kw_only=True):
    """The releases, place by place.

    Attributes:
        failed: Clusters and namespaces that gave none, and why.
    """

    items: list[ReleaseLine]
    failed: list[Failure] = []


async def run(params: HelmListParams, context: Context) -> HelmListResult:
    """Read them.

    Raises:
        UnsupportedError: Helm keeps its releases elsewhere.
    """
    async with places(params, context, every=True) as here:
        found, failed = await in_each(here, _read)
    return HelmListResult(items=[line for lines in found for line in lines], failed=failed)


async def _read(place: Place) -> list[ReleaseLine]:
    releases = {revisions[0].uid: revisions for revisions in (await all_revisions(place)).values()}
    newest = await records_of([revisions[0] for revisions in releases.values()])
    return [_line(revision, record, repair(releases[revision.uid])) for revision, record in newest]


def _line(revision: Revision, record: Record | UnsupportedError, command: str) -> ReleaseLine:
    line = ReleaseLine(
        cluster=revision.place.cluster.name, namespace=revision.namespace, name=revision.release, revision=revision.number,
        status=revision.status, repair=command,
    )  # fmt: skip
    if isinstance(record, UnsupportedError):
        line.fault = record.message
    else:
        line.chart, line.app_version = record.chart_title, record.metadata.app_version
        line.updated = record.info.last_deployed
    return line


OPERATION = Implementation(params=HelmListParams, result=HelmListResult, run=run, target=lambda _: "release/*")
