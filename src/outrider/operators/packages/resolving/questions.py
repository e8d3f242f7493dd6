"""What is asked of a resolver, whatever the ecosystem."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.errors import DeadlineExceededError
from outrider.operators.packages.resolving.local import LocalPackage
from outrider.operators.packages.resolving.policies import ADMIT_ALL, Policy
from outrider.ports.clock import Clock

# Stands between the folder of a member of a workspace and what that asks for.
PLACE_ENDS = ": "


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A package of a workspace, of npm or Yarn.

    Attributes:
        place: Its folder, below that of the project.
        name: By which others find it.
        manifest: Its package.json.
    """

    place: str
    name: str
    manifest: Mapping[str, Any]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, and what may be used for an answer.

    Attributes:
        packages: Each as its ecosystem writes it; what a member of a workspace asks for behind its folder, as in `packages/a: b@1`.
        python: For which version of Python; empty for that which runs this.
        pythons: For which range of versions of Python, on any machine, of PyPI; empty for one version on this one.
        lists: Numbers of packages that one list of a project names, where it has several, of PyPI for all machines.
        kinds: Markers of machines that a lock tells apart, likewise.
        framework: For which target framework of .NET; empty for the usual one.
        offline: Whether to do with what is kept.
        cache: The folder of what is kept of all ecosystems.
        folder: Of the project, whose settings count.
        environment: Variables, which may name registries.
        clock: For the age of what is kept.
        deadline: Monotonic time at which there must be an answer.
        policy: What may be chosen.
        files: Whether all files of what is chosen are to be told, and not only those that would be installed here.
        development: Names of what only development needs, of npm and Composer.
        optional: Names of what may be left out, of npm; of RubyGems, where no version fits.
        project: The `composer.json` or, of Poetry, `pyproject.toml` whose lock is asked for; empty where packages are asked for by
            themselves.
        sources: Addresses that are asked in place of those that settings name, of RubyGems.
        platforms: By name, for which platforms a package is chosen; by the empty name, for which all others are. Of RubyGems; none for
            that of this machine.
        peers: Likewise of what has to stand beside, of npm.
        members: Of the workspace, of npm; of Yarn the project itself comes first, and has no place.
        overrides: Of the project, as package.json has them, of npm; of Yarn its resolutions.
        locked: By name as its ecosystem compares names, versions that are tried before all others, such as those of a lock.
        client: Whose way of choosing counts, where its ecosystem has several: `pnpm`, `poetry`, `yarn1` or `yarn4`; empty for the usual one.
        pinned: Of Yarn: what a lock has for each `NAME@RANGE`; it is taken where its version is among those of `locked`.
        locked_needs: Of pnpm: the versions that are tried first for what one package needs, by its NAME@VERSION (`.`
            for the project) and the name by which that goes.
        local: Packages that lie here and alone ask for the others, of Cargo; none where whoever asks does so itself.
        heeds_rust: Whether versions that go with a version of Rust are tried first, of Cargo.
        rust: With which versions of Rust; none for that of this machine.
    """

    packages: list[str]
    python: str = ""
    pythons: str = ""
    kinds: Sequence[str] = ()
    lists: Sequence[Sequence[int]] = ()
    framework: str = ""
    offline: bool = False
    cache: Path
    folder: Path
    environment: Mapping[str, str]
    clock: Clock
    deadline: float
    policy: Policy = ADMIT_ALL
    files: bool = False
    development: Collection[str] = ()
    optional: Collection[str] = ()
    project: Mapping[str, Any] = {}
    sources: Sequence[str] = ()
    platforms: Mapping[str, Sequence[str]] = {}
    peers: Collection[str] = ()
    members: Sequence[Member] = ()
    overrides: Mapping[str, Any] = {}
    locked: Mapping[str, Collection[str]] = {}
    client: str = ""
    pinned: Mapping[str, Mapping[str, Any]] = {}
    locked_needs: Mapping[str, Mapping[str, str]] = {}
    local: Sequence[LocalPackage] = ()
    heeds_rust: bool = False
    rust: Sequence[str] = ()

    def preferred(self, name: str, versions: Sequence[str]) -> int:
        """Return the mask of the versions of a package that are tried first; none where none are."""
        wanted = self.locked.get(name, ())
        return sum(1 << bit for bit, version in enumerate(versions) if version in wanted) if wanted else 0

    def check(self) -> None:
        """End a search that takes too long.

        Raises:
            DeadlineExceededError: The deadline has passed.
        """
        if self.clock.monotonic() > self.deadline:
            raise DeadlineExceededError(
                "no solution was found in time, which does not mean that there is none",
                suggestions=["give a longer --timeout", "ask for narrower ranges"],
            )


def at(place: str, text: str) -> str:
    """Return what a manifest in a folder asks for, as a question has it; that of the project has no folder."""
    return f"{place}{PLACE_ENDS}{text}" if place else text
