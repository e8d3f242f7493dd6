"""Editions of Java artifacts: what stands behind the numbers of a version tells them apart, such as `-jre` and `-android`."""

import re

from outrider.operators.packages.maven.order import RESOLVER_SCHEME

_EDITION = re.compile(r"[.-]([A-Za-z][A-Za-z0-9]*)$")
# What says how far a version has come is no edition.
_RELEASE = re.compile(r"final|ga|release|sp\d*")


def edition_of(version: str) -> str:
    """Return the edition of a version; empty where it has none."""
    match = _EDITION.search(version)
    word = match[1].lower() if match is not None else ""
    return "" if _RELEASE.fullmatch(word) or RESOLVER_SCHEME.parse(version).prerelease else word
