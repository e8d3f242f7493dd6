"""What is asked of packages in place of what others ask, as bun.lock has it: `OverrideMap.rs` of bun 1.4."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from outrider.operators.packages.npm.bun.graph import BunPackage
from outrider.operators.packages.npm.bun.members import version_of
from outrider.operators.packages.npm.bun.needs import WORKSPACE, BunNeed, Wanted, read_wanted
from outrider.operators.packages.npm.catalogs import Catalogs, from_catalogs
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.ranges import intersection
from outrider.operators.packages.versions.tables import VersionTable

# By whom it is for, `NAME` or `NAME@RANGE`: what is asked of that, or what is asked of what it needs, and of itself under a dot.
Overrides = Mapping[str, str | Mapping[str, str]]
ITSELF = "."


class Selector(NamedTuple):
    """A package that is meant.

    Attributes:
        name: Of it.
        range: Its version, or what is asked of it; empty for any.
    """

    name: str
    range: str

    @classmethod
    def read(cls, text: str) -> "Selector":
        """Read `NAME` or `NAME@RANGE`."""
        at = text.find("@", 1)
        return cls(text, "") if at < 0 else cls(text[:at], text[at + 1 :])


class Rule(NamedTuple):
    """What is asked of a package in place of what others ask.

    Attributes:
        parent: Whose needs alone it is for; None where it is for those of all.
        target: What is needed; a range has to have something in common with what is asked.
        text: What is asked instead.
    """

    parent: Selector | None
    target: Selector
    text: str


def rules_of(overrides: Overrides) -> Iterator[Rule]:
    """Yield all that overrides say."""
    for key, said in overrides.items():
        for inner, text in ({ITSELF: said} if isinstance(said, str) else said).items():
            parent = None if inner == ITSELF else Selector.read(key)
            yield Rule(parent, Selector.read(key if parent is None else inner), text)


class Overriding:
    """Overrides of a project.

    Args:
        overrides: As bun.lock has them.
        catalogs: Of the project.
    """

    def __init__(self, overrides: Overrides, catalogs: Catalogs) -> None:
        self._rules: dict[str, list[tuple[Rule, Wanted]]] = {}
        # Of those that hold the first one counts.
        for rule in sorted(rules_of(overrides), key=_rank):
            name = rule.target.name
            wanted = read_wanted(name, from_catalogs(catalogs, name, rule.text))
            self._rules.setdefault(name, []).append((rule, wanted))

    def instead(self, package: BunPackage, need: BunNeed) -> Wanted | None:
        """Return what is asked in place of a need; None where no rule holds for it.

        Args:
            package: Whoever needs it.
            need: What it needs.
        """
        if need.kind == WORKSPACE or (need.wanted.is_alias and not need.catalog):
            return None
        # What a catalog has is looked up after overrides.
        name = need.name if need.catalog else need.wanted.package or need.name
        rules = self._rules.get(name, ())
        return next((wanted for rule, wanted in rules if _is_of(rule.parent, package) and _meets(rule, need)), None)


def _rank(rule: Rule) -> tuple[bool, bool, bool, str, str]:
    """Return what rules are sorted by: the narrowest comes first."""
    parent, target = rule.parent or Selector("", ""), rule.target
    return not parent.range, rule.parent is None, not target.range, parent.range, target.range


def _is_of(parent: Selector | None, package: BunPackage) -> bool:
    """Return whether a rule is for the needs of a package; a project has no version here."""
    if parent is None:
        return True
    if parent.name != (package.name or package.said.get("name")):
        return False
    if not parent.range:
        return True
    if package.npm is not None:
        return bool(package.npm.table.mask(parent.range) >> package.bit & 1)
    version = version_of(package.said) if package.place else ""
    return bool(version and VersionTable(scheme_of("npm"), [version]).mask(parent.range))


def _meets(rule: Rule, need: BunNeed) -> bool:
    if not rule.target.range:
        return True
    # What is empty stands for the tag `latest`.
    is_range = bool(need.wanted.package and need.text.strip()) and not need.wanted.is_tag
    return is_range and not need.catalog and _overlap(rule.target.range, need.wanted.text)


@lru_cache(maxsize=4096)
def _overlap(one: str, other: str) -> bool:
    """Return whether two ranges have something in common."""
    scheme = scheme_of("npm")
    return bool(intersection(scheme.range(one).spans, scheme.range(other).spans))
