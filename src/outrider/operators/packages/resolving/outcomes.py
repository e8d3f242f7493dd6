"""What a resolution comes to, whatever the ecosystem."""

from collections.abc import Sequence
from typing import Any, Self

import msgspec

from outrider.core.errors import ConflictError


class ResolvedFile(msgspec.Struct, kw_only=True):
    """A file of a version.

    Attributes:
        name: Of the file.
        url: Where it is.
        hashes: By algorithm.
        size: Bytes; 0 where the registry does not say.
        uploaded: When, as RFC 3339 has it; empty where the registry does not say.
    """

    name: str
    url: str
    hashes: dict[str, str]
    size: int = 0
    uploaded: str = ""


class ResolvedPackage(msgspec.Struct, kw_only=True):
    """A package with the version that was chosen.

    Attributes:
        name: As its ecosystem compares names.
        version: The one that was chosen.
        extras: That are asked of it; features where its ecosystem calls them so.
        needed_by: Who needs it; nobody where it was asked for alone.
        place: Where it stands in the tree, where its ecosystem may have several versions of one name; what it is called with its peers, of pnpm;
            its category, of Pipenv.
        file: What would be installed.
        url: Where that is.
        hashes: Of it, by algorithm.
        direct: Whether it was asked for itself.
        development: Whether only development needs it, of a project of Composer.
        aliases: Other versions that it is called by, of Composer.
        files: All of the version, where that was asked for and its ecosystem may have several.
        entry: What a lock file tells of it, of npm, Composer, RubyGems, Poetry and Pipenv, where all files were asked for.
        ranges: Of Yarn: each `NAME@RANGE` that it was chosen for.
        needs: What it says it needs, on any machine and with any extra, of PyPI, where it was asked for all machines.
        registry: The address of what has it, of PyPI, where all files or all machines were asked for; of Cargo as its lock writes it, where
            that is not the usual one.
        unmet: Names of what it needs and does not find, of npm.
    """

    name: str
    version: str
    extras: list[str] = []
    needed_by: list[str] = []
    place: str = ""
    file: str = ""
    url: str = ""
    hashes: dict[str, str] = {}
    direct: bool = False
    development: bool = False
    aliases: list[str] = []
    files: list[ResolvedFile] = []
    needs: list[str] = []
    registry: str = ""
    entry: dict[str, Any] = {}
    ranges: list[str] = []
    unmet: list[str] = []


class ResolvedFork(msgspec.Struct, kw_only=True):
    """What was chosen for one kind of machines.

    Attributes:
        marker: Which these are.
        versions: By name.
        registries: By name, the address of what has it; none of what is not told.
    """

    marker: str
    versions: dict[str, str]
    registries: dict[str, str] = {}

    @classmethod
    def of(cls, marker: str, packages: Sequence[ResolvedPackage]) -> Self:
        """Return what was chosen of packages."""
        return cls(
            marker=marker,
            versions={one.name: one.version for one in packages},
            registries={one.name: one.registry for one in packages},
        )


class Resolved(msgspec.Struct, kw_only=True):
    """What was chosen.

    Attributes:
        target: What it is for.
        packages: By name and place.
        unused: Patches of Cargo that nothing uses.
        forks: What is for which machines, of PyPI, where it is not the same for all that were asked for.
        notes: What should be known of it, such as warnings that the native client would print.
    """

    target: str
    packages: list[ResolvedPackage]
    unused: list[ResolvedPackage] = []
    forks: list[ResolvedFork] = []
    notes: list[str] = []


class Impossible(msgspec.Struct, kw_only=True):
    """Why nothing was found.

    Attributes:
        asked: For what.
        reasons: Sentences that follow from one another.
        remedies: Changes of what was asked for, each of which would do.
        notes: What was left out of the packages that it is about.
    """

    asked: list[str]
    reasons: list[str]
    remedies: list[str] = []
    notes: list[str] = []

    def error(self) -> ConflictError:
        """Return it as an error."""
        notes = [f"Not considered: {'; '.join(self.notes)}."] if self.notes else []
        return ConflictError(
            " ".join([*self.reasons, *notes]), path="packages", found=", ".join(self.asked), expected="packages that go together",
            suggestions=self.remedies or ["ask for less"], context={"reasons": self.reasons, "notes": self.notes},
        )  # fmt: skip
