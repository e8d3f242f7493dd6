"""What applying a manifest would change, as the server says."""

import msgspec

from outrider.operators.kubernetes.applying import Applied, judge
from outrider.operators.kubernetes.manifests import ManifestParams
from outrider.operators.kubernetes.places import Failure, in_each, places
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class DiffParams(ManifestParams, kw_only=True):
    """Objects that are compared with those of the cluster."""


class DiffResult(msgspec.Struct, kw_only=True):
    """The differences, object by object; values of Secrets are not told.

    Attributes:
        changes: How many objects applying would create or change.
        failed: Clusters and namespaces that gave none, and why.
    """

    changes: int
    items: list[Applied]
    failed: list[Failure] = []


async def run(params: DiffParams, context: Context) -> DiffResult:
    """Compare.

    Raises:
        ConflictError: Fields belong to other managers, or somebody else declares an object.
        InvalidConfigError: The server takes an object for a fault.
    """
    async with places(params, context) as here:
        found, failed = await in_each(here, lambda place: judge(params, place))
    items = [judged.applied for one in found for judged in one]
    return DiffResult(changes=sum(item.action != "unchanged" for item in items), items=items, failed=failed)


OPERATION = Implementation(params=DiffParams, result=DiffResult, run=run, target=lambda params: params.targets())
