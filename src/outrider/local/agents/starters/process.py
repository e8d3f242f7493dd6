"""Starts the program of an agent as a process, in the strongest sandbox that works."""

import socket
from collections.abc import Mapping
from pathlib import Path

from outrider.core.errors import ExecutionFailedError
from outrider.kinds.agenttype.environment import Value
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.render import Workload
from outrider.local.agents.home import Home
from outrider.local.agents.starters.confinement import Confinement, confinement, grants, limits, wanted
from outrider.local.agents.starters.starter import DOOR_PORT, OpenDoor, Reach, Running, reach_inside
from outrider.runtime.sandbox.launch import SEARCH_PATH
from outrider.runtime.sandbox.model import Surroundings
from outrider.runtime.sandbox.process import Confined, start
from outrider.runtime.sandbox.program import FoundProgram, find_program
from outrider.runtime.sandbox.sight import sight

MOST_SHOWN = 2000


class ProcessStarter:
    """See Starter.

    Args:
        home: Of the agent.
        confined: How its program is confined.
    """

    variables: Mapping[str, Value] = {}

    def __init__(self, home: Home, confined: Confinement) -> None:
        self._home, self._confined = home, confined
        self._program = FoundProgram([], [], [])
        self._listening: socket.socket | None = None
        self._port = DOOR_PORT
        if not confined.sealed:
            self._listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
            self._port = self._listening.getsockname()[1]
        self.sandbox, self.egress = confined.level.label, str(confined.egress)
        self.address = f"127.0.0.1:{self._port}"
        self.shared, self.work = home.files.shared, home.files.work

    @classmethod
    async def create(cls, spec: AgentTypeSpec, home: Home, *, accept_none: bool) -> "ProcessStarter":
        """Return one for an agent.

        Args:
            spec: Of the agent.
            home: Of the agent.
            accept_none: Whether the program may run without a sandbox where none works.

        Raises:
            SandboxUnavailableError: None that is strong enough works.
        """
        return cls(home, await confinement(spec, home.cache, accept_none=accept_none))

    async def find(self, workload: Workload) -> None:
        """Find the program; as that of Starter."""
        path = workload.env.get("PATH")
        search = path if isinstance(path, str) else ""
        self._program = await find_program(workload.command, workload.folder, search, field="spec.agent.command")

    async def start(self, workload: Workload, env: Mapping[str, str], open_door: OpenDoor) -> Confined:
        """Start the program; as that of Starter."""
        home, confined = self._home, self._confined
        asked = wanted(workload, home.folder, home.hidden)
        seen = sight(asked, self._program, workload.init.made)
        if self._listening is not None:
            await open_door(self._listening)
        program = await start(
            confined.level,
            grants(asked, self._port, sealed=confined.sealed, serves=workload.invocation.port),
            limits(workload),
            program=self._program.argv,
            surroundings=Surroundings(
                work_dir=self.work,
                folder=workload.folder.resolve(),
                read_only=seen.readable,
                listed=seen.listed,
                env={"PATH": ":".join([*map(str, self._program.path), SEARCH_PATH]), **env},
            ),
            machine=confined.machine,
        )
        try:
            if program.door is not None:
                with await program.door.listening() as listening:
                    await open_door(listening)
        except ExecutionFailedError as error:
            error.found = (await program.stderr.read(MOST_SHOWN)).decode("utf-8", "replace").strip() or error.found
            await program.kill()
            raise
        except BaseException:
            await program.kill()
            raise
        return program

    async def reach(self, program: Running, port: int, path: Path) -> Reach:
        """Return a way to it; as that of Starter."""
        if not self._confined.sealed:
            return Reach(f"http://127.0.0.1:{port}")
        return await reach_inside(program.pid, port, path)

    def close(self) -> None:
        """Close what listens."""
        if self._listening is not None:
            self._listening.close()
