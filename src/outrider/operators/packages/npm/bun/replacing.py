"""What bun 1.4 looks for in place of what needs ask for: overrides, catalogs and aliases, as in `PackageManagerEnqueue.rs`."""

from outrider.operators.packages.npm.bun.graph import BunPackage, Graph
from outrider.operators.packages.npm.bun.needs import (
    FIELDS,
    OPTIONAL_PEER,
    PEER,
    WORKSPACE,
    BunNeed,
    Wanted,
    read_wanted,
)
from outrider.operators.packages.npm.bun.overriding import Overrides, Overriding
from outrider.operators.packages.npm.catalogs import DEFAULT, Catalogs
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

# Stands for an end that a range does not name.
_NO_END = "0.0.0"


class Replacements:
    """What is looked for in place of something else.

    Args:
        graph: The project with the members of its workspace.
        overrides: Of the project, as bun.lock has them.
        catalogs: Of the project.
    """

    def __init__(self, graph: Graph, overrides: Overrides, catalogs: Catalogs) -> None:
        self._root = graph.root
        self._overriding = Overriding(overrides, catalogs)
        self._aliases = {name: one for name, one in _aliases(graph, catalogs).items() if name not in graph.members}

    def wanted(self, package: BunPackage, need: BunNeed) -> Wanted:
        """Return what a package asks for with a need once overrides count."""
        return self._overriding.instead(package, need) or need.wanted

    def alias(self, package: BunPackage, need: BunNeed) -> Wanted | None:
        """Return what goes by the name of a need elsewhere, and may meet it; None where that is nothing.

        For what the project itself asks for there is none. A version that the range of the alias names as an end has to be in that of the
        need, be it in its own or not.

        Args:
            package: Whoever needs it.
            need: What it needs.
        """
        found, wanted = self._aliases.get(need.name), need.wanted
        is_other = package is self._root or need.kind in (WORKSPACE, OPTIONAL_PEER) or bool(need.catalog)
        is_range = wanted.package == need.name and not wanted.is_alias and not wanted.is_tag and bool(need.text.strip())
        if found is None or is_other or not is_range or self._overriding.instead(package, need) is not None:
            return None
        return found if VersionTable(scheme_of("npm"), _ends(found.text)).mask(wanted.text) else None


def _aliases(graph: Graph, catalogs: Catalogs) -> dict[str, Wanted]:
    """Return what goes by the names of aliases; of several with one name the last one counts that is read."""
    found = _aliases_of(graph.root)
    for catalog in sorted(catalogs, key=lambda one: one != DEFAULT):
        entries = {name: read_wanted(name, text) for name, text in catalogs[catalog].items()}
        found |= {name: wanted for name, wanted in entries.items() if wanted.is_alias}
    for member in graph.members.values():
        found |= _aliases_of(member)
    return found


def _aliases_of(package: BunPackage) -> dict[str, Wanted]:
    kinds = [*FIELDS.values(), WORKSPACE]
    needs = sorted(package.needs, key=lambda one: kinds.index(min(one.kind, PEER)))
    return {one.name: one.wanted for one in needs if one.wanted.is_alias and not one.catalog}


def _ends(text: str) -> list[str]:
    """Return the versions between which a range is, be they in it or not."""
    spans = scheme_of("npm").range(text).spans
    ends = {_NO_END if cut is None else ".".join(map(str, cut.key[:3])) for one in spans for cut in (one.low, one.high)}
    is_exact = any(one.low is not None and one.high is not None and one.low.key == one.high.key for one in spans)
    return sorted(ends | {_NO_END} if is_exact else ends)
