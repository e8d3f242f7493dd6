"""All machines, and all versions of Python of a project: what may be needed somewhere counts."""

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.pythons import PythonRange
from outrider.operators.packages.pypi.universal.trees import disjoint, possible
from outrider.operators.packages.pypi.universal.wheel_tags import may_serve

_LONGEST_TAGS = 200


class UniversalTarget(msgspec.Struct, frozen=True, dict=True):
    """Whatever a project may run on.

    Attributes:
        pythons: Its versions of Python.
    """

    pythons: PythonRange

    @property
    def python(self) -> str:
        return self.pythons.text

    def rank(self, tags: str) -> int | None:
        """Return the place of tags in the order of the alphabet: as for uv, any wheel will do, and the first one is read."""
        if len(tags) > _LONGEST_TAGS or not may_serve(tags, self.pythons):
            return None
        return int.from_bytes(tags.encode().ljust(_LONGEST_TAGS, b"\0"))

    def allows(self, python: str) -> bool:
        return self.pythons.allowed_by(python)

    def holds(self, marker: str, extra: str) -> bool:
        known: dict[tuple[str, str], bool] = self.__dict__.setdefault("known", {})
        if (marker, extra) not in known:
            known[marker, extra] = self._holds(marker, extra)
        return known[marker, extra]

    def _holds(self, marker: str, extra: str) -> bool:
        try:
            tree = marker_tree(marker)
        except InvalidConfigError:
            return False  # what makes no sense is not so, as with uv
        return possible(tree, (extra,) if extra else ()) and not disjoint(tree, self.pythons.tree)
