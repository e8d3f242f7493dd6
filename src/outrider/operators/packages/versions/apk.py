"""Versions of Alpine's packages, by the rules of apk-tools 2.14: src/version.c.

https://gitlab.alpinelinux.org/alpine/apk-tools/-/blob/master/doc/apk-package.5.scd: digits, `.` digits, a letter, suffixes such as
`_rc1`, a hash of a commit, and the revision of the packager.
"""

import re

from outrider.operators.packages.versions.ranges import Key, VersionRange
from outrider.operators.packages.versions.relations import related
from outrider.operators.packages.versions.scheme import Version, invalid_version

_BEFORE = ("alpha", "beta", "pre", "rc")
_AFTER = ("cvs", "svn", "git", "hg", "p")
_SUFFIX = rf"_(?:{'|'.join((*_BEFORE, *_AFTER))})[0-9]*"
_VERSION = re.compile(rf"([0-9]+)((?:\.[0-9]+)*)([a-z]?)((?:{_SUFFIX})*)(?:~([0-9a-fA-F]+))?(?:-r([0-9]+))?", re.ASCII)
_SUFFIXES = re.compile(r"_([a-z]+)([0-9]*)")
# What may follow the same beginning, in order: only a suffix of what comes before a release is below the end.
_EARLIER, _END, _REVISION, _HASH, _COUNT, _LATER, _LETTER, _NUMBER = range(8)


class ApkScheme:
    """Versions of Alpine's packages."""

    def parse(self, text: str) -> Version:
        """Read a version."""
        match = _VERSION.fullmatch(text)
        if match is None:
            raise invalid_version("apk", text, "a version such as 1.2.3_rc1-r0")
        first, numbers, letter, suffixes, commit, revision = match.groups()
        key: list[Key] = [(_NUMBER, _number(first))]
        key += [(_NUMBER, _later_number(one)) for one in numbers.split(".")[1:]]
        key += [(_LETTER, letter)] if letter else []
        for word, count in _SUFFIXES.findall(suffixes):
            key.append((_EARLIER, _BEFORE.index(word)) if word in _BEFORE else (_LATER, _AFTER.index(word)))
            key += [(_COUNT, _number(count))] if count else []
        key += [(_HASH, commit)] if commit else []
        key += [(_REVISION, _number(revision))] if revision else []
        return Version((*key, (_END,)), any(kind == _EARLIER for kind, *_ in key))

    def range(self, text: str) -> VersionRange:
        """Read comparisons, such as `>= 1.2, < 2`."""
        return related(self.parse, text, "apk")


def _number(digits: str) -> int:
    # Read as hexadecimal, numbers keep their order, and may have any count of digits; of decimal ones, Python takes 4300.
    return int(digits, 16)


def _later_number(digits: str) -> Key:
    """Return what a number behind a dot is compared by: as text where one begins with a zero, which is then the lower one."""
    return (0, digits) if digits.startswith("0") else (1, _number(digits))
