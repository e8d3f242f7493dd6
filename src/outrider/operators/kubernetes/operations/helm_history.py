"""The revisions of a release of Helm."""

import msgspec

from outrider.core.errors import UnsupportedError
from outrider.operators.kubernetes.helm_records import Record
from outrider.operators.kubernetes.helm_releases import (
    ReleaseParams,
    Revision,
    records_of,
    repair,
    revisions_of,
)
from outrider.operators.kubernetes.places import Failure, Place, in_each, places
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class HelmHistoryParams(ReleaseParams, kw_only=True):
    """Of which release."""


class RevisionLine(msgspec.Struct, kw_only=True):
    """A revision.

    Attributes:
        updated: When it was made.
        repair: What mends a release that was left in the middle of a change, where no helm is at work on it.
        fault: Why its record cannot be read.
    """

    cluster: str
    namespace: str
    revision: int
    status: str
    chart: str = ""
    app_version: str = ""
    updated: str = ""
    description: str = ""
    repair: str = ""
    fault: str = ""


class HelmHistoryResult(msgspec.Struct, kw_only=True):
    """The revisions, place by place, the newest first.

    Attributes:
        failed: Clusters and namespaces that gave none, and why.
    """

    items: list[RevisionLine]
    failed: list[Failure] = []


async def run(params: HelmHistoryParams, context: Context) -> HelmHistoryResult:
    """Read them.

    Raises:
        NotFoundError: There is no such release.
    """
    async with places(params, context) as here:
        found, failed = await in_each(here, lambda place: _read(params, place))
    return HelmHistoryResult(items=[line for lines in found for line in lines], failed=failed)


async def _read(params: HelmHistoryParams, place: Place) -> list[RevisionLine]:
    revisions = await revisions_of(place, params.release)
    lines = [_line(revision, record) for revision, record in await records_of(revisions)]
    lines[0].repair = repair(revisions)
    return lines


def _line(revision: Revision, record: Record | UnsupportedError) -> RevisionLine:
    line = RevisionLine(
        cluster=revision.place.cluster.name,
        namespace=revision.namespace,
        revision=revision.number,
        status=revision.status,
    )
    if isinstance(record, UnsupportedError):
        line.fault = record.message
    else:
        line.chart, line.app_version = record.chart_title, record.metadata.app_version
        line.updated, line.description = record.info.last_deployed, record.info.description
    return line


OPERATION = Implementation(
    params=HelmHistoryParams, result=HelmHistoryResult, run=run, target=lambda params: params.target
)
