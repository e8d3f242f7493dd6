"""What is asked of sources of gems besides gems."""

from collections.abc import Collection, Mapping, Sequence

from outrider.operators.packages.resolving.questions import Details


class GemDetails(Details, frozen=True, kw_only=True):
    """What is asked.

    Attributes:
        sources: Addresses that are asked in place of those that settings name.
        platforms: By name, for which platforms a gem is chosen; by the empty name, for which all others are. None for that of this machine.
        optional: Names of what may be left out where no version fits.
    """

    sources: Sequence[str] = ()
    platforms: Mapping[str, Sequence[str]] = {}
    optional: Collection[str] = ()
