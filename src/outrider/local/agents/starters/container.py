"""Starts the program of an agent as a container of podman, whose only network is a door to the sidecar.

The sidecar stays a process of this machine: its keys are in no container, and no image of it is needed.
"""

import asyncio
import contextlib
import json
import re
import resource
from collections.abc import Mapping
from pathlib import Path

from outrider.core.codec import digest
from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.kinds.agenttype.environment import JOINED, Value
from outrider.kinds.agenttype.invocation import Invocation
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.render import Workload
from outrider.local.agents.home import Home
from outrider.local.agents.starters.confinement import wanted
from outrider.local.agents.starters.starter import DOOR_PORT, OpenDoor, Reach, Running, reach_inside
from outrider.ports.podman import Podman
from outrider.ports.process import ProcessGroup
from outrider.ports.secrets.private_files import write_private
from outrider.runtime.sandbox.doors import door_inside

SHARED, WORK = Path("/outrider/shared"), Path("/outrider/work")
# A container whose starter was killed ends by itself that much later than its task would.
SPARE_SECONDS = 60
OPEN_FILES = 4096
# 128 + SIGKILL. Whether the kernel did it for memory, podman cannot say on every machine.
KILLED = 137
# For each user of the machine; what bounds the container is its own group.
MOST_PROCESSES = 2**15
# Of podman's file of variables.
LONGEST_LINE = 60_000
_BREAK = re.compile(r"[\r\n]")
# podman itself reads these, so that a container's own value cannot be handed on by its environment.
_OWN = ("PATH", "HOME", "TMPDIR", "XDG_", "CONTAINERS_", "CONTAINER_", "LD_", "REGISTRY_", "DBUS_")


class ContainerProgram:
    """See Running.

    Args:
        podman: Runs it.
        name: Of the container.
        pid: Of its first process.
        group: What is attached to its streams.
    """

    def __init__(self, podman: Podman, name: str, pid: int, group: ProcessGroup) -> None:
        self._podman, self._name, self.pid, self._group = podman, name, pid, group
        assert group.stdin is not None
        assert group.stdout is not None
        assert group.stderr is not None
        self.stdin, self.stdout, self.stderr = group.stdin, group.stdout, group.stderr
        self.exceeded = ""
        self._gone = False

    async def wait(self) -> int:
        """Wait until it has ended, and return its exit code."""
        code = await self._group.wait()
        if code == KILLED and not self._gone:
            self.exceeded = f"killed, exit code {KILLED}: most often because it took more than resources.memory"
        return code if code >= 0 else 128 - code

    async def kill(self) -> None:
        """Remove the container with all that runs in it; may be called again."""
        if not self._gone:
            self._gone = True
            await asyncio.shield(remove(self._podman, self._name))
        await self._group.terminate(1.0)


