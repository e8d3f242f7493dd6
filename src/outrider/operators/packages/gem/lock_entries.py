"""What Gemfile.lock tells of a gem, as an answer carries it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from outrider.operators.packages.gem.lines import Variant
from outrider.operators.packages.gem.platforms import canonical


class LockEntry(msgspec.Struct, frozen=True):
    """A version.

    Attributes:
        chosen: The platforms of the variants that were chosen.
        variants: All that there are, for other platforms too.
    """

    chosen: list[str]
    variants: list[Variant]


def entry_of(chosen: Sequence[Variant], variants: Sequence[Variant]) -> dict[str, Any]:
    """Return the entry of a version, with platforms as RubyGems writes them; of variants for the same one the last counts."""
    written = {canonical(one.platform): one for one in variants}
    entry = LockEntry(
        [*dict.fromkeys(canonical(one.platform) for one in chosen)],
        [msgspec.structs.replace(one, platform=platform) for platform, one in written.items()],
    )
    found: dict[str, Any] = msgspec.to_builtins(entry)
    return found


def read_entry(entry: Mapping[str, Any]) -> LockEntry:
    """Return what an entry says."""
    return msgspec.convert(entry, LockEntry)
