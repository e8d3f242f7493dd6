from pathlib import Path
from typing import Any

import pytest

from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.meters import counted, prometheus
from tests.servers.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

SIGNAL = {
    "name": "errors", "minimum": 200, "worsening": 0.05,
    "bad": 'sum(increase(requests_total{pod=~"$pods",code="500"}[$window]))',
    "total": 'sum(increase(requests_total{pod=~"$pods"}[$window]))',
}  # fmt: skip
QUICK: dict[str, Any] = {"target": "deployment/web", "steps": [30], "hold": "1s", "interval": "500ms", "limit": "40s"}


@pytest.mark.parametrize(("share", "state"), [(0.3, "rolled back"), (0.02, "promoted")])
async def test_a_version_is_judged_by_what_its_users_see(shop: Shop, tmp_path: Path, share: float, state: str) -> None:
    await shop.web(replicas=2)
    await shop.settled()
    changes = {"spec": {"containers": [{"name": "web", "env": [{"name": "LEVEL", "value": "debug"}]}]}}
    async with counted(shop, lambda pod: share if "-canary-" in pod else 0.02) as exporter:
        with prometheus(tmp_path, "127.0.0.1", free_port(), [], scraped=exporter) as address:
            done = await shop.run("canary", **QUICK, changes=changes, signals=[SIGNAL], prometheus=address)
    assert done.state == state, done
    assert "errors" in done.log[0]
    assert "1 of 4 pods (25%)" in done.log[0]


async def test_without_events_nothing_is_certain(shop: Shop, tmp_path: Path) -> None:
    await shop.web()
    await shop.settled()
    changes = {"spec": {"containers": [{"name": "web", "env": [{"name": "LEVEL", "value": "debug"}]}]}}
    with prometheus(tmp_path, "127.0.0.1", free_port(), []) as address:
        done = await shop.run(
            "canary", **{**QUICK, "limit": "2s"}, changes=changes, signals=[SIGNAL], prometheus=address
        )
        status = await shop.run("canary_status", target="deployment/web")
    assert (done.state, status.phase, "no events" in done.reason) == ("frozen", "frozen", True)
