import asyncio
from pathlib import Path

import pytest

from outrider.core.calls import Call
from outrider.core.plans import Plan
from outrider.runtime.contexts import PlatformContext
from outrider.surfaces.door import Door
from outrider.surfaces.http.applications import Applications
from outrider.surfaces.python.calls import local_options

PLATFORM = """\
apiVersion: outrider.dev/v1alpha1
kind: Platform
metadata: {name: shop}
spec: {commands: {nap: {argv: [sleep], arguments: ["[0-9.]+"]}}}
"""


@pytest.fixture
def door(shop: PlatformContext) -> Door:
    (shop.folder / "outrider.yaml").write_text(PLATFORM)
    return Door(shop)


async def nap(door: Door, seconds: str) -> Plan:
    call = Call("host", "command_run", {"name": "nap", "arguments": [seconds]})
    return await door.planner.plan([call], local_options())


async def test_what_takes_long_goes_on_without_its_caller(door: Door) -> None:
    applications = Applications(door, patience=0.05)
    plan = await nap(door, "0.5")
    first, second = await asyncio.gather(*(applications.apply(plan, local_options()) for _ in range(2)))
    assert (first.state, second.state) == ("running", "running")
    assert f"/v1/plans/{plan.id}" in first.next
    await applications.close()
    assert applications.state(plan).state == "applied"
    assert (await applications.apply(plan, local_options())).state == "applied"


async def test_at_the_end_what_runs_is_cancelled_and_recorded(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outrider.surfaces.http.applications.STOP_SECONDS", 0.05)
    applications = Applications(door, patience=0.05)
    plan = await nap(door, "30")
    assert (await applications.apply(plan, local_options())).state == "running"
    await applications.close()
    assert applications.state(plan).state == "planned"
    assert "CANCELLED" in (Path(door.invoker.environment.state) / "audit.jsonl").read_text()
