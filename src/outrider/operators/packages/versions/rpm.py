"""Versions of RPM packages, by the rules of RPM 4.18: rpmio/rpmvercmp.c, rpmver.c, and
https://rpm-software-management.github.io/rpm/manual/dependencies.html.
"""

import re

from outrider.operators.packages.versions.ranges import Key, VersionRange
from outrider.operators.packages.versions.relations import related
from outrider.operators.packages.versions.scheme import Version, invalid_version

# What may follow the same beginning, in order.
_TILDE, _END, _CARET, _LETTERS, _NUMBER = range(5)
_SEGMENT = re.compile(r"~|\^|[0-9]+|[A-Za-z]+")
_EVR = re.compile(r"(?:([0-9]*):)?(.*?)(?:-([^-]*))?", re.DOTALL)


class RpmScheme:
    """Versions of RPM packages."""

    def parse(self, text: str) -> Version:
        """Read a version: an epoch, the version of the author and the release of the packager."""
        match = _EVR.fullmatch(text)
        if match is None or not match[2] or any(one.isspace() for one in text):
            raise invalid_version("RPM", text, "a version such as 1:2.3-4.el9")
        # Read as hexadecimal, numbers keep their order, and may have any count of digits; of decimal ones, Python takes 4300.
        epoch = int(match[1] or "0", 16)
        # One without a release is before all that have one.
        release = () if match[3] is None else (_key(match[3]),)
        return Version((epoch, _key(match[2]), release), "~" in match[2])

    def range(self, text: str) -> VersionRange:
        """Read comparisons, such as `>= 1.2, < 2`."""
        return related(self.parse, text, "RPM")


def _key(text: str) -> Key:
    """Return the key of a part: numbers, letters, tildes and carets; what stands between them does not count."""
    return (*(_segment(one) for one in _SEGMENT.findall(text)), (_END,))


def _segment(text: str) -> Key:
    if text == "~":
        return (_TILDE,)
    if text == "^":
        return (_CARET,)
    return (_NUMBER, int(text, 16)) if text.isdigit() else (_LETTERS, text)
