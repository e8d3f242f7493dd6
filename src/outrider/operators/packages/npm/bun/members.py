"""Members of a workspace, which bun 1.4 has in place of packages of a registry wherever they do: `PackageManagerEnqueue.rs`."""

from collections.abc import Container, Mapping
from typing import Any

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.npm.bun.graph import BunPackage, Graph
from outrider.operators.packages.npm.bun.needs import OPTIONAL_PEER, BunNeed, Wanted
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

# Stands before what is asked of a member, and of nothing else.
MEMBER = "workspace:"


def version_of(said: Mapping[str, Any]) -> str:
    """Return the version of a member; empty where its manifest has none that can be read."""
    version = said.get("version")
    try:
        scheme_of("npm").parse(version if isinstance(version, str) else "")
    except InvalidConfigError:
        return ""
    return str(version).strip().removeprefix("v")


def allows(text: str, said: Mapping[str, Any]) -> bool:
    """Return whether a range has the version of a member; what allows every version has a member without one, and any prerelease.

    Args:
        text: The range; a tag has none.
        said: The package.json of the member.
    """
    scheme, version = scheme_of("npm"), version_of(said)
    try:
        spans = scheme.range(text).spans
    except InvalidConfigError:
        return False
    if any(one.low is None and one.high is None for one in spans):
        return True
    return bool(version and VersionTable(scheme, [version]).mask(text))


def member_for(graph: Graph, package: BunPackage, need: BunNeed, wanted: Wanted) -> BunPackage | None:
    """Return the member that meets a need; None where a package of a registry has to. Optional peers are met by what is there.

    Args:
        graph: Which has the members.
        package: Whoever needs it.
        need: What it needs.
        wanted: What that means once overrides count.
    """
    if need.kind == OPTIONAL_PEER:
        return None
    if need.text.startswith(MEMBER) and package.npm is None and wanted is need.wanted:
        return graph.members.get(named(need, graph.members))
    member = graph.members.get(wanted.package)
    # What is empty stands for the tag `latest`, where it counts.
    is_tag = wanted.is_tag or (wanted is need.wanted and not need.text.strip())
    if member is None or is_tag or not allows(wanted.text, member.said):
        return None
    return member


def named(need: BunNeed, members: Container[str]) -> str:
    """Return the name of the member that is asked for with `workspace:RANGE` or `workspace:NAME@RANGE`."""
    name, at, _ = need.text.removeprefix(MEMBER).rpartition("@")
    return name if at and name in members and need.name not in members else need.name
