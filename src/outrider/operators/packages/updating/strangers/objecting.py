"""What settings in a repository would take from this machine: they may say where packages are, and nothing else.

Whoever writes to a repository is a stranger to whoever runs the update. As the native clients read them, settings of a project have
variables of the environment put into addresses, lead the way through a proxy, and name an index to which a token goes by its name alone.
Credentials that go by their host need no such care but for encryption, which is looked after where they would be sent.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import NamedTuple, Protocol, cast

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.updating.strangers import bun, cargo, maven, npm, nuget, pipenv, yarn
from outrider.operators.packages.updating.strangers.machine import Machine


class _Settings(Protocol):
    """What a module beside this one has.

    Attributes:
        FILES: What its files are called; one with a folder counts where that is.
        LOCKS: Patterns of the names of the lock files that they are about.
    """

    FILES: tuple[str, ...]
    LOCKS: tuple[str, ...]

    def taken(self, text: str, machine: Machine) -> Iterator[str]:
        """Yield what a file would take."""


_SETTINGS = cast("tuple[_Settings, ...]", (npm, yarn, bun, cargo, maven, nuget, pipenv))
# These count in their own folder, and not for projects below.
_ALONE = pipenv.FILES


class Objection(NamedTuple):
    """What is wrong with a file of settings.

    Attributes:
        path: Of the file.
        folder: For whose projects it counts, and for those below.
        locks: Patterns of the names of the lock files that it is about.
        why: In words.
        alone: Whether it does not count for those below.
    """

    path: str
    folder: PurePosixPath
    locks: tuple[str, ...]
    why: str
    alone: bool = False

    def concerns(self, path: str) -> bool:
        """Return whether a lock file would be updated with these settings."""
        lock = PurePosixPath(path)
        folders = [lock.parent] if self.alone else lock.parents
        return any(fnmatchcase(lock.name, one) for one in self.locks) and self.folder in folders


def objection_to(path: str, text: str, machine: Machine) -> Objection | None:
    """Return what is wrong with a file of a repository; None where it takes nothing, or is none of settings."""
    pure = PurePosixPath(path)
    kinds = ((name, one) for one in _SETTINGS for name in one.FILES if pure.match(name))
    name, settings = next(kinds, ("", None))
    if settings is None:
        return None
    folder = pure.parent.parent if "/" in name else pure.parent
    try:
        why = next(settings.taken(text, machine), "")
    except InvalidConfigError as error:
        why = error.message
    return Objection(path, folder, settings.LOCKS, why, alone=name in _ALONE) if why else None
