"""Gemfile.lock as Bundler reads it (its class LockfileParser), with CHECKSUMS."""

import re
from typing import Any

from outrider.operators.packages.locks.documents import checked
from outrider.operators.packages.locks.entries import Findings, UnusableEntry
from outrider.operators.packages.locks.hashes import collected
from outrider.operators.packages.locks.lock import Lock

FORM = "Gemfile.lock"
_SOURCES = {"GEM": "", "GIT": "git", "PATH": "path", "PLUGIN SOURCE": "plugin"}
# The platform stands behind the version: no version has a dash.
_SPEC = re.compile(r"(\S+) \(([^-)\s]+)(?:-([^)\s]+))?\)!?")
_CHECKSUM = re.compile(r"(\S+) \(([^-)\s]+)(?:-[^)\s]+)?\) (\S+)")


def read(text: str) -> Lock:
    """Return the packages of a file; a gem of several platforms is there once.

    Raises:
        InvalidConfigError: It is too large, or no text.
    """
    findings = Findings(FORM, "gem")
    gems = _Gems()
    for number, line in enumerate(checked(FORM, text).splitlines(), 1):
        with findings.entry(f"line {number}"):
            gems.take(line)
    # Bundler is there without an entry.
    present = {"bundler", *gems.projects, *(name for name, _ in gems.found)}
    for (name, version), fields in gems.found.items():
        with findings.entry(name):
            hashes = collected(gems.checksums.get((name, version), ()))
            findings.add(name, version, hashes=hashes, **fields)
            for need in sorted(fields["needs"] - present):
                findings.lack(need, name)
    findings.ask(gems.asked)
    return findings.lock()


class _Gems:
    """What stands in the lines so far.

    Attributes:
        found: Fields of packages by name and version.
        checksums: Algorithm and digits by name and version.
        asked: Names of what the project itself asks for.
        projects: Names of the project itself.
    """

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], dict[str, Any]] = {}
        self.checksums: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.asked: set[str] = set()
        self.projects: set[str] = set()
        self._section = ""
        self._remote = ""
        self._needs: set[str] | None = None

    def take(self, line: str) -> None:
        """Take the next line."""
        depth = len(line) - len(line.lstrip(" "))
        text = line.strip()
        if text and depth == 0:
            self._section, self._needs, self._remote = text, None, ""
        elif self._section == "CHECKSUMS" and text:
            self._take_checksum(text)
        elif self._section == "DEPENDENCIES" and text:
            self.asked.add(_name(text))
        elif self._section in _SOURCES:
            if depth == 2 and text.startswith("remote:"):
                self._remote = text.removeprefix("remote:").strip()
            elif depth == 4:
                self._take_spec(text)
            elif depth == 6 and self._needs is not None:
                self._needs.add(_name(text))

    def _take_spec(self, text: str) -> None:
        self._needs = None
        match = _SPEC.fullmatch(text)
        if match is None:
            raise UnusableEntry(f"{text} is no gem with its version")
        if self._section == "PATH" and self._remote == ".":
            self._needs = self.asked
            self.projects.add(match[1])
            return
        fields = self.found.setdefault((match[1], match[2]), {"source": _SOURCES[self._section], "needs": set()})
        self._needs = fields["needs"]

    def _take_checksum(self, text: str) -> None:
        match = _CHECKSUM.fullmatch(text)
        if match is None:
            return  # a gem that is in no registry has none
        for one in match[3].split(","):
            algorithm, _, digits = one.partition("=")
            collected([(algorithm, digits)])
            self.checksums.setdefault((match[1], match[2]), []).append((algorithm, digits))


def _name(text: str) -> str:
    """Return the name that a line begins with: a range may stand behind it, and a mark where it comes from elsewhere."""
    return text.partition(" ")[0].removesuffix("!")
