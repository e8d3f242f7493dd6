"""What Gradle reads where a version is asked for: a version, `1.+`, `[1,2)`, `]1,2[`, `latest.release`.

https://docs.gradle.org/current/userguide/dependency_versions.html. A text that is none of these is a version, whatever it is:
`(1,2),(3,4)` too, which no module has.
"""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from outrider.operators.packages.maven.gradle.order import key

Kind = Literal["exact", "prefix", "latest", "range"]
LATEST: Kind = "latest"
# What a version is fit for, the least first. Modules of Maven have the last one, unless they are snapshots.
STATUSES = ("integration", "milestone", "release")

_ANY = r"[^\s,\[\]()]+"
_RANGE = re.compile(
    rf"[\[\](]\s*(?P<low>{_ANY})\s*,\s*(?P<high>{_ANY})\s*[\]\[)]"
    rf"|\(\s*,\s*(?P<only_high>{_ANY})\s*[\]\[)]"
    rf"|[\[\](]\s*(?P<only_low>{_ANY})\s*,\s*\)"
    rf"|\[\s*(?P<single>{_ANY})\]",
    re.ASCII,
)
_TIMESTAMP = re.compile(r"(.+)-\d{8}\.\d{6}-\d+", re.ASCII)
_MAVEN = {"RELEASE": "latest.release", "LATEST": "latest.integration"}
_PREFIX_OF_LATEST = "latest."
_SNAPSHOT = "SNAPSHOT"
_REMEMBERED = 4096


class Selector(NamedTuple):
    """What is asked for.

    Attributes:
        text: As it was read; of a range for a single version that version alone.
        kind: What it is.
        low: Where a range begins; empty for one without an end there.
        high: Where it ends, likewise.
        includes_low: Whether the version where it begins is in it.
        includes_high: Whether the one where it ends is.
    """

    text: str
    kind: Kind
    low: str = ""
    high: str = ""
    includes_low: bool = True
    includes_high: bool = True

    @property
    def is_dynamic(self) -> bool:
        """Return whether the versions that there are have to be looked at."""
        return self.kind != "exact"


@lru_cache(_REMEMBERED)
def selector_of(text: str) -> Selector:
    """Read what is asked for; any text is something."""
    found = _RANGE.fullmatch(text)
    if found is not None:
        return _range(text, found)
    if text.endswith("+"):
        return Selector(text, "prefix")
    return Selector(text, LATEST if text.startswith(_PREFIX_OF_LATEST) else "exact")


def selector_of_pom(text: str) -> Selector:
    """Read what a POM asks for: `RELEASE` and `LATEST` as well."""
    return selector_of(_MAVEN.get(text, text))


def accepts(selector: Selector, version: str, status: str | None = None) -> bool:
    """Return whether a version is asked for; an empty text asks for any, and what is rejected is what this is true of.

    Args:
        selector: What is asked for.
        version: Of a module.
        status: Of it, where the metadata of the module say it; None for that of a module of Maven.
    """
    if selector.kind == "exact":
        return selector.text in ("", version)
    if selector.kind == "prefix":
        return version.startswith(selector.text[:-1])
    if selector.kind == LATEST:
        return _is_fit(selector.text.removeprefix(_PREFIX_OF_LATEST), status or status_of(version))
    return _is_between(selector, version)


def status_of(version: str) -> str:
    """Return the status of a version of a module of Maven."""
    return STATUSES[0 if (_TIMESTAMP.fullmatch(version) or version.endswith(_SNAPSHOT)) else -1]


def _range(text: str, found: re.Match[str]) -> Selector:
    low, high = found["low"] or found["only_low"] or "", found["high"] or found["only_high"] or ""
    includes_low, includes_high = text.startswith("["), text.endswith("]")
    if found["single"] or (low == high and includes_low and includes_high):
        return Selector(found["single"] or low, "exact")
    return Selector(text, "range", low, high, includes_low, includes_high)


def _is_between(selector: Selector, version: str) -> bool:
    if selector.low:
        low = key(selector.low)
        if key(version) < low or (key(version) == low and not selector.includes_low):
            return False
    if not selector.high:
        return True
    high = key(selector.high)
    if selector.includes_high:
        return key(version) <= high
    # 2.0-rc1 is below 2.0, and not what somebody wants who asks for less than 2.0.
    return key(version) < high and not version.startswith(selector.high)


def _is_fit(wanted: str, status: str) -> bool:
    if wanted not in STATUSES:
        return False
    # A status that Gradle does not know is below all.
    return status in STATUSES and STATUSES.index(status) >= STATUSES.index(wanted)
