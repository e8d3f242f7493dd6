"""`outrider agent`: AI agents on this machine."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import click

from outrider.core.codec import to_builtins
from outrider.core.errors import CODES
from outrider.core.units import format_money
from outrider.kinds.agenttype.validation import references
from outrider.local.agents.job import JobResult, run_job
from outrider.local.agents.memories import MemoryRow, export, forget, rows
from outrider.local.agents.records import CostRow, costs, results, runs
from outrider.ports.telemetry import start_tracing, stop_tracing
from outrider.sidecar.llm.building import SAMPLES
from outrider.sidecar.llm.samples import Sample, read_samples
from outrider.surfaces.cli.agent_home import agent_files, agent_home, declared_agent, read_input
from outrider.surfaces.cli.agent_options import ACCEPT_UNSANDBOXED, AGENT_NAME, AGENT_PATH, OFFLINE, TASK_INPUT, YES
from outrider.surfaces.cli.agent_progress import Progress, summary
from outrider.surfaces.cli.agent_tasks import chat, invoke, print_result
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.session import execute
from outrider.surfaces.cli.settings import Settings, note

_COST_COLUMNS = ("day", "provider", "model", "calls", "input_tokens", "output_tokens", "cost")
_STATES = {"succeeded": 0, "failed": CODES["EXECUTION_FAILED"].exit, "timed_out": CODES["TIMEOUT"].exit}


@click.group()
def agent() -> None:
    """Run an AI agent, read its logs, see what it cost."""


agent.add_command(invoke)
agent.add_command(chat)


@agent.command("run")
@AGENT_PATH
@AGENT_NAME
@TASK_INPUT
@OFFLINE
@ACCEPT_UNSANDBOXED
@YES
@output_option(JobResult)
@click.pass_context
def run_agent(
    ctx: click.Context, /, path: Path, name: str, given: str, *, output: Output, offline: bool, accept_unsandboxed: bool, yes: bool
) -> int:  # fmt: skip
    """Start the agent of PATH with its sidecar, give it a task, and print the result."""
    objects, item = declared_agent(path, name)
    settings: Settings = ctx.find_root().obj
    progress = Progress(item.name, yes=yes, may_ask=not settings.no_input and sys.stdin.isatty() and given != "@-")
    start_tracing()
    result = execute(
        run_job(
            item, agent_home(path, objects, item), read_input(given), references(objects, objects.catalogue), watcher=progress.watcher(),
            offline=offline, accept_unsandboxed=accept_unsandboxed,
        )
    )  # fmt: skip
    stop_tracing()
    if not output.for_people:
        show(result, output)
        return _STATES[result.state]
    print_result(result.result)
    note(summary(result))
    return _STATES[result.state]


@agent.command("logs")
@AGENT_PATH
@AGENT_NAME
@click.option("--run", "run_id", default="", help="Of which run; the last one if absent.")
def logs(path: Path, name: str, run_id: str) -> int:
    """Print what an agent wrote to standard error in a run."""
    folder = runs(agent_files(path, name), run_id)[-1]
    sys.stdout.write(printable((folder / "stderr").read_text(errors="replace")) if (folder / "stderr").exists() else "")
    return 0


@agent.command("runs")
@AGENT_PATH
@AGENT_NAME
@output_option(list[JobResult])
def list_runs(path: Path, name: str, output: Output) -> int:
    """List what became of the last runs, the newest last."""
    show(
        results(agent_files(path, name)),
        output,
        columns=("run", "state", "seconds", "calls", "problem"),
        empty="it has not run yet",
    )
    return 0


@agent.command("cost")
@AGENT_PATH
@AGENT_NAME
@click.option("--days", default=31, show_default=True, help="How far back, today included.")
@output_option(list[CostRow])
def cost(path: Path, name: str, days: int, output: Output) -> int:
    """Say what an agent has asked of models and what that cost, by day and model."""
    rows = costs(agent_files(path, name), days)
    if output.for_people:
        readable = [{**to_builtins(row), "cost": format_money(row.cost, row.currency)} for row in rows]
        show(readable, output, columns=_COST_COLUMNS, empty="nothing was asked")
    else:
        show(rows, output)
    return 0


@agent.command("prompts")
@AGENT_PATH
@AGENT_NAME
@click.option("--last", default=10, show_default=True, help="How many, the newest.")
@output_option(list[Sample])
def prompts(path: Path, name: str, last: int, output: Output) -> int:
    """Print what the last calls of models said, of those that `llm.samples` keeps."""
    found = read_samples(agent_files(path, name).sidecar / SAMPLES, last)
    if not output.for_people:
        show(found, output)
        return 0
    if not found:
        note("nothing is kept: spec.llm.samples says which share is, such as {share: 0.1}")
    for one in found:
        cut = "   cut" if one.cut else ""
        sys.stdout.write(f"{one.time}  {one.endpoint} {one.alias}   {one.status}{cut}\n")
        sys.stdout.write(printable(f"> {one.request}\n< {one.answer.strip()}\n\n"))
    return 0


@agent.command("memory")
@AGENT_PATH
@AGENT_NAME
@click.option("--export", "exported", default="", metavar="MEMORY", help="Print all of a memory, as lines of JSON.")
@click.option("--forget", "forgotten", default="", metavar="MEMORY", help="Delete all of a memory.")
@output_option(list[MemoryRow])
def memory(path: Path, name: str, exported: str, forgotten: str, output: Output) -> int:
    """Say what an agent remembers; export it, or let it be forgotten."""
    objects, item = declared_agent(path, name)
    home = agent_home(path, objects, item)
    if exported:
        execute(_write_all(export(item, exported, home)))
    if forgotten:
        note(f"{execute(forget(item, forgotten, home))} deleted")
    if not exported and not forgotten:
        columns = ("name", "type", "entries", "bytes", "store")
        found, errors = execute(rows(item, home))
        show(found, output, columns=columns, empty="it has no memory")
        if errors:
            raise errors[0]  # what the others remember is shown all the same
    return 0


async def _write_all(lines: AsyncIterator[bytes]) -> None:
    async for line in lines:
        sys.stdout.write(line.decode())
