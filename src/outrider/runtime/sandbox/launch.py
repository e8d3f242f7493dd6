"""The command, environment and descriptors that start a confined program."""

import contextlib
import fcntl
import functools
import marshal
import os
import resource
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from outrider.core.errors import InvalidConfigError, LimitedError, SandboxUnavailableError
from outrider.runtime.sandbox.bubblewrap import bubblewrap_arguments
from outrider.runtime.sandbox.cgroups import Cgroup
from outrider.runtime.sandbox.identity import Identity, hand_over, identity
from outrider.runtime.sandbox.landlock import PORTS_ABI, READ, ruleset, signal_ruleset
from outrider.runtime.sandbox.machine import Machine, detect
from outrider.runtime.sandbox.model import MIB, Grants, Level, Limits, Surroundings
from outrider.runtime.sandbox.paths import GUEST, View, interpreter, view
from outrider.runtime.sandbox.seccomp import seccomp_filter

PYTHON = "python"
SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"
# What glibc reserves for each thread, and RLIMIT_DATA counts.
THREAD_STACK = 8 * MIB
# What a pipe takes, and what anybody may make of that on Linux.
_USUAL_PIPE, _LARGEST_PIPE = 64 * 1024, 1024 * 1024
# What else of the user may begin beside a program.
SPARE_PROCESSES = 64


class Launch:
    """How to start one program once; `close` when it has ended, or was not started.

    Attributes:
        argv: The command.
        env: Its whole environment.
        pass_fds: Descriptors that are for it alone.
        inherited: All that it inherits.
    """

    def __init__(
        self, argv: list[str], env: dict[str, str], spec: dict[str, Any], cgroup: Cgroup | None, door: int | None = None
    ) -> None:
        text = marshal.dumps(spec)
        read_end, self._write_end = os.pipe()
        self.pass_fds = [read_end]
        if len(text) > _USUAL_PIPE and hasattr(fcntl, "F_SETPIPE_SZ"):
            with contextlib.suppress(OSError):  # what it has must do then
                fcntl.fcntl(self._write_end, fcntl.F_SETPIPE_SZ, _LARGEST_PIPE)
        written = _write_at_once(self._write_end, text)
        if written < len(text):
            self.close()
            raise LimitedError(
                "sandbox: too many paths are granted", found=f"{len(text)} bytes", expected=f"at most {written} bytes",
                suggestions=[
                    "put what it may see into a folder without secrets and states: others are granted file by file"
                ],
            )  # fmt: skip
        self.pass_fds += cgroup.open() if cgroup else ()
        self.argv = [*argv, *map(str, self.pass_fds)]
        self.env = env
        self.inherited = [*self.pass_fds, *([door] if door is not None else ())]

    def spawned(self) -> None:
        """Close what only the program needs; the other end tells it that the agent lives."""
        while self.pass_fds:
            os.close(self.pass_fds.pop())

    def close(self) -> None:
        """Close all descriptors; may be called again."""
        self.spawned()
        if self._write_end >= 0:
            os.close(self._write_end)
            self._write_end = -1


def prepare(
    level: Level,
    grants: Grants,
    limits: Limits,
    *,
    program: Sequence[str],
    surroundings: Surroundings,
    machine: Machine | None = None,
    cgroup: Cgroup | None = None,
    door: int | None = None,
) -> Launch:
    """Prepare the start of a program with `asyncio.create_subprocess_exec(*argv, ..., start_new_session=True)`.

    Args:
        level: How it is confined.
        grants: What it may reach besides its own folders.
        limits: Its bounds; memory, pids and cpu hold by the cgroup.
        program: Program and arguments; `python` first means a Python file, which runs in the launcher's own interpreter,
            without site-packages, and may import from its own folder and from what its surroundings say is `read_only`.
        surroundings: Where it finds itself.
        machine: What `detect` found; by default it is called.
        cgroup: Group that it joins.
        door: Socket to which it sends what listens at the door, where one is granted.

    Raises:
        InvalidConfigError: Nothing to start, or a path that cannot be granted.
        SandboxUnavailableError: This machine cannot enforce the level or what is granted.
        LimitedError: There are too many granted paths.
    """
    machine = machine or detect()
    work_dir = surroundings.work_dir.resolve()
    if not program or program[0] == PYTHON == program[-1] or not work_dir.is_dir():
        raise InvalidConfigError(
            "sandbox: a program and an existing work_dir are needed", found=f"{list(program)}, {work_dir}"
        )
    _require(level, grants, machine)
    files = [Path(program[0])] if program[0].startswith("/") else []
    readable = [*files, *(path.resolve() for path in surroundings.read_only)]
    seen = view(grants, work_dir=work_dir, read_only=readable, listed=surroundings.listed)
    who = identity(
        level, grants, uids=machine.uids, capabilities=machine.capabilities, work_dir=work_dir, needed=seen.own
    )
    if who.uid is not None:
        hand_over(work_dir, who.uid)
    spec = _spec(level, grants, limits, machine=machine, seen=seen, who=who)
    spec |= {"folder": str(surroundings.folder or work_dir), **_program(program, surroundings.read_only)}
    if grants.door is not None:
        spec["door"] = (grants.door, door)
    argv = [interpreter(), "-I", "-S", "-B", str(GUEST / "seal.py")]
    if level is Level.NAMESPACED:
        argv = [*bubblewrap_arguments(machine.bubblewrap, seen, who=who, network=grants.network), *argv]
    defaults = {"PATH": SEARCH_PATH, "HOME": str(work_dir), "TMPDIR": str(work_dir), "LANG": "C.UTF-8"}
    env = defaults | dict(surroundings.env)
    # Only the program gets its variables: some of them would load code into what confines it.
    spec["env"] = None if spec["python"] else env
    compile_module(GUEST / "confine.py")
    return Launch(argv, env if spec["python"] else defaults, spec, cgroup, door)


