"""Versions of Debian's packages, by the rules of dpkg 1.21.22: lib/dpkg/parsehelp.c and lib/dpkg/version.c.

https://www.debian.org/doc/debian-policy/ch-controlfields.html#version. As in dpkg, other characters than the policy allows are
compared all the same.
"""

import re

from outrider.operators.packages.versions.ranges import Key, VersionRange
from outrider.operators.packages.versions.relations import related
from outrider.operators.packages.versions.scheme import Version, invalid_version

_BLANKS = " \t\n\v\f\r"
# Letters come before other characters, and a tilde before the end, which is 0.
_TILDE, _END, _OTHERS, _ABOVE_ASCII = -1, (0,), 256, 128
_LARGEST_EPOCH = (1 << 31) - 1
_EPOCH = re.compile(rb"\+?[0-9]+")
_PART = re.compile(rb"([^0-9]*)([0-9]*)")


class DpkgScheme:
    """Versions of Debian's packages."""

    def parse(self, text: str) -> Version:
        """Read a version: an epoch, the version of the author and the revision of the packager."""
        whole = text.strip(_BLANKS)
        content = whole.encode("utf-8", "surrogateescape")
        epoch, colon, rest = content.partition(b":") if b":" in content else (b"", b"", content)
        upstream, hyphen, revision = rest.rpartition(b"-") if b"-" in rest else (rest, b"", b"")
        is_epoch = not colon or (_EPOCH.fullmatch(epoch) is not None and int(epoch[-20:]) <= _LARGEST_EPOCH)
        if not is_epoch or not upstream or (hyphen and not revision) or any(blank in whole for blank in _BLANKS):
            raise invalid_version("dpkg", text, "a version such as 1:2.3-4")
        # Read as hexadecimal, numbers keep their order, and may have any count of digits; of decimal ones, Python takes 4300.
        return Version((int(epoch or b"0", 16), _key(upstream), _key(revision)), b"~" in upstream)

    def range(self, text: str) -> VersionRange:
        """Read comparisons, such as `>= 1.2, << 2`."""
        return related(self.parse, text, "dpkg")


def _key(text: bytes) -> Key:
    """Return the key of a part: what is no number and what is one, by turns, up to an end that only a tilde comes before."""
    key: list[object] = []
    for match in _PART.finditer(text):
        # Nothing at all is zero: 1 is 1-0.
        if match[0] or not key:
            key += [(*map(_weight, match[1]), *_END), int(match[2] or b"0", 16)]
    return (*key, _END)


def _weight(character: int) -> int:
    if character == ord("~"):
        return _TILDE
    if bytes((character,)).isalpha():
        return character
    # As dpkg has it, where a character has a sign.
    return _OTHERS + (character if character < _ABOVE_ASCII else character - _OTHERS)
