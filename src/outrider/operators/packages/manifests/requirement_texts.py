"""Requirements (PEP 508) with another range, and all else of them as it is written."""

import re

_REQUIREMENT = re.compile(r"(?P<head>[^\[;<>=!~(]*(?:\[[^\]]*\])?)(?P<range>[^;]*?)(?P<marker>\s*(?:;.*)?)", re.DOTALL)


def with_range(text: str, wanted: str) -> str:
    """Return a requirement with another range."""
    match = _REQUIREMENT.fullmatch(text)
    assert match is not None
    return f"{match['head'].rstrip()}{wanted}{match['marker']}"
