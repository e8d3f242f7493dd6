"""What a lock file is the lock of, as a fix sees it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from outrider.operators.packages.advisories.matching import Vulnerability
from outrider.operators.packages.resolving.outcomes import Resolved
from outrider.operators.packages.resolving.questions import Question


class Wish(msgspec.Struct, kw_only=True, frozen=True):
    """One thing that a manifest asks for.

    Attributes:
        name: As its ecosystem compares names.
        range: What it asks for, as it is written; empty where any version will do.
        where: What leads to it in the manifest.
        text: As its ecosystem is asked for it.
        anyhow: Likewise, with any version; empty where that says no more.
        firm: Likewise, with the version that is locked; empty where that is not asked for.
        file: The manifest that it stands in; None for the last one of the project's files.
    """

    name: str
    range: str
    where: tuple[str | int, ...]
    text: str
    anyhow: str = ""
    firm: str = ""
    file: Path | None = None


class Unit(NamedTuple):
    """A version that is locked and vulnerable.

    Attributes:
        name: As its ecosystem compares names.
        version: That is locked.
        vulnerabilities: Those that count, the worst first.
        least_fix: The lowest version that is known to have none that count; empty where none is known.
        above: Names of what needs it, and of what needs that in turn, where the lock says so.
    """

    name: str
    version: str
    vulnerabilities: tuple[Vulnerability, ...]
    least_fix: str
    above: frozenset[str] = frozenset()

    @property
    def ids(self) -> list[str]:
        """The ids of its vulnerabilities."""
        return [one.id for one in self.vulnerabilities]


class Widening(NamedTuple):
    """A change of a range in a manifest.

    Attributes:
        before: The wish as it is.
        after: The wish as it would be.
    """

    before: Wish
    after: Wish


def replaced(wishes: Sequence[Wish], widenings: Sequence[Widening]) -> list[Wish]:
    """Return wishes with some changes made."""
    after = {id(one.before): one.after for one in widenings}
    return [after.get(id(one), one) for one in wishes]


class Project(Protocol):
    """A lock file with what it is the lock of.

    Attributes:
        ecosystem: Of its packages.
        wishes: What is asked for.
        locked: Versions by name.
        paths: The files that may change, the lock file first; there may be several manifests.
        texts: What is in them.
        warnings: What was not looked at.
        is_bounded: Whether strangers may have written it: nothing of this machine outside of its repository is read for it.
    """

    ecosystem: str
    wishes: list[Wish]
    locked: dict[str, set[str]]
    paths: list[Path]
    texts: dict[Path, str]
    warnings: list[str]
    is_bounded: bool = False

    def asked(self, question: Question) -> Question:
        """Return a question with what else is to be known of the project."""

    def widened(self, wish: Wish, version: str) -> Wish:
        """Return a wish that a version is allowed by as well."""

    def missing(self, answer: Resolved) -> list[str]:
        """Return sentences about what an answer leaves out though it is asked for; mostly that cannot be."""
        del answer
        return []

    def direct(self, answer: Resolved) -> set[str]:
        """Return the names of what is asked for by itself."""
        return {one.name for one in answer.packages if one.direct}

    def mended(self, answer: Resolved, before: Resolved | None, widenings: Sequence[Widening]) -> dict[Path, str]:
        """Return the files as they would be.

        Args:
            answer: What was chosen.
            before: What would be chosen with the versions that are locked; None where that cannot be had.
            widenings: What changes in the manifest.

        Raises:
            UnsupportedError: A manifest is written in a way that cannot be changed here.
        """
