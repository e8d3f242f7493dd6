"""Versions of packages that may be chosen, and the other versions by which these are called.

An alias is a candidate of its own: it is chosen with what it is an alias of, or neither is.
https://getcomposer.org/doc/articles/aliases.md.
"""

from typing import NamedTuple

from outrider.operators.packages.composer.branches import DEFAULT_BRANCH, written
from outrider.operators.packages.composer.constraints import Constraint, Constraints, exactly
from outrider.operators.packages.composer.releases import SELF, ComposerRelease
from outrider.operators.packages.composer.stabilities import stability_of
from outrider.operators.packages.versions.composer import key_of


class Link(NamedTuple):
    """What a version says of another package.

    Attributes:
        target: Of which, in small letters.
        constraint: Which versions of that.
        text: The constraint as it is written.
    """

    target: str
    constraint: Constraint
    text: str

    def __str__(self) -> str:
        return f"{self.target}:{self.text}"


class Links(NamedTuple):
    """All that a version says of other packages."""

    requires: tuple[Link, ...] = ()
    conflicts: tuple[Link, ...] = ()
    provides: tuple[Link, ...] = ()
    replaces: tuple[Link, ...] = ()


class Candidate:
    """A version of a package.

    Args:
        name: Of the package, in small letters.
        version: As it is written.
        normal: In its normal form.
        links: What it says of others.
        release: All that it says.

    Attributes:
        number: In the pool, from 1 on; 0 outside.
        key: Of its version.
        stability: How unstable it is.
        alias_of: What it is an alias of; None where it is none.
        is_root_alias: Whether it is an alias that was asked for.
        own_names: By which it excludes others: its own, and what it replaces.
        names: By which it is found: what it provides too.
    """

    __slots__ = (
        "alias_of", "is_root_alias", "key", "links", "name", "names", "normal", "number", "own_names", "release", "stability", "version",
    )  # fmt: skip

    def __init__(self, name: str, version: str, normal: str, links: Links, release: ComposerRelease) -> None:
        self.name, self.version, self.normal, self.links, self.release = name, version, normal, links, release
        self.number = 0
        self.key = key_of(normal)
        self.stability = stability_of(normal)
        self.alias_of: Candidate | None = None
        self.is_root_alias = False
        replaced = [link.target for link in links.replaces]
        self.own_names = tuple(dict.fromkeys((name, *replaced)))
        self.names = tuple(dict.fromkeys((name, *(link.target for link in links.provides), *replaced)))

    @property
    def base(self) -> "Candidate":
        """What it is an alias of, else itself."""
        return self if self.alias_of is None else self.alias_of

    @property
    def needs_its_version(self) -> bool:
        """Whether it requires other packages in its own version."""
        return any(link.text == SELF for link in self.base.links.requires)

    def answers(self, name: str, constraint: Constraint) -> bool:
        """Return whether it is what a requirement asks for, by itself or by what it provides or replaces."""
        if self.name == name:
            return constraint.allows(self.key)
        links = (*self.links.provides, *self.links.replaces)
        return any(link.target == name and constraint.meets(link.constraint) for link in links)


def candidate_of(name: str, version: str, normal: str, release: ComposerRelease, constraints: Constraints) -> Candidate:
    """Return a version of a package.

    Args:
        name: Of the package.
        version: As it is written.
        normal: In its normal form.
        release: What it says.
        constraints: Reads constraints.
    """

    def read(said: dict[str, str]) -> tuple[Link, ...]:
        return tuple(
            Link(target, constraints.read(version if text == SELF else text), text) for target, text in said.items()
        )

    links = Links(read(release.requires), read(release.conflicts), read(release.provides), read(release.replaces))
    return Candidate(name, version, normal, links, release)


def alias_of(base: Candidate, normal: str, *, is_root: bool = False) -> Candidate:
    """Return an alias.

    Args:
        base: Of what.
        normal: The version that it is called by, in its normal form.
        is_root: Whether it was asked for.
    """
    version = written(normal)
    own = exactly(key_of(normal), base.version if version == DEFAULT_BRANCH else version)

    def renamed(links: tuple[Link, ...]) -> tuple[Link, ...]:
        return tuple(Link(link.target, own, own.text) for link in links if link.text == SELF)

    requires = tuple(Link(one.target, own, own.text) if one.text == SELF else one for one in base.links.requires)
    # Whoever replaces another package in its own version replaces it in both.
    others = ((*links, *renamed(links)) for links in base.links[1:])
    made = Candidate(base.name, version, normal, Links(requires, *others), base.release)
    made.alias_of, made.is_root_alias = base, is_root
    return made
