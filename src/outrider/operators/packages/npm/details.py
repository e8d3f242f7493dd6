"""What is asked of npm, pnpm, Yarn and bun besides packages."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from outrider.operators.packages.resolving.questions import Details

# Stands between the folder of a member of a workspace and what that asks for.
PLACE_ENDS = ": "


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A package of a workspace.

    Attributes:
        place: Its folder, below that of the project.
        name: By which others find it; empty where nobody does.
        manifest: Its package.json.
    """

    place: str
    name: str
    manifest: Mapping[str, Any]


class NpmDetails(Details, frozen=True, kw_only=True):
    """What is asked; what a member of a workspace asks for stands behind its folder, as in `packages/a: b@1`.

    What a catalog of pnpm or bun has stands behind its name, as in `catalog:default: b@1`.

    Attributes:
        development: Names of what only development needs.
        optional: Names of what may be left out.
        peers: Names of what has to stand beside.
        members: Of the workspace; of pnpm the project too, whose folder is empty.
        overrides: Of the project, as package.json has them; of pnpm by their selectors, of bun as bun.lock has them.
        pinned: Of Yarn: what a lock has for each `NAME@RANGE`; it is taken where its version is tried first.
        extensions: What is added to packages, by NAME@RANGE: of Yarn 4 to their dependencies, of pnpm to the fields of their manifests.
        patches: Of pnpm: the hashes of patches, by what they are for.
        program: Of Yarn 4: the file of the program that the project has, or its version; empty for any.
        project: Of bun: the package.json whose lock is asked for.
        catalogs: Of bun: what the catalogs of the project have, by their names.
        locked_needs: Of pnpm and bun: the versions that are tried first for what one package needs, by its NAME@VERSION (`.` for the project,
            its folder for a member) and the name by which that goes.
    """

    development: Collection[str] = ()
    optional: Collection[str] = ()
    peers: Collection[str] = ()
    members: Sequence[Member] = ()
    overrides: Mapping[str, Any] = {}
    pinned: Mapping[str, Mapping[str, Any]] = {}
    extensions: Mapping[str, Mapping[str, Any]] = {}
    patches: Mapping[str, str] = {}
    program: str = ""
    project: Mapping[str, Any] = {}
    catalogs: Mapping[str, Mapping[str, str]] = {}
    locked_needs: Mapping[str, Mapping[str, str]] = {}


def at(place: str, text: str) -> str:
    """Return what a manifest in a folder asks for, as a question has it; that of the project has no folder."""
    return f"{place}{PLACE_ENDS}{text}" if place else text
