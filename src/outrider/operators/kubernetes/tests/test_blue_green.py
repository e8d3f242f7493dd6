from typing import Any

import pytest

from outrider.core.errors import ConflictError, InvalidConfigError, PreconditionFailedError
from outrider.operators.kubernetes.canaries import TRACK
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.ports.kube.resources import DEPLOYMENTS, PODS, SERVICES

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

PAIR: dict[str, Any] = {"target": "deployment/web", "hold": "1s"}


def changes(command: str) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "web", "command": ["sh", "-c", command]}]}}


def serving(text: str) -> dict[str, Any]:
    """Return a version that answers with a text on every path."""
    answer = f"HTTP/1.0 200 OK\\r\\n\\r\\n{text}"
    return changes(f"while true; do printf '{answer}' | nc -l -p 8080; done")


async def prepared(shop: Shop) -> None:
    await shop.web()
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    await shop.make(SERVICES, {"metadata": {"name": "web"}, "spec": spec})
    await shop.settled()


async def selected(shop: Shop) -> list[str]:
    """Return the Deployments whose pods the Service selects."""
    service = await shop.client.get(SERVICES, "web", shop.namespace)
    labels = ",".join(f"{key}={value}" for key, value in service["spec"]["selector"].items())
    pods = await shop.client.list(PODS, shop.namespace, labels=labels)
    there = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    return sorted({pod["metadata"]["name"].rsplit("-", 2)[0] for pod in there})


async def test_the_service_leads_to_the_new_version_and_back_at_once(shop: Shop) -> None:
    await prepared(shop)
    plan = await shop.plan("blue_green", **PAIR, changes=serving("two"), check="/any")
    assert (plan.difference[0].before, plan.difference[0].after) == ("web", "web-green")
    assert any("replaced once" in one for one in plan.warnings)
    done = await shop.run("blue_green", **PAIR, changes=serving("two"), check="/any", checks=2, seen=plan)
    assert (done.state, done.active, await selected(shop)) == ("switched", "deployment/web-green", ["web-green"])
    pods = await shop.client.list(PODS, shop.namespace, labels=f"{TRACK}=blue")
    started = {pod["metadata"]["uid"] for pod in pods}
    back = await shop.undo("blue_green", done, **PAIR, changes=serving("two"))
    assert (back.active, await selected(shop)) == ("deployment/web", ["web"])
    assert started == {
        pod["metadata"]["uid"] for pod in await shop.client.list(PODS, shop.namespace, labels=f"{TRACK}=blue")
    }
    # The next version takes the place of the idle one, which is green again.
    done = await shop.run("blue_green", **PAIR, changes=serving("three"))
    assert (done.active, await selected(shop)) == ("deployment/web-green", ["web-green"])
    done = await shop.run("blue_green", **PAIR, changes=serving("four"))
    assert (done.active, await selected(shop)) == ("deployment/web", ["web"])


async def test_a_version_that_does_not_run_or_answer_gets_no_requests(shop: Shop) -> None:
    await prepared(shop)
    done = await shop.run("blue_green", **PAIR, changes=changes("exit 3"))
    assert (done.state, await selected(shop)) == ("rolled back", ["web"])
    assert "exit code 3" in done.reason
    silent = changes("while true; do sleep 1; done; true")
    done = await shop.run("blue_green", **PAIR, changes=silent, check="/any")
    assert (done.state, await selected(shop)) == ("rolled back", ["web"])
    assert "check 1 of 3" in done.reason
    green = await shop.client.get(DEPLOYMENTS, "web-green", shop.namespace)
    assert green["spec"]["replicas"] == 0
    error = await shop.refused("blue_green_switch", target="deployment/web")
    assert isinstance(error, ConflictError)
    assert "scale deployment/web-green 1" in error.suggestions[0]


async def test_a_version_that_breaks_afterwards_is_taken_back(shop: Shop) -> None:
    await prepared(shop)
    breaking = changes("sleep 4; exit 3")
    done = await shop.run("blue_green", **{**PAIR, "hold": "20s"}, changes=breaking)
    assert (done.state, done.active, await selected(shop)) == ("rolled back", "deployment/web", ["web"])


async def test_plans_and_services_of_others(shop: Shop) -> None:
    await prepared(shop)
    plan = await shop.plan("blue_green", **PAIR, changes=serving("two"))
    await shop.make(
        SERVICES, {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 81}]}}
    )
    with pytest.raises(PreconditionFailedError):
        await shop.run("blue_green", **PAIR, changes=serving("two"), seen=plan)
    await shop.make(
        SERVICES, {"metadata": {"name": "other"}, "spec": {"selector": {"app": "other"}, "ports": [{"port": 80}]}}
    )
    error = await shop.refused("blue_green", **PAIR, service="other", changes=serving("two"))
    assert isinstance(error, InvalidConfigError)
    assert error.path == "service"
