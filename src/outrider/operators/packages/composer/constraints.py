"""Constraints of Composer as spans of versions: what they allow, whether two of them meet, and whether one is within another.

What Composer does with them is in its library `composer/semver`, class `Intervals`: https://github.com/composer/semver.
"""

from collections.abc import Iterable, Iterator

from outrider.operators.packages.versions.composer import ComposerScheme, alternatives_of
from outrider.operators.packages.versions.ranges import EVERYTHING, Cut, Key, Span, intersection
from outrider.operators.packages.versions.scheme import invalid_range

Spans = tuple[Span, ...]
# Whoever publishes a package writes them, and time grows with the square of the terms that must all hold.
_LONGEST, _MOST_ALTERNATIVES, _MOST_TERMS = 8192, 500, 32
_SCHEME = ComposerScheme()


class Constraint:
    """What a text allows.

    Args:
        text: As it is written.
        spans: Of versions, lowest first; no two of them touch.
    """

    __slots__ = ("spans", "text")

    def __init__(self, text: str, spans: Spans) -> None:
        self.text, self.spans = text, spans

    def allows(self, key: Key) -> bool:
        """Return whether a version is allowed, by its key."""
        return any(_contains(span, key) for span in self.spans)

    def meets(self, other: "Constraint") -> bool:
        """Return whether a version may be allowed by both."""
        return bool(intersection(self.spans, other.spans))

    def is_within(self, other: "Constraint") -> bool:
        """Return whether all that is allowed is allowed by another one too."""
        return all(any(_covers(wide, span) for wide in other.spans) for span in self.spans)

    def or_else(self, other: "Constraint") -> "Constraint":
        """Return what allows what one of two allows."""
        return Constraint(f"{self.text} || {other.text}", merged((*self.spans, *other.spans)))

    def parts(self) -> Iterator[Spans]:
        """Yield the parts between which something is left out; where that is a single version, it stays one part."""
        part: list[Span] = []
        for span in self.spans:
            if part and not _is_gap_of_one(part[-1], span):
                yield tuple(part)
                part = []
            part.append(span)
        if part:
            yield tuple(part)


ANYTHING = Constraint("*", EVERYTHING)


class Constraints:
    """Reads constraints, each text once: few of them are written very often."""

    def __init__(self) -> None:
        self._known: dict[str, Constraint] = {}

    def read(self, text: str) -> Constraint:
        """Return a constraint.

        Raises:
            InvalidConfigError: The text is none.
        """
        found = self._known.get(text)
        if found is None:
            if len(text) > _LONGEST or _is_too_much(text):
                raise invalid_range(
                    "Composer", text, f"at most {_LONGEST} characters, {_MOST_ALTERNATIVES} times {_MOST_TERMS} terms"
                )
            found = self._known[text] = Constraint(text, merged(_SCHEME.range(text).spans))
        return found


def _is_too_much(text: str) -> bool:
    groups = list(alternatives_of(text))
    return len(groups) > _MOST_ALTERNATIVES or any(len(words) > _MOST_TERMS for words in groups)


def exactly(key: Key, text: str) -> Constraint:
    """Return what allows one version."""
    return Constraint(text, (Span.only(key),))


def merged(spans: Iterable[Span]) -> Spans:
    """Return the same as spans of which no two touch, lowest first."""
    found: list[Span] = []
    for span in sorted(spans, key=_low):
        if found and (found[-1].high is None or span.low is None or span.low <= found[-1].high):
            found[-1] = Span(found[-1].low, _higher(found[-1].high, span.high))
        else:
            found.append(span)
    return tuple(found)


def within(spans: Spans, key: Key) -> bool:
    """Return whether a version is in one of some spans."""
    return any(_contains(span, key) for span in spans)


def _low(span: Span) -> tuple[bool, Cut | None]:
    return span.low is not None, span.low


def _higher(one: Cut | None, two: Cut | None) -> Cut | None:
    return None if one is None or two is None else max(one, two)


def _contains(span: Span, key: Key) -> bool:
    low, high = span.low, span.high
    if low is not None and not (low.key < key or (low.key == key and not low.after)):
        return False
    return high is None or key < high.key or (key == high.key and high.after)


def _covers(wide: Span, span: Span) -> bool:
    low = wide.low is None or (span.low is not None and wide.low <= span.low)
    return low and (wide.high is None or (span.high is not None and span.high <= wide.high))


def _is_gap_of_one(before: Span, after: Span) -> bool:
    return (
        before.high is not None and after.low is not None and before.high.key == after.low.key and not before.high.after
    )
