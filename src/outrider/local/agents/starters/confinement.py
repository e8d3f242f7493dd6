"""What the program of an AI agent may reach on this machine."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from outrider.core.errors import SandboxUnavailableError
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.render import Workload
from outrider.runtime.sandbox.machine import Machine
from outrider.runtime.sandbox.model import Grants, Level, Limits
from outrider.runtime.sandbox.probe import level_for
from outrider.runtime.sandbox.sight import Wanted

Reach = Literal["advisory", "sealed"]


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
        level, machine = await level_for(Level.NONE if accept_none else least, cache)
    except SandboxUnavailableError as error:
        error.suggestions = [*error.suggestions, "--accept-unsandboxed runs it without: it can then read your keys"]
        raise
    return Confinement(level=level, machine=machine, egress="sealed" if level is Level.NAMESPACED else "advisory")


def wanted(workload: Workload, home: Path, protected: Iterable[Path]) -> Wanted:
    """Return what the program of an agent is to reach.

    Args:
        workload: Names its folder and files.
        home: Where relative paths begin.
        protected: Files and folders with secrets.
    """
    files = workload.isolation.files
    return Wanted(
        base=home, folder=workload.folder, read=files.read, write=files.write, protected=list(protected),
        folder_field="spec.agent.folder", files_field="spec.isolation.files",
    )  # fmt: skip


def grants(wanted: Wanted, port: int, *, sealed: bool, serves: int | None = None) -> Grants:
    """Return what a program may reach besides what it sees.

    Args:
        wanted: Names what it may write.
        port: Of the sidecar.
        sealed: Whether the sidecar is in a network of its own.
        serves: Port on which it listens, if it is a server.

    Raises:
        NotFoundError: A path is not there.
        InvalidConfigError: A path would open what is protected.
    """
    return Grants(
        write_paths=[str(path) for path in wanted.writable()],
        connect_ports=None if sealed else [port],
        listen_ports=[] if serves is None else [serves],
        door=port if sealed else None,
        dns=False,
    )


def limits(workload: Workload) -> Limits:
    """Return the bounds of a program."""
    bounds = workload.resources
    return Limits(memory=int(bounds.memory), pids=bounds.processes, cpu=bounds.cpu, open_files=4096, file_size=2**40)
