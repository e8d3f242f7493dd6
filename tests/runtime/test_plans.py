import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.calls import Call
from outrider.core.codec import decode, encode
from outrider.core.errors import (
    ConflictError,
    ExecutionFailedError,
    NotFoundError,
    OutriderError,
    PreconditionFailedError,
    UnsupportedError,
)
from outrider.core.plans import LIFETIME, Plan
from outrider.ports.clock.manual import ManualClock
from outrider.ports.secrets import Resolver
from outrider.runtime.audit import AuditLog
from outrider.runtime.context import AllowedCommand, Environment
from outrider.runtime.discovery import registry
from outrider.runtime.invoker import Invoker
from outrider.runtime.plans import Planner, PlanStore
from tests.runtime.sample_world import OWNER


class Desk:
    """A planner with a folder of files to change."""

    def __init__(self, root: Path) -> None:
        self.clock = ManualClock()
        self.folder = root / "files"
        self.folder.mkdir()
        self.plans = root / "plans"
        commands = {"true": AllowedCommand(["true"])}
        environment = Environment(clock=self.clock, state=root, secrets=Resolver({}), commands=commands)
        self.audit = AuditLog(root / "audit.jsonl", "test", self.clock)
        self.planner = Planner(Invoker(registry(), environment, self.audit), PlanStore(self.plans))

    def write(self, name: str, content: str) -> Call:
        return Call("host", "file_write", {"path": str(self.folder / name), "content": content})

    def delete(self, name: str) -> Call:
        return Call("host", "file_delete", {"path": str(self.folder / name)})

    def contents(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.folder.iterdir()}

    async def plan(self, *calls: Call) -> Plan:
        return await self.planner.plan(calls, OWNER)

    async def apply(self, plan: Plan) -> list[str]:
        return [outcome.state for outcome in await self.planner.apply(plan, OWNER)]

    def intents(self) -> int:
        return self.audit.path.read_text().count('"phase":"intent"') if self.audit.path.exists() else 0


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.audit.close()


async def test_plan_does_nothing_and_is_kept(desk: Desk) -> None:
    plan = await desk.plan(desk.write("a", "1"))
    assert desk.contents() == {}
    assert encode(desk.planner.load(plan.id[:8])) == encode(plan)
    assert [item.change.difference[0].after for item in plan.items] == ["1"]


async def test_reads_are_left_out(desk: Desk) -> None:
    plan = await desk.plan(Call("host", "facts", {}), desk.write("a", "1"))
    assert [item.operation for item in plan.items] == ["host.file_write"]


async def test_apply_does_what_was_planned(desk: Desk) -> None:
    assert await desk.apply(await desk.plan(desk.write("a", "1"), desk.write("b", "2"))) == ["done", "done"]
    assert desk.contents() == {"a": "1", "b": "2"}


async def test_second_apply_does_nothing_again(desk: Desk) -> None:
    plan = await desk.plan(desk.write("a", "1"))
    await desk.apply(plan)
    (desk.folder / "a").write_text("by another")
    assert await desk.apply(plan) == ["done"]
    assert desk.contents() == {"a": "by another"}
    assert desk.intents() == 1


async def test_parallel_apply_is_done_once(desk: Desk) -> None:
    plan = await desk.plan(*(desk.write(str(number), "x") for number in range(5)))
    results: list[Any] = await asyncio.gather(*(desk.apply(plan) for _ in range(4)), return_exceptions=True)
    assert [type(result) for result in results if isinstance(result, OutriderError)] == [ConflictError] * 3
    assert [result for result in results if isinstance(result, list)] == [["done"] * 5]
    assert desk.intents() == 5


async def test_copy_stands_for_the_plan(desk: Desk, tmp_path: Path) -> None:
    plan = await desk.plan(desk.write("a", "1"))
    (tmp_path / "copy.json").write_bytes(encode(plan))
    assert desk.planner.load(str(tmp_path / "copy.json")).id == plan.id


async def test_tampered_copy_is_refused(desk: Desk, tmp_path: Path) -> None:
    plan = await desk.plan(desk.write("a", "1"))
    for old, new in ((b'"content":"1"', b'"content":"2"'), (b"file_write", b"file_delete"), (b"user:ana", b"user:eve")):
        (tmp_path / "copy.json").write_bytes(encode(plan).replace(old, new))
        with pytest.raises(PreconditionFailedError) as caught:
            desk.planner.load(str(tmp_path / "copy.json"))
        assert caught.value.suggestions


async def test_copy_cannot_live_longer(desk: Desk, tmp_path: Path) -> None:
    plan = await desk.plan(desk.write("a", "1"))
    later = msgspec.structs.replace(plan, expires=plan.expires + 1e6)
    (tmp_path / "copy.json").write_bytes(encode(later))
    assert desk.planner.load(str(tmp_path / "copy.json")).expires == plan.expires


async def test_copy_with_its_own_digest_is_refused(desk: Desk, tmp_path: Path) -> None:
    plan = decode(encode(await desk.plan(desk.write("a", "1"))), Plan)
    plan.items[0].params["content"] = "2"
    plan.digest = plan.compute_digest()
    (tmp_path / "copy.json").write_bytes(encode(plan))
    with pytest.raises(PreconditionFailedError):
        desk.planner.load(str(tmp_path / "copy.json"))


async def test_expired_plan_is_refused(desk: Desk) -> None:
    plan = await desk.plan(desk.write("a", "1"))
    desk.clock.advance(LIFETIME)
    with pytest.raises(PreconditionFailedError, match="expired"):
        await desk.apply(plan)
    assert desk.contents() == {}


