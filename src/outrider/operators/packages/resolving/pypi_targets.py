"""What Python packages are resolved for: an interpreter on a machine, with its markers and the wheels that it takes."""

import os
import platform
import sys
from functools import cached_property
from itertools import product

import msgspec
from packaging.markers import Marker
from packaging.tags import compatible_tags, cpython_tags, platform_tags

from outrider.core.errors import InvalidConfigError


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
            return cls(platform.python_version())
        parts = python.split(".")
        if len(parts) not in (2, 3) or not all(part.isdigit() for part in parts):
            raise InvalidConfigError(
                f"python: {python!r} is not a version of Python", path="python", found=python, expected="3.12 or 3.12.4",
                suggestions=["name two or three numbers"],
            )  # fmt: skip
        return cls(python)

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
    def tags(self) -> frozenset[str]:
        """The tags of wheels that it takes (PEP 425)."""
        major, minor = map(int, self.python.split(".")[:2])
        platforms = list(platform_tags())
        found = [
            *cpython_tags((major, minor), platforms=platforms),
            *compatible_tags((major, minor), interpreter=f"cp{major}{minor}", platforms=platforms),
        ]
        return frozenset(map(str, found))

    @cached_property
    def _known(self) -> tuple[dict[str, bool], dict[tuple[str, str], bool]]:
        return {}, {}

    def takes(self, tags: str) -> bool:
        """Return whether it takes wheels with some tags, as their names have them, such as `py2.py3-none-any`."""
        known = self._known[0].get(tags)
        if known is None:
            python, abi, where = tags.split("-")
            single = product(python.split("."), abi.split("."), where.split("."))
            known = self._known[0][tags] = any("-".join(tag) in self.tags for tag in single)
        return known

    def holds(self, marker: str, extra: str) -> bool:
        """Return whether a marker is true here, for what needs a project with an extra or, where that is empty, without."""
        known = self._known[1].get((marker, extra))
        if known is None:
            known = self._known[1][marker, extra] = Marker(marker).evaluate({**self.markers, "extra": extra})
        return known
