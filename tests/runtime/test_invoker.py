import asyncio
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.errors import (
    DeadlineExceededError,
    DeniedError,
    ExecutionFailedError,
    InternalError,
    InvalidConfigError,
    OutriderError,
    UnavailableError,
)
from outrider.core.policy import ApprovalTerms, PolicyRule, Verdict
from outrider.runtime.invoker import RECORDED_TEXT, CallOptions
from tests.ports.process.waiting import until
from tests.runtime.sample_world import OWNER, STRANGER, SampleWorld

BOTH = pytest.mark.parametrize("verb", ["probe", "poke"])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SampleWorld]:
    sample = SampleWorld(tmp_path)
    yield sample
    sample.audit.close()


async def call(world: SampleWorld, verb: str, options: CallOptions = OWNER, **params: Any) -> Any:
    return await world.invoker.call(f"sample.{verb}", params, options=options)


def rule(verdict: Verdict, **changes: Any) -> PolicyRule:
    base = PolicyRule(name="p", principals=["group:oncall"], operations=["sample.*"], targets=["*"], verdict=verdict)
    return msgspec.structs.replace(base, **changes)


async def test_read_is_tried_again_with_growing_pauses(world: SampleWorld) -> None:
    assert (await call(world, "probe", fail=2)).attempt == 3
    assert len(world.clock.slept) == 2
    assert world.outcomes() == [("outcome", "ok")]


async def test_attempts_share_one_deadline(world: SampleWorld) -> None:
    await call(world, "probe", fail=2)
    assert [number for number, _ in world.attempts()] == ["1", "2", "3"]
    assert len({deadline for _, deadline in world.attempts()}) == 1


async def test_read_is_given_up_after_its_attempts(world: SampleWorld) -> None:
    with pytest.raises(UnavailableError):
        await call(world, "probe", fail=9)
    assert len(world.attempts()) == 3
    assert world.outcomes() == [("outcome", "UNAVAILABLE")]


async def test_change_that_is_not_idempotent_is_tried_once(world: SampleWorld) -> None:
    with pytest.raises(UnavailableError):
        await call(world, "poke", fail=1)
    assert len(world.attempts()) == 1
    assert world.outcomes() == [("intent", ""), ("outcome", "UNAVAILABLE")]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("missing", "NOT_FOUND"),
        ("forbidden", "DENIED"),
        ("full", "EXECUTION_FAILED"),
        ("slow", "TIMEOUT"),
        ("value", "INTERNAL"),
        ("runtime", "INTERNAL"),
        ("key", "INTERNAL"),
    ],
)
@BOTH
async def test_foreign_errors_become_ours(world: SampleWorld, verb: str, error: str, code: str) -> None:
    with pytest.raises(OutriderError) as caught:
        await call(world, verb, error=error)
    assert caught.value.code == code
    assert world.outcomes()[-1] == ("outcome", code)


async def test_foreign_errors_of_a_plan_become_ours(world: SampleWorld) -> None:
    from outrider.core.calls import Call

    with pytest.raises(OutriderError) as caught:
        await world.invoker.plan(Call("sample", "poke", {"error": "forbidden"}), OWNER)
    assert caught.value.code == "DENIED"
    assert world.outcomes() == []


async def test_error_says_where_it_comes_from(world: SampleWorld) -> None:
    options = msgspec.structs.replace(OWNER, trace_id="a" * 32)
    with pytest.raises(UnavailableError) as caught:
        await call(world, "poke", options, fail=1)
    error = caught.value
    assert (error.operator, error.operation, error.trace_id) == ("@sample", "poke", "a" * 32)


async def test_wrong_result_is_an_internal_error(world: SampleWorld) -> None:
    with pytest.raises(InternalError, match="wrong type"):
        await call(world, "probe", wrong_result=True)
    assert world.outcomes() == [("outcome", "INTERNAL")]


async def test_bad_parameters_run_nothing(world: SampleWorld) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        await call(world, "poke", fail="often", txet="x")
    assert [fault.path for fault in caught.value.causes] == ["fail", "txet"]
    assert (world.attempts(), world.outcomes()) == ([], [])


