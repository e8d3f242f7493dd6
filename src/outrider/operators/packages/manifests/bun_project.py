"""What bun is told of a project beside its needs, and what of it can be heeded here: https://bun.com/docs/pm/cli/install."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.manifests.package_json import FORM, NpmManifest
from outrider.operators.packages.npm.bun.needs import (
    FIELDS,
    OPTIONAL,
    OPTIONAL_PEER,
    PEER,
    needs_of_manifest,
    read_wanted,
)
from outrider.operators.packages.npm.bun.settings import BunSettings
from outrider.operators.packages.npm.details import NpmDetails
from outrider.operators.packages.resolving.outcomes import ResolvedPackage
from outrider.operators.packages.resolving.questions import Question

_REMEDY = "have bun write the lock file: bun install --lockfile-only"


def asked_of_bun(
    manifest: NpmManifest, question: Question, folder: Path, locked: Mapping[str, Mapping[str, str]] | None = None
) -> Question:
    """Return the question for what a project needs, with the settings of its bun.

    Args:
        manifest: Who asks.
        question: What may be used for an answer.
        folder: Of the project, whose settings count.
        locked: Versions that are tried first, as `NpmDetails` has them.

    Raises:
        UnsupportedError: Something is set that is not heeded here, or nothing is asked for.
        InvalidConfigError: Some setting cannot be read.
    """
    if not manifest.wishes:
        raise UnsupportedError(
            f"{FORM}: it asks for no package, and bun writes no lock file then", path="dependencies", found="none", expected="packages",
            suggestions=["ask for one: bun add NAME"],
        )  # fmt: skip
    return msgspec.structs.replace(
        question, packages=[f"{one.name}@{one.range or '*'}" for one in manifest.wishes], folder=folder, files=True, client="bun",
        environment=BunSettings(folder, question.environment).environment(),
        details=NpmDetails(project=manifest.document, overrides=overrides_of(manifest.document), locked_needs=locked or {}),
    )  # fmt: skip


def overrides_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Return what is asked of packages in place of what others ask.

    Raises:
        InvalidConfigError: That cannot be read.
        UnsupportedError: It is asked of some of those that need a package alone, or of no registry.
    """
    said = document.get("overrides") or {}
    if not isinstance(said, dict):
        raise InvalidConfigError(
            f"{FORM}: overrides cannot be read", path="overrides", found=type(said).__name__, expected="names with ranges", suggestions=["correct it"]
        )  # fmt: skip
    for name, text in said.items():
        plain = (
            isinstance(text, str)
            and not text.startswith("$")
            and "@" not in name[1:]
            and "/" not in name.partition("/")[2]
        )
        if not plain or not read_wanted(name, text).package:
            raise UnsupportedError(
                f"{FORM}: overrides.{name[:80]} is not read", path=f"overrides.{name}"[:200], found=str(text)[:80],
                expected="a range of a registry", suggestions=[_REMEDY],
            )  # fmt: skip
    return said


def workspaces_of(document: Mapping[str, Any], packages: Sequence[ResolvedPackage]) -> dict[str, dict[str, Any]]:
    """Return what bun.lock has of a project.

    Args:
        document: Its package.json.
        packages: What it needs.
    """
    found: dict[str, Any] = {"name": document["name"]} if document.get("name") else {}
    needs = needs_of_manifest(document)
    for field, kind in FIELDS.items():
        some = {one.name: one.text for one in needs if min(one.kind, PEER) == kind}
        if some:
            found[field] = dict(sorted(some.items(), key=lambda one: one[0].encode()))
    if optional := [one.name for one in needs if one.kind == OPTIONAL_PEER]:
        found["optionalPeers"] = optional
    # Something else stands by the name of what the project could not have.
    others = {one.place for one in packages if not one.entry["of_project"]}
    if unmet := [one.name for one in needs if one.kind == OPTIONAL and one.name in others]:
        found["unresolved"] = unmet
    return {"": found}


def trusted_by(
    document: Mapping[str, Any], packages: Sequence[ResolvedPackage], before: Sequence[str] = ()
) -> list[str] | None:
    """Return the names of packages whose scripts may run, as bun.lock has them; None where it has none.

    Args:
        document: The package.json.
        packages: What it needs.
        before: What a lock file has of them so far: bun has them in an order of its own.

    Raises:
        InvalidConfigError: They cannot be read.
        UnsupportedError: There are several that were not there before, in an order that only bun knows.
    """
    said = document.get("trustedDependencies")
    if said is None:
        return None
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise InvalidConfigError(
            f"{FORM}: trustedDependencies cannot be read", path="trustedDependencies", found=type(said).__name__, expected="a list of names",
            suggestions=["correct it"],
        )  # fmt: skip
    names = {one.entry["name"] for one in packages}
    found = sorted({name for name in said if name in names})
    if len(found) > 1 and set(found) - set(before):
        raise UnsupportedError(
            f"{FORM}: several trustedDependencies stand in bun.lock in an order that only bun knows", path="trustedDependencies",
            found=", ".join(found)[:200], expected="one, or those of the bun.lock that is there", suggestions=[_REMEDY],
        )  # fmt: skip
    if not found and said:
        return None
    return [name for name in before if name in found] if len(found) > 1 else found
