"""The ranges that several packages have of one peer, met: what `semver-range-intersect` is for pnpm 10.34."""

from collections.abc import Sequence
from functools import lru_cache

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.ranges import Key, Span, intersection

_RELEASE = ((3,),)
_Spans = tuple[Span, ...]


def met(ranges: Sequence[str]) -> str | None:
    """Return a range of what is in all ranges; None where there is nothing, or where one of them is no range."""
    spans: _Spans = ()
    known: list[_Spans] = []
    for text in dict.fromkeys(ranges):
        own = _spans(text)
        if own is None or any(not intersection(other, own) for other in known):
            return None
        known.append(own)
        # Where all that was there so far has nothing in common with a range, pnpm goes on with that range alone.
        spans = (intersection(spans, own) if spans else ()) or own
    # Prereleases of a version that is named are spans of their own, and a range says no more of them than that version.
    shown = [one for one in spans if not any(_is_part(one, other) for other in spans)]
    return " || ".join(dict.fromkeys(_text(span) for span in shown)) if spans else None


@lru_cache(maxsize=4096)
def _spans(text: str) -> _Spans | None:
    try:
        return scheme_of("npm").range(text).spans
    except InvalidConfigError:
        return None


def _is_part(one: Span, other: Span) -> bool:
    """Return whether a span has the prereleases that another one leaves out between its ends."""
    begins = other.low is None or (one.low is not None and other.low <= one.low)
    ends = other.high is None or (one.high is not None and one.high <= other.high)
    return other.releases_only and not one.releases_only and begins and ends


def _text(span: Span) -> str:
    low, high = span.low, span.high
    if low is not None and high is not None and low.key == high.key:
        return _version(low.key)
    parts = [f"{'>' if low.after else '>='}{_version(low.key)}"] if low is not None else []
    parts += [f"{'<=' if high.after else '<'}{_version(high.key)}"] if high is not None else []
    return " ".join(parts) or "*"


def _version(key: Key) -> str:
    major, minor, patch, prerelease = key
    numbers = f"{major}.{minor}.{patch}"
    if prerelease == _RELEASE:
        return numbers
    # Nothing is lower than the prerelease 0.
    return f"{numbers}-{'.'.join(str(number) if kind == 1 else text for kind, number, text in prerelease) or '0'}"
