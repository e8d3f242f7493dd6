"""Ranges of candidates, as PubGrub has them: what a package has to be within.

https://github.com/jhawthorn/pub_grub/blob/main/lib/pub_grub/term.rb and version_range.rb. Ranges count, and not what is in them: one between
two versions is no empty one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from outrider.operators.packages.versions.ranges import EVERYTHING, Cut, Key, Span, complement, intersection

# Of two candidates of a version that for the platform of the target is above the other one.
ANYWHERE, OF_PLATFORM = -1, 1


class Term:
    """What a package has to be within; of equal ones of one search there is one object.

    Attributes:
        absent: Whether it may be not there at all.
        spans: In which it may be, ascending.
        possible: Whether anything is left of it.
    """

    __slots__ = ("_both", "_opposite", "_terms", "absent", "possible", "spans")

    def __init__(self, terms: "Terms", spans: tuple[Span, ...], *, absent: bool) -> None:
        self._terms, self.spans, self.absent = terms, spans, absent
        self.possible = absent or bool(spans)
        # The same few are compared very often.
        self._both: dict[Term, Term] = {}
        self._opposite: Term | None = None

    def __and__(self, other: "Term") -> "Term":
        found = self._both.get(other)
        if found is None:
            spans = intersection(self.spans, other.spans)
            found = self._both[other] = self._terms.term(spans, absent=self.absent and other.absent)
        return found

    def __invert__(self) -> "Term":
        if self._opposite is None:
            self._opposite = self._terms.term(complement(self.spans), absent=not self.absent)
        return self._opposite

    def within(self, other: "Term") -> bool:
        """Return whether it follows from this one that another one holds."""
        return not (self & ~other).possible


class Terms:
    """The terms of one search.

    Attributes:
        always: That which always holds.
        there: That which holds where the package is there.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[Span, ...], bool], Term] = {}
        self.always = self.term(EVERYTHING, absent=True)
        self.there = self.term(EVERYTHING, absent=False)

    def term(self, spans: tuple[Span, ...], *, absent: bool = False) -> Term:
        """Return a term."""
        found = self._known.get((spans, absent))
        if found is None:
            found = self._known[spans, absent] = Term(self, spans, absent=absent)
        return found

    def required(self, spans: Sequence[Span]) -> Term:
        """Return the term that a requirement is, by the spans of versions that it allows."""
        return self.term(tuple(Span(_of_both(span.low), _of_both(span.high)) for span in spans))


def _of_both(cut: Cut | None) -> Cut | None:
    """Return a point between versions as one between candidates: a version has both of its own on one side of it."""
    return None if cut is None else Cut((cut.key, OF_PLATFORM if cut.after else ANYWHERE), cut.after)


class Candidates:
    """The candidates of a package that count.

    Args:
        keys: By which they are sorted, ascending.
        bits: The number of each.
    """

    def __init__(self, keys: Sequence[Key], bits: Sequence[int]) -> None:
        self.keys, self.bits = keys, bits

    def within(self, term: Term) -> Iterator[int]:
        """Yield the numbers of those in a range, ascending."""
        for span in term.spans:
            yield from self.bits[self._position(span.low, 0) : self._position(span.high, len(self.keys))]

    def above(self, term: Term) -> int:
        """Return how many are above a range."""
        return len(self.keys) - self._position(term.spans[-1].high, len(self.keys)) if term.spans else 0

    def _position(self, cut: Cut | None, end: int) -> int:
        if cut is None:
            return end
        return (bisect_right if cut.after else bisect_left)(self.keys, cut.key)

    def only(self, bit: int) -> tuple[Span, ...]:
        """Return the range of one."""
        return (Span.only(self.keys[self.bits.index(bit)]),)

    def between(self, first: int, end: int) -> tuple[Span, ...]:
        """Return the range from one position up to another one; at the ends of all it is without a bound."""
        low = Cut(self.keys[first], after=False) if first else None
        high = Cut(self.keys[end], after=False) if end < len(self.keys) else None
        return (Span(low, high),)
