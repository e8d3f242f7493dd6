"""What a release of Helm consists of: values, objects, notes."""

from typing import Annotated, Any, Literal

import msgspec

from outrider.core.masking import mask_fields, mask_text
from outrider.operators.kubernetes.helm_records import objects_of
from outrider.operators.kubernetes.helm_releases import ReleaseParams, find_revision, revisions_of
from outrider.operators.kubernetes.places import Failure, Place, in_each, places
from outrider.operators.kubernetes.shown import shown
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class HelmGetParams(ReleaseParams, kw_only=True):
    """Of which release, and what of it.

    Attributes:
        revision: As helm_history lists them; the newest if 0.
        part: Only this of it.
    """

    revision: Annotated[int, msgspec.Meta(ge=0)] = 0
    part: Literal["all", "values", "manifest", "notes"] = "all"


class ReleaseContent(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A revision of a release.

    Attributes:
        values: Those that were given; what by its name looks like a secret is not told.
        manifest: Its objects as the chart has them; the values of Secrets are not told.
        hooks: What runs at which moment.
    """

    cluster: str
    namespace: str
    name: str
    revision: int
    status: str
    chart: str
    values: dict[str, Any] | None = None
    manifest: list[dict[str, Any]] | None = None
    hooks: list[str] | None = None
    notes: str | None = None


class HelmGetResult(msgspec.Struct, kw_only=True):
    """The release, place by place.

    Attributes:
        failed: Clusters and namespaces that gave none, and why.
    """

    items: list[ReleaseContent]
    failed: list[Failure] = []


async def run(params: HelmGetParams, context: Context) -> HelmGetResult:
    """Read it.

    Raises:
        NotFoundError: There is no such release, or revision.
        UnsupportedError: Its record cannot be read.
    """
    async with places(params, context) as here:
        items, failed = await in_each(here, lambda place: _read(params, place))
    return HelmGetResult(items=items, failed=failed)


async def _read(params: HelmGetParams, place: Place) -> ReleaseContent:
    revision = find_revision(await revisions_of(place, params.release), params.revision)
    record = await revision.record()
    content = ReleaseContent(
        cluster=place.cluster.name, namespace=place.namespace, name=params.release, revision=revision.number,
        status=revision.status, chart=record.chart_title,
    )  # fmt: skip
    if params.part in ("all", "values"):
        content.values = mask_fields(record.config or {})
    if params.part in ("all", "manifest"):
        content.manifest = [shown(one) for one in objects_of(record.manifest)]
        content.hooks = record.hooks_of(
            *dict.fromkeys(event for hook in record.hooks or () for event in hook.events or ())
        )
    if params.part in ("all", "notes"):
        content.notes = mask_text(record.info.notes.strip())
    return content


OPERATION = Implementation(params=HelmGetParams, result=HelmGetResult, run=run, target=lambda params: params.target)
