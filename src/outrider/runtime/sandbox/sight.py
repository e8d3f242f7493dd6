"""What of this machine's files a program is to see, without anything that holds secrets."""

import contextlib
import os
import pwd
from collections.abc import Iterable
from pathlib import Path

import msgspec

from outrider.core.errors import InvalidConfigError, LimitedError, NotFoundError
from outrider.runtime.contexts import STATE_FOLDER
from outrider.runtime.sandbox.program import FoundProgram

# bwrap takes 0.3 s for so many, and the square of that for more.
MOST_PATHS = 500
# As path_resolution(7) has it.
_MOST_LINKS = 40
_PACKAGES = frozenset({".venv", "venv", "node_modules", ".git", "__pycache__"})


class Wanted(msgspec.Struct, kw_only=True, frozen=True):
    """What a program is to reach besides what it is made of and its own working folder.

    Attributes:
        base: Where relative paths begin.
        folder: Where it runs.
        read: Files and folders.
        write: The same, for reading and writing.
        protected: Files and folders with secrets: the platform's state, and where its secrets come from.
        folder_field: Where `folder` is declared, for errors.
        files_field: Where `read` and `write` are declared.
    """

    base: Path
    folder: Path
    read: list[str] = []
    write: list[str] = []
    protected: list[Path] = []
    folder_field: str
    files_field: str

    def writable(self) -> list[Path]:
        """Return what it may write.

        Raises:
            NotFoundError: A path is not there.
            InvalidConfigError: It would open what is protected, or a home.
        """
        hidden = [path.resolve() for path in self.protected]
        written = [self.existing(path, "write") for path in self.write]
        for name, path in zip(self.write, written, strict=True):
            if self.is_replaceable(self.base / name, written):
                raise _opens(path, f"{self.files_field}.write")
            if any(path.is_relative_to(one) or one.is_relative_to(path) for one in (*hidden, *_homes())):
                raise _opens(path, f"{self.files_field}.write")
        return written

    def readable(self) -> list[Path]:
        """Return what it may read, where nothing of that can be hidden.

        Raises:
            NotFoundError: A path is not there.
            InvalidConfigError: It would open what is protected, a state folder or a home.
        """
        found = [self.existing(path, "read") for path in self.read]
        written = [self.existing(path, "write") for path in self.write]
        for name, path in zip(self.read, found, strict=True):
            if self.is_replaceable(self.base / name, written):
                raise _opens(path, f"{self.files_field}.read")
            hidden = [*(one.resolve() for one in self.protected), *state_folders(path)]
            if any(path.is_relative_to(one) or one.is_relative_to(path) for one in hidden):
                raise _opens(path, f"{self.files_field}.read")
            if any(home.is_relative_to(path) for home in _homes()):
                raise _opens(path, f"{self.files_field}.read")
        return found

    def is_replaceable(self, path: Path, written: Iterable[Path]) -> bool:
        """Return whether the program could put a link in the place of a path, or of a folder on the way to it.

        What is below a path that it may write is what it makes of it: at the next start a link would open what it leads to.
        """
        ways = _ways(path.absolute())
        return any(folder.is_relative_to(one) for folder in ways for one in written)

    def existing(self, path: str, field: str) -> Path:
        """Return a declared path of the field `read` or `write`.

        Raises:
            NotFoundError: It is not there.
        """
        found = (self.base / path).resolve()
        if not found.exists():
            raise NotFoundError(
                f"there is no {found}", path=f"{self.files_field}.{field}", found=path, expected="a file or folder",
                suggestions=["make it, or remove it from the list"],
            )  # fmt: skip
        return found


class Sight(msgspec.Struct, frozen=True):
    """What a program sees besides its own folders: files and folders that it may read, and folders that it may only list."""

    readable: list[Path]
    listed: list[Path]


