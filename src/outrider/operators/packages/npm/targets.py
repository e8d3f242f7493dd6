"""What npm packages are resolved for: a node with its npm, on a machine."""

import platform
import sys
from collections.abc import Sequence

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

_SYSTEMS = {"win32": "win32", "darwin": "darwin", "linux": "linux"}
_PROCESSORS = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "i686": "ia32", "i386": "ia32", "armv7l": "arm"}


class NpmTarget:
    """A node with its npm, on this machine.

    Args:
        node: The version of node; empty where there is none: then packages run with any.
        npm: Likewise of npm.
    """

    def __init__(self, node: str, npm: str) -> None:
        self._node, self._npm = VersionTable(scheme_of("npm"), [node]), VersionTable(scheme_of("npm"), [npm])
        self._runs: dict[tuple[str, str], bool] = {}
        self.os = _SYSTEMS.get(sys.platform, sys.platform)
        machine = platform.machine().lower()
        self.cpu = _PROCESSORS.get(machine, machine)
        self.libc = ("glibc" if platform.libc_ver()[0] == "glibc" else "musl") if self.os == "linux" else ""

    def runs(self, node: str, npm: str) -> bool:
        """Return whether what says to need some node and some npm runs here."""
        known = self._runs.get((node, npm))
        if known is None:
            known = self._runs[node, npm] = _has(self._node, node) and _has(self._npm, npm)
        return known

    def takes(self, os: Sequence[str], cpu: Sequence[str], libc: Sequence[str]) -> bool:
        """Return whether what says to be for some machines is for this one."""
        return (
            _listed(self.os, os)
            and _listed(self.cpu, cpu)
            and (not libc or (self.libc != "" and _listed(self.libc, libc)))
        )


def _has(table: VersionTable, text: str) -> bool:
    if not text or not table.versions:
        return True
    try:
        return table.mask(text) == 1
    except InvalidConfigError:
        return False


def _listed(value: str, listed: Sequence[str]) -> bool:
    """Return whether a list has a value, as npm reads lists: `!x` is for all but x."""
    if not listed or list(listed) == ["any"]:
        return True
    refused = [one[1:] for one in listed if one.startswith("!")]
    return value not in refused and (value in listed or len(refused) == len(listed))
