"""What a licence is that is called by a name: its name in the SPDX list, its identifier, or how else people write it."""

from functools import cache
from importlib.resources import files
from typing import NamedTuple

from outrider.operators.packages.licences.aliases import CLEAR, REFERENCES, VAGUE
from outrider.operators.packages.licences.expressions import try_expression
from outrider.operators.packages.licences.folding import folded
from outrider.operators.packages.licences.identifiers import identifiers


class Meaning(NamedTuple):
    """What a text means.

    Attributes:
        expression: In SPDX.
        vague: Whether it may mean another version or variant too.
    """

    expression: str
    vague: bool = False


def meaning_of(name: str) -> Meaning | None:
    """Return what a name means; None where that is not known."""
    return _table().get(folded(name))


@cache
def _table() -> dict[str, Meaning]:
    table: dict[str, Meaning] = {}
    # The later ones count. Where the list has one name for several licences, it means none.
    for entries in (_listed(), _identified(), _written(REFERENCES), _written(VAGUE, vague=True), _written(CLEAR)):
        table.update(entries)
    table.pop("", None)
    return table


def _listed() -> dict[str, Meaning]:
    text = files("outrider.operators.packages.licences").joinpath("names.tsv").read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        identifier, _, name = line.partition("\t")
        expression = try_expression(identifier)
        if expression is not None:
            found.setdefault(folded(name), set()).add(str(expression))
    return {key: Meaning(expressions.pop()) for key, expressions in found.items() if len(expressions) == 1}


def _identified() -> dict[str, Meaning]:
    known = identifiers()
    found: dict[str, set[str]] = {}
    for name in sorted((*known.licences, *known.composed)):
        found.setdefault(folded(name), set()).add(str(try_expression(name)))
    return {key: Meaning(expressions.pop()) for key, expressions in found.items() if len(expressions) == 1}


def _written(text: str, *, vague: bool = False) -> dict[str, Meaning]:
    found: dict[str, Meaning] = {}
    for line in text.strip().splitlines():
        expression, _, names = line.partition(": ")
        found.update((folded(name), Meaning(expression, vague)) for name in names.split(", "))
    return found
