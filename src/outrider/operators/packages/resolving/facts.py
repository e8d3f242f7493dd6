"""What a registry says of a package, whatever the ecosystem."""

import re
from collections.abc import Sequence

import msgspec

from outrider.core.errors import NotFoundError, near_names
from outrider.core.timestamps import parse_timestamp, timestamp_of_second
from outrider.operators.packages.versions.reading import read_version

# Names of npm begin with one.
_WITH_VERSION = re.compile(r"[=<>~]|.@")
_SHOWN = 3


class PackageFacts(msgspec.Struct, kw_only=True):
    """A package.

    Attributes:
        ecosystem: Of the package.
        name: As its ecosystem compares names.
        latest: The version that is taken where none is named: that under the tag `latest` of npm, else the newest one that is no
            prerelease and was not taken back.
        version: The version that was asked for, else the latest; needs, extras and licence are its own.
        needs: What it needs, each as its ecosystem writes it; what only an extra or a feature brings in too.
        extras: Extras or features that it has.
        licence: As it is written, where the registry tells it without the package itself.
        versions: All of them, newest first.
        prereleases: Those that are.
        taken_back: Those that were yanked or deprecated.
        tags: Names of versions.
        status: Of the whole, such as `archived`, where its registry has such a thing.
        published: When versions were, as RFC 3339 has it, where the registry says it.
    """

    ecosystem: str
    name: str
    latest: str
    version: str
    needs: list[str] = []
    extras: list[str] = []
    licence: str = ""
    versions: list[str] = []
    prereleases: list[str] = []
    taken_back: list[str] = []
    tags: dict[str, str] = {}
    status: str = ""
    published: dict[str, str] = {}

    def times(self, versions: Sequence[str]) -> list[float]:
        """Return when versions were published, in seconds since the epoch, 0 where that is not known; nothing if it is of none."""
        times = [parse_timestamp(time) if (time := self.published.get(one)) else 0.0 for one in versions]
        return times if any(times) else []


def times_of(versions: Sequence[str], published: Sequence[float]) -> dict[str, str]:
    """Return when versions were published, newest first, of those of which that is known.

    Args:
        versions: Oldest first.
        published: Seconds since the epoch, 0 for those of which it is not; or nothing at all.
    """
    pairs = list(zip(versions, published, strict=False))
    return {version: timestamp_of_second(time) for version, time in reversed(pairs) if time}


def position(ecosystem: str, name: str, versions: Sequence[str], version: str) -> int:
    """Return which of the versions one is, as it is written, or else as its ecosystem compares it: 1.16 of PyPI is 1.16.0.

    Args:
        ecosystem: Of the package.
        name: Of it.
        versions: All of them, oldest first.
        version: The one.

    Raises:
        NotFoundError: It is none of them.
    """
    same = [version] if version in versions else _spelled_otherwise(ecosystem, versions, version)
    if not same:
        near = [f"did you mean {one!r}?" for one in near_names(version, versions)]
        newest = [f"name one such as {', '.join(reversed(versions[-_SHOWN:]))}"] if versions else []
        raise NotFoundError(
            f"{ecosystem} {name}: there is no version {version}", path="version", found=version, expected="one of its versions",
            suggestions=near or [*newest, f"outrider packages info {ecosystem} {name}"],
        )  # fmt: skip
    return versions.index(same[0])


def _spelled_otherwise(ecosystem: str, versions: Sequence[str], version: str) -> list[str]:
    own = read_version(ecosystem, version)
    others = ((one, read_version(ecosystem, one)) for one in versions if own is not None)
    return [one for one, read in others if read is not None and own is not None and read.key == own.key]


def no_package(ecosystem: str, name: str) -> NotFoundError:
    """Return the error for a package that no registry has."""
    remedy = "give the name alone, without a version" if _WITH_VERSION.search(name) else "check the name"
    return NotFoundError(f"{ecosystem} {name}: there is none", found=name, suggestions=[remedy])


def newest(mask: int, *preferred: int) -> int:
    """Return the highest bit of a mask: of what is preferred, the most so first, else of anything.

    Args:
        mask: Not empty.
        preferred: Further masks; each is heeded where something is left.
    """
    for one in preferred:
        mask = mask & one or mask
    return mask.bit_length() - 1