@BOTH
async def test_deadline_ends_a_call(world: SampleWorld, verb: str) -> None:
    with pytest.raises(DeadlineExceededError) as caught:
        await call(world, verb, msgspec.structs.replace(OWNER, timeout=0.02), hang=True)
    assert caught.value.suggestions
    assert world.outcomes()[-1] == ("outcome", "TIMEOUT")


async def test_nobody_gets_more_than_the_longest_deadline(world: SampleWorld) -> None:
    before = world.clock.monotonic()
    await call(world, "probe", msgspec.structs.replace(OWNER, timeout=1e9))
    assert float(world.attempts()[0][1]) - before < 11


@pytest.mark.parametrize(("verb", "phases"), [("probe", ["outcome"]), ("poke", ["intent", "outcome"])])
async def test_cancelled_call_is_recorded(world: SampleWorld, verb: str, phases: list[str]) -> None:
    task = asyncio.create_task(call(world, verb, hang=True))
    await until(lambda: world.attempts() != [])
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert [phase for phase, _ in world.outcomes()] == phases
    assert world.outcomes()[-1][1] == "CANCELLED"


async def test_change_cancelled_during_its_intent_record_does_not_happen(world: SampleWorld) -> None:
    task = asyncio.create_task(call(world, "poke"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert world.attempts() == []
    assert world.outcomes() == [("intent", ""), ("outcome", "CANCELLED")]


async def test_change_whose_intent_cannot_be_recorded_does_not_happen(
    world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("outrider.runtime.audit.os.write", full)
    with pytest.raises(ExecutionFailedError, match="audit record") as caught:
        await call(world, "poke")
    monkeypatch.undo()
    assert "free space" in caught.value.hint
    assert (world.attempts(), world.outcomes()) == ([], [])


async def test_stranger_is_denied_with_the_policy_to_add(world: SampleWorld) -> None:
    with pytest.raises(DeniedError) as caught:
        await call(world, "probe", STRANGER)
    assert "operations: [sample.probe]" in caught.value.hint
    assert (world.attempts(), world.outcomes()) == ([], [("outcome", "DENIED")])


async def test_grant_takes_the_place_of_a_policy(world: SampleWorld) -> None:
    await call(world, "probe", msgspec.structs.replace(STRANGER, granted=True))
    assert world.outcomes() == [("outcome", "ok")]


async def test_deny_wins_and_is_named(tmp_path: Path) -> None:
    world = SampleWorld(tmp_path, [rule(Verdict.ALLOW), rule(Verdict.DENY, name="freeze", operations=["*.poke"])])
    await call(world, "probe", STRANGER)
    with pytest.raises(DeniedError, match="Policy/freeze"):
        await call(world, "poke", STRANGER)
    world.audit.close()


async def test_approval_is_asked_for_and_honoured(tmp_path: Path) -> None:
    terms = ApprovalTerms(groups=["admins"])
    world = SampleWorld(tmp_path, [rule(Verdict.REQUIRE_APPROVAL, approval=terms)])
    with pytest.raises(DeniedError, match="approval") as caught:
        await call(world, "poke", STRANGER)
    await call(world, "poke", msgspec.structs.replace(STRANGER, approved=True))
    assert "admins" in caught.value.expected
    assert len(world.attempts()) == 1
    world.audit.close()


async def test_opened_secrets_are_masked_in_the_record(world: SampleWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLE_TOKEN", "hunter2-hunter2")
    world.environment.secrets.resolve("token")
    await call(world, "poke", text="a hunter2-hunter2 b")
    assert world.entries()[0].details["params"]["text"] == "a *** b"
    assert "hunter2" not in world.audit.path.read_text()


async def test_long_text_is_recorded_in_part(world: SampleWorld) -> None:
    await call(world, "probe", text="x" * 1_000_000)
    text = world.entries()[0].details["params"]["text"]
    assert len(text) < RECORDED_TEXT + 150
    assert "1000000 characters, sha256 " in text


async def test_parallel_changes_keep_the_chain(world: SampleWorld) -> None:
    await asyncio.gather(*(call(world, verb) for verb in ["poke", "probe"] * 15))
    assert len(world.outcomes()) == 45
