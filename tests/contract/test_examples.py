"""Every example of every manifest, on a real world."""

import asyncio
import time
from typing import Any

import jsonschema
import msgspec
import pytest

from outrider.core.codec import to_builtins
from outrider.core.errors import DeniedError, OutriderError
from outrider.core.operation import Example
from outrider.core.schema import convert, json_schema
from outrider.ports.secrets import Resolver
from outrider.runtime.invoker import CallOptions
from tests.contract.cases import Case, every_example, every_operation, every_read, plain_params
from tests.contract.worlds import OWNER, STRANGER, World, descendants, opened, until

pytestmark = pytest.mark.real
SECRET = "correct-horse-battery-staple"
USUAL_CODES = {"INVALID_CONFIG", "DENIED", "TIMEOUT", "CANCELLED", "INTERNAL"}


@every_example
async def test_runs_and_gives_what_it_declares(case: Case, example: Example) -> None:
    async with opened(case) as world:
        result = await world.invoker.run(world.call(case, example), OWNER)
    assert isinstance(result, case.load().code.result)
    jsonschema.validate(to_builtins(result), json_schema(case.load().code.result))
    # What is kept of an applied plan is shown in the operation's own words.
    kept = to_builtins(result)
    assert to_builtins(convert(kept, case.load().code.result)) == kept


@every_example
async def test_plan_changes_nothing(case: Case, example: Example) -> None:
    async with opened(case) as world:
        before = await world.view()
        change = await world.invoker.plan(world.call(case, example), OWNER)
        assert change.target
        assert case.declaration.has_plan or change.warnings
        assert await world.view() == before


@every_read
async def test_read_changes_nothing(case: Case, example: Example) -> None:
    async with opened(case) as world:
        before = await world.view()
        await world.invoker.run(world.call(case, example), OWNER)
        assert await world.view() == before


@every_example
async def test_is_recorded(case: Case, example: Example) -> None:
    async with opened(case) as world:
        await world.invoker.run(world.call(case, example), OWNER)
        entries = [record.entry for record in world.records()]
    expected = [("intent", ""), ("outcome", "ok")] if case.declaration.effect.changes else [("outcome", "ok")]
    assert [(entry.phase, entry.outcome) for entry in entries] == expected
    assert {(entry.action, entry.principal) for entry in entries} == {(case.name, "user:ana")}
    assert len({entry.trace_id for entry in entries}) == 1


@every_example
async def test_stranger_is_denied(case: Case, example: Example) -> None:
    async with opened(case) as world:
        before = await world.view()
        with pytest.raises(DeniedError) as caught:
            await world.invoker.run(world.call(case, example), STRANGER)
        assert await world.view() == before
        assert [record.entry.outcome for record in world.records()] == ["DENIED"]
    assert caught.value.suggestions
    assert caught.value.operation == case.declaration.name


@every_example
async def test_deadline_is_kept(case: Case, example: Example) -> None:
    async with opened(case) as world:
        began = time.monotonic()
        params = world.call(case, example).params
        outcome = await _code(world, case, params, msgspec.structs.replace(OWNER, timeout=0.001))
        assert time.monotonic() - began < 1
        assert outcome in ("ok", "TIMEOUT")
        assert world.records()[-1].entry.outcome == outcome


@every_example
@pytest.mark.parametrize("turns", [1, 3, 30])
async def test_cancellation_leaves_nothing_behind(case: Case, example: Example, turns: int) -> None:
    async with opened(case) as world:
        processes, tasks = len(descendants()), len(asyncio.all_tasks())
        call = asyncio.create_task(world.invoker.run(world.call(case, example), OWNER))
        for _ in range(turns):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait({call})
        await until(lambda: len(asyncio.all_tasks()) <= tasks and len(descendants()) <= processes)
        phases = [record.entry.phase for record in world.records()]
    assert phases.count("intent") in (0, phases.count("outcome"))


@every_operation
async def test_secrets_stay_out_of_the_audit(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = _secrets(monkeypatch)
    async with opened(case, secrets=secrets) as world:
        secrets.resolve("contract")
        for params in _with_secrets(case):
            for options in (OWNER, STRANGER):
                code = await _code(world, case, params, options)
                assert code in {"ok", *USUAL_CODES, *case.declaration.errors}
        text = world.audit.path.read_text() if world.audit.path.exists() else ""
    assert SECRET not in text


def _secrets(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    from outrider.ports.secrets.sources import SecretSource

    monkeypatch.setenv("CONTRACT_SECRET", SECRET)
    return Resolver({"contract": SecretSource(env="CONTRACT_SECRET")})


def _with_secrets(case: Case) -> list[dict[str, Any]]:
    """Return parameters that hold a secret, as handle and as a value that was opened, one field at a time."""
    example = plain_params(case.declaration.examples[0])
    schema = json_schema(case.load().code.params)
    texts = [name for name, field in schema["properties"].items() if field.get("type") == "string"]
    handles = [name for name, field in schema["properties"].items() if "SecretRef" in str(field)]
    return [
        *({**example, name: SECRET} for name in texts),
        *({**example, name: {"secret": "contract"}} for name in handles),
    ]


async def _code(world: World, case: Case, params: dict[str, Any], options: CallOptions) -> str:
    try:
        await world.invoker.call(case.name, params, options=options)
    except OutriderError as error:
        return error.code
    return "ok"
