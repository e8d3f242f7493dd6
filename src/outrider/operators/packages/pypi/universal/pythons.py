"""`requires-python` of a project, as uv reads and writes it: `crates/uv-distribution-types/src/requires_python.rs` of uv 0.13.

Only the numbers of releases count. Of other packages only the lowest version that they run on does: nobody knows what comes later.
"""

import re
from itertools import pairwise

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.universal.expressions import release_tree, trimmed
from outrider.operators.packages.pypi.universal.marker_texts import starred
from outrider.operators.packages.pypi.universal.trees import PYTHON, Cut, Tree, among_pythons, conjunction, within

_CLAUSE = re.compile(r"(===|[<>=!~]=|[<>])\s*(.+)")
_Release = tuple[int, ...]


class PythonRange(msgspec.Struct, frozen=True):
    """Versions of Python.

    Attributes:
        text: As uv writes it.
        low: Where it begins; None for no beginning.
        high: Where it ends; None for no end.
    """

    text: str
    low: Cut | None
    high: Cut | None

    @classmethod
    def of(cls, text: str) -> "PythonRange":
        """Read `requires-python`.

        Raises:
            InvalidConfigError: It is no specifier, or nothing is in it.
        """
        tree, written = _read(text)
        if tree is False:
            raise InvalidConfigError(
                f"requires-python: no version of Python is in {text!r}", path="project.requires-python", found=text[:80],
                expected="a range such as >=3.11", suggestions=["correct it"],
            )  # fmt: skip
        if isinstance(tree, bool):
            return cls("", None, None)
        spans = [
            (low, high)
            for low, high, child in zip((None, *tree.cuts), (*tree.cuts, None), tree.children, strict=True)
            if child is True
        ]
        return cls(_text(spans, written), spans[0][0], spans[-1][1])

    @property
    def tree(self) -> Tree:
        """What is true of these versions and of all between them."""
        return within(PYTHON, self.low, self.high)

    def simplified(self, tree: Tree) -> Tree:
        """Return the simplest tree that is the same for these versions."""
        return among_pythons(tree, self.low, self.high)


def lowest(text: str) -> Cut | None:
    """Return where a specifier begins; None for no beginning.

    Raises:
        InvalidConfigError: It is none.
    """
    tree, _ = _read(text)
    if isinstance(tree, bool) or tree.children[0] is True:
        return None
    return tree.cuts[0]


def _read(text: str) -> tuple[Tree, dict[_Release, _Release]]:
    """Return a specifier as a tree, and releases as they are written by what they are."""
    found: Tree = True
    written: dict[_Release, _Release] = {}
    try:
        SpecifierSet(text)
    except InvalidSpecifier as error:
        raise _malformed(text) from error
    for clause in filter(None, map(str.strip, text.split(","))):
        match = _CLAUSE.fullmatch(clause)
        star = "*" if match is not None and match[2].endswith(".*") else ""
        try:
            release = Version(match[2].removesuffix(".*")).release if match is not None else ()
        except InvalidVersion as error:
            raise _malformed(text) from error
        tree = release_tree(f"{match[1]}{star}", release) if match is not None else None
        if tree is None:
            raise _malformed(text)
        # Of the same end written in several ways the first one stays, of the same beginning the last one.
        if trimmed(release) not in written or not match or "<" not in match[1]:
            written[trimmed(release)] = release
        found = conjunction(found, tree)
    return found, written


def _text(spans: list[tuple[Cut | None, Cut | None]], written: dict[_Release, _Release]) -> str:
    """Return what stands for some spans, sorted by version."""
    found: list[tuple[_Release, str]] = []
    for (_, low), (high, _) in pairwise(spans):
        assert low is not None
        assert high is not None
        if low[0] == high[0]:
            found.append(_clause("!=", low, written))
        elif star := starred(low[0], high[0]):
            found.append((_release(low), f"!={star}.*"))
    low, high = spans[0][0], spans[-1][1]
    if low is not None and high is not None:
        if low[0] == high[0]:
            found.append(_clause("==", low, written))
            return _joined(found)
        if low[1] == high[1] == 0 and (star := starred(low[0], high[0])):
            found.append((_release(low), f"=={star}.*"))
            return _joined(found)
    if low is not None:
        found.append(_clause(">" if low[1] else ">=", low, written))
    if high is not None:
        found.append(_clause("<=" if high[1] else "<", high, written))
    return _joined(found)


def _clause(operator: str, cut: Cut, written: dict[_Release, _Release]) -> tuple[_Release, str]:
    release = _release(cut)
    return release, f"{operator}{'.'.join(map(str, written.get(release, release)))}"


def _release(cut: Cut) -> _Release:
    assert not isinstance(cut[0], str)
    return cut[0]


def _joined(found: list[tuple[_Release, str]]) -> str:
    return ", ".join(text for _, text in sorted(found, key=lambda one: one[0]))


def _malformed(text: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{text[:80]!r} is no range of versions of Python", path="project.requires-python", found=text[:80],
        expected="a range such as >=3.11", suggestions=["correct it"],
    )  # fmt: skip
