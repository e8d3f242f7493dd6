"""One supervised process: started, watched, restarted with growing delay, stopped with all it started."""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from outrider.core.errors import OutriderError
from outrider.core.machines.backoff import RestartPolicy, RestartState, after_exit
from outrider.ports.clock import Clock
from outrider.ports.process import ProcessGroup
from outrider.ports.telemetry import logger

_log = logger(__name__)


class PartSpec(msgspec.Struct, kw_only=True, frozen=True):
    """What a part is.

    Attributes:
        kind: orchestrator, agent or service.
        restart: Whether it is started again when it ends.
        grace: Seconds between SIGTERM and SIGKILL.
    """

    name: str
    kind: str
    argv: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    folder: Path
    restart: bool = True
    grace: float = 5.0


class PartStatus(msgspec.Struct, kw_only=True):
    """State of a part: starting, running, stopped, failed or crash-loop; `problem` says why it is not running."""

    name: str
    kind: str
    state: str
    pid: int = 0
    restarts: int = 0
    since: float = 0.0
    problem: str = ""
    log: str = ""


class Part:
    """A supervised process.

    Args:
        spec: What it is.
        clock: Paces restarts.
        pass_fds: Descriptors that it inherits.
        changed: Told whenever its status changes.
    """

    def __init__(
        self, spec: PartSpec, clock: Clock, *, pass_fds: Sequence[int] = (), changed: Callable[[PartStatus], None]
    ) -> None:
        self.spec = spec
        self._clock = clock
        self._pass_fds = pass_fds
        self._changed = changed
        self._group: ProcessGroup | None = None
        self._task: asyncio.Task[None] | None = None
        self._restarts = RestartState()
        self.status = PartStatus(name=spec.name, kind=spec.kind, state="stopped", log=str(spec.log))

    async def start(self) -> None:
        """Start it and begin to watch it; a running one stays as it is.

        Raises:
            OutriderError: The program cannot be started.
        """
        if self._task is not None and not self._task.done():
            return
        await self._spawn()
        self._task = asyncio.get_running_loop().create_task(self._watch(), name=f"part {self.spec.name}")

    async def _spawn(self) -> None:
        self._group = await ProcessGroup.start(
            self.spec.argv,
            env=self.spec.environment,
            cwd=self.spec.folder,
            log=self.spec.log,
            pass_fds=self._pass_fds,
        )
        self._set("running", pid=self._group.pid)

    async def _watch(self) -> None:
        while self._group is not None:
            began = self._clock.monotonic()
            await self._group.wait()
            ending = self._group.exit_text
            await self._group.terminate(0)
            if not self.spec.restart:
                self._set("failed", problem=f"{ending}; see {self.spec.log}")
                return
            await self._restart(ending, self._clock.monotonic() - began)

    async def _restart(self, ending: str, ran_for: float) -> None:
        """Start it again after its delay; `stop` cancels the wait."""
        while True:
            chance = secrets.randbelow(1000) / 1000
            self._restarts = after_exit(self._restarts, RestartPolicy(), ran_for=ran_for, chance=chance)
            state = "crash-loop" if self._restarts.looping else "starting"
            self._set(state, problem=f"{ending}; starts again in {self._restarts.delay:.1f} s; see {self.spec.log}")
            await self._clock.sleep(self._restarts.delay)
            try:
                await self._spawn()
            except OutriderError as error:
                ending, ran_for = error.message, 0.0
            else:
                return

    async def stop(self) -> None:
        """Stop it with everything it started."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None
        if self._group is not None:
            await self._group.terminate(self.spec.grace)
        self._set("stopped")

    def _set(self, state: str, *, pid: int = 0, problem: str = "") -> None:
        self.status = PartStatus(
            name=self.spec.name,
            kind=self.spec.kind,
            state=state,
            pid=pid,
            restarts=self._restarts.failures,
            since=self._clock.now(),
            problem=problem,
            log=str(self.spec.log),
        )
        if problem:
            _log.warning("%s %s: %s", self.spec.kind, self.spec.name, problem)
        self._changed(self.status)
