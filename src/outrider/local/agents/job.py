"""One task of an AI agent on this machine: its sidecar is started, its program gets the input, and what it prints is the result."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from outrider.core.codec import encode
from outrider.core.errors import (
    InvalidConfigError,
    NotFoundError,
    OutriderError,
)
from outrider.core.identifiers import time_ordered
from outrider.core.objects import Object
from outrider.kinds.agenttype.environment import PACKAGES
from outrider.kinds.agenttype.invocation import Delivery
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.agenttype.place import Place
from outrider.kinds.agenttype.render import References, Workload, render
from outrider.local.agents.home import Home
from outrider.local.agents.invocations.a2a import A2aInvocation
from outrider.local.agents.invocations.http import HttpInvocation
from outrider.local.agents.invocations.invocation import Invocation, Task
from outrider.local.agents.invocations.job import JobInvocation
from outrider.local.agents.launching import Launcher
from outrider.local.agents.meter import Meter
from outrider.local.agents.operations import SOCKET, served
from outrider.local.agents.packages import install
from outrider.local.agents.sidecar import Sidecar, running_sidecar
from outrider.local.agents.starters.container import ContainerStarter
from outrider.local.agents.starters.process import ProcessStarter
from outrider.local.agents.starters.starter import INPUT_FILE, Starter
from outrider.ports.clock import SystemClock
from outrider.ports.secrets.private_files import write_private
from outrider.ports.telemetry import current_traceparent, span
from outrider.sidecar.activity import Activity, Question
from outrider.sidecar.llm.conventions import AGENT, INVOKE_AGENT, OPERATION
from outrider.sidecar.tools.status import Decision

RESULT_FILE = "result.json"
_DELIVERIES: dict[Delivery, Callable[[Launcher], Invocation]] = {
    "job": JobInvocation, "http": HttpInvocation, "a2a": A2aInvocation,
}  # fmt: skip


class Watcher(msgspec.Struct, kw_only=True, frozen=True):
    """Who hears of a task while it runs, and answers its questions.

    Attributes:
        began: Hears that its program is started, how it is confined, and what holds of its network.
        activity: Hears what its sidecar does.
        stderr: Gets what its program writes there.
        decide: Answers a call that waits for a person, or returns None to let others answer.
    """

    began: Callable[[str, str], None] = lambda *_: None
    activity: Callable[[Activity], None] = lambda _: None
    stderr: Callable[[bytes], None] = lambda _: None
    decide: Callable[[Question], Awaitable[Decision | None]]


class JobResult(msgspec.Struct, kw_only=True):
    """What became of a task.

    Attributes:
        state: `succeeded`, `failed` or `timed_out`; of a record also `unfinished`.
        exit_code: Of the program; 128 + n for signal n.
        result: What it printed: as JSON where it is that, else as text.
        problem: Why it did not succeed.
        seconds: How long it took.
        calls: Of models.
        tools: Calls of tools.
        cost: Of the calls of models, in nano-units of the currency.
        offline: Whether a script answered in place of models.
        wrapper: Whether the wrapper was seen in the program: `none`, `seen` or `not_seen`.
    """

    agent: str
    run: str
    state: str
    exit_code: int
    result: Any
    problem: str
    seconds: float
    calls: int
    tools: int
    input_tokens: int
    output_tokens: int
    cost: int
    currency: str
    offline: bool
    sandbox: str
    egress: str
    wrapper: str


class Plan(msgspec.Struct, kw_only=True, frozen=True):
    """What is to be started, and by whom."""

    workload: Workload
    starter: Starter


async def run_job(
    item: Object, home: Home, given: Any, references: References, *, watcher: Watcher, offline: bool = False,
    accept_unsandboxed: bool = False,
) -> JobResult:  # fmt: skip
    """Run one task with a sidecar of its own.

    Args:
        item: The AgentType.
        home: Where it is at home.
        given: The input, as JSON.
        references: What the AgentType may name.
        watcher: Hears of what happens.
        offline: Whether a script answers in place of the models.
        accept_unsandboxed: Whether the program may run without a sandbox where none works.

    Raises:
        OutriderError: It could not be started.
    """
    try:
        async with hosting(item, home, references, offline=offline, accept_unsandboxed=accept_unsandboxed) as host:
            return await host.run(given, watcher)
    except NotFoundError as error:
        spec: AgentTypeSpec = item.spec
        if spec.llm.offline is not None and not offline:  # most often a key that is not set
            error.suggestions = [*error.suggestions, "--offline lets the script of the agent answer"]
        raise


@contextlib.asynccontextmanager
async def hosting(
    item: Object, home: Home, references: References, *, offline: bool = False, accept_unsandboxed: bool = False
) -> AsyncIterator["AgentHost"]:
    """Keep an agent ready for tasks, with its sidecar; arguments and errors are those of `run_job`."""
    files = home.files
    async with contextlib.AsyncExitStack() as closing:
        closing.enter_context(files.locked())
        files.prepare()
        _check(item, offline=offline)
        starter = await _starter(item.spec, home, accept_none=accept_unsandboxed)
        closing.callback(starter.close)
        plan = Plan(workload=_workload(item, home, references, starter, offline=offline), starter=starter)
        await starter.find(plan.workload)
        await install(plan.workload.init.packages, plan.workload.init.target, files.shared / PACKAGES)
        settings = msgspec.structs.replace(
            plan.workload.sidecar,
            control=files.control,
            secret_sources=home.sources | plan.workload.sidecar.secret_sources,
            secrets=home.store,
            protected=home.hidden,
        )
        await closing.enter_async_context(served(home.desk, files.control))
        sidecar = await closing.enter_async_context(running_sidecar(settings, files))
        host = AgentHost(home, plan, sidecar)
        closing.push_async_callback(host.close)
        yield host


def _check(item: Object, *, offline: bool) -> None:
    spec: AgentTypeSpec = item.spec
    if offline and spec.llm.offline is None:
        raise InvalidConfigError(
            f"agent '{item.name}' has no script to answer offline", path="spec.llm.offline", found="none",
            expected="offline: {script: FILE}", suggestions=["add it, or leave --offline out"],
        )  # fmt: skip


async def _starter(spec: AgentTypeSpec, home: Home, *, accept_none: bool) -> Starter:
    if spec.program.image:
        return await ContainerStarter.create(spec, home)
    return await ProcessStarter.create(spec, home, accept_none=accept_none)


def _workload(item: Object, home: Home, references: References, starter: Starter, *, offline: bool) -> Workload:
    """Return what is to be started; the variables name folders as the program sees them."""
    files = home.files
    place = Place(
        address=starter.address, listen="", shared=files.shared, work=files.work, state=files.sidecar, key=files.key,
        folder=home.folder, offline=offline, operations=files.control / SOCKET,
        asks=home.asks, identity=home.identity,
    )  # fmt: skip
    program = item.spec.program
    agent = msgspec.structs.replace(program, env={**starter.variables, **program.env})
    item = msgspec.structs.replace(item, spec=msgspec.structs.replace(item.spec, agent=agent))
    inside = msgspec.structs.replace(place, shared=starter.shared, work=starter.work)
    workload = render(item, place, references)
    return msgspec.structs.replace(workload, env=render(item, inside, references).env)


class AgentHost:
    """An agent that is ready for tasks, one after the other.

    Args:
        home: Of the agent.
        plan: What is to be started, and how.
        sidecar: Its sidecar, which runs.
    """

    def __init__(self, home: Home, plan: Plan, sidecar: Sidecar) -> None:
        self._home, self._plan, self._sidecar = home, plan, sidecar
        launcher = Launcher(home, plan.workload, plan.starter, sidecar)
        self._invocation = _DELIVERIES[plan.workload.invocation.delivery](launcher)
        self._clock = SystemClock()
        self._one_at_a_time = asyncio.Lock()

    @property
    def ended(self) -> bool:
        """Whether its sidecar has ended, so that it can run nothing more."""
        return self._sidecar.ended

    async def run(self, given: Any, watcher: Watcher, session: str = "") -> JobResult:
        """Give the program a task, and wait for what comes of it.

        Args:
            given: Its input, as JSON.
            watcher: Hears of what happens.
            session: The conversation that it belongs to; empty for none.

        Raises:
            OutriderError: It could not be started.
        """
        name = self._plan.workload.name
        async with self._one_at_a_time:
            with span(f"{INVOKE_AGENT} {name}", {OPERATION: INVOKE_AGENT, AGENT: name}) as work:
                await self._sidecar.begin_task(work.traceparent)
                return await self._run(given, watcher, session)

    async def close(self) -> None:
        """End the program, where it still runs."""
        await self._invocation.close()

    async def _run(self, given: Any, watcher: Watcher, session: str) -> JobResult:
        began = self._clock.monotonic()
        run_id = time_ordered(self._clock.now(), os.urandom(10))
        folder, text = self._home.files.run(run_id), encode(given)
        (folder / INPUT_FILE).write_bytes(text)
        watcher.began(self._plan.starter.sandbox, self._plan.starter.egress)
        task = Task(
            run=run_id, given=text, folder=folder, traceparent=current_traceparent(), stderr=watcher.stderr, session=session
        )  # fmt: skip
        meter = await Meter.begin(self._sidecar, watcher.activity, watcher.decide)
        following = asyncio.get_running_loop().create_task(meter.follow())
        try:
            ending = await self._invocation.run(task)
        except OutriderError:
            shutil.rmtree(folder)  # there is nothing to tell of it
            raise
        finally:
            following.cancel()
            await asyncio.wait({following})
        status = await meter.finish()
        result = JobResult(
            agent=self._plan.workload.name, run=run_id, state=ending.state, exit_code=ending.exit_code, result=ending.result,
            problem=ending.problem, seconds=round(self._clock.monotonic() - began, 3), calls=meter.calls, tools=meter.tools,
            input_tokens=meter.input, output_tokens=meter.output, cost=meter.cost,
            currency=status.currency if status is not None else "",
            offline=status is not None and status.models.offline, sandbox=self._plan.starter.sandbox,
            egress=self._plan.starter.egress, wrapper=status.wrapper.state if status is not None else "",
        )  # fmt: skip
        write_private(folder / RESULT_FILE, encode(result))
        return result
