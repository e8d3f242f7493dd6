"""Versions that may be none, such as those of strangers."""

from functools import lru_cache

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.scheme import Version


@lru_cache(maxsize=100_000)
def read_version(ecosystem: str, text: str) -> Version | None:
    """Return a version as its ecosystem reads it; None where it cannot."""
    try:
        return scheme_of(ecosystem).parse(text)
    except InvalidConfigError:
        return None
