"""Gemfile.lock with all that is in it, for whoever writes it anew: `lockfile_parser.rb` of Bundler 2.6.7."""

import re

import msgspec

from outrider.operators.packages.gem.lines import GemNeed, Variant
from outrider.operators.packages.gem.lock_specs import LockedVersion
from outrider.operators.packages.gem.platforms import RUBY, canonical
from outrider.operators.packages.locks.documents import checked
from outrider.operators.packages.locks.gemfile import FORM
from outrider.operators.packages.locks.lock import unreadable

_SPEC = re.compile(r"(\S+) \(([^-)\s]+)(?:-([^)\s]+))?\)")
_NEED = re.compile(r"(\S+?)(?: \(([^()]+)\))?!?")
_CHECKSUM = re.compile(r"(\S+ \([^)]+\))(?: (\S+))?")
_GEM, _PLATFORMS, _DEPENDENCIES, _CHECKSUMS = "GEM", "PLATFORMS", "DEPENDENCIES", "CHECKSUMS"
_RUBY, _BUNDLER = "RUBY VERSION", "BUNDLED WITH"


class GemfileSections(msgspec.Struct, kw_only=True):
    """What a file says.

    Attributes:
        remotes: The addresses of its sources.
        gems: By name; of several versions of one the last counts.
        platforms: For which it is.
        dependencies: Names of what is asked for, with an exclamation mark behind what comes from a source of its own.
        checksums: By gem as it stands there; None where it has none.
        ruby: As it stands there; empty for none.
        bundler: The version that has written it; empty for none.
        others: Headings of what is something else, such as `GIT`.
    """

    remotes: list[str] = []
    gems: dict[str, LockedVersion] = {}
    platforms: list[str] = []
    dependencies: list[str] = []
    checksums: dict[str, str] | None = None
    ruby: str = ""
    bundler: str = ""
    others: list[str] = []


def read_sections(text: str) -> GemfileSections:
    """Read a file.

    Raises:
        InvalidConfigError: It cannot be read.
    """
    found = GemfileSections()
    section = ""
    for number, line in enumerate(checked(FORM, text).splitlines(), 1):
        depth, words = len(line) - len(line.lstrip(" ")), line.strip()
        if words and not depth:
            section = words
            _open(found, section)
        elif words and not _take(found, section, depth, words):
            raise unreadable(
                FORM, f"line {number}: {words}", f"lines of {section or 'a section'} as Bundler writes them"
            )
    return found


def _open(found: GemfileSections, section: str) -> None:
    if section == _CHECKSUMS:
        found.checksums = {}
    elif section not in (_GEM, _PLATFORMS, _DEPENDENCIES, _RUBY, _BUNDLER):
        found.others.append(section)


def _take(found: GemfileSections, section: str, depth: int, words: str) -> bool:
    """Take a line of a section; return whether it is one."""
    if section == _GEM:
        return _take_gem(found, depth, words)
    if section == _PLATFORMS:
        found.platforms.append(canonical(words))
    elif section == _DEPENDENCIES:
        found.dependencies.append(words.partition(" ")[0].rstrip("!") + ("!" if words.endswith("!") else ""))
    elif section == _CHECKSUMS and found.checksums is not None:
        match = _CHECKSUM.fullmatch(words)
        if match is not None and match[2]:
            found.checksums[match[1]] = match[2]
        return match is not None
    elif section == _RUBY:
        found.ruby = words
    elif section == _BUNDLER:
        found.bundler = words
    return bool(section)


def _take_gem(found: GemfileSections, depth: int, words: str) -> bool:
    if depth == 2:
        if words.startswith("remote:"):
            found.remotes.append(words.removeprefix("remote:").strip())
        return True
    if depth == 4:
        spec = _SPEC.fullmatch(words)
        if spec is None:
            return False
        known = found.gems.get(spec[1])
        if known is None or known.version != spec[2]:
            known = found.gems[spec[1]] = LockedVersion(spec[2], [])
        else:
            # What is taken last has the needs that follow.
            found.gems[spec[1]] = found.gems.pop(spec[1])
        known.variants.append(Variant(platform=canonical(spec[3] or RUBY), needs=[]))
        return True
    need = _NEED.fullmatch(words)
    last = next(reversed(found.gems.values()), None)
    if depth != 6 or need is None or last is None:
        return False
    last.variants[-1].needs.append(GemNeed(need[1], need[2] or ">= 0"))
    return True
