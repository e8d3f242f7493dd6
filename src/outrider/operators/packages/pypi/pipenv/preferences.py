"""What pip chooses a version of next: `PipProvider` of pip 26."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from outrider.operators.packages.pypi.pipenv.requirements import PYTHON, Candidate, Identifier, Requirement, pinned

# What stands in the way so often before it is chosen is chosen earlier.
_OFTEN = 5
_UPPER = ("<", "<=", "~=")


class Information(NamedTuple):
    """A requirement, and which version asks for it.

    Attributes:
        requirement: What is asked.
        parent: Who asks; None for the Pipfile.
    """

    requirement: Requirement
    parent: Candidate | None


class Preferences:
    """Remembers what stood in the way.

    Args:
        order: The numbers of what the Pipfile asks for.
    """

    def __init__(self, order: Mapping[Identifier, int]) -> None:
        self._order = order
        self._conflicts: Counter[Identifier] = Counter()
        self._promoted: set[Identifier] = set()

    def narrowed(
        self, open_ones: Sequence[Identifier], pins: Mapping[Identifier, Candidate], causes: Iterable[Information]
    ) -> list[Identifier]:
        """Return those of what is open among which the next one is.

        Args:
            open_ones: What has no version yet that will do.
            pins: What has one.
            causes: Of the last conflict.
        """
        blamed = set()
        for requirement, parent in causes:
            for one in (requirement.identifier, *([parent.identifier] if parent is not None else [])):
                blamed.add(one)
                if one not in pins:
                    self._conflicts[one] += 1
                    if self._conflicts[one] >= _OFTEN:
                        self._promoted.add(one)
        if PYTHON in open_ones:
            return [PYTHON]
        first = [one for one in open_ones if one in blamed]
        return first or [one for one in open_ones if one in self._promoted] or list(open_ones)

    def key(self, identifier: Identifier, information: Iterable[Information]) -> tuple[object, ...]:
        """Return what is the lowest for the one that is chosen next.

        Args:
            identifier: Of what.
            information: What is asked of it.
        """
        asked = [one.requirement for one in information]
        clauses = [clause for one in asked if one.origin is not None for clause in one.origin.clauses]
        bounded = any(operator in _UPPER or (operator == "==" and "*" in version) for operator, version in clauses)
        return (
            identifier not in self._promoted,
            all(one.exact is None for one in asked),
            not pinned(clauses),
            not bounded,
            self._order.get(identifier, len(self._order)),
            not clauses,
            identifier.text,
        )
