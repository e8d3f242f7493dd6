"""A small real world: a web server, a supervised service with its control socket, a folder, a child process."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from outrider.core.http.messages import Request, Response
from outrider.local.control import Control, ReloadAnswer, SupervisorStatus
from outrider.local.parts import Part, PartSpec
from outrider.ports.clock import SystemClock
from outrider.ports.http.routing import Router, json_response
from outrider.ports.http.server import Server
from outrider.ports.process import ProcessGroup, base_environment
from outrider.ports.secrets import Resolver
from outrider.ports.telemetry import logger
from outrider.runtime.context import AllowedCommand, Environment

SERVICE = "web"
_COMMANDS = {
    "list-folder": AllowedCommand(["ls", "-l", "--"], [r"/[\w/.-]+"]),
    "wait": AllowedCommand(["sleep"], [r"\d{1,3}"]),
    "flood": AllowedCommand(["head", "-c", "1000000", "/dev/zero"]),
    "fail": AllowedCommand(["false"]),
}


@asynccontextmanager
async def world() -> AsyncIterator[tuple[Environment, dict[str, Any]]]:
    """Yield the environment for an invoker, and what stands for the words in braces of the examples."""
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outrider-")))
        folder = _filled_folder(root)
        port = await _web_server(stack)
        supervisor = await _supervisor(stack, root)
        child = await ProcessGroup.start(["sleep", "1000"])
        stack.push_async_callback(child.terminate, 0)
        environment = Environment(
            clock=SystemClock(), state=root / "state", secrets=Resolver({}), supervisor=supervisor, commands=_COMMANDS
        )
        yield (
            environment,
            {
                "http": f"http://127.0.0.1:{port}",
                "port": port,
                "folder": str(folder),
                "service": SERVICE,
                "pid": child.pid,
            },
        )


def _filled_folder(root: Path) -> Path:
    folder = root / "files"
    folder.mkdir()
    (folder / "app.conf").write_text("level = info\n")
    (folder / "app.log").write_text("".join(f"line {number}\n" for number in range(100)))
    (folder / "old-report.txt").write_text("nobody reads this\n")
    return folder


async def _web_server(stack: AsyncExitStack) -> int:
    router = Router(logger(__name__))
    router.add("GET", "/health", _healthy)
    server = Server(router)
    port = await server.start_tcp("127.0.0.1", 0)
    stack.push_async_callback(server.stop, 0)
    return port


async def _healthy(_: Request) -> Response:
    return json_response({"status": "ok"})


async def _supervisor(stack: AsyncExitStack, root: Path) -> Path:
    part = Part(_service(root), SystemClock(), changed=lambda _: None)
    await part.start()
    stack.push_async_callback(part.stop)
    status = SupervisorStatus(name="test", url="", ready=True, parts=[])
    control = Control(lambda: status, {SERVICE: part}, stop=lambda: None, reload=_nothing_to_reload)
    server = Server(control.router())
    await server.start_unix(root / "control")
    stack.push_async_callback(server.stop, 0)
    return root / "control"


async def _nothing_to_reload(_: str) -> ReloadAnswer:
    return ReloadAnswer(changes=[], started=[], stopped=[])


def _service(root: Path) -> PartSpec:
    return PartSpec(
        name=SERVICE,
        kind="service",
        argv=["sleep", "1000"],
        log=root / "service.log",
        environment=base_environment(),
        folder=root,
    )
