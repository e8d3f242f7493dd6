"""What a client accepts, and what it has already: RFC 9110, sections 12.5, 13 and 14."""

from collections.abc import Sequence
from typing import NamedTuple

_MOST_PARTS = 50


def accepted(header: str | None, offered: Sequence[str]) -> str | None:
    """Return which of the things on offer a client likes best, the first of those that it likes as well; None for none.

    Args:
        header: Of the request: `Accept` or `Accept-Encoding`.
        offered: Media types or encodings, the best one first. `identity` is accepted unless it is refused by name.
    """
    if not header:
        return "identity" if "identity" in offered else offered[0]
    wishes = dict(_wish(part) for part in header.split(",", _MOST_PARTS)[:_MOST_PARTS])
    rated = [(_rating(one, wishes), -at, one) for at, one in enumerate(offered)]
    best = max(rated)
    return best[2] if best[0] > 0 else None


def _wish(part: str) -> tuple[str, float]:
    name, *parameters = (one.strip().lower() for one in part.split(";"))
    quality = 1.0
    for one in parameters:
        if one.startswith("q="):
            try:
                quality = min(max(float(one[2:]), 0.0), 1.0)
            except ValueError:
                quality = 0.0
    return name, quality


def _rating(offer: str, wishes: dict[str, float]) -> float:
    if offer in wishes:
        return wishes[offer]
    kind, slash, _ = offer.partition("/")
    if slash and f"{kind}/*" in wishes:
        return wishes[f"{kind}/*"]
    star = wishes.get("*/*" if slash else "*")
    if star is not None:
        return star
    # Whoever names encodings and not this one takes it where there is nothing else.
    return 0.001 if offer == "identity" else 0.0


def same_tag(header: str | None, etag: str) -> bool:
    """Return whether a client has what stands behind a tag, by its `If-None-Match`, which compares weakly."""
    if not header:
        return False
    known = [one.strip().removeprefix("W/") for one in header.split(",")]
    return "*" in known or etag in known


class Part(NamedTuple):
    """A part of a file: from a byte on, up to another one, which is not in it."""

    begin: int
    end: int


def part_of(header: str | None, size: int) -> Part | None:
    """Return the part that a client wants, None for the whole; several parts at once are not cut, which a server may do.

    Args:
        header: `Range` of the request.
        size: Of the file, in bytes.

    Raises:
        ValueError: There is no such part.
    """
    if not header or not header.startswith("bytes=") or "," in header:
        return None
    first, dash, last = header[len("bytes=") :].strip().partition("-")
    if not dash or not (first or last) or not _is_number(first or "0") or not _is_number(last or "0"):
        return None
    if not first:
        begin, end = max(size - int(last), 0), size
    else:
        begin, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return None
    if begin >= size or begin >= end:
        raise ValueError(f"no bytes from {begin} on: there are {size}")
    return Part(begin, end)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18
