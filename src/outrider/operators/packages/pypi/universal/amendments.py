"""What a project says of the needs of others: its constraints stand beside them, and its overrides in their place.

`Constraints::apply` and `Overrides::apply` of uv 0.13:
https://docs.astral.sh/uv/concepts/resolution/#dependency-overrides.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.core_metadata import Need
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.pypi.universal.expressions import extra_tree, marker_tree
from outrider.operators.packages.pypi.universal.trees import conjunction, negation

_EXTRA = re.compile(r"\bextra\s*==\s*['\"]([^'\"]+)")


class Amendments:
    """Changes needs.

    Args:
        constraints: Further ranges of what is needed.
        overrides: What counts in place of all that is said of a name.
    """

    def __init__(self, constraints: Iterable[Need] = (), overrides: Iterable[Need] = ()) -> None:
        # One without a range is passed over, its marker too.
        self._constraints, self._overrides = _by_name(one for one in constraints if one.range), _by_name(overrides)

    @property
    def needs(self) -> list[Need]:
        """All of both."""
        return [one for table in (self._constraints, self._overrides) for some in table.values() for one in some]

    def overridden(self, needs: Sequence[Need]) -> list[Need]:
        """Return needs with what counts in their place."""
        if not self._overrides:
            return list(needs)
        return [each for one in needs for each in self._in_place(one)]

    def amended(self, needs: Sequence[Need]) -> list[Need]:
        """Return needs with what counts in their place, and with what constrains these."""
        found = self.overridden(needs)
        return [each for one in found for each in (one, *self._beside(one))] if self._constraints else found

    def _in_place(self, need: Need) -> Iterator[Need]:
        overrides = self._overrides.get(need.name)
        if overrides is None:
            yield need
            return
        extra = need.only or _top_extra(need.marker)
        for one in overrides:
            yield _joined(one, f'extra == "{extra}"', only=extra) if extra else one

    def _beside(self, need: Need) -> Iterator[Need]:
        for one in self._constraints.get(need.name, ()):
            yield _joined(msgspec.structs.replace(one, extras=()), need.marker, only=need.only) if need.marker else one


def _by_name(needs: Iterable[Need]) -> dict[str, list[Need]]:
    found: dict[str, list[Need]] = {}
    for one in needs:
        found.setdefault(one.name, []).append(one)
    return found


def _joined(need: Need, marker: str, *, only: str) -> Need:
    """Return a need where another marker is true too."""
    if not need.marker or need.marker == marker:
        return msgspec.structs.replace(need, marker=marker, only=only)
    return msgspec.structs.replace(need, marker=f"({marker}) and ({need.marker})", only="")


def _top_extra(marker: str) -> str:
    """Return the extra without which a marker is never true; empty where there is none."""
    for name in map(normalised, _EXTRA.findall(marker)):
        try:
            if conjunction(marker_tree(marker), negation(extra_tree(name))) is False:
                return name
        except InvalidConfigError:
            return ""
    return ""
