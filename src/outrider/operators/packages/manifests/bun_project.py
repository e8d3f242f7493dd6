"""What bun is told of a project beside its needs, and what of it can be heeded here: https://bun.com/docs/pm/cli/install."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.writing.bun_lock import BunLocking
from outrider.operators.packages.manifests.bun_patches import patches_by
from outrider.operators.packages.manifests.bun_workspace import BunWorkspace
from outrider.operators.packages.manifests.package_json import FORM
from outrider.operators.packages.npm.bun.entries import programs_of
from outrider.operators.packages.npm.bun.members import MEMBER, allows, version_of
from outrider.operators.packages.npm.bun.needs import (
    FIELDS,
    OPTIONAL,
    OPTIONAL_PEER,
    PEER,
    BunNeed,
    needs_of_manifest,
    read_wanted,
)
from outrider.operators.packages.npm.bun.overriding import rules_of
from outrider.operators.packages.npm.bun.settings import BunSettings
from outrider.operators.packages.npm.bun.trusting import in_order_of_slots
from outrider.operators.packages.npm.catalogs import CATALOG, Catalogs, catalog_of, from_catalogs
from outrider.operators.packages.npm.details import NpmDetails, at
from outrider.operators.packages.resolving.outcomes import ResolvedPackage
from outrider.operators.packages.resolving.questions import Question


def asked_of_bun(
    workspace: BunWorkspace,
    question: Question,
    folder: Path,
    locked: Mapping[str, Mapping[str, str]] | None = None,
) -> Question:
    """Return the question for what a project and the members of its workspace need, with the settings of its bun.

    Args:
        workspace: Who asks.
        question: What may be used for an answer.
        folder: Of the project, whose settings count.
        locked: Versions that are tried first, as `NpmDetails` has them.

    Raises:
        UnsupportedError: Something is set that is not heeded here, or nothing is asked for.
        InvalidConfigError: Some setting cannot be read.
    """
    if not workspace.manifest.wishes and not workspace.members:
        raise UnsupportedError(
            f"{FORM}: it asks for no package, and bun writes no lock file then", path="dependencies", found="none", expected="packages",
            suggestions=["ask for one: bun add NAME"],
        )  # fmt: skip
    everyone = [(place, one) for place, each in workspace.manifests().items() for one in each.wishes]
    own = [(place, one) for place, one in everyone if not catalog_of(one.range)]
    taken = [(f"{CATALOG}{catalog}", one) for catalog, one in workspace.taken()]
    packages = [at(place, f"{one.name}@{one.range or '*'}") for place, one in (*own, *taken) if one.package]
    return msgspec.structs.replace(
        question, packages=packages, folder=folder, files=True, client="bun",
        environment=BunSettings(folder, question.environment).environment(),
        details=NpmDetails(
            project=workspace.manifest.document, members=[one.asked() for one in workspace.members], overrides=workspace.overrides,
            catalogs=workspace.catalogs.by_name(), locked_needs=locked or {},
        ),
    )  # fmt: skip


def locking_of(workspace: BunWorkspace, packages: Sequence[ResolvedPackage]) -> BunLocking:
    """Return what a lock is of, beside the packages.

    Args:
        workspace: The project with the members of its workspace.
        packages: What they need, in the order in which bun comes upon it.

    Raises:
        InvalidConfigError: What is said of trusted packages or of patches cannot be read.
    """
    versions = {one.name: version_of(one.manifest.document) for one in workspace.members}
    found = [(name, "") for name in _members_at_top(workspace, packages)] + [
        (one.name, one.version) for one in packages
    ]
    needed = [f"{name}@{version or versions[name]}" for name, version in found]
    return BunLocking(
        workspaces=workspaces_of(workspace, packages), members={one.name: one.place for one in workspace.members},
        trusted=trusted_by(workspace, packages), patches=patches_by(workspace.manifest.document, needed), overrides=workspace.overrides,
        catalog=workspace.catalogs.default, catalogs=workspace.catalogs.named,
    )  # fmt: skip


def workspaces_of(workspace: BunWorkspace, packages: Sequence[ResolvedPackage]) -> dict[str, dict[str, Any]]:
    """Return what bun.lock has of a project and of the members of its workspace.

    Args:
        workspace: Both.
        packages: What they need.
    """
    document, members = workspace.manifest.document, {one.name: one.manifest.document for one in workspace.members}
    catalogs = workspace.catalogs.by_name()
    overridden = {
        one.target.name: from_catalogs(catalogs, one.target.name, one.text) for one in rules_of(workspace.overrides)
    }
    found = _Told(packages, members, catalogs, overridden)
    project = {"name": document["name"]} if document.get("name") else {}
    told = {"": project | found.of(document)}
    for one in sorted(workspace.members, key=lambda one: one.place.encode()):
        version = version_of(one.manifest.document)
        named = {"name": one.name} | ({"version": version} if version else {}) | programs_of(one.manifest.document)
        told[one.place] = named | found.of(one.manifest.document, one.name, one.place)
    return told


class _Told:
    """What a lock has of what manifests need.

    Args:
        packages: That were chosen.
        members: Manifests of members by name.
        catalogs: Of the project.
        overridden: What is asked instead of what is asked by a name.
    """

    def __init__(
        self,
        packages: Sequence[ResolvedPackage],
        members: Mapping[str, Mapping[str, Any]],
        catalogs: Catalogs,
        overridden: Mapping[str, str],
    ) -> None:
        self._packages = {one.place: one for one in packages}
        self._members, self._catalogs, self._overridden = members, catalogs, overridden

    def of(self, document: Mapping[str, Any], name: str = "", place: str = "") -> dict[str, Any]:
        """Return what it has of those of a manifest; a project has neither name nor place here."""
        found: dict[str, Any] = {}
        needs = needs_of_manifest(document, self._catalogs, is_member=bool(place))
        for field, kind in FIELDS.items():
            some = {one.name: one.written for one in needs if min(one.kind, PEER) == kind}
            if some:
                found[field] = dict(sorted(some.items(), key=lambda one: one[0].encode()))
        if optional := [one.name for one in needs if one.kind == OPTIONAL_PEER]:
            found["optionalPeers"] = optional
        if unmet := [one.name for one in needs if one.kind == OPTIONAL and self._is_other(one, name, place)]:
            found["unresolved"] = unmet
        return found

    def _is_other(self, need: BunNeed, name: str, place: str) -> bool:
        """Return whether what is found by the name of a need does not meet it."""
        own = f"./{name}" if name in self._packages else name
        there = (self._packages.get(f"{own}/{need.name}") if name else None) or self._packages.get(need.name)
        if there is not None:
            return place not in there.entry["met_for"]
        text = self._overridden.get(need.name, need.text)
        wanted = read_wanted(need.name, text)
        is_of_member = text.startswith(MEMBER) or not text.strip() or wanted.is_tag
        return need.name in self._members and not is_of_member and not allows(wanted.text, self._members[need.name])


def trusted_by(workspace: BunWorkspace, packages: Sequence[ResolvedPackage]) -> list[str] | None:
    """Return the names of packages whose scripts may run, as bun.lock has them; None where it has none.

    Args:
        workspace: The project with the members of its workspace: they may name some too, and be named.
        packages: What it needs, in the order in which bun comes upon it.

    Raises:
        InvalidConfigError: They cannot be read.
    """
    everyone = workspace.manifests().items()
    lists = [_trusted(one.document, f"{place}/{FORM}" if place else FORM) for place, one in everyone]
    if all(one is None for one in lists):
        return None
    said = {name for one in lists for name in one or ()}
    names = [*_members_at_top(workspace, packages), *(one.name for one in packages)]
    found = in_order_of_slots((name for name in names if name in said), len(said))
    return None if said and not found else found


def _members_at_top(workspace: BunWorkspace, packages: Sequence[ResolvedPackage]) -> list[str]:
    """Return the names of members in whose places nothing else stands."""
    places = {one.place for one in packages}
    return sorted((one.name for one in workspace.members if one.name not in places), key=str.encode)


def _trusted(document: Mapping[str, Any], file: str) -> list[str] | None:
    said = document.get("trustedDependencies")
    if said is not None and (not isinstance(said, list) or not all(isinstance(one, str) for one in said)):
        raise InvalidConfigError(
            f"{file}: trustedDependencies cannot be read", path="trustedDependencies", found=type(said).__name__, expected="a list of names",
            suggestions=["correct it"],
        )  # fmt: skip
    return said
