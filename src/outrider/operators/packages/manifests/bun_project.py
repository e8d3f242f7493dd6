"""What bun is told of a project beside its needs, and what of it can be heeded here: https://bun.com/docs/pm/cli/install."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.manifests.package_json import FORM, NpmManifest, NpmMember
from outrider.operators.packages.npm.bun.entries import programs_of
from outrider.operators.packages.npm.bun.members import MEMBER, allows, version_of
from outrider.operators.packages.npm.bun.needs import (
    FIELDS,
    OPTIONAL,
    OPTIONAL_PEER,
    PEER,
    REMEDY,
    BunNeed,
    needs_of_manifest,
    read_wanted,
)
from outrider.operators.packages.npm.bun.settings import BunSettings
from outrider.operators.packages.npm.details import NpmDetails, at
from outrider.operators.packages.resolving.outcomes import ResolvedPackage
from outrider.operators.packages.resolving.questions import Question


def asked_of_bun(
    manifest: NpmManifest,
    question: Question,
    folder: Path,
    locked: Mapping[str, Mapping[str, str]] | None = None,
    members: Sequence[NpmMember] = (),
) -> Question:
    """Return the question for what a project and the members of its workspace need, with the settings of its bun.

    Args:
        manifest: Who asks.
        question: What may be used for an answer.
        folder: Of the project, whose settings count.
        locked: Versions that are tried first, as `NpmDetails` has them.
        members: Of the workspace.

    Raises:
        UnsupportedError: Something is set that is not heeded here, or nothing is asked for.
        InvalidConfigError: Some setting cannot be read.
    """
    if not manifest.wishes and not members:
        raise UnsupportedError(
            f"{FORM}: it asks for no package, and bun writes no lock file then", path="dependencies", found="none", expected="packages",
            suggestions=["ask for one: bun add NAME"],
        )  # fmt: skip
    everyone = [("", manifest), *((one.place, one.manifest) for one in members)]
    packages = [
        at(place, f"{one.name}@{one.range or '*'}") for place, each in everyone for one in each.wishes if one.package
    ]
    return msgspec.structs.replace(
        question, packages=packages, folder=folder, files=True, client="bun",
        environment=BunSettings(folder, question.environment).environment(),
        details=NpmDetails(
            project=manifest.document, members=[one.asked() for one in members], overrides=overrides_of(manifest.document),
            locked_needs=locked or {},
        ),
    )  # fmt: skip


def overrides_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Return what is asked of packages in place of what others ask: what `overrides` has, or else `resolutions`.

    Raises:
        InvalidConfigError: That cannot be read.
        UnsupportedError: It is asked of some of those that need a package alone, or of no registry.
    """
    field = "overrides" if "overrides" in document else "resolutions"
    said = document.get(field) or {}
    if not isinstance(said, dict):
        raise InvalidConfigError(
            f"{FORM}: {field} cannot be read", path=field, found=type(said).__name__, expected="names with ranges", suggestions=["correct it"]
        )  # fmt: skip
    found = {}
    for key, text in said.items():
        name = key.removeprefix("**/") if field == "resolutions" else key
        plain = (
            isinstance(text, str)
            and bool(text.strip())
            and not text.startswith("$")
            and "@" not in name[1:]
            and "/" not in name.partition("/")[2]
        )
        if not plain or not read_wanted(name, text).package:
            raise UnsupportedError(
                f"{FORM}: {field}.{key[:80]} is not read", path=f"{field}.{key}"[:200], found=str(text)[:80],
                expected="a range of a registry", suggestions=[REMEDY],
            )  # fmt: skip
        found[name] = text
    return found


