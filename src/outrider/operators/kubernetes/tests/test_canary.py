from typing import Any

import pytest

from outrider.core.errors import ConflictError, DeadlineExceededError, InvalidConfigError, NotFoundError
from outrider.operators.kubernetes.canaries import replicas_for
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.ports.kube.resources import DEPLOYMENTS

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

QUICK: dict[str, Any] = {"target": "deployment/web", "hold": "1s", "interval": "200ms", "limit": "2s"}


def level(value: str) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "web", "env": [{"name": "LEVEL", "value": value}]}]}}


CRASHING = {"spec": {"containers": [{"name": "web", "command": ["sh", "-c", "echo no; exit 3"]}]}}


async def names(shop: Shop) -> list[str]:
    return sorted(one["metadata"]["name"] for one in await shop.client.list(DEPLOYMENTS, shop.namespace))


async def value(shop: Shop) -> str:
    found = await shop.client.get(DEPLOYMENTS, "web", shop.namespace)
    return str(found["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"])


@pytest.mark.parametrize(
    ("percent", "present", "pods"), [(10, 3, 1), (50, 3, 3), (25, 9, 3), (99, 1, 99), (1, 1000, 11)]
)
def test_pods_of_a_share(percent: int, present: int, pods: int) -> None:
    assert replicas_for(percent, present) == pods


async def test_a_good_version_is_promoted_as_planned(shop: Shop) -> None:
    await shop.web(replicas=2)
    await shop.settled()
    plan = await shop.plan("canary", **QUICK, steps=[30], changes=level("debug"))
    assert [(one.before, one.after) for one in plan.difference] == [("info", "debug")]
    assert "30 %: 1 pods" in plan.warnings[0]
    done = await shop.run("canary", **QUICK, steps=[30], changes=level("debug"), seen=plan)
    assert (done.state, await value(shop), await names(shop)) == ("promoted", "debug", ["web"])
    assert "1 of 3 pods (33%): nothing wrong" in done.log[0]
    assert isinstance(await shop.refused("canary", **QUICK, changes=level("debug")), InvalidConfigError)


async def test_a_version_that_crashes_never_reaches_the_deployment(shop: Shop) -> None:
    before = await shop.web()
    await shop.settled()
    done = await shop.run("canary", **QUICK, changes=CRASHING)
    assert done.state == "rolled back"
    assert "exit code 3" in done.reason
    after = await shop.client.get(DEPLOYMENTS, "web", shop.namespace)
    assert after["spec"] == before["spec"]
    assert await names(shop) == ["web"]
    with pytest.raises(ConflictError, match="taken back before"):
        await shop.plan("canary", **QUICK, changes=CRASHING)
    assert (await shop.run("canary", **QUICK, changes=CRASHING, force=True)).state == "rolled back"


async def test_a_call_goes_on_where_the_one_before_was_cut_off(shop: Shop) -> None:
    await shop.web()
    await shop.settled()
    slow = {**QUICK, "hold": "1h", "limit": "1h"}
    with pytest.raises(DeadlineExceededError):
        await shop.run("canary", **slow, changes=level("debug"), seconds=8.0)
    status = await shop.run("canary_status", target="deployment/web")
    assert (status.phase, status.step, status.pods, await value(shop)) == ("judging", 1, 1, "info")
    assert (await shop.run("canary", **QUICK, changes=level("debug"))).state == "promoted"
    assert isinstance(await shop.refused("canary_status", target="deployment/web"), NotFoundError)


async def test_an_aborted_canary_leaves_nothing(shop: Shop) -> None:
    await shop.web()
    await shop.settled()
    with pytest.raises(DeadlineExceededError):
        await shop.run("canary", **{**QUICK, "hold": "1h", "limit": "1h"}, changes=level("debug"), seconds=4.0)
    plan = await shop.plan("canary_abort", target="deployment/web")
    done = await shop.run("canary_abort", target="deployment/web", seen=plan)
    assert (done.removed, await names(shop), await value(shop)) == (["deployment/web-canary"], ["web"], "info")


async def test_another_version_takes_the_place_of_a_canary(shop: Shop) -> None:
    await shop.web()
    await shop.settled()
    with pytest.raises(DeadlineExceededError):
        await shop.run("canary", **{**QUICK, "hold": "1h", "limit": "1h"}, changes=level("debug"), seconds=4.0)
    plan = await shop.plan("canary", **QUICK, changes=level("warning"))
    assert any("takes the place" in one for one in plan.warnings)
    assert (await shop.run("canary", **QUICK, changes=level("warning"))).state == "promoted"
    assert (await value(shop), await names(shop)) == ("warning", ["web"])


@pytest.mark.parametrize(
    "wrong",
    [{}, {"image": "x:1", "container": "nosuch"}, {"changes": level("debug"), "signals": [{"name": "e", "bad": "$pods$window", "total": "$pods$window"}]},
     {"changes": level("debug"), "limit": "1ms"}],
)  # fmt: skip
async def test_what_cannot_be_delivered_is_refused(shop: Shop, wrong: dict[str, Any]) -> None:
    await shop.web()
    with pytest.raises(InvalidConfigError):
        await shop.plan("canary", **{**QUICK, **wrong})
