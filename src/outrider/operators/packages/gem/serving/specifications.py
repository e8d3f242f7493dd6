"""Specifications of gems: read from the YAML in their files, and written as the lines of an index and as RubyGems' clients load them.

https://github.com/rubygems/rubygems/blob/v3.3.15/lib/rubygems/specification.rb: `encode_with` for the former, `_dump` for the latter.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.gem.lines import is_name
from outrider.operators.packages.gem.platforms import RUBY, parsed
from outrider.operators.packages.gem.serving.marshalling import (
    HEAD,
    Day,
    Dumped,
    Instance,
    Packed,
    Symbol,
    Writer,
    dumped,
)
from outrider.operators.packages.locks.licence_texts import licence_text

_VERSION = re.compile(r"[0-9]+(\.[0-9A-Za-z]+)*")
_PLATFORM = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,99}")
_DAY = re.compile(r"(19|2[0-9])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\b")
# As RubyGems takes it where none is said.
_FIRST_DAY = "1980-01-02"
_OPERATORS = ("=", "!=", ">", "<", ">=", "<=", "~>")
_MOST = 2_000
_LONGEST_VERSION = 100
_NEWEST_FORM = 4

Requirement = tuple[tuple[str, str], ...]
ANY: Requirement = ((">=", "0"),)


class Dependency(NamedTuple):
    """What a gem needs.

    Attributes:
        name: Of the gem.
        requirement: Operators and versions.
        kind: `runtime`, or `development` where only those need it who work on it.
        prerelease: Whether the requirement names one.
    """

    name: str
    requirement: Requirement
    kind: str
    prerelease: bool


class Specification(NamedTuple):
    """A specification.

    Attributes:
        name: Of the gem.
        version: Of the gem.
        platform: `ruby` for any.
        needs: Other gems.
        ruby: The versions of Ruby that it runs on.
        rubygems: The versions of RubyGems that install it.
        licences: As its author has written them.
        summary: One line.
        metadata: What else its author says, by any names.
        said: The rest, as it stands in the file.
    """

    name: str
    version: str
    platform: str
    needs: Sequence[Dependency]
    ruby: Requirement
    rubygems: Requirement
    licences: Sequence[str]
    summary: str | None
    metadata: dict[str, str]
    said: dict[str, Any]

    @property
    def variant(self) -> str:
        """The version, with the platform where it is for one."""
        return variant(self.version, self.platform)

    @property
    def full_name(self) -> str:
        """How its file is called, without the ending."""
        return f"{self.name}-{self.variant}"


def is_version(text: str) -> bool:
    """Return whether an index may name a version so."""
    return len(text) <= _LONGEST_VERSION and _VERSION.fullmatch(text) is not None


def variant(version: str, platform: str) -> str:
    """Return how an index calls a version for a platform."""
    return version if platform == RUBY else f"{version}-{platform}"


def read_specification(said: dict[str, Any]) -> Specification:
    """Return what a specification says.

    Args:
        said: The mapping in the file.

    Raises:
        InvalidConfigError: It says something that no index can say.
    """
    name, platform = said.get("name"), _platform(said.get("platform"))
    if not isinstance(name, str) or not is_name(name):
        raise wrong("name", name, "letters, digits, dots, hyphens and underscores")
    if platform != RUBY and _PLATFORM.fullmatch(platform) is None:
        raise wrong("platform", platform, "ruby, or one such as x86_64-linux")
    licences = said.get("licenses") or [one for one in (said.get("license"),) if one]
    metadata = said.get("metadata") or {}
    if not isinstance(metadata, dict) or not all(isinstance(one, str) for one in metadata.values()):
        raise wrong("metadata", metadata, "texts by name")
    return Specification(
        name=name, version=_version("version", said.get("version")), platform=platform, needs=_needs(said.get("dependencies")),
        ruby=_requirement("required_ruby_version", said.get("required_ruby_version")),
        rubygems=_requirement("required_rubygems_version", said.get("required_rubygems_version")),
        licences=_texts("licenses", licences), summary=_text("summary", said.get("summary")), metadata=metadata, said=said,
    )  # fmt: skip


def _platform(value: Any) -> str:
    if isinstance(value, dict):
        # As older RubyGems wrote it.
        parts = (value.get("cpu"), value.get("os"), value.get("version"))
        return "-".join(one for one in parts if isinstance(one, str))
    return str(value or RUBY)


def _version(path: str, value: Any) -> str:
    text = value.get("version") if isinstance(value, dict) else value
    if not isinstance(text, str) or not is_version(text):
        raise wrong(path, text, "a version such as 1.2.3 or 1.2.3.rc1")
    return text


def _requirement(path: str, value: Any) -> Requirement:
    if value is None:
        return ANY
    parts = value.get("requirements") if isinstance(value, dict) else None
    if not isinstance(parts, list) or len(parts) > _MOST:
        raise wrong(path, value, "requirements")
    found: list[tuple[str, str]] = []
    for one in parts:
        if not isinstance(one, list) or len(one) != 2 or one[0] not in _OPERATORS:
            raise wrong(path, one, "an operator and a version")
        found.append((one[0], _version(path, one[1])))
    return tuple(found) or ANY


def _needs(value: Any) -> list[Dependency]:
    if not isinstance(value or [], list) or len(value or []) > _MOST:
        raise wrong("dependencies", value, f"at most {_MOST} of them")
    return [_need(one) for one in value or []]


def _need(value: Any) -> Dependency:
    name = value.get("name") if isinstance(value, dict) else None
    if not isinstance(name, str) or not is_name(name):
        raise wrong("dependencies", name, "the name of a gem")
    kind = (value.get("type") or ":runtime").removeprefix(":")
    if kind not in ("runtime", "development"):
        raise wrong(f"dependencies of {name}", kind, "runtime or development")
    # Before RubyGems 1.3.6 it was called so.
    requirement = value.get("requirement") or value.get("version_requirements")
    return Dependency(
        name, _requirement(f"dependencies of {name}", requirement), kind, value.get("prerelease") == "true"
    )


def _texts(path: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise wrong(path, value, "a list of texts")
    return value


def _text(path: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise wrong(path, value, "a text")
    return value


def licence_of(specification: Specification) -> str:
    """Return the licence of a gem, as it is kept: JSON where there are several, of which any may be chosen."""
    licences = [*specification.licences]
    return licence_text(licences if len(licences) > 1 else "".join(licences))


def line(specification: Specification, checksum: str, published: str) -> str:
    """Return the line of an index for a gem.

    Args:
        specification: Of the gem.
        checksum: SHA-256 of its file.
        published: When, as RFC 3339 has it.
    """
    needs, facts = ",".join(_needed(specification)), ",".join(_facts(specification, checksum, published))
    return f"{specification.variant} {needs}|{facts}"


def _needed(specification: Specification) -> Iterator[str]:
    needs: dict[str, Requirement] = {}
    for one in specification.needs:
        if one.kind == "runtime":
            # Of a gem that is named twice all has to hold.
            needs[one.name] = (*needs.get(one.name, ()), *one.requirement)
    for name in sorted(needs):
        yield f"{name}:{_written(needs[name])}"


def _facts(specification: Specification, checksum: str, published: str) -> Iterator[str]:
    yield f"checksum:{checksum}"
    yield f"ruby:{_written(specification.ruby)}"
    yield f"rubygems:{_written(specification.rubygems)}"
    yield f"created_at:{published}"


def _written(requirement: Requirement) -> str:
    return "&".join(f"{operator} {version}" for operator, version in requirement)


def quick(specification: Specification) -> bytes:
    """Return what RubyGems' clients load of a gem before they install it: the file `quick/Marshal.4.8/NAME-VERSION.gemspec.rz`.

    Raises:
        InvalidConfigError: The specification says something in another form than RubyGems.
    """
    content = Packed("Gem::Specification", dumped(_fields(specification)))
    return zlib.compress(HEAD + Writer().written(content))


def _fields(specification: Specification) -> list[Any]:
    """Return the fields in the order of RubyGems' own."""
    said, platform = specification.said, specification.platform
    email, day = said.get("email"), _DAY.match(_text("date", said.get("date")) or "")
    form = _text("specification_version", said.get("specification_version")) or str(_NEWEST_FORM)
    return [
        _text("rubygems_version", said.get("rubygems_version")) or "",
        # With this form all of the fields are read.
        max(int(form), _NEWEST_FORM) if form.isdecimal() and len(form) < 3 else _NEWEST_FORM,
        specification.name,
        _of_version(specification.version),
        Day(*(int(one) for one in (day[0] if day else _FIRST_DAY).split("-"))),
        specification.summary,
        _of_requirement(specification.ruby),
        _of_requirement(specification.rubygems),
        platform,
        [_of_need(one) for one in specification.needs],
        "",
        _texts("email", email) if isinstance(email, list) else _text("email", email),
        _texts("authors", said.get("authors") or []),
        _text("description", said.get("description")),
        _text("homepage", said.get("homepage")),
        True,
        platform if platform == RUBY else _of_platform(platform),
        [*specification.licences],
        specification.metadata,
    ]


def _of_version(text: str) -> Dumped:
    return Dumped("Gem::Version", [text])


def _of_requirement(requirement: Requirement) -> Dumped:
    return Dumped("Gem::Requirement", [[[operator, _of_version(version)] for operator, version in requirement]])


def _of_need(need: Dependency) -> Instance:
    requirement = _of_requirement(need.requirement)
    return Instance("Gem::Dependency", {
        "name": need.name, "requirement": requirement, "type": Symbol(need.kind), "prerelease": need.prerelease,
        "version_requirements": requirement,
    })  # fmt: skip


def _of_platform(text: str) -> Instance:
    found = parsed(text)
    return Instance(
        "Gem::Platform", {"cpu": found.cpu or None, "os": found.system or None, "version": found.version or None}
    )


def wrong(path: str, found: Any, expected: str) -> InvalidConfigError:
    """Return the error for something in a specification."""
    return InvalidConfigError(
        f"{path}: {str(found)[:100]}, and not {expected}", path=path, found=str(found)[:100], expected=expected,
        suggestions=["correct the gemspec, and build it anew: gem build"],
    )  # fmt: skip
