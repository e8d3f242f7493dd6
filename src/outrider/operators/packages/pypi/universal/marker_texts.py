"""Writes trees as environment markers, to the letter as uv does: `crates/uv-pep508/src/marker/simplify.rs` of uv 0.13."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from outrider.operators.packages.pypi.universal.trees import (
    CONTAINS,
    EXTRA,
    IN,
    STRING,
    STRINGS,
    VERSION,
    VERSIONS,
    Cut,
    Tree,
    Value,
    Variable,
    conjunction,
    conjunctions,
    disjoint,
    disjunction,
    equal_to,
    negation,
    spans_of,
    within,
)

# From one cut to another one; None stands for no end.
_Span = tuple[Cut | None, Cut | None]


class Term(NamedTuple):
    """A comparison.

    Attributes:
        variable: Of what.
        operator: With a star at its end where the version has one.
        value: With what.
    """

    variable: Variable
    operator: str
    value: str

    @property
    def kind(self) -> tuple[int, str]:
        """What it is sorted by: versions, then texts by their name, then extras."""
        kind = {VERSION: 0, EXTRA: 2}.get(self.variable.kind, 1)
        return kind, "" if kind == 2 else _key(self.variable)

    def text(self) -> str:
        """Return it as it is written."""
        if self.variable.kind == EXTRA:
            return f"extra {self.operator} '{self.value}'"
        if self.variable.kind == CONTAINS:
            return f"'{self.value}' {self.operator} {_key(self.variable)}"
        star = ".*" if self.operator.endswith("*") else ""
        return f"{_key(self.variable)} {self.operator.removesuffix('*')} '{self.value}{star}'"


class _Cover(NamedTuple):
    clauses: list[tuple[Term, ...]]
    tree: Tree


def marker_text(tree: Tree) -> str:
    """Return the marker of a tree; empty for one that is always true."""
    if isinstance(tree, bool):
        return "" if tree else "python_version < '0'"
    meant = list(dict.fromkeys(tuple(_meant(one)) for one in _covered(tree, tree).clauses))
    # What is left of one may say all that another one says.
    needed = [one for one in meant if not any({*other} < {*one} for other in meant)]
    clauses = [sorted(one, key=lambda term: term.kind) for one in needed]
    return _factored(sorted(clauses, key=lambda clause: [term.kind for term in clause]))


def _meant(clause: Sequence[Term]) -> Iterator[Term]:
    """Yield terms without those that others say already: no machine has both."""
    equal = [one for one in clause if one.operator == "==" and one.variable.kind == STRING]
    for one in clause:
        is_other = one.operator == "!=" and one.variable.kind == STRING
        if not is_other or not any(disjoint(_equal(one), _equal(each)) for each in equal):
            yield one


def _equal(term: Term) -> Tree:
    return equal_to(term.variable, term.value)


def _factored(clauses: Sequence[Sequence[Term]]) -> str:
    """Return clauses with what several have in common written once: what follows their first terms, or these terms and more."""
    by_first: dict[Term, list[tuple[Term, ...]]] = {}
    for first, *rest in clauses:
        by_first.setdefault(first, []).append(tuple(rest))
    by_rest: dict[tuple[tuple[Term, ...], ...], list[tuple[Term, ...]]] = {}
    for first, rests in by_first.items():
        end = _shared(rests, first.variable) if len(rests) > 1 else 0
        by_rest.setdefault(tuple(one[end:] for one in rests), []).append((first, *rests[0][:end]))
    if all(len(rests) == 1 and (len(heads) == 1 or not rests[0]) for rests, heads in by_rest.items()):
        return _alternatives(clauses)
    return " or ".join(_group(heads, rests) for rests, heads in by_rest.items())


def _shared(rests: Sequence[Sequence[Term]], variable: Variable | None = None) -> int:
    """Return how many terms all begin with, those of one variable alone where it is given."""
    end = 0
    while all(len(one) > end and one[end] == rests[0][end] for one in rests):
        if variable not in (None, rests[0][end].variable):
            break
        end += 1
    return end


def _group(heads: Sequence[Sequence[Term]], rests: Sequence[Sequence[Term]]) -> str:
    either = _alternatives(heads)
    if rests == ((),):
        return either
    end = _shared(rests)
    parts = [either if len(heads) == 1 else f"({either})", *(one.text() for one in rests[0][:end])]
    if len(rests) > 1:
        parts.append(f"({_alternatives([one[end:] for one in rests])})")
    return " and ".join(parts)


def _alternatives(clauses: Sequence[Sequence[Term]]) -> str:
    texts = [" and ".join(one.text() for one in clause) for clause in clauses]
    if len(texts) == 1:
        return texts[0]
    return " or ".join(f"({text})" if len(one) > 1 else text for text, one in zip(texts, clauses, strict=True))


def _key(variable: Variable) -> str:
    return VERSIONS[variable.key] if variable.kind == VERSION else STRINGS[variable.key]


def _covered(least: Tree, most: Tree) -> _Cover:
    """Return clauses that are true wherever one tree is, and nowhere where another one is not, with no more of them than it needs.

    That is the method of Minato and Morreale for irredundant sums of products, with spans of values in place of values.
    """
    if least is False:
        return _Cover([], False)
    if most is True:
        return _Cover([()], True)
    variable = min(one.variable for one in (least, most) if not isinstance(one, bool))
    spans = list(spans_of(variable, least, most))
    everywhere = conjunctions(upper for _, _, _, upper in spans)
    found: list[tuple[_Cover, list[_Span]]] = []
    left: list[Tree] = []
    for low, high, lower, upper in spans:
        cover = _covered(conjunction(lower, negation(everywhere)), upper)
        left.append(conjunction(lower, negation(cover.tree)))
        places = next((places for one, places in found if one == cover), None)
        if places is None:
            found.append((cover, [(low, high)]))
        elif places[-1][1] == low:
            places[-1] = (places[-1][0], high)
        else:
            places.append((low, high))
    rest = _covered(disjunction(left), everywhere)
    clauses = [
        (*terms, *clause)
        for one, places in found
        if one.clauses
        for terms in _terms(variable, places)
        for clause in one.clauses
    ]
    trees = [conjunction(within(variable, *place), one.tree) for one, places in found for place in places]
    return _Cover([*clauses, *rest.clauses], disjunction([*trees, rest.tree]))


def _terms(variable: Variable, spans: Sequence[_Span]) -> Iterator[list[Term]]:
    """Yield the ways to say that a variable is in one of some spans."""
    if len(spans) == 1 and spans[0] == (None, None):
        yield []
        return
    if variable.kind not in (STRING, VERSION):
        is_true = spans[0][0] is None
        either = ("in", "not in") if variable.kind in (IN, CONTAINS) else ("==", "!=")
        yield [Term(variable, either[0 if is_true else 1], variable.value)]
        return
    gaps = [(one[1], other[0]) for one, other in pairwise(spans)]
    if spans[0][0] is None and spans[-1][1] is None:
        holes = [(low[0], low[1], high[1], high[0]) for low, high in gaps if low is not None and high is not None]
        if all(low == high and (before, after) == (0, 1) for low, before, after, high in holes):
            yield [Term(variable, "!=", _text(low)) for low, *_ in holes]
            return
        if variable.kind == VERSION and len(holes) == 1 and holes[0][1:3] == (0, 0):
            star = starred(holes[0][0], holes[0][3])
            if star:
                yield [Term(variable, "!=*", star)]
                return
    for low, high in spans:
        yield list(_bounds(variable, low, high))


def _bounds(variable: Variable, low: Cut | None, high: Cut | None) -> Iterator[Term]:
    if low is not None and high is not None:
        if low[0] == high[0]:
            yield Term(variable, "==", _text(low[0]))
            return
        star = starred(low[0], high[0]) if variable.kind == VERSION and low[1] == high[1] == 0 else ""
        if star:
            yield Term(variable, "==*", star)
            return
    if low is not None:
        yield Term(variable, ">" if low[1] else ">=", _text(low[0]))
    if high is not None:
        yield Term(variable, "<=" if high[1] else "<", _text(high[0]))


def starred(low: Value, high: Value) -> str:
    """Return the version that stands before a star for all from one version up to another one; empty where there is none."""
    if isinstance(low, str) or isinstance(high, str) or len(low) > 2:
        return ""
    first_two = (*low, 0)[:2]
    return _text(first_two) if high == (first_two[0], first_two[1] + 1) else ""


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ".".join(map(str, value))