class ContainerStarter:
    """See Starter.

    Args:
        podman: Runs containers.
        home: Of the agent.
        image: Its configuration, as the image has it.
    """

    sandbox, egress = "container", "sealed"
    address = f"127.0.0.1:{DOOR_PORT}"
    shared, work = SHARED, WORK

    def __init__(self, podman: Podman, home: Home, image: Mapping[str, object]) -> None:
        self._podman, self._home = podman, home
        # What a killed starter left behind has the same name, and is replaced.
        self._name = f"outrider-{home.files.name}-{digest(str(home.files.folder))[:8]}"
        self.variables: Mapping[str, Value] = _joined(image.get("Env"))

    @classmethod
    async def create(cls, spec: AgentTypeSpec, home: Home) -> "ContainerStarter":
        """Return one for an agent; its image is pulled if it is not there.

        Raises:
            MissingRequirementError: There is no podman.
            ExecutionFailedError: The image cannot be had.
        """
        podman = Podman()
        return cls(podman, home, await podman.image(spec.program.image))

    async def find(self, workload: Workload) -> None:
        """Do nothing: the image is there, and what is in it podman says when it starts."""

    async def start(self, workload: Workload, env: Mapping[str, str], open_door: OpenDoor) -> ContainerProgram:
        """Start a container; as that of Starter."""
        await asyncio.to_thread(_open_to_all, self._home.files.work)
        variables = self._home.files.folder / "variables"
        lines, inherited = _variables(env)
        write_private(variables, lines)
        try:
            await self._podman.run("create", *self._options(workload, variables, inherited), env=inherited)
            variables.unlink()
            await self._podman.run("init", self._name)
            pid = int(await self._podman.run("inspect", "--format", "{{.State.Pid}}", self._name))
            with await door_inside(pid, DOOR_PORT) as listening:
                await open_door(listening)
            return ContainerProgram(self._podman, self._name, pid, await self._podman.attach(self._name))
        except BaseException:
            variables.unlink(missing_ok=True)
            await asyncio.shield(remove(self._podman, self._name))
            raise

    async def reach(self, program: Running, port: int, path: Path) -> Reach:
        """Return a way into its network; as that of Starter."""
        return await reach_inside(program.pid, port, path)

    def close(self) -> None:
        """Do nothing: a container ends with its task."""

    def _options(self, workload: Workload, variables: Path, inherited: Mapping[str, str]) -> list[str]:
        files, bounds = self._home.files, workload.resources
        asked = wanted(workload, self._home.folder, self._home.hidden)
        mounts = [_mount(files.shared, SHARED, "ro,Z"), _mount(files.work, WORK, "rw,Z")]
        mounts += [_mount(path, path, "ro") for path in asked.readable()]
        mounts += [_mount(path, path, "rw") for path in asked.writable()]
        return [
            "--replace", "--name", self._name, "--interactive", "--pull=never", "--network=none", "--cap-drop=all",
            # Its output is kept with its run, up to a bound; that of podman would have none. Proxies of this machine, with their
            # passwords, are not its own.
            "--log-driver=none", "--http-proxy=false",
            "--security-opt=no-new-privileges", f"--memory={int(bounds.memory)}", f"--memory-swap={int(bounds.memory)}",
            f"--cpus={bounds.cpu:g}", f"--pids-limit={bounds.processes}", f"--env-file={variables}",
            *_longest(workload.invocation), *_limits(),
            *(f"--volume={mount}" for mount in mounts), *(f"--env={name}" for name in inherited),
            *([f"--workdir={workload.inside}"] if workload.inside else []),
            *([f"--entrypoint={json.dumps(workload.command)}"] if workload.command else []),
            "--", workload.image,
        ]  # fmt: skip


async def remove(podman: Podman, name: str) -> None:
    """Remove a container, whether it runs or is there at all."""
    with contextlib.suppress(OutriderError):
        await podman.run("rm", "--force", "--ignore", "--volumes", "--time=0", name)


def _mount(path: Path, target: Path, options: str) -> str:
    """Return a mount as podman reads it.

    Raises:
        InvalidConfigError: It cannot read that one.
    """
    if ":" in str(path):
        raise InvalidConfigError(
            "podman mounts no path with a colon in it", path="spec.isolation.files", found=str(path), expected="a path without a colon",
            suggestions=["rename the folder"],
        )  # fmt: skip
    return f"{path}:{target}:{options}"


def _joined(env: object) -> dict[str, Value]:
    """Return the variables of an image that are joined with those of the agent: a container's value replaces the image's."""
    pairs = [one.partition("=") for one in env if isinstance(one, str)] if isinstance(env, list) else []
    return {name: value for name, _, value in pairs if name in JOINED}


def _variables(env: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """Return the lines of podman's file of variables, and those that do not fit into a line: they are inherited from podman.

    Raises:
        InvalidConfigError: One of these would be podman's own.
    """
    lines = {
        name: value
        for name, value in env.items()
        if not _BREAK.search(value) and len(name) + len(value.encode()) < LONGEST_LINE
    }
    inherited = {name: value for name, value in env.items() if name not in lines}
    for name in inherited:
        if name.startswith(_OWN):
            raise InvalidConfigError(
                f"{name} has several lines, or a very long one", path=f"spec.agent.env.{name}", found=f"{len(env[name])} characters",
                expected=f"one line of less than {LONGEST_LINE} bytes",
                suggestions=["put it into a file"],
            )  # fmt: skip
    return "".join(f"{name}={value}\n" for name, value in lines.items()).encode(), inherited


def _longest(invocation: Invocation) -> list[str]:
    """Return how long a container may run; one that serves has no end of its own."""
    return [f"--timeout={int(float(invocation.timeout)) + SPARE_SECONDS}"] if invocation.delivery == "job" else []


def _limits() -> list[str]:
    """Return the limits of each process, where podman's own may be above what this user may set."""
    found = []
    for word, kind, most in (
        ("nofile", resource.RLIMIT_NOFILE, OPEN_FILES),
        ("nproc", resource.RLIMIT_NPROC, MOST_PROCESSES),
    ):
        hard = resource.getrlimit(kind)[1]
        limit = most if hard == resource.RLIM_INFINITY else min(hard, most)
        found.append(f"--ulimit={word}={limit}:{limit}")
    return found


def _open_to_all(folder: Path) -> None:
    """Let every user of the container write its working folder; on this machine the folder above it is closed."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
