"""A new version for a share of the pods, step by step, judged against the present one, promoted or taken back."""

from typing import Annotated, Any

import msgspec

from outrider.core.errors import ConflictError, InvalidConfigError
from outrider.core.operation import Change
from outrider.core.quantities import Duration, duration
from outrider.delivery.engine import deliver
from outrider.delivery.stages import OnInconclusive, Plan, Progress
from outrider.operators.kubernetes.canaries import (
    REFUSED,
    changed_template,
    image_patch,
    progress_of,
    read_canary,
    remove,
    replicas_for,
    template_of,
    version_of,
)
from outrider.operators.kubernetes.canary_signals import Signal
from outrider.operators.kubernetes.canary_stage import CanaryStage
from outrider.operators.kubernetes.edits import Live, check_state, read_live, state_of
from outrider.operators.kubernetes.kinds import DeploymentWord
from outrider.operators.kubernetes.owners import check_owner
from outrider.operators.kubernetes.places import Place, TargetInOnePlace, connected
from outrider.operators.kubernetes.prometheus import Matchers, Prometheus, PrometheusAddress
from outrider.operators.kubernetes.shown import Object, differences
from outrider.operators.kubernetes.workloads import check_not_paused, rollout_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

Percent = Annotated[int, msgspec.Meta(ge=1, le=99)]


class CanaryParams(TargetInOnePlace, kw_only=True):
    """What is delivered, in which steps, and what is looked at.

    Attributes:
        target: The Deployment. A Service that selects its pods selects those of the canary too.
        image: New image.
        container: Which container gets it; may be left out where there is one.
        changes: Further changes of the pod template, as a strategic merge patch.
        steps: Percent of the pods, step by step; after the last one all are replaced.
        hold: How long a step lasts at least.
        limit: How long a step lasts at most, where signals are not certain.
        interval: Time between two looks.
        signals: What is counted, and compared with fresh pods of the present version. Without any, pods must just stay well.
        prometheus: Where it is counted: an address, or NAMESPACE/SERVICE:PORT of the cluster.
        matchers: Further label matchers of the series.
        on_inconclusive: What follows where a step ends and nothing is certain; a frozen canary stays until it is called again or aborted.
        force: Deliver a version that was taken back before.
        override_owner: Change it although git, a Helm release or a controller declares it, and would set it back.
    """

    target: DeploymentWord
    image: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    container: str = ""
    changes: dict[str, Any] = msgspec.field(default_factory=dict)
    steps: Annotated[list[Percent], msgspec.Meta(min_length=1, max_length=50)] = msgspec.field(
        default_factory=lambda: [10, 50]
    )
    hold: Duration = duration("1m")
    limit: Duration = duration("10m")
    interval: Duration = duration("5s")
    signals: Annotated[list[Signal], msgspec.Meta(max_length=20)] = msgspec.field(default_factory=list)
    prometheus: PrometheusAddress = ""
    matchers: Matchers = ""
    on_inconclusive: OnInconclusive = "freeze"
    force: bool = False
    override_owner: bool = False

    def __post_init__(self) -> None:
        """Bring the target into its one form, and look whether all fits together.

        Raises:
            InvalidConfigError: It does not.
        """
        super().__post_init__()
        if self.signals and not self.prometheus:
            raise InvalidConfigError(
                "prometheus: signals need to be counted somewhere", path="prometheus", expected="its address",
                suggestions=["--prometheus monitoring/prometheus:9090"],
            )  # fmt: skip
        if len({one.name for one in self.signals}) < len(self.signals):
            raise InvalidConfigError("signals: two have the same name", path="signals", expected="different names")
        if self.interval <= 0 or self.limit < self.hold:
            raise InvalidConfigError(
                "limit: a step must be able to last", path="limit", found=str(self.limit), expected="at least `hold`, and an interval above 0"
            )  # fmt: skip


class CanaryResult(msgspec.Struct, kw_only=True):
    """How it ended.

    Attributes:
        state: promoted, rolled back or frozen.
        reason: Why it was taken back or frozen.
        log: What was decided at each step, with the figures.
    """

    cluster: str
    namespace: str
    target: str
    state: str
    version: str
    reason: str = ""
    log: list[str] = []


