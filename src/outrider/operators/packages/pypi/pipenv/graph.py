"""What pip has chosen for one category of a Pipfile, as Pipenv sees it."""

from collections.abc import Iterable, Mapping

import msgspec

from outrider.operators.packages.pypi.pipenv.candidates import Candidates
from outrider.operators.packages.pypi.pipenv.requirements import PYTHON, Candidate, Identifier, Origin
from outrider.operators.packages.pypi.pipenv.resolution import Criteria


class Chosen(msgspec.Struct, frozen=True):
    """A version.

    Attributes:
        name: Of the project, normalised.
        bit: The number of the version.
        origin: Of the requirement for which it was looked at first.
        extras: That are asked of it.
        needed_by: Names of what needs it, normalised.
    """

    name: str
    bit: int
    origin: Origin
    extras: list[str]
    needed_by: list[str]


def chosen(pins: Mapping[Identifier, Candidate], criteria: Criteria, candidates: Candidates) -> list[Chosen]:
    """Return the versions, one of each project.

    Args:
        pins: By what was looked for.
        criteria: Why.
        candidates: Where they were found.
    """
    found = []
    for identifier, candidate in pins.items():
        if identifier.extras or identifier == PYTHON:
            continue
        alike = [one for one in pins if one.name == identifier.name]
        origin = candidates.origin(candidate)
        extras = {*origin.extras, *(extra for one in alike for extra in one.extras)}
        parents = {name for one in alike for name in _parents(criteria, one, pins)} - {identifier.name}
        found.append(Chosen(identifier.name, candidate.bit, origin, sorted(extras), sorted(parents)))
    return found


def _parents(criteria: Criteria, identifier: Identifier, pins: Mapping[Identifier, Candidate]) -> Iterable[str]:
    parents = (one.parent for one in criteria[identifier].information)
    return (one.identifier.name for one in parents if one is not None and pins.get(one.identifier) == one)
