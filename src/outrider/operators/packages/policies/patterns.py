"""How a policy names packages: `npm:lodash`, `npm:@acme/*`, `pypi:requests@<2.31`."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.advisories.osv import compared_name
from outrider.operators.packages.versions.ecosystems import ECOSYSTEMS, scheme_of
from outrider.operators.packages.versions.tables import VersionTable

_SHOWN = 80
_LONGEST = 1024
# What stands between the parts of a name, and how people write them.
_SEPARATORS = {"maven": (":", "GROUP:ARTIFACT"), "composer": ("/", "VENDOR/NAME")}


class Pattern(NamedTuple):
    """A package of one ecosystem, or all those whose names are alike.

    Attributes:
        text: As it was written.
        ecosystem: Of the package.
        name: As its ecosystem compares names, with `*` for any letters; those that `folded_name` makes one are the same.
        range: Of its versions; empty for all.
    """

    text: str
    ecosystem: str
    name: str
    range: str

    def means(self, ecosystem: str, name: str, version: str) -> bool:
        """Return whether a version of a package is meant; without a range also one that its ecosystem cannot read."""
        if not self._is_named(ecosystem, name):
            return False
        return not self.range or bool(VersionTable(scheme_of(ecosystem), [version]).mask(self.range))

    def versions(self, ecosystem: str, name: str, table: VersionTable) -> int:
        """Return the mask of the versions of a package that are meant."""
        if not self._is_named(ecosystem, name):
            return 0
        return table.mask(self.range) if self.range else table.everything

    def _is_named(self, ecosystem: str, name: str) -> bool:
        # Behind the name of a crate its registry stands where that is not the usual one.
        return ecosystem == self.ecosystem and fnmatchcase(
            folded_name(ecosystem, name.partition(" ")[0]), folded_name(ecosystem, self.name)
        )


def folded_name(ecosystem: str, name: str) -> str:
    """Return the same for all names that an ecosystem holds for one, or a pattern of names likewise.

    https://doc.rust-lang.org/cargo/reference/registry-index.html#name-restrictions
    """
    name = compared_name(ecosystem, name)
    return name.lower().replace("_", "-") if ecosystem == "cargo" else name


def read_patterns(texts: Iterable[str], path: str) -> list[Pattern]:
    """Read a list of patterns; the errors are those of `read_pattern`.

    Args:
        texts: Each a pattern.
        path: Where the list stands.
    """
    return [read_pattern(text, f"{path}[{at}]") for at, text in enumerate(texts)]


def read_names(texts: Iterable[str], path: str) -> list[Pattern]:
    """Read a list of patterns that stand for all versions.

    Args:
        texts: Each `ECOSYSTEM:NAME`.
        path: Where the list stands.

    Raises:
        InvalidConfigError: As `read_pattern`, or one has a range.
    """
    found = read_patterns(texts, path)
    for at, one in enumerate(found):
        if one.range:
            raise InvalidConfigError(
                f"{path}[{at}]: {one.text!r} names versions, and only whole packages can be named here", path=f"{path}[{at}]",
                found=one.text, expected="ECOSYSTEM:NAME", suggestions=[f"write {one.ecosystem}:{one.name}"],
            )  # fmt: skip
    return found


def read_pattern(text: str, path: str) -> Pattern:
    """Read a pattern.

    Args:
        text: `ECOSYSTEM:NAME` or `ECOSYSTEM:NAME@RANGE`.
        path: Where it stands, for errors.

    Raises:
        InvalidConfigError: It is something else.
    """
    ecosystem, _, rest = text.partition(":")
    # The at sign of a scope of npm stands first.
    at = rest.find("@", 1)
    name, allowed = (rest, "") if at < 0 else (rest[:at], rest[at + 1 :])
    if ecosystem not in ECOSYSTEMS or not name or at == len(rest) - 1 or len(text) > _LONGEST:
        raise InvalidConfigError(
            f"{path}: {text[:_SHOWN]!r} names no package", path=path, found=text[:_SHOWN],
            expected="ECOSYSTEM:NAME or ECOSYSTEM:NAME@RANGE", suggestions=[f"begin with one of {', '.join(ECOSYSTEMS)}"],
        )  # fmt: skip
    _check_name(ecosystem, name, path)
    if ecosystem == "pypi" and allowed[:1].isdigit():
        allowed = f"=={allowed}"  # a version alone means itself, as in other ecosystems
    if allowed:
        try:
            scheme_of(ecosystem).range(allowed)
        except InvalidConfigError as error:
            error.path = path
            raise
    return Pattern(text, ecosystem, compared_name(ecosystem, name), allowed)


def _check_name(ecosystem: str, name: str, path: str) -> None:
    """Refuse a pattern that no name of its ecosystem could match."""
    if ecosystem == "npm":
        scoped = "/" in name
        fits = name.startswith(("@", "*")) if scoped else not name.startswith("@") or "*" in name
        expected, remedy = "NAME or @SCOPE/NAME", f"npm:@{name}" if scoped else f"npm:{name}/*"
    elif ecosystem in _SEPARATORS:
        separator, expected = _SEPARATORS[ecosystem]
        fits = name.count(separator) == 1 or "*" in name
        remedy = f"{ecosystem}:{name.partition(separator)[0]}{separator}*"
    else:
        return
    if not fits:
        raise InvalidConfigError(
            f"{path}: no package of {ecosystem} has a name like {name[:_SHOWN]!r}", path=path, found=name[:_SHOWN], expected=expected,
            suggestions=[f"write {remedy[:_SHOWN]} for all that are meant by it"],
        )  # fmt: skip