def workspaces_of(
    document: Mapping[str, Any], packages: Sequence[ResolvedPackage], members: Sequence[NpmMember] = ()
) -> dict[str, dict[str, Any]]:
    """Return what bun.lock has of a project and of the members of its workspace.

    Args:
        document: The package.json of the project.
        packages: What they need.
        members: Of the workspace.
    """
    found = _Told(packages, {one.name: one.manifest.document for one in members})
    project = {"name": document["name"]} if document.get("name") else {}
    told = {"": project | found.of(document)}
    for one in sorted(members, key=lambda one: one.place.encode()):
        version = version_of(one.manifest.document)
        named = {"name": one.name} | ({"version": version} if version else {}) | programs_of(one.manifest.document)
        told[one.place] = named | found.of(one.manifest.document, one.name, one.place)
    return told


class _Told:
    """What a lock has of what manifests need.

    Args:
        packages: That were chosen.
        members: Manifests of members by name.
    """

    def __init__(self, packages: Sequence[ResolvedPackage], members: Mapping[str, Mapping[str, Any]]) -> None:
        self._packages = {one.place: one for one in packages}
        self._members = members

    def of(self, document: Mapping[str, Any], name: str = "", place: str = "") -> dict[str, Any]:
        """Return what it has of those of a manifest; a project has neither name nor place here."""
        found: dict[str, Any] = {}
        needs = needs_of_manifest(document, is_member=bool(place))
        for field, kind in FIELDS.items():
            some = {one.name: one.text for one in needs if min(one.kind, PEER) == kind}
            if some:
                found[field] = dict(sorted(some.items(), key=lambda one: one[0].encode()))
        if optional := [one.name for one in needs if one.kind == OPTIONAL_PEER]:
            found["optionalPeers"] = optional
        if unmet := [one.name for one in needs if one.kind == OPTIONAL and self._is_other(one, name, place)]:
            found["unresolved"] = unmet
        return found

    def _is_other(self, need: BunNeed, name: str, place: str) -> bool:
        """Return whether what is found by the name of a need does not meet it."""
        there = (self._packages.get(f"{name}/{need.name}") if name else None) or self._packages.get(need.name)
        if there is not None:
            return place not in there.entry["met_for"]
        is_of_member = need.text.startswith(MEMBER) or not need.text.strip() or need.wanted.is_tag
        return (
            need.name in self._members and not is_of_member and not allows(need.wanted.text, self._members[need.name])
        )


def trusted_by(
    document: Mapping[str, Any],
    packages: Sequence[ResolvedPackage],
    before: Sequence[str] = (),
    *,
    members: Sequence[NpmMember] = (),
) -> list[str] | None:
    """Return the names of packages whose scripts may run, as bun.lock has them; None where it has none.

    Args:
        document: The package.json.
        packages: What it needs.
        before: What a lock file has of them so far: bun has them in an order of its own.
        members: Of the workspace: they may name some too, and be named.

    Raises:
        InvalidConfigError: They cannot be read.
        UnsupportedError: There are several that were not there before, in an order that only bun knows.
    """
    lists = [_trusted(document, FORM), *(_trusted(one.manifest.document, f"{one.place}/{FORM}") for one in members)]
    if all(one is None for one in lists):
        return None
    said = [name for one in lists for name in one or ()]
    names = {one.entry["name"] for one in packages} | {one.name for one in members}
    found = sorted({name for name in said if name in names})
    if len(found) > 1 and set(found) - set(before):
        raise UnsupportedError(
            f"{FORM}: several trustedDependencies stand in bun.lock in an order that only bun knows", path="trustedDependencies",
            found=", ".join(found)[:200], expected="one, or those of the bun.lock that is there", suggestions=[REMEDY],
        )  # fmt: skip
    if not found and said:
        return None
    return [name for name in before if name in found] if len(found) > 1 else found


def _trusted(document: Mapping[str, Any], file: str) -> list[str] | None:
    said = document.get("trustedDependencies")
    if said is not None and (not isinstance(said, list) or not all(isinstance(one, str) for one in said)):
        raise InvalidConfigError(
            f"{file}: trustedDependencies cannot be read", path="trustedDependencies", found=type(said).__name__, expected="a list of names",
            suggestions=["correct it"],
        )  # fmt: skip
    return said
