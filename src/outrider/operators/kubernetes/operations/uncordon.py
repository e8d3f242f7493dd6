"""A node that takes new pods again."""

from collections.abc import Mapping
from typing import Any

from outrider.core.operation import Change
from outrider.operators.kubernetes.edits import EditResult, plan_edit, run_edit
from outrider.operators.kubernetes.nodes import NodeParams, marked, undone_by
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation, Inverse


class UncordonParams(NodeParams, kw_only=True):
    """Which node."""


async def plan(params: UncordonParams, context: Context) -> Change:
    """Let the server say what would come of it.

    Raises:
        NotFoundError: There is no such node.
    """
    return await plan_edit(params, context, marked(unschedulable=False))


async def run(params: UncordonParams, context: Context) -> EditResult:
    """Let it take new pods again.

    Raises:
        NotFoundError: There is no such node.
        PreconditionFailedError: It is no longer the node that the plan was made for.
    """
    return await run_edit(params, context, marked(unschedulable=False))


def inverse(params: UncordonParams, result: Mapping[str, Any]) -> Inverse | None:
    """Return the call that undoes it; None where nothing was changed."""
    return undone_by("cordon", params, result)


OPERATION = Implementation(
    params=UncordonParams, result=EditResult, run=run, plan=plan, inverse=inverse, target=lambda params: params.target
)