async def test_finished_plan_does_not_expire(desk: Desk) -> None:
    plan = await desk.plan(desk.write("a", "1"))
    await desk.apply(plan)
    desk.clock.advance(LIFETIME)
    assert await desk.apply(plan) == ["done"]


async def test_moved_precondition_fails_its_item_only(desk: Desk) -> None:
    (desk.folder / "a").write_text("0")
    plan = await desk.plan(desk.write("a", "1"), desk.write("b", "2"))
    (desk.folder / "a").write_text("by another")
    outcomes = await desk.planner.apply(plan, OWNER)
    assert [outcome.state for outcome in outcomes] == ["failed", "done"]
    assert outcomes[0].error["code"] == "PRECONDITION_FAILED"
    assert desk.contents() == {"a": "by another", "b": "2"}


async def test_failed_item_is_tried_again_and_done_ones_are_not(desk: Desk) -> None:
    (desk.folder / "a").write_text("0")
    plan = await desk.plan(desk.write("a", "1"), desk.write("b", "2"))
    (desk.folder / "a").write_text("by another")
    await desk.apply(plan)
    (desk.folder / "a").write_text("0")
    assert await desk.apply(plan) == ["done", "done"]
    assert desk.contents() == {"a": "1", "b": "2"}
    assert desk.intents() == 3


async def test_item_whose_need_failed_is_skipped(desk: Desk) -> None:
    plan = await desk.plan(desk.write("a", "1"), desk.write("b", "2"))
    plan.items[1].depends_on = ["1"]
    (desk.folder / "a").write_text("by another")
    assert await desk.apply(plan) == ["failed", "skipped"]
    assert desk.contents() == {"a": "by another"}


async def test_independent_items_are_applied_four_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    together = asyncio.Barrier(4)
    running: set[str] = set()
    most = 0
    run = Invoker.run

    async def watched(invoker: Invoker, call: Call, options: Any) -> Any:
        nonlocal most
        running.add(call.params["path"])
        most = max(most, len(running))
        async with asyncio.timeout(10):
            await together.wait()
        running.discard(call.params["path"])
        return await run(invoker, call, options)

    plan = await desk.plan(*(desk.write(str(number), "x") for number in range(8)))
    monkeypatch.setattr(Invoker, "run", watched)
    assert await desk.apply(plan) == ["done"] * 8
    assert most == 4


async def test_items_with_one_target_follow_each_other(desk: Desk) -> None:
    plan = await desk.plan(desk.write("a", "1"), desk.write("b", "x"), desk.write("a", "2"))
    assert [item.depends_on for item in plan.items] == [[], [], ["1"]]


async def test_outcome_that_cannot_be_kept_ends_the_application(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = await desk.plan(*(desk.write(str(number), "x") for number in range(6)))

    def full(*_: object) -> None:
        raise ExecutionFailedError("No space left on device")

    monkeypatch.setattr("outrider.runtime.plans.write_private", full)
    with pytest.raises(ExecutionFailedError, match="cannot be kept"):
        await desk.apply(plan)
    assert len(desk.contents()) < 6


async def test_inverse_restores_last_change_first(desk: Desk) -> None:
    (desk.folder / "a").write_text("0")
    (desk.folder / "b").write_text("gone soon")
    plan = await desk.plan(desk.write("a", "1"), desk.write("new", "x"), desk.delete("b"))
    assert await desk.apply(plan) == ["done"] * 3
    inverse = await desk.planner.inverse(plan, OWNER)
    assert [item.operation for item in inverse.items] == ["host.file_write", "host.file_delete", "host.file_write"]
    assert await desk.apply(inverse) == ["done"] * 3
    assert desk.contents() == {"a": "0", "b": "gone soon"}


async def test_inverse_leaves_out_what_was_not_done(desk: Desk) -> None:
    plan = await desk.plan(desk.write("a", "1"))
    assert (await desk.planner.inverse(plan, OWNER)).items == []


async def test_what_cannot_be_undone_is_named(desk: Desk) -> None:
    (desk.folder / "a").write_bytes(b"\xff")
    plan = await desk.plan(desk.delete("a"))
    await desk.apply(plan)
    with pytest.raises(UnsupportedError, match="file/") as caught:
        await desk.planner.inverse(plan, OWNER)
    assert caught.value.suggestions


async def test_a_change_that_cannot_be_told_is_planned_with_a_warning(desk: Desk) -> None:
    plan = await desk.plan(Call("host", "command_run", {"name": "true"}))
    (item,) = plan.items
    assert (item.change.target, item.effect, item.change.difference) == ("command/true", "destroy", [])
    assert "cannot be told" in item.change.warnings[0]
    assert item.change.warnings[0].endswith('it is called with {"name":"true"}')


@pytest.mark.parametrize("reference", ["", "abc", "ABCDEFGH", "../../x", "*" * 8, "a" * 300])
def test_unknown_plan_is_not_found(desk: Desk, reference: str) -> None:
    with pytest.raises(NotFoundError):
        desk.planner.load(reference)


async def test_equal_input_in_an_equal_world_gives_an_equal_digest(desk: Desk) -> None:
    first = await desk.plan(desk.write("a", "1"))
    desk.clock.advance(1)
    second = await desk.plan(desk.write("a", "1"))
    third = await desk.plan(desk.write("a", "2"))
    assert first.id != second.id
    assert first.digest == second.digest != third.digest


async def test_plan_that_cannot_be_kept_is_an_error_and_leaves_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("outrider.ports.secrets.private_files.os.fsync", full)
    with pytest.raises(ExecutionFailedError, match="cannot be kept"):
        await desk.plan(desk.write("a", "1"))
    assert [path.name for path in desk.plans.glob("*")] == []
