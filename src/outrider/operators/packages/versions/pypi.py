"""Versions of PyPI, by the rules of PEP 440: https://peps.python.org/pep-0440/.

Ranges allow prereleases wherever they lie in between; whether one is to be taken is a question of policy, not of the range.
Where the specification leaves something open, the library `packaging` 26.3 decides. Two things are refused here at once that it
refuses only when it comes to compare them: numbers of more digits than Python reads, and `~=` with the letter U+017F for an s.
"""

import re
from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from outrider.operators.packages.versions.ranges import EVERYTHING, Key, Span, VersionRange, complement, intersection
from outrider.operators.packages.versions.scheme import Version, invalid_range, invalid_version

_VERSION = re.compile(
    r"v?(?:(?P<epoch>[0-9]+)!)?(?P<release>[0-9]+(?:\.[0-9]+)*)"
    r"(?:[-_.]?(?P<letter>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<number>[0-9]*))?"
    r"(?:-(?P<bare_post>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post>[0-9]*))?"
    r"(?:[-_.]?dev[-_.]?(?P<dev>[0-9]*))?"
    r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?",
    re.ASCII | re.IGNORECASE,
)
_LOCAL_SEPARATOR = re.compile(r"[-_.]")
_CLAUSE = re.compile(r"(===|~=|[=!<>]=|[<>])\s*(.*)", re.DOTALL)
# What `===` compares may hold anything but what ends it within a requirement.
_SPELLED = re.compile(r"[^\s;)]*")
_EXPECTED = "a range such as >=1.2,<2, ~=1.4.2, ==1.* or !=1.5"

# The stage of a version within its release: rank and number of the prerelease, number of the post release and of the
# development release.
_Stage = tuple[int, int, int, float]
_RANKS = {"a": 1, "alpha": 1, "b": 2, "beta": 2, "c": 3, "rc": 3, "pre": 3, "preview": 3}
_DEVELOPMENT, _RELEASED = 0, 4
_NO_POST, _NO_DEVELOPMENT = -1, inf
_FINAL: _Stage = (_RELEASED, 0, _NO_POST, _NO_DEVELOPMENT)
# Words sort before numbers in the local part, and this after both.
_WORD = -1
_LAST_LOCAL = ((inf, ""),)


class _Parts(NamedTuple):
    """What a version consists of."""

    epoch: int
    release: tuple[int, ...]
    stage: _Stage
    local: Key | None

    @property
    def key(self) -> Key:
        """What it is sorted by: zeros at the end of the release do not count, and no local part sorts first."""
        public = (self.epoch, _trimmed(self.release), self.stage)
        return public if self.local is None else (*public, self.local)

    @property
    def prerelease(self) -> bool:
        """Whether it is one, or a development release of any kind."""
        return self.stage[0] != _RELEASED or self.stage[3] != _NO_DEVELOPMENT

    @property
    def after_locals(self) -> Key:
        """The point behind all that differ from it in the local part only."""
        return (self.epoch, _trimmed(self.release), self.stage, _LAST_LOCAL)

    @property
    def after_posts(self) -> Key:
        """The point behind its post releases."""
        return (self.epoch, _trimmed(self.release), (*self.stage[:2], inf))

    @property
    def before_prereleases(self) -> Key:
        """The point before its prereleases: those of its release, or the development releases of its post release."""
        stage = () if self.stage == _FINAL else self.stage[:3]
        return (self.epoch, _trimmed(self.release), stage)


class PypiScheme:
    """Versions and specifiers of PyPI."""

    def parse(self, text: str) -> Version:
        """Read a version; blanks around it and a leading `v` do not count."""
        parts = _read(text.strip())
        if parts is None:
            raise invalid_version("PyPI", text, "a version such as 1.2.3, 1.2rc1 or 1.2.post1")
        return Version(parts.key, parts.prerelease)

    def range(self, text: str) -> VersionRange:
        """Read a specifier; commas join what must all hold."""
        spans: tuple[Span, ...] = EVERYTHING
        spelled = []
        for operator, operand in _clauses(text):
            if operator == "===":
                spelled.append(operand.lower())
            else:
                spans = intersection(spans, _spans(operator, operand, text))
        if not spelled:
            return VersionRange(spans=spans)
        return VersionRange(spans=spans, texts=frozenset(spelled if len(set(spelled)) == 1 else ()))


