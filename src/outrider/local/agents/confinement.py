"""What the program of an AI agent may reach on this machine."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from outrider.core.errors import InvalidConfigError, NotFoundError, SandboxUnavailableError
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.render import Workload
from outrider.local.agents.program import FoundProgram
from outrider.runtime.sandbox.machine import Machine
from outrider.runtime.sandbox.model import Grants, Level, Limits
from outrider.runtime.sandbox.probe import strongest_level

Reach = Literal["advisory", "sealed"]
# The one port of a network of its own.
DOOR_PORT = 4180


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


def grants(workload: Workload, home: Path, port: int, *, sealed: bool) -> Grants:
    """Return what a program may reach besides its own folders.

    Args:
        workload: Names its files.
        home: Where relative paths begin.
        port: Of the sidecar.
        sealed: Whether that is in a network of its own.

    Raises:
        NotFoundError: A path is not there.
    """
    files = workload.isolation.files
    return Grants(
        read_paths=[_existing(home, path, "read") for path in files.read],
        write_paths=[_existing(home, path, "write") for path in files.write],
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


def sight(workload: Workload, program: FoundProgram, protected: Iterable[Path]) -> Sight:
    """Return what a program sees: what init made, what it is made of, and its folder without what is protected there.

    Args:
        workload: Names its folder.
        program: What it is made of.
        protected: Files and folders with secrets: the platform's state, and where its secrets come from.

    Raises:
        InvalidConfigError: It would see the user's whole home.
    """
    folder = workload.folder.resolve()
    if Path.home().resolve().is_relative_to(folder):
        raise InvalidConfigError(
            "the agent would see all files of its user", path="spec.agent.folder", found=str(folder),
            expected="a folder of its own", suggestions=["put the agent and its object into a folder of their own"],
        )  # fmt: skip
    seen = Sight([path for path in workload.init.made if path.is_dir()], [])
    seen.readable.extend(program.needs)
    _look(folder, [path.resolve() for path in protected], seen)
    return seen


def _look(folder: Path, hidden: list[Path], seen: Sight) -> None:
    """Add a folder; where something in it is hidden, what is in it but that."""
    if any(folder.is_relative_to(path) for path in hidden):
        return
    if not any(path.is_relative_to(folder) for path in hidden):
        seen.readable.append(folder)
        return
    seen.listed.append(folder)
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink():  # what it leads to may be anywhere
            continue
        if entry.is_dir():
            _look(entry, hidden, seen)
        elif entry not in hidden:
            seen.readable.append(entry)


def _existing(home: Path, path: str, field: str) -> str:
    found = (home / path).resolve()
    if not found.exists():
        raise NotFoundError(
            f"there is no {found}", path=f"spec.isolation.files.{field}", found=path, expected="a file or folder",
            suggestions=["make it, or remove it from the list"],
        )  # fmt: skip
    return str(found)