def sight(wanted: Wanted, program: FoundProgram, made: Iterable[Path] = ()) -> Sight:
    """Return what a program sees: what was made for it, what it is made of, its folder, and what it may read besides.

    What is protected is left out of all of it, wherever it lies, and so is every state folder of a platform.

    Args:
        wanted: Names its folder and files.
        program: What it is made of.
        made: Folders that were made for it.

    Raises:
        NotFoundError: A path is not there.
        InvalidConfigError: It would see the user's whole home.
        LimitedError: It would see too many.
    """
    folder = wanted.folder.resolve()
    if not folder.is_dir():
        raise NotFoundError(
            f"there is no folder {folder}", path=wanted.folder_field, found=str(folder), expected="a folder",
            suggestions=["write its path relative to the file that declares it"],
        )  # fmt: skip
    written = wanted.writable()
    if wanted.is_replaceable(wanted.folder.absolute(), written):
        raise _opens(folder, wanted.folder_field)
    asked = [folder, *(wanted.existing(path, "read") for path in wanted.read)]
    for name in wanted.read:
        if wanted.is_replaceable(wanted.base / name, written):
            raise _opens(wanted.existing(name, "read"), f"{wanted.files_field}.read")
    hidden = [path.resolve() for path in wanted.protected]
    seen = Sight([path for path in made if path.is_dir()], [])
    for path in (*asked, *program.needs):
        if any(one.is_relative_to(path) for one in _homes()):
            raise _opens(path, wanted.folder_field if path == folder else f"{wanted.files_field}.read")
        _look(path, [*hidden, *state_folders(path)], seen)
    if len(seen.readable) > MOST_PATHS:
        raise LimitedError(
            "the program sees a folder with secrets or states in it, and what lies beside these is too much to grant one by one",
            path=wanted.folder_field, found=f"{len(seen.readable)} files and folders", expected=f"at most {MOST_PATHS}",
            suggestions=[f"put the program and its files into a folder of their own, and name it in {wanted.folder_field}"],
        )  # fmt: skip
    return seen


def state_folders(folder: Path) -> list[Path]:
    """Return the state folders of platforms below a folder; packages and repositories are not searched."""
    found, waiting = [], [folder] if folder.is_dir() else []
    while waiting:
        try:
            entries = [entry for entry in os.scandir(waiting.pop()) if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        for entry in entries:
            if entry.name == STATE_FOLDER:
                found.append(Path(entry.path))
            elif entry.name not in _PACKAGES:
                waiting.append(Path(entry.path))
    return found


def _ways(path: Path) -> set[Path]:
    """Return the folders in which something is looked up on the way to a path, through all links."""
    found, at, links = set(), Path("/"), 0
    waiting = list(reversed(path.parts[1:]))
    while waiting:
        part = waiting.pop()
        if part == "..":
            at = at.parent
            continue
        found.add(at)
        one = at / part
        if one.is_symlink() and links < _MOST_LINKS:
            links += 1
            target = one.readlink()
            at = Path("/") if target.is_absolute() else at
            waiting += reversed(target.parts[1:] if target.is_absolute() else target.parts)
        else:
            at = one
    return found


def _homes() -> list[Path]:
    """Return the homes of this user, as the environment and the account say: nobody may see a whole one."""
    homes = {Path.home().resolve()}
    with contextlib.suppress(KeyError):
        homes.add(Path(pwd.getpwuid(os.getuid()).pw_dir).resolve())
    return [home for home in homes if home != Path("/")] or [Path("/")]


def _opens(path: Path, field: str) -> InvalidConfigError:
    return InvalidConfigError(
        "the program would get at what is not its own", path=field, found=str(path),
        expected="a folder of its own, without homes, secrets and states, and not below one that it may write",
        suggestions=["put the program and the file that declares it into a folder of their own, and grant less"],
    )  # fmt: skip


def _look(path: Path, hidden: list[Path], seen: Sight) -> None:
    """Add a file or folder; where something in it is hidden, what is in it but that."""
    if any(path.is_relative_to(one) or _same(path, one) for one in hidden):
        return
    if not any(one.is_relative_to(path) for one in hidden):
        seen.readable.append(path)
        return
    seen.listed.append(path)
    for entry in sorted(path.iterdir()):
        if not entry.is_symlink():  # what a link leads to may be anywhere
            _look(entry, hidden, seen)


def _same(path: Path, other: Path) -> bool:
    """Return whether two names are those of one file."""
    try:
        return path.is_file() and other.is_file() and path.samefile(other)
    except OSError:
        return False
