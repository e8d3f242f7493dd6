"""Hashes as lock files write them, by algorithm and in hexadecimal digits: of each file of a version, sorted."""

import base64
import binascii
import re
from collections.abc import Iterable

from outrider.operators.packages.locks.entries import Hashes, UnusableEntry

_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128, "blake2b": 128}
_HEXADECIMAL = re.compile(r"[0-9a-f]+")


def collected(pairs: Iterable[tuple[str, str]]) -> Hashes:
    """Return the hashes of a package.

    Args:
        pairs: Algorithm and digits of each.

    Raises:
        UnusableEntry: One is no hash.
    """
    found: dict[str, set[str]] = {}
    for algorithm, digits in pairs:
        name, lower = algorithm.strip().lower(), digits.strip().lower()
        if not name.isalnum() or not _HEXADECIMAL.fullmatch(lower) or len(lower) != _DIGITS.get(name, len(lower)):
            raise UnusableEntry(f"{algorithm[:20]}:{digits[:20]} is no hash")
        found.setdefault(name, set()).add(lower)
    return {name: tuple(sorted(found[name])) for name in sorted(found)}


def prefixed(texts: Iterable[str]) -> Hashes:
    """Return the hashes that are written as `sha256:DIGITS`.

    Raises:
        UnusableEntry: One is no hash.
    """
    return collected((text.partition(":")[0], text.partition(":")[2]) for text in texts)


def integrity(text: str) -> Hashes:
    """Return the hashes of an integrity of npm, such as `sha512-BASE64` (Subresource Integrity, W3C).

    Raises:
        UnusableEntry: It is none.
    """
    return collected(
        (one.partition("-")[0], from_base64(one.partition("-")[2].partition("?")[0])) for one in text.split()
    )


def from_base64(text: str) -> str:
    """Return the hexadecimal digits of a hash that is written in base64.

    Raises:
        UnusableEntry: It is none.
    """
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError) as error:
        raise UnusableEntry(f"{text[:20]} is no base64") from error
