"""Clusters come and go: their keeper is started, asked to end, and whatever a killed one has left is removed."""

import asyncio
import fcntl
import functools
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from outrider.core.errors import (
    ConflictError,
    DeadlineExceededError,
    ExecutionFailedError,
    InvalidConfigError,
    LimitedError,
    NotFoundError,
    did_you_mean,
)
from outrider.local.cluster import machine, places
from outrider.local.cluster.layout import Addresses, ClusterLayout, ClusterState, NodeState, known_clusters
from outrider.local.cluster.places import Place
from outrider.local.cluster.requirements import SBIN, check_machine, check_programs
from outrider.ports.kube.kubeconfig import kubeconfig_files
from outrider.ports.kube.kubeconfig_file import add_context, remove_context
from outrider.ports.process import guardian
from outrider.ports.process.guarded import GuardedGroup, spawn_guarded

START_SECONDS = 100.0
STOP_SECONDS = 20.0
_POLL = 0.02
_REGISTRY = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")


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
        state.keeper = self.keeper()
        if not state.keeper and not self.alive():
            state.node.components = {}
            if state.node.phase not in ("failed", "stopped"):
                state.node.phase, state.node.problem = "stopped", f"its keeper has ended: {self._last_words()}"
        return state

    def keeper(self) -> int:
        """Return the process id of its keeper on this machine; 0 where none runs."""
        if not self.alive():
            return 0
        with suppress(OSError, ValueError):
            root = int(self.layout.pid_file.read_text())
            stat, depth = guardian.read_stat(root), len(_numbers(root))
            for one in guardian.tree(root, stat.birth if stat is not None else None):
                # The first one of the namespace below, and not that of a container, whose namespace is deeper.
                numbers = _numbers(one.pid)
                if len(numbers) == depth + 1 and numbers[-1] == 1:
                    return one.pid
        return 0

    def alive(self) -> bool:
        """Return whether its keeper, or who is about to start it, holds its lock."""
        try:
            os.close(self._lock())
        except ConflictError:
            return True
        except FileNotFoundError:
            return False
        return False

    def check_stopped(self) -> None:
        """Check that it can be started.

        Raises:
            ConflictError: It runs already.
        """
        if self.alive():
            raise self._running()

    async def up(
        self, programs: Path, *, egress: bool, ephemeral: bool = False, registry: str = "", audit: bool = False
    ) -> ClusterState:
        """Start it, and return what is known of it once it is ready.

        Args:
            programs: Folder of its programs, an absolute path.
            egress: Whether pods reach what the machine reaches.
            ephemeral: End it with this process; nothing waits for the disk.
            registry: Where all images are pulled from; empty for their own registries.
            audit: Whether the API server writes down who asked it for what, in `audit.jsonl` of its logs.

        Raises:
            DeniedError: The caller is not root.
            MissingRequirementError: A tool or program is not there.
            ConflictError: It runs already.
            LimitedError: The machine has no addresses left.
            ExecutionFailedError: It could not be started.
            DeadlineExceededError: It is not ready in time.
        """
        check_machine()
        check_programs(programs)
        if registry and not _REGISTRY.fullmatch(registry):
            raise InvalidConfigError(
                f"--registry: {registry!r} is no address", found=registry, expected="http://HOST:PORT"
            )
        self.layout.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with places.changing():
            lock = self._lock()
            state = ClusterState(
                name=self.layout.name, place=0, programs=programs, egress=egress, ephemeral=ephemeral, audit=audit
            )
            place = await self._reserve(state)
            # Whoever is killed from here on: the keeper holds the locks, or nobody does.
            held = [lock, place.descriptor]
            try:
                await self._spawn(self._command(held, registry), held, ephemeral=ephemeral)
            finally:
                os.close(lock)
                place.release()
        return await self._ready()

    async def down(self, *, keep: bool = False) -> None:
        """End it, and remove it without a trace.

        Args:
            keep: Keep its objects and images for the next time.

        Raises:
            NotFoundError: There is no such cluster.
            DeadlineExceededError: It does not end.
            InvalidConfigError: The user's kubeconfig cannot be changed; all else is removed.
        """
        state = self._known()
        with places.changing():
            await self._end()
            await sweep()
        if keep:
            if state.kubeconfig is not None:
                remove_context(state.kubeconfig, self.layout.context, state.context)
            state.kubeconfig = None
            self.layout.write(state)
            self.layout.write_node(NodeState(phase="stopped", version=state.node.version))
            return
        shutil.rmtree(self.layout.folder, ignore_errors=True)
        if state.kubeconfig is not None:
            remove_context(state.kubeconfig, self.layout.context, state.context)

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
                f"the cluster '{state.name}' does not run", found=state.node.phase, expected="a running cluster",
                suggestions=[f"outrider cluster up {state.name}"],
            )  # fmt: skip
        return ["nsenter", f"--target={state.keeper}", "--mount", "--net", "--pid", "--"]

    def processes(self) -> dict[str, int]:
        """Return the process ids of its components on this machine, by name."""
        state = self.state()
        stat = guardian.read_stat(state.keeper) if state.keeper else None
        if stat is None:
            return {}
        names = {pid: name for name, pid in state.node.components.items()}
        depth, found = len(_numbers(stat.pid)), {}
        for one in guardian.tree(stat.pid, stat.birth):
            numbers = _numbers(one.pid)
            if len(numbers) == depth and numbers[-1] in names:
                found[names[numbers[-1]]] = one.pid
        return {name: found[name] for name in state.node.components if name in found}

    def _known(self) -> ClusterState:
        """Return what is known of it; of one whose files are damaged next to nothing, so that it can be removed."""
        try:
            return self.state()
        except InvalidConfigError:
            return ClusterState(name=self.layout.name, place=0, programs=Path())

    async def _reserve(self, state: ClusterState) -> Place:
        """Choose its addresses, which are in its certificates: a cluster that is kept has them for good."""
        before = self.layout.read()
        kept = before is not None and (self.layout.pki / "complete").exists()
        await sweep()
        place = await self._own_place(before.place) if before is not None and kept else await _free_place()
        if state.egress and machine.FORWARDING.read_text().strip() == "0":
            places.forwarding_mark().touch()
        state.place = place.number
        self.layout.write(state)
        self.layout.write_node(state.node)
        return place

    async def _own_place(self, number: int) -> Place:
        place = places.take(number)
        if place is None or not await machine.usable(Addresses(number)):
            raise ConflictError(
                f"the addresses of the cluster '{self.layout.name}' are those of another cluster or network now", found=Addresses(number).link,
                expected="addresses that nobody has", suggestions=["end the other one", f"begin anew: outrider cluster down {self.layout.name}"],
            )  # fmt: skip
        return place

    def _command(self, held: Sequence[int], registry: str) -> list[str]:
        keeper = [
            "unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL", "--propagation", "private", sys.executable,
            "-m", "outrider.local.cluster.keeper", self.layout.name, *(["--registry", registry] if registry else []), "--hold", *map(str, held),
        ]  # fmt: skip
        # Its number on this machine, which it does not see from within.
        return ["sh", "-c", f"echo $$ > {shlex.quote(str(self.layout.pid_file))} && exec {shlex.join(keeper)}"]

    async def _spawn(self, command: list[str], held: Sequence[int], *, ephemeral: bool) -> None:
        log = self.layout.folder / "keeper.log"
        environment = {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:{SBIN}"}
        if ephemeral:
            self._guard = await spawn_guarded(command, env=environment, log=log, pass_fds=held)
            return
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # It outlives this process, as nothing that a port starts may.
            detached = functools.partial(
                subprocess.Popen,
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=held,
            )
            await asyncio.to_thread(detached, stdout=descriptor, stderr=descriptor)
        finally:
            os.close(descriptor)

    async def _ready(self) -> ClusterState:
        """Wait until the keeper says that the cluster is ready."""
        name = self.layout.name
        end = asyncio.get_running_loop().time() + START_SECONDS
        while asyncio.get_running_loop().time() < end:
            if not self.layout.folder.exists():
                raise ExecutionFailedError(
                    f"the cluster '{name}' was removed while it started", expected="to be left alone"
                )
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

    async def _end(self) -> None:
        """End the keeper, and with it everything that runs."""
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
            end = asyncio.get_running_loop().time() + seconds
            asked = 0
            while self.alive() and asyncio.get_running_loop().time() < end:
                keeper = self.keeper()
                if keeper and keeper != asked:
                    with suppress(ProcessLookupError):
                        os.kill(keeper, number)
                    asked = keeper
                await asyncio.sleep(_POLL)
        if self.alive():
            raise DeadlineExceededError(
                f"the cluster '{self.layout.name}' does not end", found=f"pid {self.keeper()}", expected="its end"
            )
        if self._guard is not None:
            await self._guard.kill()
            self._guard = None

    def _lock(self) -> int:
        """Return a descriptor that holds the cluster.

        Raises:
            ConflictError: Its keeper holds it.
            FileNotFoundError: It has no folder.
        """
        descriptor = os.open(self.layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise self._running() from None
        return descriptor

    def _running(self) -> ConflictError:
        name = self.layout.name
        return ConflictError(
            f"the cluster '{name}' runs already", found="its lock is held", expected="a cluster that does not run",
            suggestions=[f"use it: kubectl --context {self.layout.context} get nodes", f"end it: outrider cluster down {name}"],
        )  # fmt: skip

    def _last_words(self) -> str:
        with suppress(OSError):
            said = (self.layout.folder / "keeper.log").read_text(errors="replace").strip().rpartition("\n")[2][-300:]
            return said or "it was killed"
        return "it was killed"


async def sweep() -> None:
    """Remove what clusters that are dead have left on the machine, whoever started them."""
    for place in places.free():
        try:
            addresses = Addresses(place.number)
            if await machine.has_traces(addresses.device):
                await machine.remove_network(addresses)
                await machine.remove_cgroup(addresses.device)
        finally:
            place.release()
    if places.forwarding_mark().exists() and not places.anybody():
        await machine.stop_forwarding()
        places.forwarding_mark().unlink(missing_ok=True)


async def _free_place() -> Place:
    found: Place | None = None
    for place in places.free():
        if found is None and await machine.usable(Addresses(place.number)):
            found = place
            break
        place.release()
    if found is None:
        raise LimitedError(
            "there is no room for another cluster on this machine: all of its addresses are taken", found="16 places",
            expected="networks that do not use 10.244.0.0/16, 10.251.0.0/16 and 10.96.0.0/12",
            suggestions=["outrider cluster status", "end one: outrider cluster down NAME"],
        )  # fmt: skip
    return found


def _numbers(pid: int) -> list[int]:
    """Return the numbers of a process, from that on this machine to that in its innermost PID namespace."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return [int(number) for number in line.split()[1:]]
    return []
