"""All machines, or a kind of them, and all versions of Python of a project: what may be needed somewhere counts."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.core_metadata import Need
from outrider.operators.packages.pypi.records import PypiRecord
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.local_versions import out_of_place
from outrider.operators.packages.pypi.universal.needs import raises
from outrider.operators.packages.pypi.universal.pythons import PythonRange, lowest
from outrider.operators.packages.pypi.universal.trees import (
    Cut,
    Tree,
    conjunction,
    disjoint,
    highest_python,
    lowest_python,
    negation,
    possible,
)
from outrider.operators.packages.pypi.universal.wheel_tags import begins_in_time, may_serve

_LONGEST_TAGS = 200


class UniversalTarget(msgspec.Struct, frozen=True, dict=True):
    """Whatever a project may run on.

    Attributes:
        pythons: Its versions of Python.
        where: The machines that are meant; of a kind, those whose Pythons are as high count alone.
        served: Pythons that wheels must be for; None for those of the machines.
    """

    pythons: PythonRange
    where: Tree = True
    served: PythonRange | None = None

    @property
    def python(self) -> str:
        return self.pythons.text

    @cached_property
    def low(self) -> Cut | None:
        """Where its Pythons begin."""
        return lowest_python(self._here)

    @cached_property
    def own_pythons(self) -> PythonRange:
        """Those of the machines."""
        return msgspec.structs.replace(self.pythons, low=self.low, high=highest_python(self._here))

    @cached_property
    def _here(self) -> Tree:
        return conjunction(self.where, self.pythons.tree)

    @cached_property
    def _known(self) -> dict[tuple[str, str], bool]:
        return {}

    def rank(self, tags: str) -> int | None:
        """Return the place of tags in the order of the alphabet: as for uv, any wheel will do, and the first one is read."""
        if (
            len(tags) > _LONGEST_TAGS
            or not may_serve(tags, self.pythons)
            or not begins_in_time(tags, self.served or self.own_pythons)
        ):
            return None
        return int.from_bytes(tags.encode().ljust(_LONGEST_TAGS, b"\0"))

    def allows(self, python: str) -> bool:
        try:
            begins = lowest(python)
        except InvalidConfigError:
            return True  # what cannot be read forbids nothing, as with pip
        return begins is None or (self.low is not None and begins <= self.low)

    def choices(self, needs: Sequence[Need]) -> Iterable[Sequence[Need]]:
        """Return needs that are to be met before kinds of machines are told apart: what these will have for themselves is left open."""
        by_name: dict[str, list[Need]] = {}
        for need in needs:
            by_name.setdefault(need.name, []).append(need)
        for same in by_name.values():
            some = {one.marker for one in same if not disjoint(self._here, negation(marker_tree(one.marker)))}
            if some and len({one.marker for one in same}) > 1:
                yield same
            elif not raises(marker_tree(same[0].marker), self.low):
                yield from ([one] for one in same)

    def out_of_place(self, record: PypiRecord) -> Iterable[tuple[int, int]]:
        """Return local versions without wheels for these machines, each with that which has some."""
        return out_of_place(record, self.pythons, self.where)

    def holds(self, marker: str, extra: str) -> bool:
        if (marker, extra) not in self._known:
            self._known[marker, extra] = self._holds(marker, extra)
        return self._known[marker, extra]

    def _holds(self, marker: str, extra: str) -> bool:
        try:
            tree = marker_tree(marker)
        except InvalidConfigError:
            return False  # what makes no sense is not so, as with uv
        # As with uv, machines and Pythons are looked at by themselves.
        here = possible(tree, (extra,) if extra else ()) and not disjoint(tree, self.where)
        return here and not disjoint(tree, self.own_pythons.tree)
