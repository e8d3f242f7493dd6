"""How fast a HorizontalPodAutoscaler goes: `behavior` of autoscaling/v2."""

from typing import Annotated, Literal

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.quantities import Duration

Percent = Annotated[int, msgspec.Meta(ge=1, le=1000)]
ReplicaCount = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
_LONGEST_WINDOW = 3600
_Seconds = Annotated[int, msgspec.Meta(ge=0, le=_LONGEST_WINDOW)]


class ScalingPolicy(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """How far to go within a period.

    Attributes:
        type: Of what value counts.
        value: How many pods, or how many percent of them.
        period_seconds: Within which this holds.
    """

    type: Literal["Pods", "Percent"]
    value: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    period_seconds: Annotated[int, msgspec.Meta(ge=1, le=1800)]


class ScalingRules(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """How to scale in a direction; what is left out is as Kubernetes has it.

    Attributes:
        stabilization_window_seconds: The most careful of the recommendations of this time counts.
        select_policy: Which policy counts: that of the greatest change, of the smallest, or no change at all.
        policies: How far to go.
        tolerance: By which part a metric may differ from its target without a change, such as 0.05.
    """

    stabilization_window_seconds: _Seconds | None = None
    select_policy: Literal["Max", "Min", "Disabled"] | None = None
    policies: list[ScalingPolicy] = []
    tolerance: Annotated[float, msgspec.Meta(ge=0, le=10)] | None = None


class Behavior(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """How to scale up, and how down, as `behavior` of autoscaling/v2 has it."""

    scale_up: ScalingRules = msgspec.field(default_factory=ScalingRules)
    scale_down: ScalingRules = msgspec.field(default_factory=ScalingRules)

    def with_windows(self, up: Duration | None, down: Duration | None) -> "Behavior":
        """Return it with other stabilisation windows; None leaves one as it is.

        Raises:
            InvalidConfigError: One is too long.
        """
        scale_up = _with_window(self.scale_up, up, "scale_up_window")
        return Behavior(scale_up=scale_up, scale_down=_with_window(self.scale_down, down, "scale_down_window"))


def _with_window(rules: ScalingRules, window: Duration | None, path: str) -> ScalingRules:
    if window is None:
        return rules
    if window > _LONGEST_WINDOW:
        raise InvalidConfigError(f"{path} is too long", path=path, found=str(window), expected="at most 1h")
    return msgspec.structs.replace(rules, stabilization_window_seconds=round(window))
