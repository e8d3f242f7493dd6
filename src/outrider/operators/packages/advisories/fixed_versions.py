"""From which versions on a vulnerability is gone, as far as records name such versions."""

import re
from collections.abc import Callable, Iterable

from outrider.operators.packages.advisories.osv import Affected
from outrider.operators.packages.versions.reading import read_version
from outrider.operators.packages.versions.scheme import Version

# What stands around versions in the ranges of any ecosystem.
_AROUND = re.compile(r"[\s,|()\[\]<>=~^!]+")
_VERSION = re.compile(r"v?[0-9].*")


def named_versions(said: Iterable[Affected]) -> list[str]:
    """Return the versions that a record names as fixed, and those at which its other ranges begin or end."""
    found: list[str] = []
    for one in said:
        found += [event.version for events in one.ranges for event in events if event.kind == "fixed"]
        found += [
            part for text in (*one.spared, *one.within) for part in _AROUND.split(text) if _VERSION.fullmatch(part)
        ]
    return found


def fixed_above(
    ecosystem: str, version: str, named: Iterable[str], is_affected: Callable[[str, Version], bool]
) -> list[str]:
    """Return which versions are fixed, lowest first.

    Args:
        ecosystem: Of the package.
        version: The one that they are above; where it cannot be compared, any is.
        named: By the records of the vulnerability.
        is_affected: Whether one of them says that a version is affected: where they disagree nothing is gone.
    """
    own = read_version(ecosystem, version)
    read = [(one.key, text, one) for text in set(named) if (one := read_version(ecosystem, text)) is not None]
    above = [(text, one) for key, text, one in sorted(read) if own is None or key > own.key]
    return [text for text, one in above if not is_affected(text, one)]
