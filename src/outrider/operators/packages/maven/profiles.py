"""Which profiles are active: https://maven.apache.org/guides/introduction/introduction-to-profiles.html, as Maven 3.8.7 decides."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from outrider.operators.packages.maven.interpolation import Interpolation, PropertyCycleError

_NO_NUMBER = re.compile(r"[^0-9._-]")
_OPENING, _CLOSING = "[(", "])"
_LONGEST_NUMBER = 9


class Activation(msgspec.Struct, array_like=True, frozen=True):
    """When a profile is active: where all of its conditions hold.

    Attributes:
        by_default: Whether it is where no other profile of the same POM is.
        jdk: The beginning of a version of Java, or a range; with `!` before it what it must not begin with.
        os: Family, name, architecture and version; None where there is no such condition.
        wanted: A name and a value of a property; None where there is no such condition.
        exists: A file that must be there.
        missing: A file that must not be there, where `exists` is empty.
        has_file: Whether there is a condition about a file.
    """

    by_default: bool = False
    jdk: str | None = None
    os: tuple[str | None, str | None, str | None, str | None] | None = None
    wanted: tuple[str | None, str | None] | None = None
    exists: str = ""
    missing: str = ""
    has_file: bool = False

    @property
    def has_condition(self) -> bool:
        """Return whether it depends on anything."""
        return self.jdk is not None or self.os is not None or self.wanted is not None or self.has_file


class Machine(NamedTuple):
    """On what Maven runs.

    Attributes:
        properties: Those of Java.
        basedir: The folder of the project whose POM it is; empty for a POM of a repository.
    """

    properties: Mapping[str, str]
    basedir: str = ""


class _Activated(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def activation(self) -> Activation | None: ...


P = TypeVar("P", bound=_Activated)


def active(profiles: Sequence[P], machine: Machine, named: Sequence[str] = (), *, is_pom: bool = True) -> list[P]:
    """Return the profiles that are active, in the order in which they are applied.

    Args:
        profiles: Of one POM, or of the settings.
        machine: What they depend on.
        named: Those that are active in any case.
        is_pom: Whether one that is active by default gives way to others.
    """
    found = [one for one in profiles if one.id in named or _is_active(one.activation, machine)]
    by_default = [one for one in profiles if one.activation is not None and one.activation.by_default]
    if is_pom:
        return found or by_default
    return [one for one in profiles if one in found or one in by_default]


def are_by_default(profiles: Sequence[P], machine: Machine, named: Sequence[str] = ()) -> bool:
    """Return whether profiles of a POM are active for no other reason than that no other one is; the parameters are those of `active`."""
    return any(
        not _is_active(one.activation, machine) and one.id not in named for one in active(profiles, machine, named)
    )


def _is_active(activation: Activation | None, machine: Machine) -> bool:
    if activation is None or not activation.has_condition:
        return False
    return (
        (activation.jdk is None or _is_jdk(activation.jdk, machine.properties.get("java.version", "")))
        and (activation.os is None or _is_os(activation.os, machine.properties))
        and (activation.wanted is None or _has_property(activation.wanted, machine.properties))
        and (not activation.has_file or _has_file(activation, machine))
    )


def _is_jdk(wanted: str, version: str) -> bool:
    if not version:
        return False
    if wanted.startswith("!"):
        return not version.startswith(wanted[1:])
    if not wanted.startswith(("[", "(")):
        return version.startswith(wanted)
    bounds = [
        _bound(token) for token in wanted.split(",") if not token or token[0] in _OPENING or token[-1] in _CLOSING
    ]
    low, high = [*bounds, ("99999999", False), ("", False)][:2]
    at_low = _side(version, low, is_low=True)
    return at_low == 0 or (at_low > 0 and _side(version, high, is_low=False) <= 0)


def _bound(token: str) -> tuple[str, bool]:
    """Return the version of a bound, and whether it is within the range."""
    return token.strip(_OPENING + _CLOSING).strip(), token[:1] == "[" or (token[:1] != "(" and token[-1:] == "]")


def _side(version: str, bound: tuple[str, bool], *, is_low: bool) -> int:
    """Return on which side of a bound a version of Java is; only three numbers count."""
    text, is_within = bound
    if not text:
        return 1 if is_low else -1
    ours, theirs = _numbers(re.split(r"[._-]", _NO_NUMBER.sub("", version))), _numbers(text.split("."))
    if ours != theirs:
        return 1 if ours > theirs else -1
    return 0 if is_within else -1 if is_low else 1


def _numbers(tokens: list[str]) -> list[int]:
    """Return three numbers; what Java would not read as one is as good as none."""
    good = [int(one) if one.isascii() and one.isdecimal() and len(one) <= _LONGEST_NUMBER else 0 for one in tokens[:3]]
    return good + [0] * (3 - len(good))


def _is_os(wanted: tuple[str | None, str | None, str | None, str | None], properties: Mapping[str, str]) -> bool:
    values = [properties.get(f"os.{key}", "").lower() for key in ("name", "name", "arch", "version")]
    for position, (text, value) in enumerate(zip(wanted, values, strict=True)):
        if text is None:
            continue
        name = text.removeprefix("!").lower()
        found = _is_family(name, value) if position == 0 else name == value
        if found == text.startswith("!"):
            return False
    return any(text is not None for text in wanted)


def _is_family(family: str, name: str) -> bool:
    if family == "unix":
        return os.pathsep == ":" and "openvms" not in name and ("mac" not in name or name.endswith("x"))
    if family == "z/os":
        return "z/os" in name or "os/390" in name
    return {"tandem": "nonstop_kernel"}.get(family, family) in name


def _has_property(wanted: tuple[str | None, str | None], properties: Mapping[str, str]) -> bool:
    name, value = wanted[0] or "", wanted[1] or ""
    found = properties.get(name.removeprefix("!"))
    if not name.removeprefix("!"):
        return False
    if value:
        return (value.removeprefix("!") == found) != value.startswith("!")
    return bool(found) != name.startswith("!")


def _has_file(activation: Activation, machine: Machine) -> bool:
    """Return whether the condition about a file holds; POMs of repositories have no folder that files could be relative to."""
    text = activation.exists or activation.missing
    if not text or ("${basedir}" in text and not machine.basedir):
        return False
    properties: dict[str, Any] = {**machine.properties, **({"basedir": machine.basedir} if machine.basedir else {})}
    try:
        path = Path(machine.basedir) / Interpolation({}, properties, {}).text(text)
        return path.is_absolute() and path.exists() == bool(activation.exists)
    except (PropertyCycleError, OSError, ValueError):
        return False
