import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import msgspec
import pytest

from outrider.core.errors import (
    DeadlineExceededError,
    DeniedError,
    InvalidConfigError,
    NotFoundError,
    PreconditionFailedError,
)
from outrider.operators.host.operations.command_run import OPERATION, CommandRunParams
from outrider.operators.host.tests.host_calls import allowing, context, environment, plan, run
from outrider.ports.process import ProcessGroup
from outrider.runtime.context import AllowedCommand

pytestmark = pytest.mark.real
NO_PID = 4194304  # PID_MAX_LIMIT itself is never given out


@pytest.fixture
async def sleeper() -> AsyncIterator[ProcessGroup]:
    group = await ProcessGroup.start(["sleep", "1000"])
    yield group
    await group.terminate(0)


async def test_list_sorts_and_counts() -> None:
    found = await run("processes", sort="memory", limit=2)
    assert len(found.processes) == 2
    assert found.processes[0].memory >= found.processes[1].memory
    assert found.matching >= 2


async def test_list_filters(sleeper: ProcessGroup) -> None:
    found = await run("processes", name="slee*", sort="pid", limit=1000)
    assert sleeper.pid in [process.pid for process in found.processes]
    assert {process.name for process in found.processes} == {"sleep"}
    assert (await run("processes", user="nobody-of-this-name")).processes == []


async def test_process_has_its_facts_and_children(sleeper: ProcessGroup) -> None:
    found = await run("process", pid=sleeper.pid)
    parent = await run("process", pid=os.getpid())
    assert (found.command, found.parent, found.birth) == ("sleep 1000", os.getpid(), sleeper.birth)
    assert sleeper.pid in parent.children


async def test_long_and_strange_command_lines_are_shown_in_part() -> None:
    group = await ProcessGroup.start([sys.executable, "-c", "input()", os.fsdecode(b"\xff"), "x" * 5000])
    try:
        command = (await run("process", pid=group.pid)).command
    finally:
        await group.terminate(0)
    assert len(command) == 1000
    assert "\N{REPLACEMENT CHARACTER}" in command


@pytest.mark.parametrize("verb", ["process", "process_signal"])
async def test_vanished_process_is_not_found(verb: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        await run(verb, pid=NO_PID)
    assert caught.value.suggestions


@pytest.mark.parametrize("pid", [-1, 0, 1])
async def test_group_everyone_and_init_cannot_be_signalled(pid: int) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        await run("process_signal", pid=pid)
    assert caught.value.path == "pid"


async def test_signal_arrives(sleeper: ProcessGroup) -> None:
    change = await plan("process_signal", pid=sleeper.pid, signal="HUP")
    assert change.preconditions == {"birth": sleeper.birth}
    await run("process_signal", pid=sleeper.pid, signal="HUP", preconditions=change.preconditions)
    assert await asyncio.wait_for(sleeper.wait(), 5) == -signal.SIGHUP


async def test_signal_spares_a_later_process(sleeper: ProcessGroup) -> None:
    with pytest.raises(PreconditionFailedError):
        await run("process_signal", pid=sleeper.pid, preconditions={"birth": 1})
    assert sleeper.exit_code is None


async def test_command_runs_without_a_shell() -> None:
    where = allowing(say=AllowedCommand(["printf", "%s|"], [".*", ".*"]))
    done = await run("command_run", where=where, name="say", arguments=["$(id); a b", ""])
    assert (done.exit_code, done.stdout, done.truncated) == (0, "$(id); a b||", False)


async def test_exit_code_is_a_result() -> None:
    done = await run("command_run", where=allowing(fail=AllowedCommand(["false"])), name="fail")
    assert done.exit_code == 1


async def test_output_is_bounded_and_any_bytes_are_text() -> None:
    where = allowing(flood=AllowedCommand(["head", "-c", "1000000", "/dev/urandom"]))
    done = await run("command_run", where=where, name="flood")
    assert done.truncated
    assert len(done.stdout) <= 256 * 1024


@pytest.mark.parametrize(
    ("name", "arguments", "field"),
    [
        ("unknown", [], "name"),
        ("say", [], "arguments"),
        ("say", ["a", "b"], "arguments"),
        ("say", ["ab"], "arguments[0]"),
        ("say", ["a\n"], "arguments[0]"),
        ("say", ["a\0"], "arguments[0]"),
        ("any", ["a\0"], "arguments[0]"),
    ],
)
async def test_what_the_allow_list_does_not_say_is_denied(name: str, arguments: list[str], field: str) -> None:
    where = allowing(say=AllowedCommand(["printf", "%s"], ["[a-z]"]), any=AllowedCommand(["printf"], ["(?s:.*)"]))
    with pytest.raises(DeniedError, match=r"allow-list, spec\.commands") as caught:
        await run("command_run", where=where, name=name, arguments=arguments)
    assert caught.value.path == field
    assert caught.value.suggestions


async def test_nothing_is_allowed_without_a_list() -> None:
    with pytest.raises(DeniedError):
        await run("command_run", where=environment(), name="ls")


async def test_pattern_that_is_no_expression_is_named() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        await run("command_run", where=allowing(say=AllowedCommand(["printf"], ["["])), name="say", arguments=["a"])
    assert caught.value.path == "commands.say.arguments[0]"


async def test_command_ends_at_the_deadline() -> None:
    where = allowing(wait=AllowedCommand(["sleep", "1000"]))
    short = msgspec.structs.replace(context(where), deadline=where.clock.monotonic() + 0.1)
    with pytest.raises(DeadlineExceededError):
        await OPERATION.run(CommandRunParams(name="wait"), short)
