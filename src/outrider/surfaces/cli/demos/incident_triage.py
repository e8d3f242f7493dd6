"""`outrider demo incident-triage`: a real service falls ill, and an AI agent finds out why and asks before it restarts it."""

import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import CODES, ExecutionFailedError
from outrider.core.objects import Object
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.local.agents.memories import export
from outrider.local.launch import running_platform
from outrider.local.layout import Layout
from outrider.orchestrator.wire import RunDetail
from outrider.runtime.client import PlatformClient, connect_to
from outrider.runtime.contexts import PlatformContext
from outrider.runtime.folders import ObjectFolder
from outrider.runtime.objects import ObjectSet
from outrider.surfaces.cli.agent_home import agent_home
from outrider.surfaces.cli.demos.approver import Approver
from outrider.surfaces.cli.demos.requirements import search_path
from outrider.surfaces.cli.demos.stage import GOOD, WebService, example, introduce, shown, verified_records
from outrider.surfaces.cli.demos.task import TaskView
from outrider.surfaces.cli.printable import printable
from outrider.surfaces.cli.timeline import TimelinePrinter

NAME, AGENT, MEMORY, RULE = "incident-triage", "triage", "incidents", "look-into-web"
SERVICE, ORIGIN, TRIGGER = "web", "http://127.0.0.1:8086", "eyes/web"
KEY, OVERLAY = "OPENAI_API_KEY", "offline"
START_SECONDS = 30.0
# The service has room for about a dozen.
MOST_REPORTS = 100


class Wishes(msgspec.Struct, kw_only=True, frozen=True):
    """How the demonstration is wanted.

    Attributes:
        approve: Whether what the agent asks is approved without a question.
        offline: Whether the script answers even where there is a key.
        wait: Seconds to wait for an approval from elsewhere, where there is no terminal.
        may_ask: Whether there is a terminal to ask on.
    """

    approve: bool
    offline: bool
    wait: int
    may_ask: bool


class Ending(msgspec.Struct, kw_only=True, frozen=True):
    """What came of it.

    Attributes:
        detail: The agent's task.
        decision: On the restart: `approved`, `rejected`, `expired`, or nothing where it was not asked for.
        waited: Seconds that the answer took.
        status: What the service answers now.
        remembered: Texts in the agent's memory, the newest last.
        scripted: Whether a script answered in place of a model.
    """

    detail: RunDetail
    decision: str
    waited: float
    status: int
    remembered: list[str]
    scripted: bool

    @property
    def refused(self) -> bool:
        """Whether the restart was asked for and not approved."""
        return self.decision in ("rejected", "expired")

    @property
    def result(self) -> dict[str, Any]:
        """What the task came to, as the platform keeps it."""
        steps = [step.result for step in self.detail.steps if step.kind == "task" and step.result is not None]
        return dict(steps[0].result) if steps else {}


async def triage_an_incident(wishes: Wishes) -> int:
    """Show it; 0 only if the service really answers again and the audit chains hold, 5 if the restart was not approved.

    Raises:
        OutriderError: It does not answer, nobody answered a question, or something is missing or could not be started.
    """
    layout = chosen_layout(offline=wishes.offline)
    objects = ObjectFolder(layout.folder, layout.overlay).read()
    item = next(one for one in objects.of_kind("AgentType") if one.name == AGENT)
    spec: AgentTypeSpec = item.spec
    os.environ["PATH"] = await search_path(spec.program.command[0])
    return await _IncidentTriage(layout, objects, item, wishes).run()


def chosen_layout(*, offline: bool) -> Layout:
    """Return where the demonstration runs: with a script, or with a model where there is a key.

    What a script embeds cannot be compared with what a model does: each way has a memory of its own, and so a folder.

    Args:
        offline: Whether a script is wanted even where there is a key.
    """
    if offline or not os.environ.get(KEY):
        return Layout(example(NAME), overlay=OVERLAY)
    return Layout(example(NAME, copy=f"{NAME}-models"))


