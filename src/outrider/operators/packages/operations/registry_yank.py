"""Takes a version back that was published in a registry: clients that choose pass it over where their protocol lets them; who has it locked still gets it, but for gems."""

import msgspec

from outrider.core.errors import NotFoundError
from outrider.core.operation import Change, Difference
from outrider.operators.packages.nuget.records import shown_version
from outrider.operators.packages.serving.folders import (
    InRegistry,
    OfRegistry,
    opened_store,
    registry_notes,
    written_down,
)
from outrider.operators.packages.serving.naming import served_name
from outrider.operators.packages.serving.tables import Release, Tables
from outrider.operators.packages.versions.ecosystems import Ecosystem
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class RegistryYankParams(OfRegistry, kw_only=True, forbid_unknown_fields=True):
    """Which version.

    Attributes:
        ecosystem: Of the package.
        name: Of the package.
        version: To take back.
        reason: Why; clients show it where their protocol can.
        undo: Have it again.
    """

    ecosystem: Ecosystem
    name: str
    version: str
    reason: str = "taken back"
    undo: bool = False


class RegistryYankResult(InRegistry, kw_only=True):
    """The files that it was about."""

    files: list[str]


async def plan(params: RegistryYankParams, context: Context) -> Change:
    """Say what would change.

    Raises:
        NotFoundError: There is no such version.
    """
    del context
    async with opened_store(params) as store:
        found = _found(params, store.tables)
    after = None if params.undo else params.reason
    difference = [Difference(one.file, one.yanked, after) for one in found if one.yanked != after]
    return Change(target=_target(params), difference=difference)


async def run(params: RegistryYankParams, context: Context) -> RegistryYankResult:
    """Take it back.

    Raises:
        NotFoundError: There is no such version.
        ExecutionFailedError: The registry's folder cannot be used.
    """
    reason = None if params.undo else params.reason

    def work(tables: Tables) -> list[str]:
        found = _found(params, tables)
        name = served_name(params.ecosystem, params.name)
        for one in found:
            tables.put_release(params.ecosystem, name, _withdrawn(params.ecosystem, one, reason))
        state = tables.state(params.ecosystem, name)
        assert state is not None
        # Its documents are made anew when somebody asks for them.
        tables.put_state(params.ecosystem, name, msgspec.structs.replace(state, rules=""))
        return [one.file for one in found]

    action = "unyank" if params.undo else "yank"
    async with written_down(params, context, action, _target(params)), opened_store(params) as store:
        return RegistryYankResult(registry=str(store.folder), files=await store.write(work))


def _withdrawn(ecosystem: str, release: Release, reason: str | None) -> Release:
    if ecosystem != "npm":
        return msgspec.structs.replace(release, yanked=reason)
    # npm knows no such thing but a warning.
    said = msgspec.json.decode(release.said)
    said.pop("deprecated", None)
    if reason is not None:
        said["deprecated"] = reason
    return msgspec.structs.replace(release, said=msgspec.json.encode(said), yanked=reason)


def _found(params: RegistryYankParams, tables: Tables) -> list[Release]:
    releases = tables.releases(params.ecosystem, served_name(params.ecosystem, params.name))
    found = [one for one in releases if _is(params.ecosystem, one.version, params.version)]
    if not found:
        # Another registry must not be asked for a name that may be private.
        there = ", ".join(dict.fromkeys(one.version for one in releases))
        raise NotFoundError(
            f"{params.ecosystem} {params.name} {params.version}: it was not published here", path="version", found=params.version,
            expected=there or "a package that was published here", suggestions=["name one of these" if there else "check the name"],
        )  # fmt: skip
    return found


def _is(ecosystem: str, version: str, written: str) -> bool:
    """Return whether a version is meant, of which NuGet has several spellings."""
    return version.lower() == shown_version(written).lower() if ecosystem == "nuget" else version == written


def _target(params: RegistryYankParams) -> str:
    return f"package/{params.ecosystem}/{params.name}/{params.version}"


OPERATION = Implementation(
    params=RegistryYankParams,
    result=RegistryYankResult,
    run=run,
    plan=plan,
    notes=registry_notes,
    target=_target,
    text=lambda result: result.files,
)
