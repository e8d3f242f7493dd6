"""`outrider status`: what runs, what is wrong and what to do, on one screen."""

import shutil
import sys

import click
import msgspec

from outrider.core.errors import NotFoundError, OutriderError
from outrider.local import launch
from outrider.local.layout import Layout
from outrider.local.parts import PartStatus
from outrider.orchestrator.wire import AgentRow, QueueAnswer, StatusAnswer
from outrider.runtime.client import connect_to
from outrider.runtime.contexts import PlatformContext
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.queue import queue_problems
from outrider.surfaces.cli.session import execute, selected
from outrider.surfaces.cli.settings import FINDINGS

# A screen where there is none to ask, as with a pipe.
_SCREEN = (80, 24)
_LAST_RUNS = 5


class StatusReport(msgspec.Struct, kw_only=True):
    """What runs, what is wrong, and what to do about it."""

    name: str
    state: str
    url: str
    parts: list[PartStatus]
    orchestrator: StatusAnswer | None
    problems: list[str]


@click.command()
@output_option(StatusReport)
@click.pass_context
def status(ctx: click.Context, output: Output) -> int:
    """Say what runs, what is wrong and what to do; exit 6 where something is wrong."""
    context = selected(ctx)
    report = execute(find_status(context, Layout(context.folder, context.state)))
    if output.for_people:
        room = None if output.form == "wide" else shutil.get_terminal_size(_SCREEN).lines - 1  # the prompt's
        sys.stdout.write(printable(describe(report, room)))
    else:
        show(report, output)
    return FINDINGS if report.problems else 0


async def find_status(context: PlatformContext, layout: Layout) -> StatusReport:
    """Return what runs, what is wrong, and what to do about it."""
    try:
        supervisor = await launch.supervisor_status(layout)
    except NotFoundError:
        problem = f"it is not running: outrider up {context.folder}"
        return StatusReport(name=context.name, state="stopped", url="", parts=[], orchestrator=None, problems=[problem])
    problems = [f"{part.kind} {part.name} is {part.state}: {part.problem}" for part in supervisor.parts if part.problem]
    answer = None
    try:
        async with connect_to(context) as platform:
            answer = await platform.get("/v1/status", StatusAnswer)
            queue = await platform.get("/v1/queue", QueueAnswer)
        problems += [*_agent_problems(answer), *queue_problems(queue)]
    except OutriderError as error:
        problems.append(f"the orchestrator does not answer: {error.message}")
    state = "ready" if supervisor.ready and not problems else ("starting" if not supervisor.ready else "degraded")
    return StatusReport(
        name=supervisor.name,
        state=state,
        url=supervisor.url,
        parts=supervisor.parts,
        orchestrator=answer,
        problems=problems,
    )


def _agent_problems(answer: StatusAnswer) -> list[str]:
    seen = {agent.name: agent for agent in answer.agents}
    problems = []
    for name in answer.expected_agents:
        agent = seen.get(name)
        if agent is None or agent.status != "online":
            problems.append(f"agent {name} is {agent.status if agent else 'missing'}: outrider agents list")
            continue
        problems += [
            f"plugin {plugin} of agent {name}: {health.message}"
            for plugin, health in agent.health.plugins.items()
            if health.health == "unhealthy"
        ]
    if answer.approvals:
        problems.append(f"{answer.approvals} approvals wait: outrider approvals list")
    return problems


def describe(report: StatusReport, room: int | None) -> str:
    """Return the report as people read it.

    Args:
        report: What was found.
        room: Lines that there are; what is well is cut short where they are too few, what is wrong never is. None for no end.
    """
    lines = [f"{report.name} · {report.state}" + (f" · {report.url}" if report.url else "")]
    wrong = [f"problem: {problem}" for problem in report.problems]
    holds = _hold_lines(report.orchestrator)
    runs = _run_lines(report.orchestrator)
    agents = {agent.name: agent for agent in report.orchestrator.agents} if report.orchestrator else {}
    left = None if room is None else room - len(lines) - len(wrong) - len(holds) - len(runs)
    return "\n".join([*lines, *_part_lines(report.parts, agents, left), *holds, *runs, *wrong]) + "\n"


def _part_lines(parts: list[PartStatus], agents: dict[str, AgentRow], room: int | None) -> list[str]:
    lines = [_part_line(part, agents.get(part.name)) for part in parts]
    if room is None or len(parts) <= max(room, 1):
        return lines
    ill = [index for index, part in enumerate(parts) if part.state != "running"]
    well = [index for index, part in enumerate(parts) if part.state == "running"]
    shown = sorted([*ill, *well[: max(0, room - len(ill) - 1)]])
    rest = len(parts) - len(shown)
    more = [f"  and {rest} more that run: outrider status -o wide"] if rest else []
    return [*(lines[index] for index in shown), *more]


def _part_line(part: PartStatus, agent: AgentRow | None) -> str:
    detail = f"sandbox: {agent.health.sandbox}" if agent and agent.health.sandbox else ""
    pid = f"pid {part.pid}" if part.pid else "-"
    return f"  {part.kind:<13} {part.name:<16} {part.state:<11} {pid:<10} {detail}".rstrip()


def _hold_lines(answer: StatusAnswer | None) -> list[str]:
    lines = []
    for hold in answer.holds if answer else []:
        end = f" until {hold.until}" if hold.until else ""
        comment = f": {hold.comment}" if hold.comment else ""
        lines.append(f"held: {hold.kind} {hold.subject}".rstrip() + f"{end} by {hold.placed_by}{comment}")
    return lines


def _run_lines(answer: StatusAnswer | None) -> list[str]:
    if answer is None or not answer.runs:
        return []
    rows = [f"  {run.id}  {run.rule:<20} {run.state:<10} {run.created}" for run in answer.runs[:_LAST_RUNS]]
    return ["last runs", *rows]
