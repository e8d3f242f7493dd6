"""The field `resolutions` of a project: what is taken in place of what packages ask for.

Yarn 1: `ResolutionMap` of 1.22.22, https://classic.yarnpkg.com/lang/en/docs/selective-version-resolutions/. Yarn 4: `parseResolution`
and `CorePlugin.ts` of 4.18, https://yarnpkg.com/configuration/manifest#resolutions. What cannot be read both leave out, and warn of it.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.npm.globs import matches, refuse_unread
from outrider.operators.packages.npm.specs import read_spec
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable
from outrider.operators.packages.yarn.fields import bound, is_range
from outrider.operators.packages.yarn.manifests import WORKSPACE, later_spec
from outrider.operators.packages.yarn.patch_ranges import bound_to

_FIELD = "resolutions"
_FILE = "package.json"
_NAME = r"(?:@[^/@]+/)?[^/@]+"
_LATER = re.compile(rf"(?:({_NAME})(?:@([^/]+))?/)?({_NAME})(?:@([^/]+))?")
_STEP = re.compile(r"(?:@[^/]+/)?[^/]+")
_ENDS_OTHERWISE = re.compile(r"/$|/{2,}|\*+$")


class _Glob(NamedTuple):
    name: str
    range: str
    glob: str

    @property
    def key(self) -> str:
        return f"{self.name}@{self.range}"


class ClassicResolutions:
    """Those of a project of Yarn 1: of two that are for one package, the first counts.

    Args:
        said: The field.

    Attributes:
        keys: Of what is taken, by the key that the lock file has for it: the name and the range.
        notes: What Yarn warns of.

    Raises:
        InvalidConfigError: It cannot be read.
        UnsupportedError: One comes from elsewhere than a registry, or its pattern is not read.
    """

    def __init__(self, said: Any) -> None:
        self.keys: dict[str, tuple[str, str]] = {}
        self.notes: list[str] = []
        self._globs: list[_Glob] = []
        for pattern, text in _texts(said).items():
            steps = _STEP.findall(pattern)
            if _ENDS_OTHERWISE.search(pattern) or not steps:
                self.notes.append(f"{_FILE}: {_FIELD} has {pattern}, which ends with no name, and Yarn leaves it out.")
                continue
            if not read_spec(steps[-1], text).package:
                raise _elsewhere(pattern, text)
            if not (is_range(text) or text.startswith("npm:")):
                self.notes.append(
                    f"{_FILE}: {_FIELD} has {pattern} be {text}, which is no range, and Yarn leaves it out."
                )
                continue
            glob = _Glob(steps[-1], text, f"**/{pattern}" if steps[-1] == pattern else pattern)
            if pattern.startswith(("!", "#")):
                raise _unread(pattern)
            refuse_unread(_FILE, f"{_FIELD}.{pattern}", [pattern])
            self._globs.append(glob)
            self.keys[glob.key] = glob.name, glob.range

    def of(self, name: str, text: str, path: tuple[str, ...]) -> str:
        """Return the key of what is taken in place of what is asked for; empty where there is none.

        Args:
            name: By which it goes.
            text: What is asked of it.
            path: The names of whoever leads to it.
        """
        place = "/".join((*path, name))
        found = next((one for one in self._globs if one.name == name and matches(place, [one.glob])), None)
        if found is None:
            return ""
        exact = VersionTable(scheme_of("npm"), [found.range])
        if exact.versions and is_range(text) and not exact.mask(text):
            note = f"{_FILE}: {_FIELD} has {found.key}, where {name}@{text} is asked for, which does not allow it."
            if note not in self.notes:
                self.notes.append(note)
        return found.key


class _Later(NamedTuple):
    needer: str
    reference: str
    name: str
    text: str
    instead: str


class BerryResolutions:
    """Those of a project of Yarn 4: the first one that is for something counts.

    Args:
        said: The field.
        root: What the lock file has of the project itself, from whose folder paths of patches start.

    Attributes:
        notes: What Yarn warns of.

    Raises:
        InvalidConfigError: It cannot be read.
        UnsupportedError: One comes from elsewhere than a registry.
    """

    def __init__(self, said: Any, root: str = "") -> None:
        self.notes: list[str] = []
        self._found: list[_Later] = []
        for pattern, text in _texts(said).items():
            match = _LATER.fullmatch(pattern)
            if pattern.startswith(("*/", "**/")) or match is None:
                self.notes.append(
                    f"{_FILE}: {_FIELD} has {pattern}, which is not of the form NAME, NAME@RANGE or NEEDER/NAME, and Yarn leaves it out."
                )
                continue
            needer, reference, name, asked = (part or "" for part in match.groups())
            if not text.startswith(WORKSPACE) and not later_spec(name, text).package:
                raise _elsewhere(pattern, text)
            self._found.append(
                _Later(
                    needer,
                    reference and bound(reference),
                    name,
                    asked and bound(asked),
                    bound_to(name, bound(text), root),
                )
            )

    def of(self, needer: tuple[str, str], name: str, text: str) -> str:
        """Return what is asked for in the end.

        Args:
            needer: Who asks: a name, and what the lock file has behind it.
            name: Of what is asked for.
            text: What is asked of it, with its protocol.
        """
        for one in self._found:
            is_needer = one.needer in ("", needer[0]) and one.reference in ("", needer[1])
            if is_needer and one.name == name and one.text in ("", text):
                return one.instead
        return text


def _texts(said: Any) -> Mapping[str, str]:
    if not isinstance(said, dict) or not all(isinstance(one, str) for one in said.values()):
        raise InvalidConfigError(
            f"{_FILE}: {_FIELD} cannot be read", path=_FIELD, found=str(said)[:80], expected="names with ranges", suggestions=["correct it"]
        )  # fmt: skip
    return said


def _elsewhere(pattern: str, text: str) -> UnsupportedError:
    return UnsupportedError(
        f"{_FILE}: {_FIELD}.{pattern} comes from elsewhere than a registry", path=f"{_FIELD}.{pattern}", found=text[:80], expected="a range",
        suggestions=["use Yarn itself: yarn install"],
    )  # fmt: skip


def _unread(pattern: str) -> UnsupportedError:
    return UnsupportedError(
        f"{_FILE}: {_FIELD} has a pattern that is not read", path=f"{_FIELD}.{pattern}", found=pattern[:80], expected="no ! or # before it",
        suggestions=["use Yarn itself: yarn install"],
    )  # fmt: skip