def _read(text: str) -> _Parts | None:
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    try:
        release = tuple(map(int, match["release"].split(".")))
        if match.end("release") == len(text):
            return _Parts(int(match["epoch"] or 0), release, _FINAL, None)
        return _Parts(int(match["epoch"] or 0), release, _stage(match), _local(match["local"]))
    except ValueError:
        # Python refuses to read numbers of thousands of digits.
        return None


def _stage(match: re.Match[str]) -> _Stage:
    letter, number, bare_post, post, development = match.group("letter", "number", "bare_post", "post", "dev")
    post = post if bare_post is None else bare_post
    if letter is not None:
        rank = _RANKS[letter.lower()]
    else:
        # What is developed towards a release comes before its first prerelease, but never before an earlier release.
        rank = _DEVELOPMENT if post is None and development is not None else _RELEASED
    return (
        rank,
        int(number or 0),
        _NO_POST if post is None else int(post or 0),
        _NO_DEVELOPMENT if development is None else int(development or 0),
    )


def _local(text: str | None) -> Key | None:
    if text is None:
        return None
    parts = _LOCAL_SEPARATOR.split(text.lower())
    return tuple((int(part), "") if part.isdigit() else (_WORD, part) for part in parts)


def _trimmed(release: tuple[int, ...]) -> tuple[int, ...]:
    end = len(release)
    while end and release[end - 1] == 0:
        end -= 1
    return release[:end]


def _clauses(text: str) -> Iterator[tuple[str, str]]:
    """Yield the operators of a range with what they compare to."""
    for clause in filter(None, map(str.strip, text.split(","))):
        match = _CLAUSE.fullmatch(clause)
        if match is None or (match[1] == "===" and not _SPELLED.fullmatch(match[2])):
            raise invalid_range("PyPI", text, _EXPECTED)
        yield match[1], match[2]


def _spans(operator: str, operand: str, whole: str) -> tuple[Span, ...]:
    if operator in ("==", "!="):
        equal = _equal(operand, whole)
        return (equal,) if operator == "==" else complement([equal])
    parts = _read(operand)
    if parts is None or parts.local is not None:
        raise invalid_range("PyPI", whole, _EXPECTED)
    if operator == "~=":
        return (_compatible(parts, whole),)
    return (_ordered(operator, parts),)


def _equal(operand: str, whole: str) -> Span:
    parts = _read(operand.removesuffix(".*"))
    if parts is None:
        raise invalid_range("PyPI", whole, _EXPECTED)
    if operand.endswith(".*"):
        if parts.stage != _FINAL or parts.local is not None:
            raise invalid_range("PyPI", whole, "nothing but numbers before .*")
        return Span.between(parts.before_prereleases, _following(parts.epoch, parts.release))
    return Span.between(parts.key, parts.after_locals) if parts.local is None else Span.only(parts.key)


def _compatible(parts: _Parts, whole: str) -> Span:
    if len(parts.release) == 1:
        raise invalid_range("PyPI", whole, "two numbers or more after ~=")
    return Span.between(parts.key, _following(parts.epoch, parts.release[:-1]))


def _ordered(operator: str, parts: _Parts) -> Span:
    if operator == ">=":
        return Span.at_least(parts.key)
    if operator == "<=":
        return Span.below(parts.after_locals)
    if operator == "<":
        return Span.below(parts.key if parts.prerelease else parts.before_prereleases)
    # What follows a version are not its own post releases, unless it is one itself; a development release has none.
    has_posts = parts.stage[2:] == (_NO_POST, _NO_DEVELOPMENT)
    return Span.at_least(parts.after_posts if has_posts else parts.after_locals)


def _following(epoch: int, release: tuple[int, ...]) -> Key:
    """Return the point behind all whose release begins with these numbers."""
    return (epoch, (*release[:-1], release[-1] + 1), ())
