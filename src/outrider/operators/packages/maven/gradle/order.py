"""The order in which Gradle has versions, which is not that of Maven.

https://docs.gradle.org/current/userguide/dependency_versions.html#sec:version-ordering and, of Gradle 8.11, VersionParser and
StaticVersionComparator.
"""

import re
from functools import cmp_to_key, lru_cache
from typing import Any, NamedTuple

# Letters and numbers are parts of their own, whatever stands between them.
_PARTS = re.compile(r"[0-9]+|[^0-9.\-_+]+|[.\-_+]")
_SEPARATORS = frozenset(".-_+")
_WORDS = {"dev": -1, "rc": 1, "snapshot": 2, "final": 3, "ga": 4, "release": 5, "sp": 6}
_REMEMBERED = 16384


class GradleVersion(NamedTuple):
    """A version.

    Attributes:
        text: As it is written.
        parts: What it consists of.
        base: How many parts come before the first one that qualifies it.
    """

    text: str
    parts: tuple[str, ...]
    base: int

    @property
    def is_qualified(self) -> bool:
        """Whether something qualifies it, as `-rc1` does."""
        return self.base < len(self.parts)

    @property
    def base_parts(self) -> tuple[str, ...]:
        """The parts that nothing qualifies."""
        return self.parts[: self.base]


@lru_cache(_REMEMBERED)
def read_version(text: str) -> GradleVersion:
    """Read a version; any text is one."""
    parts: list[str] = []
    base: int | None = None
    start, is_digit = 0, False
    for position, character in enumerate(text):
        if character in _SEPARATORS:
            parts.append(text[start:position])
            start, is_digit = position + 1, False
            if character != "." and base is None:
                base = len(parts)
        elif ("0" <= character <= "9") != is_digit:
            if position > start:
                if base is None:
                    base = len(parts) + 1
                parts.append(text[start:position])
                start = position
            is_digit = not is_digit
    if len(text) > start:
        parts.append(text[start:])
    return GradleVersion(text, tuple(parts), len(parts) if base is None else base)


@lru_cache(_REMEMBERED)
def version_key(text: str) -> Any:
    """Return what sorts a version among others."""
    return _KEY(read_version(text).parts)


def parts_key(parts: tuple[str, ...]) -> Any:
    """Return what sorts parts of a version among others."""
    return _KEY(parts)


def _compared(these: tuple[str, ...], those: tuple[str, ...]) -> int:
    for this, that in zip(these, those, strict=False):
        if this == that:
            continue
        if (found := _compared_parts(this, that)) != 0:
            return found
    shared = min(len(these), len(those))
    if len(these) > shared:
        return 1 if _is_number(these[shared]) else -1
    if len(those) > shared:
        return -1 if _is_number(those[shared]) else 1
    return 0


def _compared_parts(this: str, that: str) -> int:
    if _is_number(this) or _is_number(that):
        if not _is_number(that):
            return 1
        if not _is_number(this):
            return -1
        return (int(this) > int(that)) - (int(this) < int(that))
    ours, theirs = _WORDS.get(this.lower()), _WORDS.get(that.lower())
    if ours is not None or theirs is not None:
        return (ours or 0) - (theirs or 0)
    return (this > that) - (this < that)


# What is longer than a number of Java is a word to Gradle.
_LARGEST_NUMBER = (1 << 63) - 1


def _is_number(part: str) -> bool:
    return part.isascii() and part.isdigit() and int(part) <= _LARGEST_NUMBER


_KEY = cmp_to_key(_compared)
