"""One call that fixes, and what it has found so far."""

from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.fixing.results import FixedFile
from outrider.operators.packages.fixing.units import Auditor
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.resolving.policies import Policy
from outrider.operators.packages.sessions import Terms
from outrider.runtime.context import Context


class Fix(msgspec.Struct, kw_only=True):
    """What a fix comes to, before anything is written.

    Attributes:
        told: What of it is told, by lock file.
        texts: The files that change, as they would be.
        digests: Of all files that it follows from.
        unread: Why lock files could not be read, among others that could.
        malformed: Whether one of them is none of its format.
    """

    told: list[FixedFile]
    texts: dict[Path, str]
    digests: dict[str, str]
    unread: list[str]
    malformed: bool = False


class LockFile(NamedTuple):
    """A file that is to be fixed."""

    path: Path
    text: str
    lock: Lock

    @property
    def clean(self) -> FixedFile:
        """What is told where nothing of it is vulnerable."""
        return FixedFile(
            file=str(self.path), changes=[], manifest=[], fixed=[], unfixed=[], warnings=list(self.lock.unreadable)
        )


class Call(NamedTuple):
    """How it is fixed.

    Attributes:
        context: Of the call.
        terms: How registries are asked.
        folder: Whose policies count, and outside of which nothing does; None for the working folder, and no bound.
        python: For which version of Python.
        manifest: Whether ranges of the manifest may change.
        auditor: Knows what is vulnerable.
        vulnerable: Refuses that.
    """

    context: Context
    terms: Terms
    folder: Path | None
    python: str
    manifest: bool
    auditor: Auditor
    vulnerable: Policy


def refuse_new(path: Path, new: list[str]) -> None:
    """Refuse what would be vulnerable in a file and was not before, each with its version.

    Raises:
        ExecutionFailedError: There is something.
    """
    if new:
        raise ExecutionFailedError(
            f"{path}: what would be written is vulnerable, and was not before", found=", ".join(new), expected="nothing that is",
            suggestions=["import advisories again, and fix again"],
        )  # fmt: skip
