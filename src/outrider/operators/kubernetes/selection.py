"""What reads look at: objects of a kind, by name or by selectors."""

from typing import Annotated

import msgspec

from outrider.operators.kubernetes.kinds import kind_name
from outrider.operators.kubernetes.places import Places

KindOrTarget = Annotated[
    str,
    msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9.-]{0,252}(/[^/\s]{1,253})?(?!\n)$", examples=["pods", "deployment/web"]),
]


class Selection(Places, kw_only=True):
    """Which objects.

    Attributes:
        kind: Such as pods, deploy, or widget.example.org; with a name too, as in deployment/web.
        name: Of one object; all of the kind if empty.
        labels: Label selector, such as app=web.
        fields: Field selector, such as status.phase=Running.
        limit: How many objects of each cluster and namespace at most.
    """

    kind: KindOrTarget
    name: Annotated[str, msgspec.Meta(pattern=r"^[^/\s]{0,253}(?!\n)$")] = ""
    labels: str = ""
    fields: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=10000)] = 500

    def __post_init__(self) -> None:
        """Bring the kind into its one form, and take the name from it where it has one.

        Raises:
            InvalidConfigError: The kind is none.
        """
        kind, slash, name = self.kind.partition("/")
        if slash and not self.name:
            self.name = name
        self.kind = kind_name(kind)

    @property
    def target(self) -> str:
        """`KIND/NAME`, or `KIND/*`."""
        return f"{self.kind}/{self.name or '*'}"
