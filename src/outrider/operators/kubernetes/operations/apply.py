"""Objects as a manifest wants them, by server-side apply: fields that were wanted before and are no longer go away."""

import msgspec

from outrider.core.operation import Change
from outrider.operators.kubernetes.applying import Applied, apply_all, change_of, judge
from outrider.operators.kubernetes.manifests import ManifestParams
from outrider.operators.kubernetes.places import changed_in_each, in_each, places
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class ApplyParams(ManifestParams, kw_only=True):
    """Objects that are wanted."""


class ApplyResult(msgspec.Struct, kw_only=True):
    """What came of each object."""

    results: list[Applied]


async def plan(params: ApplyParams, context: Context) -> Change:
    """Let the server say what would come of it.

    Raises:
        ConflictError: Fields belong to other managers, or somebody else declares an object.
        InvalidConfigError: The server takes an object for a fault.
    """
    async with places(params, context) as here:
        found, failed = await in_each(here, lambda place: judge(params, place))
    return change_of([one for ones in found for one in ones], failed, places=len(here))


async def run(params: ApplyParams, context: Context) -> ApplyResult:
    """Apply them.

    Raises:
        PreconditionFailedError: An object is no longer as it was when the plan was made.
        ConflictError: Fields belong to other managers, or somebody else declares an object.
        PartialError: It was done in some of several places.
    """
    async with places(params, context) as here:
        found = await changed_in_each(here, lambda place: apply_all(params, place, context.preconditions))
    return ApplyResult(results=[one for ones in found for one in ones])


OPERATION = Implementation(
    params=ApplyParams, result=ApplyResult, run=run, plan=plan, target=lambda params: params.targets()
)
