"""What a PackageUpdates says: which packages of a repository are updated together, how far, and on which days."""

from typing import Annotated, Literal

import msgspec

from outrider.core.package_policies import Severity

Step = Literal["patch", "minor", "major"]
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class UpdateGroup(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Packages that are updated together, on one branch.

    Attributes:
        name: Of the group; the branch is called so, behind the prefix.
        packages: `ECOSYSTEM:NAME`, with `*` for any letters; all that no group before has if empty.
        vulnerable: Replace what is vulnerable, in the lowest versions that are not, and nothing else.
        least: From which severity on, where `vulnerable` is set; vulnerabilities that nobody has rated always count.
        up_to: Which number of a version may change: `patch` its third, `minor` its second too, `major` any. What is vulnerable is
            replaced however far that leads.
        ranges: Whether ranges of manifests are raised where they stand in the way, or kept.
        days: On which days of the week; every day if empty.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?(?!\n)$", examples=["linters"])]
    packages: list[str] = []
    vulnerable: bool = False
    least: Severity = "high"
    up_to: Step = "minor"
    ranges: Literal["keep", "raise"] = "keep"
    days: list[Day] = []


def _usual_groups() -> list[UpdateGroup]:
    return [UpdateGroup(name="security", vulnerable=True), UpdateGroup(name="all")]


class PackageUpdatesSpec(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How the packages of a repository are updated.

    Attributes:
        groups: What is vulnerable belongs to the groups for that; of the others a package belongs to the first that names it.
        prefix: What the names of branches begin with.
        time_zone: In which a day begins and ends.
    """

    groups: Annotated[list[UpdateGroup], msgspec.Meta(min_length=1, max_length=100)] = msgspec.field(
        default_factory=_usual_groups
    )
    prefix: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_](/?[A-Za-z0-9_-]){0,60}/?(?!\n)$")] = "outrider/"
    time_zone: str = "UTC"
