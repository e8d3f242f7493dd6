from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError

Count = Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class Scaling(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """How many of it run on Kubernetes; on a laptop one does.

    Attributes:
        replicas: How many, or at least how many where `most` is given.
        most: At most how many; then an autoscaler decides, and nobody else writes the number.
        cpu: Percent of its processors that are used on average, above which more are started.
    """

    replicas: Count = 1
    most: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    cpu: Annotated[int, msgspec.Meta(ge=1, le=100)] = 80

    def __post_init__(self) -> None:
        if self.most is not None and self.most < max(self.replicas, 1):
            raise InvalidConfigError(
                "there are more at least than at most", path="most", found=f"replicas {self.replicas}, most {self.most}",
                expected="most as large as replicas", suggestions=[f"write most: {max(self.replicas, 1)}, or leave it out"],
            )  # fmt: skip
