"""Agents whose programs are themselves agents of A2A, on a kit that we did not write."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import ExecutionFailedError
from outrider.local.agents.invocations import server as server_invocation
from outrider.local.agents.job import AgentHost
from tests.local.agents.hosts import host, run
from tests.local.agents.support import AgentFolder
from tests.peers.a2a_peer import PROGRAM, python
from tests.servers.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


def agent(folder: Path, version: str = "1.0", *, token: str = "", **invocation: Any) -> AgentFolder:
    port = free_port()
    command = [str(python()), "a2a_server.py", str(port), version, token]
    made = AgentFolder(folder, agent={"command": command}, invocation={"mode": "a2a", "port": port, **invocation})
    shutil.copy(PROGRAM, made.folder)
    return made


@pytest.mark.parametrize("version", ["1.0", "0.3.0"])
def test_a_task_is_a_message_to_the_program(tmp_path: Path, version: str) -> None:
    result = agent(tmp_path, version).run("--offline", "--input", "echo hello")
    assert result["state"] == "succeeded"
    assert result["result"].endswith(": hello")


async def test_what_becomes_of_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with host(agent(tmp_path, timeout="3s"), monkeypatch) as made:
        with_data = await run(made, {"input": "echo x", "more": 1})
        assert (with_data.state, with_data.result["data"], with_data.result["state"]) == (
            "succeeded",
            [{"given": 1}],
            "completed",
        )
        plain = await run(made, "plain words")
        assert (plain.state, plain.result) == ("succeeded", "words")
        failed = await run(made, "fail no luck")
        assert (failed.state, failed.problem, failed.result["text"]) == ("failed", "its task is failed", "no luck")
        late = await run(made, "wait")
        assert (late.state, late.exit_code) == ("timed_out", 124)
        again = await run(made, "slow 0.2")
        assert (again.state, again.result) == ("succeeded", "done")


async def test_a_conversation_goes_on_in_its_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with host(agent(tmp_path), monkeypatch) as made:

        async def context(session: str) -> str:
            found: str = (await run(made, "echo hi", session)).result
            return found.partition(":")[0]

        first, other = await context("one"), await context("two")
        assert first != other
        assert (await context("one"), await context("two")) == (first, other)
        assert await context("") not in (first, other)


async def test_a_program_that_asks_back_is_answered_in_the_next_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with host(agent(tmp_path), monkeypatch) as made:
        asked = await run(made, "ask", "one")
        assert (asked.state, asked.result["state"], asked.result["text"]) == (
            "succeeded",
            "input-required",
            "which one?",
        )
        answered = await run(made, "echo this one", "one")
        assert (answered.state, answered.result.partition(": ")[2]) == ("succeeded", "this one")
        assert (await run(made, "echo new", "one")).state == "succeeded", (
            "the task before has ended: this is another one"
        )


async def test_a_program_that_ends_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with host(agent(tmp_path), monkeypatch) as made:
        assert (await run(made, "echo a", "one")).state == "succeeded"
        await kill(made)
        assert (await run(made, "echo b", "one")).state == "succeeded"


async def kill(made: AgentHost) -> None:
    server = made._invocation._server  # type: ignore[attr-defined]
    await server._program.kill()
    await server.ending


async def test_a_program_without_a_card_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_invocation, "READY_SECONDS", 3.0)
    async with host(agent(tmp_path, path="/elsewhere"), monkeypatch) as made:
        with pytest.raises(ExecutionFailedError, match="was not ready") as caught:
            await run(made, "echo a")
        assert "no agent card" in caught.value.found or "404" in caught.value.found
        assert "agent-card.json" in caught.value.expected
