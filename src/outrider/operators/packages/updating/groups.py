"""Which packages are updated together: what a PackageUpdates says, for the packages of one ecosystem."""

from collections.abc import Collection, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from zoneinfo import ZoneInfo

from outrider.core.errors import InvalidConfigError, NotFoundError, did_you_mean
from outrider.core.package_updates import Day, PackageUpdatesSpec, UpdateGroup
from outrider.operators.packages.policies.patterns import read_patterns
from outrider.runtime.discovery import registry
from outrider.runtime.documents import read_file
from outrider.runtime.objects import parse_object

UPDATES_FILE = "packages-updates.yaml"
_KIND = "PackageUpdates"
_DAYS: tuple[Day, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def read_updates(path: Path, shown_as: str = "") -> PackageUpdatesSpec:
    """Return what a file says; what counts where nobody says anything if there is none.

    Args:
        path: Of the file.
        shown_as: What it is called in errors.

    Raises:
        InvalidConfigError: It cannot be read, or has something else than one PackageUpdates.
    """
    if not path.is_file():
        return PackageUpdatesSpec()
    documents = read_file(path, shown_as=shown_as)
    items = [parse_object(one.data, registry(), one.source, str(one.position)) for one in documents]
    if [one.kind for one in items] != [_KIND]:
        raise InvalidConfigError(
            f"{shown_as or path}: it must have one {_KIND}, and nothing else", path="kind",
            found=", ".join(one.kind for one in items) or "nothing", expected=_KIND, suggestions=["put all else into other files"],
        )  # fmt: skip
    spec: PackageUpdatesSpec = items[0].spec
    _check(spec)
    return spec


class Groups:
    """The groups of a repository.

    Args:
        spec: Which there are.
    """

    def __init__(self, spec: PackageUpdatesSpec) -> None:
        self._spec = spec
        self._patterns = {
            group.name: read_patterns(group.packages, f"spec.groups.{group.name}.packages") for group in spec.groups
        }

    def due(self, now: float, named: Sequence[str]) -> list[UpdateGroup]:
        """Return the groups whose day it is; or those that are named, whatever the day.

        Args:
            now: Seconds since the epoch.
            named: By their names; empty for those whose day it is.

        Raises:
            NotFoundError: There is none of a name.
        """
        known = [group.name for group in self._spec.groups]
        for name in named:
            if name not in known:
                raise NotFoundError(
                    f"there is no group '{name}'", path="groups", found=name, expected=", ".join(known), suggestions=did_you_mean(name, known)
                )  # fmt: skip
        today = _DAYS[datetime.fromtimestamp(now, ZoneInfo(self._spec.time_zone)).weekday()]
        return [
            group
            for group in self._spec.groups
            if (group.name in named if named else not group.days or today in group.days)
        ]

    def members(self, group: UpdateGroup, ecosystem: str, names: Collection[str]) -> set[str]:
        """Return which packages belong to a group that is not about what is vulnerable.

        Args:
            group: One of the groups.
            ecosystem: Of the packages.
            names: Of the packages, as the ecosystem compares names.
        """
        return {name for name in names if self._group_of(ecosystem, name) == group.name}

    def _group_of(self, ecosystem: str, name: str) -> str:
        return next(
            (one.name for one in self._spec.groups if not one.vulnerable and self._has(one, ecosystem, name)), ""
        )

    def _has(self, group: UpdateGroup, ecosystem: str, name: str) -> bool:
        patterns = self._patterns[group.name]
        return not patterns or any(one.ecosystem == ecosystem and fnmatchcase(name, one.name) for one in patterns)


def _check(spec: PackageUpdatesSpec) -> None:
    """Check what the types do not say.

    Raises:
        InvalidConfigError: Two groups have one name, a pattern names no package or a range, or the zone is not known.
    """
    names = [group.name for group in spec.groups]
    for at, group in enumerate(spec.groups):
        path = f"spec.groups[{at}]"
        if names.index(group.name) < at:
            raise _invalid(f"{path}.name", group.name, "a name of its own", "two groups have one name")
        if group.vulnerable and group.packages:
            raise _invalid(
                f"{path}.packages", ", ".join(group.packages), "none", "what is vulnerable is looked for everywhere"
            )
        for pattern in read_patterns(group.packages, f"{path}.packages"):
            if pattern.range:
                raise _invalid(f"{path}.packages", pattern.text, "a name alone", "versions do not count here")
    try:
        ZoneInfo(spec.time_zone)
    except (KeyError, OSError, ValueError) as error:  # ZoneInfo says it in all three ways
        raise _invalid("spec.timeZone", spec.time_zone, "such as Europe/Berlin", "no time zone is called so") from error


def _invalid(path: str, found: str, expected: str, what: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{UPDATES_FILE}: {path}: {what}", path=path, found=found, expected=expected, suggestions=["correct it"]
    )  # fmt: skip
