"""The documents `info/NAME` of a compact index: one line for each variant of a version.

`VERSION[-PLATFORM] NEED:REQUIREMENT&REQUIREMENT,...|KEY:VALUE,...`, as RubyGems reads it:
https://github.com/rubygems/rubygems/blob/master/lib/rubygems/resolver/api_set/gem_parser.rb.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.timestamps import parse_timestamp
from outrider.operators.packages.gem.platforms import RUBY
from outrider.operators.packages.versions.ecosystems import scheme_of

_MOST_LINES = 50_000
_LONGEST_LINE = 1 << 20
_LONGEST_REQUIREMENT = 2_000
_MOST_NEEDS = 2_000
_NAME = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9._-]{1,255}")
_PLATFORM = re.compile(r"[A-Za-z0-9._-]{1,100}")
_CHECKSUM = re.compile(r"[0-9a-f]{64}")
ANY = ">= 0"


class GemNeed(msgspec.Struct, array_like=True, frozen=True):
    """A dependency.

    Attributes:
        name: Of the gem.
        range: The requirement.
    """

    name: str
    range: str


class Variant(msgspec.Struct, array_like=True, kw_only=True):
    """A version as it is for a platform.

    Attributes:
        platform: `ruby` for any.
        needs: Its dependencies.
        ruby: The versions of Ruby that it runs on.
        rubygems: The versions of RubyGems that install it.
        checksum: SHA-256 of its file; empty where the index does not say it.
        created: When it was published, seconds since the epoch; 0 where the index does not say it.
    """

    platform: str = RUBY
    needs: list[GemNeed] = []
    ruby: str = ANY
    rubygems: str = ANY
    checksum: str = ""
    created: float = 0.0


class Line(NamedTuple):
    """A line.

    Attributes:
        version: Of which.
        variant: What it says.
    """

    version: str
    variant: Variant


def is_name(text: str) -> bool:
    """Return whether a gem may have a name."""
    return _NAME.fullmatch(text) is not None


def read_lines(content: bytes) -> Iterator[Line | None]:
    """Yield the lines of a document; None for each that cannot be read, which leaves out that variant alone."""
    return map(read_line, lines_of(content))


def lines_of(content: bytes) -> list[bytes]:
    """Return the lines of a document that are about variants; what is beyond all measure is left out."""
    lines = content.split(b"\n", _MOST_LINES)[:_MOST_LINES]
    # What stands before it is about the document.
    return [text for text in (lines[lines.index(b"---") + 1 :] if b"---" in lines else lines) if text.strip()]


def read_line(line: bytes) -> Line | None:
    """Return what a line says; None where it cannot be read."""
    try:
        text = line.decode() if len(line) <= _LONGEST_LINE else ""
        return _line(text.rstrip("\r"))
    except (InvalidConfigError, UnicodeDecodeError):
        return None


def _line(text: str) -> Line | None:
    what, _, rest = text.partition(" ")
    version, _, platform = what.partition("-")
    needed, _, said = rest.partition("|")
    words = [word.partition(":") for word in needed.split(",") if word]
    facts = {key: value for key, _, value in (word.partition(":") for word in said.split(","))}
    platform = platform or RUBY
    if not version or len(words) > _MOST_NEEDS or _PLATFORM.fullmatch(platform) is None:
        return None
    if not all(is_name(name) for name, _, _ in words):
        return None
    scheme_of("gem").parse(version)
    variant = Variant(
        platform=platform, needs=[GemNeed(name, _requirement(value)) for name, _, value in words],
        ruby=_requirement(facts.get("ruby", "")), rubygems=_requirement(facts.get("rubygems", "")),
        checksum=_checksum(facts.get("checksum", "")), created=_time(facts.get("created_at", "")),
    )  # fmt: skip
    return Line(version, variant)


def _requirement(text: str) -> str:
    """Return a requirement with its parts in order, so that what says the same is the same.

    Raises:
        InvalidConfigError: It is none.
    """
    if not text:
        return ANY
    found = ", ".join(sorted({word.strip() for word in text.split("&")}))
    if len(found) > _LONGEST_REQUIREMENT:
        raise InvalidConfigError("a requirement that is too long")
    scheme_of("gem").range(found)
    return found


def _checksum(text: str) -> str:
    return text if _CHECKSUM.fullmatch(text) else ""


def _time(text: str) -> float:
    try:
        return parse_timestamp(text) if text else 0.0
    except InvalidConfigError:
        return 0.0