async def plan(params: CanaryParams, context: Context) -> Change:
    """Let the server say what would become of the Deployment in the end.

    Raises:
        NotFoundError: It is not there.
        ConflictError: Somebody else declares it, it is paused, or this version was taken back before.
        InvalidConfigError: Nothing would change.
    """
    async with connected(params, context) as place:
        live, template = await _wanted(params, place)
        found = await read_canary(place.client, live.object)
        present = max(1, rollout_of(live.object).wanted)
        pods = ", ".join(f"{percent} %: {replicas_for(percent, present)} pods" for percent in params.steps)
        beside = " and as many of the present version" if params.signals else ""
        warnings = [f"steps beside {present} pods: {pods} of the new version{beside}; then all are replaced"]
        if found is not None:
            progress = progress_of(found)
            again = progress.version == version_of(template)
            warnings.append(
                f"goes on with a canary that is {progress.phase}"
                if again
                else "takes the place of another canary that runs"
            )
        return Change(
            target=params.target,
            difference=differences(live.object, {**live.object, "spec": {**live.object["spec"], "template": template}}),
            preconditions={"deployment": state_of(live.object)},
            warnings=warnings,
        )


async def run(params: CanaryParams, context: Context) -> CanaryResult:
    """Deliver it, or go on with it.

    Raises:
        NotFoundError: It is not there.
        ConflictError: Somebody else declares or changes it, it is paused, or this version was taken back before.
        PreconditionFailedError: It is no longer the object that the plan was made for.
        DeadlineExceededError: It is not at its end; the same call goes on.
    """
    async with connected(params, context) as place:
        live, template = await _wanted(params, place)
        check_state(context.preconditions.get("deployment"), live.object, live.title)
        progress = await _begun(place, live.object, version_of(template))
        prometheus = Prometheus(params.prometheus, params.matchers, place, context) if params.signals else None
        stage = CanaryStage(live, template, params.signals, prometheus, context)
        steps = Plan(
            steps=tuple(params.steps), hold=params.hold, limit=params.limit, interval=params.interval,
            signals={one.name: one.tolerance(len(params.signals)) for one in params.signals}, on_inconclusive=params.on_inconclusive,
        )  # fmt: skip
        done = await deliver(stage, steps, progress, clock=context.clock, deadline=context.deadline)
        return CanaryResult(
            cluster=place.cluster.name, namespace=place.namespace, target=params.target, state=done.phase, version=done.version,
            reason=done.reason, log=done.log,
        )  # fmt: skip


async def _wanted(params: CanaryParams, place: Place) -> tuple[Live, Object]:
    """Return the Deployment, and its pod template as it is to become."""
    live = await read_live(params.target, place)
    if not params.override_owner:
        check_owner(live.object, live.title)
    check_not_paused(live)
    patch = image_patch(live.object, params.image, params.container, params.changes)
    found = await read_canary(place.client, live.object)
    template = await _template(place, live, patch, found)
    refused = (live.object["metadata"].get("annotations") or {}).get(REFUSED)
    if refused == version_of(template) and not params.force:
        raise ConflictError(
            f"{live.title}: this version was taken back before", found=f"version {refused}", expected="another version",
            suggestions=["deliver a corrected version", "deliver it all the same: force"],
        )  # fmt: skip
    return live, template


async def _template(place: Place, live: Live, patch: Object, canary: Object | None) -> Object:
    """Return the new template; where it was promoted and the canary is not yet gone, that of the canary."""
    try:
        return await changed_template(place.client, live.object, patch)
    except InvalidConfigError:
        if canary is not None and progress_of(canary).phase == "promoting":
            return template_of(live.object)
        raise


async def _begun(place: Place, deployment: Object, version: str) -> Progress:
    """Return how far this version is; what is left of another one goes."""
    found = await read_canary(place.client, deployment)
    if found is not None:
        progress = progress_of(found)
        if progress.version == version:
            return progress
        await remove(place.client, deployment)
    return Progress(version=version)


OPERATION = Implementation(
    params=CanaryParams, result=CanaryResult, run=run, plan=plan, target=lambda params: params.target
)
