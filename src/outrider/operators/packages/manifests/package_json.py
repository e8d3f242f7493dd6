"""What a package.json asks for: https://docs.npmjs.com/cli/v11/configuring-npm/package-json."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.npm.details import Member, NpmDetails, at
from outrider.operators.packages.npm.specs import read_spec
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.yarn.manifests import WORKSPACE, cleaned, later_spec

FORM = "package.json"
_PEERS = "peerDependencies"
_KINDS = ("dependencies", "optionalDependencies", "devDependencies")
# What npm has room for in its locks, and others may not.
TAKEN_BY_NPM = ("workspaces", "overrides", _PEERS)
_NOT_READ = {
    "npm": ("workspaces", "overrides", "peerDependencies", "bundleDependencies", "bundledDependencies"),
    "yarn": (),
    "bun": ("workspaces", "patchedDependencies"),
}
_REMEDIES = {
    "npm": "use npm itself: npm install", "yarn": "use Yarn itself: yarn install", "bun": "use bun itself: bun install",
}  # fmt: skip
# Takes where something is asked for, its name, and what is asked of it.
Entry = Callable[[str, str, str], str]


class NpmWish(msgspec.Struct, kw_only=True, frozen=True):
    """A dependency.

    Attributes:
        kind: The field that it stands in.
        name: By which it goes.
        package: In the registry; empty where it is a member of the workspace, and asked for as such.
        range: What is asked of it, as it is written.
    """

    kind: str
    name: str
    package: str
    range: str


class NpmManifest(msgspec.Struct, kw_only=True, frozen=True):
    """A project, or a member of its workspace.

    Attributes:
        document: All of it.
        wishes: What it needs, each name once, peers first.
    """

    document: dict[str, Any]
    wishes: list[NpmWish]

    def named(self, kind: str) -> list[str]:
        """Return the names of a kind."""
        return [one.name for one in self.wishes if one.kind == kind]

    def left_out(self) -> list[str]:
        """Return the names of what may be left out."""
        meta = self.document.get("peerDependenciesMeta")
        optional = (
            {name for name, one in meta.items() if isinstance(one, dict) and one.get("optional")}
            if isinstance(meta, dict)
            else ()
        )
        return [*self.named("optionalDependencies"), *(name for name in self.named(_PEERS) if name in optional)]


class NpmMember(msgspec.Struct, kw_only=True, frozen=True):
    """A package of a workspace.

    Attributes:
        path: Of its package.json.
        text: Of that.
        place: Its folder, below that of the project.
        name: By which others find it.
        manifest: What it asks for.
    """

    path: Path
    text: str
    place: str
    name: str
    manifest: NpmManifest

    def asked(self) -> Member:
        """Return it as a question has it."""
        return Member(place=self.place, name=self.name, manifest=self.manifest.document)


def read_manifest(
    text: str, client: str = "", *, takes: Collection[str] = (), name: str = FORM, entry: Entry | None = None
) -> NpmManifest:
    """Read a package.json.

    Args:
        text: Of the file.
        client: Who reads it: `bun`, `yarn1` or `yarn4`, and npm where that is empty.
        takes: Fields that whoever reads it can do with: of workspaces, overrides, peers and what is within the tarball.
        name: Of the file, for errors.
        entry: Returns what is asked for where a catalog says it, for clients that have some.

    Raises:
        InvalidConfigError: It is none, or asks for what no catalog has.
        UnsupportedError: It has another one of those fields, or needs what no registry has.
    """
    document = read_json(name, text)
    family = client.rstrip("14") or "npm"
    remedy = _REMEDIES[family]
    for field in _NOT_READ[family]:
        if document.get(field) and field not in takes:
            raise UnsupportedError(
                f"{name}: a manifest with {field} is not read", path=field, found=field, expected=" and ".join(_KINDS),
                suggestions=[remedy],
            )  # fmt: skip
    has_members = client == "bun" and "workspaces" in takes
    texts = {kind: texts_of(document, kind, name) for kind in (_KINDS if family == "yarn" else (_PEERS, *_KINDS))}
    wishes: dict[str, NpmWish] = {}
    # What is asked for in an earlier field gives way to a later one, as with npm; Yarn 1 has an order of its own.
    for kind, some in (cleaned(texts) if client == "yarn1" else texts).items():
        for other, asked in some.items():
            where, shown = f"{name}: {kind}.{other}"[:200], asked
            if entry is not None:
                shown = entry(where, other, asked)
            spec = later_spec(other, shown) if client == "yarn4" else read_spec(other, shown)
            wish = NpmWish(kind=kind, name=other, package=spec.package, range=asked)
            is_of_workspace = shown.startswith(WORKSPACE) and (client == "yarn4" or has_members)
            wishes[other] = wish if is_of_workspace else _of_registry(wish, name, remedy)
    found = sorted(wishes.values(), key=lambda one: (one.kind != _PEERS, one.name))
    return NpmManifest(document=document, wishes=found)


def asked(manifest: NpmManifest, question: Question, folder: Path, members: Sequence[NpmMember] = ()) -> Question:
    """Return the question for what a project and the members of its workspace need, with what its lock has of each package."""
    all_of_them = [("", manifest), *((one.place, one.manifest) for one in members)]
    return msgspec.structs.replace(
        question, packages=[at(place, f"{wish.name}@{wish.range or '*'}") for place, one in all_of_them for wish in one.wishes],
        folder=folder, files=True,
        details=NpmDetails(
            development=[at(place, name) for place, one in all_of_them for name in one.named("devDependencies")],
            optional=[at(place, name) for place, one in all_of_them for name in one.left_out()],
            peers=[at(place, name) for place, one in all_of_them for name in one.named(_PEERS)],
            members=[one.asked() for one in members], overrides=manifest.document.get("overrides") or {},
        ),
    )  # fmt: skip


def _of_registry(wish: NpmWish, file: str, remedy: str) -> NpmWish:
    """Return a wish that a registry can meet.

    Raises:
        UnsupportedError: It is met elsewhere.
    """
    if not wish.package:
        where = f"{wish.kind}.{wish.name}"
        raise UnsupportedError(
            f"{file}: {where} comes from elsewhere than a registry", path=where, found=wish.range[:80], expected="a range",
            suggestions=[remedy],
        )  # fmt: skip
    return wish


def texts_of(document: dict[str, Any], kind: str, file: str) -> dict[str, str]:
    """Return what a field of a manifest asks for, by name.

    Raises:
        InvalidConfigError: It is something else.
    """
    found = document.get(kind, {})
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise InvalidConfigError(
            f"{file}: {kind} cannot be read", path=kind, found=type(found).__name__, expected="names with ranges", suggestions=["correct it"]
        )  # fmt: skip
    return found
