"""What Python packages are resolved for: an interpreter on a machine, with its markers and the wheels that it takes."""

import os
import platform
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from itertools import product
from math import prod
from typing import Protocol

import msgspec
from packaging.markers import Marker, UndefinedComparison
from packaging.tags import compatible_tags, cpython_tags, platform_tags

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.core_metadata import Need
from outrider.operators.packages.pypi.records import PypiRecord
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

_PYTHON = re.compile(r"[23](\.[0-9]{1,3}){1,2}")
_MOST_TAGS = 10_000
# Of how much it is known what it comes to.
_KNOWN = 10_000
_SHOWN = 40


class Target(Protocol):
    """What packages are for.

    Attributes:
        python: Which versions of Python, as people write it.
    """

    @property
    def python(self) -> str: ...

    def rank(self, tags: str) -> int | None:
        """Return how well wheels with some tags, as their names have them, fit: the lowest is best, None where it does not take them."""

    def allows(self, python: str) -> bool:
        """Return whether what says that of Python (`Requires-Python`) runs there; what cannot be read forbids nothing, as with pip."""

    def choices(self, needs: Sequence[Need]) -> Iterable[Sequence[Need]]:
        """Return needs all of which are to be met; of several that stand together one is."""

    def out_of_place(self, record: PypiRecord) -> Iterable[tuple[int, int]]:
        """Return the numbers of versions of a project that another one is chosen in place of, each with that."""

    def holds(self, marker: str, extra: str) -> bool:
        """Return whether a marker is true there, for what needs a project with an extra or, where that is empty, without."""


class PypiTarget(msgspec.Struct, frozen=True, dict=True):
    """An interpreter of CPython on this machine.

    Attributes:
        python: Its version, such as `3.12` or `3.12.4`.
    """

    python: str

    @classmethod
    def of(cls, python: str) -> "PypiTarget":
        """Return the target for a version; for that which runs this where it is empty.

        Raises:
            InvalidConfigError: It is none.
        """
        if not python:
            return _known(platform.python_version().rstrip("+"))  # a build between two releases ends in a plus sign
        if not _PYTHON.fullmatch(python):
            shown = python[:_SHOWN]
            raise InvalidConfigError(
                f"python: {shown!r} is not a version of Python", path="python", found=shown, expected="3.12 or 3.12.4",
                suggestions=["name two or three numbers, of which the first one is 2 or 3"],
            )  # fmt: skip
        return _known(python)

    @cached_property
    def full_version(self) -> str:
        """All three numbers: of a minor version its first release."""
        return self.python if self.python.count(".") == 2 else f"{self.python}.0"

    @cached_property
    def markers(self) -> dict[str, str]:
        """What environment markers are compared with (PEP 508)."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.full_version,
            "os_name": os.name,
            "platform_machine": platform.machine(),
            "platform_python_implementation": "CPython",
            "platform_release": platform.release(),
            "platform_system": platform.system(),
            "platform_version": platform.version(),
            "python_full_version": self.full_version,
            "python_version": ".".join(self.python.split(".")[:2]),
            "sys_platform": sys.platform,
            "extra": "",
        }

    @cached_property
    def tags(self) -> dict[str, int]:
        """The tags of wheels that it takes (PEP 425); the best one has the lowest number."""
        major, minor = map(int, self.python.split(".")[:2])
        platforms = list(platform_tags())
        found = [
            *cpython_tags((major, minor), platforms=platforms),
            *compatible_tags((major, minor), interpreter=f"cp{major}{minor}", platforms=platforms),
        ]
        return {str(tag): number for number, tag in reversed(list(enumerate(found)))}

    @cached_property
    def rank(self) -> Callable[[str], int | None]:
        """Returns how well wheels with some tags, as their names have them, such as `py2.py3-none-any`, fit: 0 is best.

        None where it does not take them.
        """
        return lru_cache(maxsize=_KNOWN)(self._rank)

    def _rank(self, tags: str) -> int | None:
        sets = [part.split(".") for part in tags.split("-")]
        # There are names that stand for more tags than can be looked at.
        single = product(*sets) if prod(map(len, sets)) <= _MOST_TAGS else ()
        return min((self.tags[tag] for tag in map("-".join, single) if tag in self.tags), default=None)

    def choices(self, needs: Sequence[Need]) -> Iterable[Sequence[Need]]:
        return ([need] for need in needs)

    def out_of_place(self, record: PypiRecord) -> Iterable[tuple[int, int]]:
        del record
        return ()

    def allows(self, python: str) -> bool:
        return _allowed(python, self.full_version)

    @cached_property
    def holds(self) -> Callable[[str, str], bool]:
        """Returns whether a marker is true here, for what needs a project with an extra or, where that is empty, without."""
        return lru_cache(maxsize=_KNOWN)(self._holds)

    def _holds(self, marker: str, extra: str) -> bool:
        # Of lock files, and true of nothing that is read here.
        sets = {"extras": frozenset[str](), "dependency_groups": frozenset[str]()}
        try:
            return Marker(marker).evaluate({**self.markers, **sets, "extra": extra})
        except (UndefinedComparison, RecursionError):
            return False  # what makes no sense is not so, as with uv


@lru_cache(maxsize=16)
def _known(python: str) -> PypiTarget:
    """Return the target for a version: one question after the other asks for the same wheels and markers."""
    return PypiTarget(python)


@lru_cache(maxsize=_KNOWN)
def _allowed(text: str, version: str) -> bool:
    try:
        return bool(VersionTable(scheme_of("pypi"), [version]).mask(text))
    except InvalidConfigError:
        return True
