from typing import Annotated

import msgspec

from outrider.core.errors import InvalidConfigError

Count = Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class Scaling(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """How many of it run on Kubernetes; on a laptop one does.

    Attributes:
        replicas: How many, or at least how many where `most` is given. Where it is left out, whoever else scales the Deployment
            decides, and it begins with one.
        most: At most how many; then an autoscaler decides, and nobody else writes the number.
        cpu: Percent of the program's processors that are used on average, above which more are started.
    """

    replicas: Count | None = None
    most: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    cpu: Annotated[int, msgspec.Meta(ge=1, le=100)] = 80

    def __post_init__(self) -> None:
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
