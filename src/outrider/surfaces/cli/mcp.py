"""`outrider mcp`."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.mcp.service import AGENT, desk, open_door
from outrider.surfaces.serve import serve_part

_agent = click.option("--agent", default=AGENT, show_default=True, help="Name under which policies know the client.")


@click.group()
def mcp() -> None:
    """Let AI agents use operations as tools, over the Model Context Protocol."""


@mcp.command("serve", context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def serve(arguments: tuple[str, ...]) -> int:
    """Serve the client that starts this process, over standard input and output."""
    return serve_part("mcp", list(arguments))


class ToolRow(msgspec.Struct, kw_only=True):
    """A tool as a client sees it; `effect` is read, write or destroy."""

    name: str
    effect: str
    title: str
    description: str
    input_schema: dict[str, Any]


@mcp.command("tools")
@_agent
@output_option(list[ToolRow])
@click.pass_context
def tools(ctx: click.Context, agent: str, output: Output) -> int:
    """List the tools that a client would see."""
    found = desk(open_door(ctx.find_root().obj.context), agent).tools()
    rows = [
        ToolRow(
            name=tool.name,
            effect=_effect(tool.annotations.read_only_hint, tool.annotations.destructive_hint),
            title=tool.title,
            description=tool.description,
            input_schema=tool.input_schema,
        )
        for tool in found
    ]
    show(rows, output, columns=["name", "effect", "title"])
    return 0


def _effect(read_only: bool, destructive: bool) -> str:
    return "read" if read_only else "destroy" if destructive else "write"


@mcp.command("config")
@_agent
@click.pass_context
def config(ctx: click.Context, agent: str) -> int:
    """Print the entry for an MCP client's settings, in the form that most clients read."""
    program = shutil.which("outrider") or str(Path(sys.argv[0]).resolve())
    context = ctx.find_root().obj.context
    words = ["mcp", "serve", "--agent", agent, *(["--context", context] if context else [])]
    click.echo(json.dumps({"mcpServers": {"outrider": {"command": program, "args": words}}}, indent=2))
    return 0
