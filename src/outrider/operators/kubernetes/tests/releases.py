"""Releases of the chart of the tests, and what is asked of them."""

from typing import Any

from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.scenery import CHART
from outrider.ports.kube.resources import CONFIG_MAPS

WEB: dict[str, Any] = {"release": "web", "chart": str(CHART)}
ABSENT: dict[str, Any] = {"workload": True, "image": "absent.invalid/shop:1"}
IMAGE = "deployment/web: spec.template.spec.containers[web].image"
ENV = "deployment/web: spec.template.spec.containers[web].env"


def differences(change: Any) -> set[tuple[str, Any, Any]]:
    return {(one.path, one.before, one.after) for one in change.difference if isinstance(one.after, str | int | None)}


async def statuses(shop: Shop, release: str = "web") -> list[tuple[int, str]]:
    lines = (await shop.run("helm_history", release=release)).items
    return [(one.revision, one.status) for one in lines]


async def level(shop: Shop) -> str:
    return str((await shop.client.get(CONFIG_MAPS, "web-settings", shop.namespace))["data"]["level"])
