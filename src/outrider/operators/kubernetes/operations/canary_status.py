"""How far the canary of a Deployment is."""

import msgspec

from outrider.core.errors import NotFoundError
from outrider.operators.kubernetes.canaries import CanaryOf, progress_of, read_canary
from outrider.operators.kubernetes.edits import read_live
from outrider.operators.kubernetes.places import connected
from outrider.operators.kubernetes.workloads import rollout_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class CanaryStatusParams(CanaryOf, kw_only=True):
    """Of which Deployment."""


class CanaryStatusResult(msgspec.Struct, kw_only=True):
    """How far it is.

    Attributes:
        step: Which of the steps, from 1.
        pods: Of the new version, that are available.
        log: What was decided at each step that is over.
    """

    cluster: str
    namespace: str
    target: str
    phase: str
    step: int
    pods: int
    version: str
    reason: str = ""
    log: list[str] = []


async def run(params: CanaryStatusParams, context: Context) -> CanaryStatusResult:
    """Read it.

    Raises:
        NotFoundError: The Deployment is not there, or has no canary.
    """
    async with connected(params, context) as place:
        live = await read_live(params.target, place)
        found = await read_canary(place.client, live.object)
        if found is None:
            raise NotFoundError(
                f"{live.title} has no canary", found=params.target, suggestions=[f"outrider kubernetes rollout_status {params.target}"]
            )  # fmt: skip
        progress = progress_of(found)
        return CanaryStatusResult(
            cluster=place.cluster.name, namespace=place.namespace, target=params.target, phase=progress.phase, step=progress.step + 1,
            pods=max(0, rollout_of(found).available), version=progress.version, reason=progress.reason, log=progress.log,
        )  # fmt: skip


OPERATION = Implementation(
    params=CanaryStatusParams, result=CanaryStatusResult, run=run, target=lambda params: params.target
)
