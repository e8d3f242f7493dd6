"""Overrides of a project: what is asked of a package in place of what its dependents ask, as `override-set.js` of npm 11.19 has it.

https://docs.npmjs.com/cli/v11/configuring-npm/package-json#overrides.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.npm.packages import Need
from outrider.operators.packages.npm.records import PROD
from outrider.operators.packages.npm.specs import Spec, read_key, read_spec
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.ranges import EVERYTHING, intersection
from outrider.operators.packages.versions.tables import VersionTable

_ITSELF = "."
_DEEPEST = 20


class Rules:
    """What holds below a package: what is said of it, and whatever holds above it.

    Args:
        overrides: As they are written.
        key: Under which they stand; empty for those of the project.
        parent: In which they stand.

    Attributes:
        parent: In which they stand; None for those of the project.
        children: Those that stand in them.
        name: Of the package; empty for those of the project.
        range: What is asked of it where they hold; `*` for anything.
        value: What is asked of it instead; `*` where nothing else is.

    Raises:
        InvalidConfigError: They cannot be read.
    """

    __slots__ = ("_beside", "_found", "_in_force", "children", "key", "name", "parent", "range", "value")

    def __init__(self, overrides: Any, key: str = "", parent: "Rules | None" = None, depth: int = 0) -> None:
        said = {_ITSELF: overrides} if isinstance(overrides, str) else overrides
        own = said.get(_ITSELF, "") if isinstance(said, dict) else None
        if not isinstance(said, dict) or not isinstance(own, str) or depth > _DEEPEST:
            raise unreadable(key, str(overrides))
        self.key, self.parent = key, parent
        self.name, self.range = ("", "") if parent is None else _read_key(key)
        self.value = (own or "*") if _ITSELF in said else self.range
        self.children = [Rules(one, other, self, depth + 1) for other, one in said.items() if other != _ITSELF]
        self._in_force: dict[str, Rules] | None = None
        self._beside: dict[Rules, Rules | None] = {}
        self._found: dict[Need, Rules] = {}

    def of(self, need: Need) -> "Rules":
        """Return those that hold for a need, and for what is below what it finds."""
        found = self._found.get(need)
        if found is None:
            rules = (one for one in self.in_force().values() if one.name == need.name and one.holds(need))
            found = self._found[need] = next(rules, self)
        return found

    def of_version(self, name: str, version: str) -> "Rules":
        """Return those that hold for a version of which nothing is asked, such as a member of a workspace."""
        table = VersionTable(scheme_of("npm"), [version])
        texts = ((one, (one.range, one.value)) for one in self.in_force().values() if one.name == name)
        return next((one for one, said in texts if any(_allows(table, text) for text in said)), self)

    def holds(self, need: Need) -> bool:
        """Return whether what is asked has something in common with what they are for."""
        if self.range == "*":
            return True
        if not need.package:
            return not _is_of_git(need.text)
        asked = _spans(need.text)
        return asked is None or bool(intersection(asked, _spans(self.range) or ()))

    def instead(self, need: Need, top: Mapping[str, Need], own: Mapping[str, Need]) -> Need:
        """Return what is asked in place of a need.

        Args:
            need: For which they hold.
            top: What the project needs, by name, to which `$name` refers.
            own: Likewise whoever has the need.

        Raises:
            InvalidConfigError: They refer to what neither needs.
        """
        if self.name != need.name or self.value == "*":
            return need
        if not self.value.startswith("$"):
            return need._replace(**read_spec(need.name, self.value)._asdict())
        found = top.get(self.value[1:]) or own.get(self.value[1:])
        if found is None:
            raise InvalidConfigError(
                f"overrides: {self.value} is needed by nobody there", path=f"overrides.{self.key}", found=self.value,
                expected="$ and the name of a direct dependency", suggestions=["write the range itself"],
            )  # fmt: skip
        return need._replace(package=need.name if found.package == found.name else found.package, text=found.text)

    def refused(self, asked: Mapping[str, str], links: Iterable[Need]) -> "Iterator[str]":
        """Yield sentences about what the project asks for and has overrides for that ask for something else, which npm refuses.

        Args:
            asked: What it asks for, by name.
            links: The needs by which it finds the members of its workspace, whatever else it asks for by their names.
        """
        needs = {name: Need(name.lower(), name, *read_spec(name, text), PROD) for name, text in asked.items()}
        needs |= {link.name: link for link in links}
        for name, need in needs.items():
            rules = self.of(need)
            text = asked[name] if need.package else need.text
            said = asked.get(rules.value[1:], rules.value) if rules.value.startswith("$") else rules.value
            if rules.name == name and said not in ("*", text):
                yield f"You ask for {name}@{text}, and overrides have it be {said}: npm refuses an override of what the project itself asks for."

    def beside(self, other: "Rules") -> "Rules | None":
        """Return those that hold for what is found by needs of both: the ones further down, else what they have in common; None where they clash."""
        if other not in self._beside:
            self._beside[other] = self._joined(other)
        return self._beside[other]

    def _joined(self, other: "Rules") -> "Rules | None":
        if self in other.above():
            return other
        if other in self.above():
            return self
        theirs = other.in_force()
        if any(one.clashes(theirs[key]) for key, one in self.in_force().items() if key in theirs):
            return None
        mine = set(self.above())
        return next(one for one in other.above() if one in mine)

    def clashes(self, other: "Rules") -> bool:
        """Return whether two that are for the same ask for what has nothing in common."""
        if self is other or self.value.startswith("$") or other.value.startswith("$"):
            return False
        one, two = (_asked(rules) for rules in (self, other))
        return one is not None and two is not None and not intersection(one, two)

    def above(self) -> "Iterator[Rules]":
        """Yield them, and whatever they stand in."""
        one: Rules | None = self
        while one is not None:
            yield one
            one = one.parent

    def in_force(self) -> "dict[str, Rules]":
        """Return all that hold here by their keys, the nearest first."""
        if self._in_force is None:
            found: dict[str, Rules] = {}
            for above in self.above():
                for one in above.children:
                    found.setdefault(one.key, one)
                if above.parent is not None:
                    found.setdefault(above.key, above)
            self._in_force = found
        return self._in_force


def _read_key(key: str) -> tuple[str, str]:
    found = read_key(key)
    spans = None if found is None else _spans(found[1])
    if found is None or spans is None:
        raise unreadable(key, key)
    return found[0], "*" if spans == EVERYTHING else found[1]


def read_rules(overrides: Any) -> Rules | None:
    """Return the overrides of a project; None where it has none.

    Raises:
        InvalidConfigError: They cannot be read.
    """
    return Rules(overrides) if overrides else None


def _spans(text: str) -> Any:
    """Return what a range allows; None for a tag."""
    try:
        return scheme_of("npm").range(text).spans
    except InvalidConfigError:
        return None


def _allows(table: VersionTable, text: str) -> bool:
    return _spans(text) is not None and bool(table.mask(text))


def _asked(rules: Rules) -> Any:
    """Return what overrides ask for in place of what is asked; None where that is no range."""
    spec: Spec = read_spec(rules.name, rules.value)
    return _spans(spec.text) if spec.package == rules.name else None


def _is_of_git(text: str) -> bool:
    return not text.startswith(("file:", "http:", "https:", ".", "/", "~/"))


def unreadable(key: str, found: str) -> InvalidConfigError:
    """Return the error for overrides that cannot be read."""
    path = f"overrides.{key}" if key else "overrides"
    return InvalidConfigError(
        f"package.json: {path} cannot be read", path=path, found=found[:80], expected="names with ranges, or with overrides of their own",
        suggestions=["correct it"],
    )  # fmt: skip
