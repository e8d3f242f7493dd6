"""What a package.json asks for: https://docs.npmjs.com/cli/v11/configuring-npm/package-json."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.npm.specs import read_spec
from outrider.operators.packages.resolving.questions import Question

FORM = "package.json"
_KINDS = ("dependencies", "optionalDependencies", "devDependencies")
_ONLY_OF_SOME = ("workspaces", "overrides", "peerDependencies", "bundleDependencies", "bundledDependencies")


class NpmWish(msgspec.Struct, kw_only=True, frozen=True):
    """A dependency.

    Attributes:
        kind: The field that it stands in.
        name: By which it goes.
        package: In the registry.
        range: What is asked of it, as it is written.
    """

    kind: str
    name: str
    package: str
    range: str


class NpmManifest(msgspec.Struct, kw_only=True, frozen=True):
    """A project.

    Attributes:
        document: All of it.
        wishes: What it needs, each name once.
    """

    document: dict[str, Any]
    wishes: list[NpmWish]

    def named(self, kind: str) -> list[str]:
        """Return the names of a kind."""
        return [one.name for one in self.wishes if one.kind == kind]


def read_manifest(text: str, takes: Collection[str] = ()) -> NpmManifest:
    """Read a package.json.

    Args:
        text: Of the file.
        takes: Fields that whoever reads it can do with: of workspaces, overrides, peers and what is within the tarball.

    Raises:
        InvalidConfigError: It is none.
        UnsupportedError: It has another one of those fields, or needs what no registry has.
    """
    document = read_json(FORM, text)
    for field in _ONLY_OF_SOME:
        if document.get(field) and field not in takes:
            raise UnsupportedError(
                f"{FORM}: a manifest with {field} is not read", path=field, found=field, expected=" and ".join(_KINDS),
                suggestions=["use npm itself: npm audit fix"],
            )  # fmt: skip
    wishes: dict[str, NpmWish] = {}
    # What is asked for in an earlier field gives way to a later one, as with npm.
    for kind in _KINDS:
        for name, asked in _texts(document, kind).items():
            wishes[name] = _wish(kind, name, asked)
    return NpmManifest(document=document, wishes=[wishes[name] for name in sorted(wishes)])


def asked(manifest: NpmManifest, question: Question, folder: Path) -> Question:
    """Return the question for what a project needs, with what its lock has of each package."""
    return msgspec.structs.replace(
        question, packages=[f"{one.name}@{one.range or '*'}" for one in manifest.wishes], folder=folder, files=True,
        development=manifest.named("devDependencies"), optional=manifest.named("optionalDependencies"),
        overrides=manifest.document.get("overrides") or {},
    )  # fmt: skip


def _wish(kind: str, name: str, asked: str) -> NpmWish:
    spec = read_spec(name, asked)
    if not spec.package:
        raise UnsupportedError(
            f"{FORM}: {kind}.{name} comes from elsewhere than a registry", path=f"{kind}.{name}", found=asked[:80], expected="a range",
            suggestions=["use npm itself: npm audit fix"],
        )  # fmt: skip
    return NpmWish(kind=kind, name=name, package=spec.package, range=asked)


def _texts(document: dict[str, Any], kind: str) -> dict[str, str]:
    found = document.get(kind, {})
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise InvalidConfigError(
            f"{FORM}: {kind} cannot be read", path=kind, found=type(found).__name__, expected="names with ranges", suggestions=["correct it"]
        )  # fmt: skip
    return found
