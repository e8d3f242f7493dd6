"""Ranges that are but comparisons with a version, as distributions write them: commas join what must all hold."""

import re
from collections.abc import Callable

from outrider.operators.packages.versions.ranges import Key, Span, VersionRange, intersection
from outrider.operators.packages.versions.scheme import Version, invalid_range

_RELATION = re.compile(r"(<<|>>|<=|>=|[<=>]|)\s*([^\s,<=>]+)")
_SPANS: dict[str, Callable[[Key], Span]] = {
    "": Span.only, "=": Span.only, "<": Span.below, "<<": Span.below, "<=": Span.at_most, ">": Span.above, ">>": Span.above,
    ">=": Span.at_least,
}  # fmt: skip


def related(parse: Callable[[str], Version], text: str, tool: str) -> VersionRange:
    """Return the range of comparisons such as `>= 1.2, << 2`.

    Args:
        parse: Reads a version.
        text: The comparisons.
        tool: Whose versions they are, for errors.

    Raises:
        InvalidConfigError: They are none.
    """
    spans = []
    for word in text.split(","):
        match = _RELATION.fullmatch(word.strip())
        if match is None:
            raise invalid_range(tool, text, "comparisons such as >= 1.2, << 2")
        spans.append((_SPANS[match[1]](parse(match[2]).key),))
    return VersionRange(spans=intersection(*spans))
