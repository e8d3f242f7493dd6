"""What pip looks for and finds, as `pip/_internal/resolution/resolvelib` of pip 26 tells it apart."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from outrider.operators.packages.pypi.core_metadata import Need, read_need
from outrider.operators.packages.pypi.pages import normalised

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_EXTRAS = re.compile(r"\[([^\]]*)\]")
_CLAUSE = re.compile(r"\s*(~=|===?|!=|<=?|>=?)\s*(.*?)\s*")


class Identifier(NamedTuple):
    """A project, or one with extras, of which versions are chosen by themselves.

    Attributes:
        name: Of the project, normalised.
        extras: Likewise, sorted.
    """

    name: str
    extras: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """It as pip sorts it."""
        return f"{self.name}[{','.join(self.extras)}]" if self.extras else self.name


# What a version says of Python is a choice among one to pip.
PYTHON = Identifier("<Python from Requires-Python>")


class Candidate(NamedTuple):
    """A version that may be chosen.

    Attributes:
        identifier: Of what.
        bit: Its number among the versions of the project.
    """

    identifier: Identifier
    bit: int


class Origin(msgspec.Struct, frozen=True):
    """A requirement as somebody wrote it.

    Attributes:
        name: Of the project, as it is spelled there.
        need: What it says.
        extras: That are asked for, as they are spelled there.
        parent: Why whoever wrote it is looked at; None for the Pipfile.
    """

    name: str
    need: Need
    extras: tuple[str, ...] = ()
    parent: "Origin | None" = None

    @property
    def text(self) -> str:
        """It as it is written, without a marker."""
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        return f"{self.name}{extras}{self.need.range}"

    @property
    def clauses(self) -> list[tuple[str, str]]:
        """The operators and versions of its range."""
        return clauses_of(self.need.range)

    def bare(self) -> "Origin":
        """Return it without extras; pip takes it for something that the whole one asks for."""
        return Origin(self.name, msgspec.structs.replace(self.need, extras=()), (), self)


class Requirement(msgspec.Struct, frozen=True):
    """What a version has to meet.

    Attributes:
        identifier: Of what.
        origin: Who asks; None for one version alone.
        exact: That version.
    """

    identifier: Identifier
    origin: Origin | None = None
    exact: Candidate | None = None


def read_origin(text: str, parent: Origin | None = None) -> Origin | None:
    """Return a requirement with the names as they are spelled; None where it is none."""
    needs, name = read_need(text), _NAME.match(text)
    if not needs or name is None:
        return None
    extras = _EXTRAS.match(text, name.end()) if needs[0].extras else None
    spelled = (one.strip() for one in extras[1].split(",")) if extras else ()
    return Origin(name[1], needs[0], tuple(spelled), parent)


def requirements_of(origin: Origin) -> Iterable[Requirement]:
    """Yield what pip makes of a requirement: of one with extras and a range the range is asked of the project alone, too."""
    name, extras = origin.need.name, tuple(sorted(set(map(normalised, origin.extras))))
    if extras and origin.need.range:
        yield Requirement(Identifier(name), origin.bare())
    yield Requirement(Identifier(name, extras), origin)


def clauses_of(text: str) -> list[tuple[str, str]]:
    """Return the operators and versions of a range."""
    found = (_CLAUSE.fullmatch(one) for one in text.split(","))
    return [(one[1], one[2]) for one in found if one is not None]


def pinned(clauses: Iterable[tuple[str, str]]) -> list[str]:
    """Return the versions that clauses ask for alone."""
    return [version for operator, version in clauses if operator in ("==", "===") and "*" not in version]
