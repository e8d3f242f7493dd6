from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError

Count = Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class ScalingTrigger(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """Something outside by which KEDA scales.

    Attributes:
        type: As KEDA names it: `prometheus`, `nats-jetstream`, `cron`.
        metadata: As KEDA takes it for that type.
        authentication: A TriggerAuthentication of the namespace.
    """

    type: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([-a-z0-9]{0,62})$", examples=["prometheus"])]
    metadata: dict[str, str] = {}
    authentication: str = ""


class Scaling(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """How many of it run on Kubernetes; on a laptop one does.

    Attributes:
        replicas: How many, or at least how many where `most` is given. Where it is left out, whoever else scales the Deployment
            decides, and it begins with one.
        most: At most how many; then an autoscaler decides, and nobody else writes the number.
        cpu: Percent of the program's processors that are used on average, above which more are started.
        triggers: What decides in place of the processors, by KEDA; with `replicas: 0` none runs while nothing asks for any.
    """

    replicas: Count | None = None
    most: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    cpu: Annotated[int, msgspec.Meta(ge=1, le=100)] = 80
    triggers: list[ScalingTrigger] = []

    def __post_init__(self) -> None:
        if self.triggers and self.most is None:
            raise InvalidConfigError(
                "triggers start more without a bound", path="most", found="no most", expected="at most how many there are",
                suggestions=["write for example most: 10"],
            )  # fmt: skip
        if self.most is not None and self.most < self.least:
            raise InvalidConfigError(
                "there are more at least than at most", path="most", found=f"replicas {self.replicas}, most {self.most}",
                expected="most as large as replicas", suggestions=[f"write most: {self.least}, or leave it out"],
            )  # fmt: skip

    @property
    def least(self) -> int:
        """How many there are at least, while any are."""
        return max(self.replicas or 1, 1)

    @property
    def several(self) -> bool:
        """Whether more than one may run at a time."""
        return self.least > 1 or (self.most or 1) > 1
