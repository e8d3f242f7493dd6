"""What Gemfile.lock tells of a gem, as an answer carries it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from outrider.operators.packages.gem.lines import Variant


class LockEntry(msgspec.Struct, frozen=True):
    """A version.

    Attributes:
        chosen: The platforms of the variants that were chosen.
        variants: All that there are, for other platforms too.
    """

    chosen: list[str]
    variants: list[Variant]


def entry_of(chosen: Sequence[Variant], variants: Sequence[Variant]) -> dict[str, Any]:
    """Return the entry of a version."""
    found: dict[str, Any] = msgspec.to_builtins(LockEntry([one.platform for one in chosen], [*variants]))
    return found


def read_entry(entry: Mapping[str, Any]) -> LockEntry:
    """Return what an entry says."""
    return msgspec.convert(entry, LockEntry)