class _IncidentTriage:
    """One run of the demo."""

    def __init__(self, layout: Layout, objects: ObjectSet, item: Object, wishes: Wishes) -> None:
        self._layout, self._objects, self._item, self._wishes = layout, objects, item, wishes
        self._web = WebService(layout, SERVICE, ORIGIN)
        self._printer = TimelinePrinter()

    async def run(self) -> int:
        if not self._layout.socket.exists():
            for old in ("web.log", "incidents.jsonl"):
                (self._layout.folder / old).unlink(missing_ok=True)
        began = time.monotonic()
        async with running_platform(self._layout) as status:
            context = PlatformContext(name=status.name, folder=self._layout.folder, state=self._layout.state)
            async with connect_to(context) as platform:
                await introduce(platform, status, time.monotonic() - began)
                await self._web.pid()  # a service that could not even start is told at once
                await self._describe()
                ending = await self._watch(platform, status.name)
        for line in told(ending):
            sys.stdout.write(line + "\n")
        return self._conclude(context, ending)

    async def _describe(self) -> None:
        spec: AgentTypeSpec = self._item.spec
        models = " and ".join(use.model for route in spec.llm.routes for use in route.providers)
        script = "a script answers in place of a model" + ("" if os.environ.get(KEY) else f"; set {KEY} to ask one")
        known = len(await self._remembered())
        self._say(f"{AGENT} asks {models}" if models else script)
        self._say(f"{AGENT} remembers {known or 'no'} earlier incident{'' if known == 1 else 's'}")
        await self._web.wait_until_answering(START_SECONDS)

    async def _watch(self, platform: PlatformClient, name: str) -> Ending:
        wishes = self._wishes
        approver = Approver(
            platform, self._printer, name, approve=wishes.approve, may_ask=wishes.may_ask, wait=wishes.wait
        )
        view = TaskView(platform, self._printer, approver, RULE)
        await view.begin(TRIGGER)
        await self._make_ill()
        detail = await view.follow()
        decision = await approver.decision(view.asked[0]) if view.asked else ""
        if decision == "approved":
            await self._web.wait_until_answering(START_SECONDS)
        return Ending(
            detail=detail, decision=decision, waited=approver.waited, status=await self._web.status(),
            remembered=await self._remembered(), scripted=bool(self._layout.overlay),
        )  # fmt: skip

    async def _make_ill(self) -> None:
        """Ask for one report after the other, as users would, until the service has no memory left for the next one."""
        self._say(f"asks {SERVICE} for one report after the other, until it has no memory left for the next one")
        for number in range(1, MOST_REPORTS + 1):
            if await self._web.status(f"/report-{number}") != GOOD != await self._web.status():
                return
        raise ExecutionFailedError(
            f"web has rendered {MOST_REPORTS} reports and is well", expected="a limit of its memory, as web.py sets it"
        )

    async def _remembered(self) -> list[str]:
        home = agent_home(self._layout.folder, self._objects, self._item)
        return [str(decode(line, dict[str, Any])["text"]) async for line in export(self._item, MEMORY, home)]

    def _conclude(self, context: PlatformContext, ending: Ending) -> int:
        folder = shown(context.folder)
        records = verified_records(context)
        sys.stdout.write(f"audit chains of {records} records verified\n\n")
        check(ending, folder)
        overlay = f" --overlay {self._layout.overlay}" if self._layout.overlay else ""
        again = "See it remember this:" if ending.remembered else "Try it once more:"
        sys.stdout.write(
            f"{again:<22} outrider demo {NAME}\n"
            f"What it keeps:         outrider agent memory {folder}\n"
            f"What it may do:        {folder}/agent.yaml\n"
            f"What it has cost:      outrider agent cost {folder}\n"
            f"Look inside:           outrider runs show {ending.detail.run.id}\n"
            f"Keep it running:       outrider up {folder}{overlay}\n"
        )
        return CODES["DENIED"].exit if ending.refused else 0

    def _say(self, text: str) -> None:
        self._printer.line(time.time(), "demo", text)


def told(ending: Ending) -> Iterator[str]:
    """Yield what came of a demonstration, line by line.

    Args:
        ending: What came of it.
    """
    result, seconds = ending.result, ending.detail.run.seconds or 0.0
    if result:
        yield f"\n{AGENT}: {printable(str(result.get('result')))}"
    if ending.refused:
        yield f"web answers {ending.status}: the restart was {ending.decision}"
    elif ending.status == GOOD:
        waited = f", {ending.waited:.1f} s of them for the approval" if ending.waited >= 1 else ""
        yield f"web answers again: {GOOD} · the agent took {seconds:.1f} s{waited}"
    if result:
        by = "a script" if result.get("offline") else "models"
        yield (
            f"{result.get('calls')} answers of {by} · {result.get('tools')} calls of tools · {result.get('tokens'):,} tokens "
            f"· {result.get('cost')}"
        )
    if ending.remembered:
        count = len(ending.remembered)
        yield f'{count} incident{"" if count == 1 else "s"} remembered, the last one: "{printable(ending.remembered[-1])}"'


def check(ending: Ending, folder: str) -> None:
    """See to it that the agent has done its task, and that the service is well where nobody has refused the restart.

    Args:
        ending: What came of the demonstration.
        folder: The platform's, as a user would type it.

    Raises:
        ExecutionFailedError: It is not so.
    """
    run = ending.detail.run
    if run.state != "completed":
        raise ExecutionFailedError(
            f"the agent did not do its task, which has {run.state}: {run.message}", found=f"run {run.id}",
            suggestions=[
                f"read what it wrote: outrider agent logs {folder}", f"look inside: outrider runs show {run.id}",
                *([] if ending.scripted else [f"let a script answer: outrider demo {NAME} --offline"]),
            ],
        )  # fmt: skip
    if ending.status != GOOD and not ending.refused:
        did = "has restarted it" if ending.decision else "did not ask to restart it"
        raise ExecutionFailedError(
            f"web still answers {ending.status}", found=f"the agent {did}", expected=str(GOOD),
            suggestions=[f"read what it did: outrider runs show {run.id}"],
        )  # fmt: skip
