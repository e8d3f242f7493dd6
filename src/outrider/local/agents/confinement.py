"""What the program of an AI agent may reach on this machine."""

import contextlib
import os
import pwd
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from outrider.core.errors import InvalidConfigError, LimitedError, NotFoundError, SandboxUnavailableError
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.render import Workload
from outrider.local.agents.program import FoundProgram
from outrider.runtime.contexts import STATE_FOLDER
from outrider.runtime.sandbox.machine import Machine
from outrider.runtime.sandbox.model import Grants, Level, Limits
from outrider.runtime.sandbox.probe import strongest_level

Reach = Literal["advisory", "sealed"]
# The one port of a network of its own.
DOOR_PORT = 4180
# bwrap takes 0.3 s for so many, and the square of that for more.
MOST_PATHS = 500
_PACKAGES = frozenset({".venv", "venv", "node_modules", ".git", "__pycache__"})


class Confinement(msgspec.Struct, kw_only=True, frozen=True):
    """How a program is confined here.

    Attributes:
        level: The sandbox.
        machine: What it was found to offer.
        egress: What holds of its network: `sealed` has only the sidecar in it, `advisory` is the machine's, of which it may
            use the sidecar's port.
    """

    level: Level
    machine: Machine
    egress: Reach

    @property
    def sealed(self) -> bool:
        """Whether it has a network of its own."""
        return self.egress == "sealed"


async def confinement(spec: AgentTypeSpec, cache: Path, *, accept_none: bool) -> Confinement:
    """Return the strongest confinement that works here.

    Args:
        spec: Says what is the least.
        cache: Folder with what was found out earlier.
        accept_none: Whether the program may run without any, where none works.

    Raises:
        SandboxUnavailableError: None that is strong enough works.
    """
    least = Level.NAMESPACED if spec.egress.min_level == "sealed" else Level.named(spec.isolation.min_level)
    try:
        level, report = await strongest_level(least, cache=cache)
    except SandboxUnavailableError as error:
        if not accept_none:
            error.suggestions = [*error.suggestions, "--accept-unsandboxed runs it without: it can then read your keys"]
            raise
        from outrider.runtime.sandbox.machine import detect  # noqa: PLC0415 - hardly ever

        return Confinement(level=Level.NONE, machine=detect(), egress="advisory")
    return Confinement(
        level=level, machine=report.machine, egress="sealed" if level is Level.NAMESPACED else "advisory"
    )


def grants(workload: Workload, home: Path, port: int, protected: Iterable[Path], *, sealed: bool) -> Grants:
    """Return what a program may reach besides what it sees.

    Args:
        workload: Names its files.
        home: Where relative paths begin.
        port: Of the sidecar.
        protected: Files and folders with secrets.
        sealed: Whether the sidecar is in a network of its own.

    Raises:
        NotFoundError: A path is not there.
        InvalidConfigError: A path would open what is protected.
    """
    hidden = [path.resolve() for path in protected]
    written = [_existing(home, path, "write") for path in workload.isolation.files.write]
    for path in written:
        if any(path.is_relative_to(one) or one.is_relative_to(path) for one in (*hidden, *_homes())):
            raise _opens(path, "spec.isolation.files.write")
    return Grants(
        write_paths=[str(path) for path in written],
        connect_ports=None if sealed else [port],
        door=port if sealed else None,
        dns=False,
    )


def limits(workload: Workload) -> Limits:
    """Return the bounds of a program."""
    bounds = workload.resources
    return Limits(memory=int(bounds.memory), pids=bounds.processes, cpu=bounds.cpu, open_files=4096, file_size=2**40)


class Sight(msgspec.Struct, frozen=True):
    """What a program sees besides its own folders: files and folders that it may read, and folders that it may only list."""

    readable: list[Path]
    listed: list[Path]


def sight(workload: Workload, home: Path, program: FoundProgram, protected: Iterable[Path]) -> Sight:
    """Return what a program sees: what init made, what it is made of, its folder, and what it may read besides.

    What is protected is left out of all of it, wherever it lies, and so is every state folder of a platform.

    Args:
        workload: Names its folder and files.
        home: Where relative paths begin.
        program: What it is made of.
        protected: Files and folders with secrets: the platform's state, and where its secrets come from.

    Raises:
        NotFoundError: A path is not there.
        InvalidConfigError: It would see the user's whole home.
        LimitedError: It would see too many.
    """
    folder = workload.folder.resolve()
    if not folder.is_dir():
        raise NotFoundError(
            f"there is no folder {folder}", path="spec.agent.folder", found=str(folder), expected="a folder",
            suggestions=["write its path relative to the file of the AgentType"],
        )  # fmt: skip
    files = workload.isolation.files
    asked = [folder, *(_existing(home, path, "read") for path in files.read)]
    written = [_existing(home, path, "write") for path in files.write]
    hidden = [path.resolve() for path in protected]
    seen = Sight([path for path in workload.init.made if path.is_dir()], [])
    for path in (*asked, *program.needs):
        if any(one.is_relative_to(path) for one in _homes()):
            raise _opens(path, "spec.agent.folder" if path == folder else "spec.isolation.files.read")
        if path in asked[1:] and any(path.is_relative_to(one) for one in written):
            raise _opens(path, "spec.isolation.files.read")  # the program could put a link in its place
        _look(path, [*hidden, *state_folders(path)], seen)
    if len(seen.readable) > MOST_PATHS:
        raise LimitedError(
            "the program sees a folder with secrets or states in it, and what lies beside these is too much to grant one by one",
            path="spec.agent.folder", found=f"{len(seen.readable)} files and folders", expected=f"at most {MOST_PATHS}",
            suggestions=["put the program and its files into a folder of their own, and name it in spec.agent.folder"],
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


def _homes() -> list[Path]:
    """Return the homes of this user, as the environment and the account say: nobody may see a whole one."""
    homes = {Path.home().resolve()}
    with contextlib.suppress(KeyError):
        homes.add(Path(pwd.getpwuid(os.getuid()).pw_dir).resolve())
    return [home for home in homes if home != Path("/")] or [Path("/")]


def _opens(path: Path, field: str) -> InvalidConfigError:
    return InvalidConfigError(
        "the agent would get at what is not its own", path=field, found=str(path),
        expected="a folder of its own, without homes, secrets and states, and not below one that it may write",
        suggestions=["put the agent and its object into a folder of their own, and grant less"],
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


def _existing(home: Path, path: str, field: str) -> Path:
    found = (home / path).resolve()
    if not found.exists():
        raise NotFoundError(
            f"there is no {found}", path=f"spec.isolation.files.{field}", found=path, expected="a file or folder",
            suggestions=["make it, or remove it from the list"],
        )  # fmt: skip
    return found