def _program(program: Sequence[str], read_only: Sequence[Path]) -> dict[str, Any]:
    if program[0] != PYTHON:
        return {"python": False, "program": list(program), "python_path": []}
    file = Path(program[1]).resolve()
    folders = dict.fromkeys([str(file.parent), *(str(path.resolve()) for path in read_only)])
    return {"python": True, "program": [str(file), *program[2:]], "python_path": list(folders)}


def _write_at_once(descriptor: int, text: bytes) -> int:
    """Write what the pipe takes without a reader, and return how much that was."""
    os.set_blocking(descriptor, False)
    try:
        return os.write(descriptor, text)
    except BlockingIOError:
        return 0


@functools.cache
def compile_module(file: Path) -> None:
    """Let a confined program find a module compiled, where this user may write beside it; that saves 4 to 10 ms of a start."""
    SourceFileLoader(file.stem, str(file)).get_code(file.stem)


def _require(level: Level, grants: Grants, machine: Machine) -> None:
    """Refuse what this machine lacks for sure."""
    if level is Level.NONE:
        return
    if level is Level.LANDLOCK and not machine.landlock:
        raise _unavailable(level, "the kernel offers no Landlock", "Linux 5.13 with lsm=landlock,... at boot")
    if level is Level.NAMESPACED and not machine.bubblewrap:
        raise _unavailable(level, "bwrap is not installed", "apt-get install bubblewrap")
    if level is Level.NAMESPACED and machine.root and machine.uids is None:
        raise _unavailable(
            level, "the agent is root and may not change to another uid", "run the agent as a user of its own"
        )
    if grants.door is not None and (level is not Level.NAMESPACED or grants.network):
        raise _unavailable(level, "a door needs a network of its own", "level 'namespaced', without other ports")
    if grants.network and machine.landlock < PORTS_ABI:
        raise _unavailable(
            level, f"Landlock {machine.landlock} cannot limit TCP ports", f"Linux 6.7, which has Landlock {PORTS_ABI}"
        )


def _own_processes() -> int:
    """Return how many processes and threads this user has."""
    own, count = os.getuid(), 0
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == own:
                count += len(os.listdir(entry / "task"))  # noqa: PTH208 - counted, not used
    return count


def _unavailable(level: Level, reason: str, remedy: str) -> SandboxUnavailableError:
    return SandboxUnavailableError(
        f"sandbox level '{level.label}': {reason}", found=reason, expected=remedy, suggestions=[remedy]
    )


def _spec(
    level: Level, grants: Grants, limits: Limits, *, machine: Machine, seen: View, who: Identity
) -> dict[str, Any]:
    confined = level is not Level.NONE
    paths = seen.rights() + ([("/proc", READ)] if level is Level.NAMESPACED else [])
    return {
        "keeper": level is not Level.NAMESPACED,
        "keeper_ruleset": signal_ruleset(machine.landlock) if confined else None,
        "confined": confined,
        "uid": who.uid,
        "capabilities": who.capabilities,
        "rlimits": _rlimits(limits, machine, level),
        "ruleset": ruleset(
            machine.landlock,
            paths=paths,
            connect_ports=grants.connects,
            listen_ports=grants.listen_ports,
        )
        if confined and machine.landlock
        else None,
        "filter": seccomp_filter(machine.architecture, grants).hex() if confined else "",
    }


def _rlimits(limits: Limits, machine: Machine, level: Level) -> list[tuple[int, int]]:
    values = [
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_FSIZE, limits.file_size),
    ]
    if not machine.limits(level)["memory"]:
        # For each process, and with the stacks that threads reserve: it stops what grows faster than one can look.
        values.append((resource.RLIMIT_DATA, limits.memory + limits.pids * THREAD_STACK))
    if machine.counts_processes(level):
        # The one that limits them counts, too; in a user namespace also the first process of bwrap.
        values.append((resource.RLIMIT_NPROC, limits.pids + (1 if machine.uids is not None else 2)))
    elif not machine.root and level is not Level.NONE and not machine.cgroups.enforces("pids"):
        # All processes of the user count: it may start so many more before a look at them ends it.
        values.append((resource.RLIMIT_NPROC, _own_processes() + 2 * limits.pids + SPARE_PROCESSES))
    return values
