"""The MCP server as a process: `outrider mcp serve`."""

import argparse
import asyncio
import re

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.core.mcp.routing import Router
from outrider.ports.telemetry import configure_logging, start_tracing
from outrider.runtime.contexts import Contexts
from outrider.surfaces.door import Door
from outrider.surfaces.mcp.desk import ToolDesk
from outrider.surfaces.mcp.stdio import StdioServer
from outrider.version import __version__

AGENT = "assistant"
KEEP_SECONDS = 60.0
INSTRUCTIONS = (
    "Tools read and change the machine beside which this server runs. A tool that reads gives its result at once. A tool that "
    "changes something only returns a plan: look at its difference and warnings, then call plan_apply with its id. If the "
    "answer says that it waits for a person, tell your user the command that it names, and look with plan_show."
)
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")


def router() -> Router:
    """Return what answers to every transport alike."""
    return Router(name="outrider", version=__version__, instructions=INSTRUCTIONS, keep_seconds=KEEP_SECONDS)


def desk(door: Door, agent: str) -> ToolDesk:
    """Return the tools of an agent.

    Raises:
        InvalidConfigError: The name cannot stand in a policy.
    """
    if not _NAME.fullmatch(agent):
        raise InvalidConfigError(
            f"--agent: {agent!r} is not a name",
            found=agent,
            expected="lower-case letters, digits, '-' and '.', at most 63",
            suggestions=["write for example --agent editor"],
        )
    return ToolDesk(door, agent)


def open_door(context: str | None) -> Door:
    """Return the door to the operations of this machine, with the platform of that name, or the one that is at hand."""
    try:
        found = Contexts().select(context)
    except NotFoundError:
        if context is not None:
            raise
        found = None
    door = Door(found)
    door.refresh()
    return door


def serve(arguments: list[str]) -> None:
    """Serve the client that started this process."""
    parser = argparse.ArgumentParser(prog="outrider mcp serve", description="Operations as tools, over stdio.")
    parser.add_argument("--agent", default=AGENT, help="name under which policies know this client")
    parser.add_argument("--context", help="platform whose services, secrets and policies are at hand")
    options = parser.parse_args(arguments)
    configure_logging()
    start_tracing()
    asyncio.run(_serve(desk(open_door(options.context), options.agent)))


async def _serve(tools: ToolDesk) -> None:
    await StdioServer(router(), tools).run()
