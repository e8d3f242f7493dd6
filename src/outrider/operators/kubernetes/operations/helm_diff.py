"""What an upgrade of a release of Helm would change, object by object."""

import msgspec

from outrider.operators.kubernetes.applying import Applied
from outrider.operators.kubernetes.helm_changes import Foreseen
from outrider.operators.kubernetes.helm_charts import UpgradeParams
from outrider.operators.kubernetes.helm_upgrades import foresee
from outrider.operators.kubernetes.places import Failure, in_each, places
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class HelmDiffParams(UpgradeParams, kw_only=True):
    """What the release is compared with."""


class HelmDiffResult(msgspec.Struct, kw_only=True):
    """The differences, the release itself and object by object; values of Secrets are not told.

    Attributes:
        changes: How many objects the upgrade would create, change or delete.
        failed: Clusters and namespaces that gave none, and why.
    """

    changes: int
    items: list[Applied]
    failed: list[Failure] = []


async def run(params: HelmDiffParams, context: Context) -> HelmDiffResult:
    """Compare.

    Raises:
        MissingRequirementError: There is no helm.
        NotFoundError: There is no such release.
        ConflictError: The release is in the middle of a change or declared by git, or an object belongs to somebody else.
    """
    async with places(params, context) as here:
        found, failed = await in_each(here, lambda place: foresee(params, place, context))
    changes = sum(item.action != "unchanged" for one in found for item in one.items)
    items = [item for one in found for item in (_release(params, one), *one.items)]
    return HelmDiffResult(changes=changes, items=items, failed=failed)


def _release(params: HelmDiffParams, found: Foreseen) -> Applied:
    return Applied(
        cluster=found.place.cluster.name, namespace=found.place.namespace, target=params.target, action="changed",
        difference=found.difference, warnings=found.warnings,
    )  # fmt: skip


OPERATION = Implementation(params=HelmDiffParams, result=HelmDiffResult, run=run, target=lambda params: params.target)
