"""`outrider agent invoke` and `chat`: tasks for an agent of a running platform, and a talk with one."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from outrider.core.codec import encode
from outrider.core.errors import CODES, OutriderError, from_body
from outrider.core.events import CallAnswer
from outrider.core.identifiers import time_ordered
from outrider.core.objects import Object
from outrider.kinds.agenttype.validation import references
from outrider.local.agents.job import AgentHost, JobResult, hosting
from outrider.orchestrator.wire import TaskRequest, task_input
from outrider.runtime.objects import ObjectSet
from outrider.surfaces.cli.agent_home import agent_home, declared_agent, read_input
from outrider.surfaces.cli.agent_options import ACCEPT_UNSANDBOXED, AGENT_NAME, AGENT_PATH, OFFLINE, TASK_INPUT, YES
from outrider.surfaces.cli.agent_progress import Progress, summary
from outrider.surfaces.cli.lines import Lines
from outrider.surfaces.cli.output import Output, output_option, show
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.session import client, execute
from outrider.surfaces.cli.settings import Settings, note

WAIT_SECONDS = 20


@click.command("invoke")
@click.argument("name")
@TASK_INPUT
@click.option(
    "--session", default="", help="The conversation that it belongs to; the program finds it in OUTRIDER_SESSION."
)
@click.option("--no-wait", is_flag=True, help="Return as soon as the task is given, with its run.")
@output_option(CallAnswer)
@click.pass_context
def invoke(ctx: click.Context, name: str, given: str, *, session: str, no_wait: bool, output: Output) -> int:
    """Give a task to the AI agent NAME of the running platform, and print the result."""
    data = task_input(read_input(given))
    request = TaskRequest(id=time_ordered(time.time(), os.urandom(10)), input_data=data, session=session)

    async def ask() -> CallAnswer:
        async with client(ctx) as platform:
            answer = await platform.post(f"/v1/agents/{name}/tasks", request, CallAnswer)
            note(f"{name}  run {answer.run}")
            while answer.state == "running" and not no_wait:
                path = f"/v1/agents/{name}/tasks/{answer.run}?wait={WAIT_SECONDS}"
                try:
                    answer = await platform.get(path, CallAnswer)
                except OutriderError as error:
                    error.suggestions = [*error.suggestions, f"the task goes on: outrider runs show {answer.run}"]
                    raise
            return answer

    answer = execute(ask())
    if answer.error is not None and output.for_people:
        raise from_body(answer.error)
    if not output.for_people:
        show(answer, output)
    elif answer.state == "completed":
        print_result(answer.result.get("result"))
    return 0 if answer.error is None else CODES[answer.error.code].exit


@click.command("chat")
@AGENT_PATH
@AGENT_NAME
@click.option("--session", default="", help="Go on with an earlier one; the program finds it in OUTRIDER_SESSION.")
@OFFLINE
@ACCEPT_UNSANDBOXED
@YES
@click.pass_context
def chat(
    ctx: click.Context, /, path: Path, name: str, session: str, *, offline: bool, accept_unsandboxed: bool, yes: bool
) -> int:  # fmt: skip
    """Talk with the agent of PATH: each line is a task, in one session, until the input ends."""
    objects, item = declared_agent(path, name)
    settings: Settings = ctx.find_root().obj
    on_terminal = sys.stdin.isatty() and not settings.no_input
    progress = Progress(item.name, yes=yes, may_ask=on_terminal)
    session = session or time_ordered(time.time(), os.urandom(10))
    note(f"{item.name}  session {session}" + (" · an empty line or Ctrl-D ends it" if on_terminal else ""))
    talk = _Talk(progress, session, on_terminal=on_terminal)
    execute(talk.hold(path, objects, item, offline=offline, accept_unsandboxed=accept_unsandboxed))
    return 0 if talk.well else CODES["EXECUTION_FAILED"].exit


class _Talk:
    """Gives each line to an agent as a task."""

    def __init__(self, progress: Progress, session: str, *, on_terminal: bool) -> None:
        self._progress, self._session, self._on_terminal = progress, session, on_terminal
        self._lines = Lines()
        self.well = True

    async def hold(
        self, path: Path, objects: ObjectSet, item: Object, *, offline: bool, accept_unsandboxed: bool
    ) -> None:  # fmt: skip
        """Go on until there is no more line."""
        where = agent_home(path, objects, item)
        async with hosting(
            item, where, references(objects, objects.catalogue), offline=offline, accept_unsandboxed=accept_unsandboxed
        ) as host:  # fmt: skip
            while said := await self._line():
                await self._answer(host, said)

    async def _line(self) -> str:
        """Return what was said; empty where nothing more will be."""
        if self._on_terminal:
            sys.stderr.write("> ")
            sys.stderr.flush()
            return (await self._lines.next()).strip()
        while line := await self._lines.next():
            if said := line.strip():
                return said
        return ""

    async def _answer(self, host: AgentHost, said: str) -> None:
        result: JobResult = await host.run(said, self._progress.watcher(), self._session)
        print_result(result.result)
        self.well = self.well and result.state == "succeeded"
        note(summary(result))


def print_result(result: Any) -> None:
    """Print what came of a task: text as it is, anything else as JSON."""
    if result is not None:
        text = result if isinstance(result, str) else encode(result).decode()
        sys.stdout.write(printable(text) + "\n")
        sys.stdout.flush()
