"""Clusters come and go: their keeper is started, asked to end, and whatever a killed one has left is removed."""

import asyncio
import fcntl
import functools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from outrider.core.errors import (
    ConflictError,
    DeadlineExceededError,
    DeniedError,
    ExecutionFailedError,
    MissingRequirementError,
    NotFoundError,
    did_you_mean,
)
from outrider.local.cluster import machine
from outrider.local.cluster.layout import (
    Addresses,
    ClusterLayout,
    ClusterState,
    NodeState,
    clusters_folder,
    known_clusters,
)
from outrider.local.cluster.programs import missing_programs
from outrider.ports.kube.kubeconfig import kubeconfig_files
from outrider.ports.kube.kubeconfig_file import add_context, remove_context
from outrider.ports.process import guardian
from outrider.ports.process.guarded import GuardedGroup, spawn_guarded
from outrider.ports.process.table import send_signal

START_SECONDS = 100.0
STOP_SECONDS = 20.0
_POLL = 0.02
_TOOLS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    "ip": "iproute2",
    "nft": "nftables",
    "sysctl": "procps",
}
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


class Cluster:
    """One cluster of this user.

    Args:
        name: Its name.

    Raises:
        InvalidConfigError: The name is none.
    """

    def __init__(self, name: str) -> None:
        self.layout = ClusterLayout(name)
        self._guard: GuardedGroup | None = None

    def state(self) -> ClusterState:
        """Return what is known of it now.

        Raises:
            NotFoundError: There is no such cluster.
        """
        state = self.layout.read()
        if state is None:
            known = [one.name for one in known_clusters()]
            raise NotFoundError(
                f"no cluster is called '{self.layout.name}'", found=self.layout.name, expected=", ".join(known) or "none there",
                suggestions=[*did_you_mean(self.layout.name, known), f"start it: outrider cluster up {self.layout.name}"],
            )  # fmt: skip
        if state.keeper and not alive(state):
            state.keeper, state.node.components = 0, {}
            if state.node.phase not in ("failed", "stopped"):
                state.node.phase, state.node.problem = "stopped", "its keeper was killed"
        return state

    def check_stopped(self) -> None:
        """Check that it can be started.

        Raises:
            ConflictError: It runs already.
        """
        before = self.layout.read()
        if before is not None and alive(before):
            raise ConflictError(
                f"the cluster '{before.name}' runs already", found=before.node.phase, expected="a cluster that does not run",
                suggestions=[f"use it: kubectl --context {self.layout.context} get nodes", f"end it: outrider cluster down {before.name}"],
            )  # fmt: skip

    async def up(self, programs: Path, *, egress: bool, ephemeral: bool = False, registry: str = "") -> ClusterState:
        """Start it, and return what is known of it once it is ready.

        Args:
            programs: Folder of its programs, an absolute path.
            egress: Whether pods reach what the machine reaches.
            ephemeral: End it with this process; nothing waits for the disk, and no kubeconfig of the user is changed.
            registry: Where all images are pulled from; empty for their own registries.

        Raises:
            DeniedError: The caller is not root.
            MissingRequirementError: A tool or program is not there.
            ConflictError: It runs already.
            ExecutionFailedError: It could not be started.
            DeadlineExceededError: It is not ready in time.
        """
        check_machine()
        check_programs(programs)
        with _locked():
            state = await self._reserve(programs, egress=egress, ephemeral=ephemeral)
            command = [
                "unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL", "--propagation", "private", sys.executable,
                "-m", "outrider.local.cluster.keeper", self.layout.name, *(["--registry", registry] if registry else []),
            ]  # fmt: skip
            root = await self._spawn(command, ephemeral=ephemeral)
        keeper = await _first_of(root)
        state.keeper, state.birth = keeper.pid, keeper.birth
        self.layout.write(state)
        return await self._ready()

    async def down(self, *, keep: bool = False) -> None:
        """End it, and remove it without a trace.

        Args:
            keep: Keep its objects and images for the next time.

        Raises:
            NotFoundError: There is no such cluster.
            DeadlineExceededError: It does not end.
        """
        state = self.state()
        if alive(state):
            await _end(state)
        if self._guard is not None:
            await self._guard.kill()
            self._guard = None
        await _clean(self.layout, state)
        if state.kubeconfig is not None:
            remove_context(state.kubeconfig, self.layout.context, state.context)
        if keep:
            state.keeper, state.kubeconfig = 0, None
            self.layout.write(state)
            self.layout.write_node(NodeState(phase="stopped", version=state.node.version))
        else:
            shutil.rmtree(self.layout.folder, ignore_errors=True)

    def select(self) -> None:
        """Add its context to the user's kubeconfig file, and select it there."""
        state = self.state()
        state.kubeconfig = kubeconfig_files()[0]
        state.context = add_context(state.kubeconfig, self.layout.kubeconfig) or state.context
        self.layout.write(state)

    def inside(self) -> list[str]:
        """Return the command that leads into the namespaces of the running cluster.

        Raises:
            NotFoundError: It does not run.
        """
        state = self.state()
        if not state.keeper:
            raise NotFoundError(
                f"the cluster '{state.name}' does not run",
                found=state.node.phase,
                expected="a running cluster",
                suggestions=[f"outrider cluster up {state.name}"],
            )
        return ["nsenter", f"--target={state.keeper}", "--mount", "--net", "--pid", "--"]

    def processes(self) -> dict[str, int]:
        """Return the process ids of its components on this machine, by name."""
        state = self.state()
        if not state.keeper:
            return {}
        names = {pid: name for name, pid in state.node.components.items()}
        found = {}
        for stat in guardian.tree(state.keeper, state.birth):
            inner = _inner_pid(stat.pid)
            if inner in names:
                found[names[inner]] = stat.pid
        return {name: found[name] for name in state.node.components if name in found}

    async def _reserve(self, programs: Path, *, egress: bool, ephemeral: bool) -> ClusterState:
        self.check_stopped()
        before = self.layout.read()
        others = [state for state in known_clusters() if state.name != self.layout.name]
        if before is not None:
            await _clean(self.layout, before)
        # The addresses are in its certificates: a cluster that is kept has them for good.
        place = before.place if before is not None else await machine.free_place({state.place for state in others})
        forwarding = machine.FORWARDING.read_text().strip() == "1"
        first = not any(alive(other) and other.egress for other in others)
        state = ClusterState(
            name=self.layout.name, place=place, programs=programs, egress=egress, ephemeral=ephemeral,
            forwarding=forwarding or not first,
        )  # fmt: skip
        self.layout.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.layout.write(state)
        self.layout.write_node(state.node)
        return state

    async def _spawn(self, command: list[str], *, ephemeral: bool) -> int:
        log = self.layout.folder / "keeper.log"
        environment = {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:{_SBIN}"}
        if ephemeral:
            self._guard = await spawn_guarded(command, env=environment, log=log)
            return self._guard.pid
        with log.open("ab") as output:
            # It outlives this process, as nothing that a port starts may.
            detached = functools.partial(
                subprocess.Popen, command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
            )
            return (await asyncio.to_thread(detached, stdout=output, stderr=output)).pid

    async def _ready(self) -> ClusterState:
        """Wait until the keeper says that the cluster is ready."""
        name = self.layout.name
        end = asyncio.get_running_loop().time() + START_SECONDS
        while asyncio.get_running_loop().time() < end:
            state = self.state()
            if state.node.phase == "ready":
                return state
            if state.node.phase in ("failed", "stopped"):
                problem = state.node.problem or self._last_words()
                raise ExecutionFailedError(
                    f"the cluster '{name}' did not start: {problem}", found=problem,
                    suggestions=[f"outrider cluster logs keeper {name}", f"remove it: outrider cluster down {name}"],
                )  # fmt: skip
            await asyncio.sleep(_POLL)
        raise DeadlineExceededError(
            f"the cluster '{name}' was not ready within {START_SECONDS:g} s",
            suggestions=[f"outrider cluster logs keeper {name}"],
        )

    def _last_words(self) -> str:
        with suppress(OSError):
            return (self.layout.folder / "keeper.log").read_text(errors="replace").strip().rpartition("\n")[2][-300:]
        return "its keeper has ended"


def check_machine() -> None:
    """Say what this machine lacks for a cluster.

    Raises:
        DeniedError: The caller is not root.
        MissingRequirementError: A tool is not there.
    """
    if not sys.platform.startswith("linux"):
        raise MissingRequirementError("a cluster needs Linux", found=sys.platform, expected="linux")
    if os.geteuid() != 0:
        raise DeniedError(
            "a cluster needs root: it makes namespaces, mounts and network devices", found=f"uid {os.geteuid()}", expected="uid 0",
            suggestions=["sudo -E outrider cluster up", "use a cluster that is there: --cluster CONTEXT"],
        )  # fmt: skip
    path = f"{os.environ.get('PATH', os.defpath)}:{_SBIN}"
    packages = sorted({package for tool, package in _TOOLS.items() if shutil.which(tool, path=path) is None})
    if packages:
        raise MissingRequirementError(
            f"a cluster needs {', '.join(packages)}", found="not installed", expected=", ".join(packages),
            suggestions=[f"apt-get install -y {' '.join(packages)}"],
        )  # fmt: skip


def check_programs(programs: Path) -> None:
    """Check that a folder has all programs.

    Raises:
        MissingRequirementError: One is not there.
    """
    if lacking := missing_programs(programs):
        raise MissingRequirementError(
            f"{programs} lacks {', '.join(lacking)}", found=f"{len(lacking)} missing", expected="all programs of a cluster",
            suggestions=["have them built: outrider cluster up without --programs"],
        )  # fmt: skip


def alive(state: ClusterState) -> bool:
    """Return whether the keeper of a cluster runs."""
    stat = guardian.read_stat(state.keeper) if state.keeper else None
    return stat is not None and stat.alive and stat.birth == state.birth


async def _first_of(root: int) -> guardian.Stat:
    """Return the first process of the new PID namespace below a process, once it is there."""
    own = guardian.read_stat(root)
    for _ in range(500):
        for stat in guardian.tree(root, own.birth if own is not None else None):
            if stat.pid != root and _inner_pid(stat.pid) == 1:
                return stat
        if own is None or not own.alive:
            break
        own = guardian.read_stat(root)
        await asyncio.sleep(_POLL / 2)
    raise ExecutionFailedError(
        "no namespaces can be made here",
        found="unshare has ended",
        expected="root with CAP_SYS_ADMIN",
        suggestions=["unshare --mount --pid --fork true"],
    )


def _inner_pid(pid: int) -> int | None:
    """Return the number that a process has in the innermost PID namespace, where that is not the machine's."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                numbers = line.split()[1:]
                return int(numbers[-1]) if len(numbers) > 1 else None
    return None


async def _end(state: ClusterState) -> None:
    assert state.birth is not None
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
        with suppress(NotFoundError):
            send_signal(state.keeper, number, birth=state.birth)
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            if not alive(state):
                return
            await asyncio.sleep(_POLL)
    raise DeadlineExceededError(
        f"the cluster '{state.name}' does not end", found=f"pid {state.keeper}", expected="its end"
    )


async def _clean(layout: ClusterLayout, state: ClusterState) -> None:
    """Remove what a keeper that was killed has left on the machine; what is gone already costs nothing."""
    await machine.remove_cgroup(layout.cgroup)
    await machine.remove_network(Addresses(state.place), restore_forwarding=state.egress and not state.forwarding)


@contextmanager
def _locked() -> Iterator[None]:
    """Let one process at a time choose addresses."""
    folder = clusters_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
