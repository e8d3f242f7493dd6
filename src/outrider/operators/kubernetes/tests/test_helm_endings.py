import asyncio
import os
import signal
import subprocess
from collections.abc import Callable

import pytest

from outrider.core.errors import ExecutionFailedError
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.releases import ABSENT, IMAGE, WEB, differences, statuses
from outrider.operators.kubernetes.tests.scenery import CHART
from outrider.operators.kubernetes.tests.world import helm, helm_in_path
from outrider.ports.kube.resources import CONFIG_MAPS, DEPLOYMENTS
from outrider.ports.process import list_processes
from tests.servers.images import BUSYBOX

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


async def test_a_failed_upgrade_is_rolled_back(shop: Shop, helm4: None) -> None:
    await shop.run("helm_install", **WEB, values={"workload": True}, wait=False)
    error = await shop.refused("helm_upgrade", **WEB, values=ABSENT, seconds=12.0)
    assert error.code == "EXECUTION_FAILED"
    assert error.context == {"revision": 3, "status": "deployed"}
    assert [status for _, status in await statuses(shop)] == ["deployed", "failed", "superseded"]
    await shop.settled()


async def test_of_a_failed_installation_nothing_is_left(shop: Shop) -> None:
    with helm_in_path("3"):
        error = await shop.refused("helm_install", **WEB, values=ABSENT, seconds=9.0)
    assert error.code == "EXECUTION_FAILED"
    assert (await shop.run("helm_list")).items == []
    assert await shop.client.list(CONFIG_MAPS, shop.namespace, fields="metadata.name=web-settings") == []


async def _started(shop: Shop) -> None:
    """Wait until helm has changed the Deployment, and waits itself."""
    for _ in range(1000):
        found = await shop.client.get(DEPLOYMENTS, "web", shop.namespace)
        if found["spec"]["template"]["spec"]["containers"][0]["image"] == ABSENT["image"]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(found)


def _helm_processes() -> list[int]:
    mine = {one.pid for one in list_processes() if one.ppid == os.getpid()}
    return [one.pid for one in list_processes() if one.name == "helm" and one.pid in mine]


@pytest.mark.parametrize("how", ["cancelled", "killed"])
async def test_a_release_is_never_left_pending(shop: Shop, helm4: None, how: str) -> None:
    await shop.run("helm_install", **WEB, values={"workload": True}, wait=False)
    call = asyncio.create_task(shop.run("helm_upgrade", **WEB, values=ABSENT))
    await _started(shop)
    if how == "cancelled":
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert _helm_processes() == []
        assert (await statuses(shop))[0][1] == "deployed", "helm has rolled it back"
    else:
        [pid] = _helm_processes()
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ExecutionFailedError, match="SIGKILL"):
            await call
        assert (await statuses(shop))[0] == (2, "failed")
    await shop.run("helm_upgrade", **WEB, wait=False)


async def _killed(shop: Shop) -> None:
    """Let somebody else's helm be killed in the middle of an upgrade."""
    await shop.run("helm_install", **WEB, values={"workload": True}, wait=False)
    command = ["helm", "upgrade", "web", str(CHART), "--wait", "--namespace", shop.namespace]
    values = f"--set=workload=true,image={ABSENT['image']}"
    with subprocess.Popen([*command, values], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        await _started(shop)
        process.kill()


async def test_a_stuck_release_is_told_refused_and_repaired(
    shop: Shop, either: str, without: Callable[[], None]
) -> None:
    await _killed(shop)
    [line] = (await shop.run("helm_list")).items
    assert (line.revision, line.status) == (2, "pending-upgrade")
    assert line.repair.startswith(f"outrider kubernetes helm_rollback web --namespace {shop.namespace} --cluster ")
    for verb in ("helm_upgrade", "helm_diff"):
        error = await shop.refused(verb, **WEB)
        assert (error.code, error.found) == ("CONFLICT", "pending-upgrade")
        assert line.repair in error.suggestions[0]
    if either == "4":
        without()
    plan = await shop.plan("helm_rollback", release="web")
    assert any("no helm is at work" in text for text in plan.warnings)
    assert (IMAGE, ABSENT["image"], BUSYBOX) in differences(plan)
    [done] = (await shop.run("helm_rollback", seen=plan, release="web")).results
    assert (done.revision, done.status) == (3, "deployed")
    assert await statuses(shop) == [(3, "deployed"), (2, "failed"), (1, "superseded")]
    await shop.settled()


async def test_without_helm_releases_are_read_rolled_back_and_uninstalled(
    shop: Shop, either: str, without: Callable[[], None]
) -> None:
    for extra in (True, False):
        verb = "helm_install" if extra else "helm_upgrade"
        values = {"workload": True, "kept": extra, "extra": extra, "hook": not extra}
        await shop.run(verb, **WEB, values=values, wait=False)
    without()
    for verb in ("helm_install", "helm_upgrade", "helm_diff"):
        release = "new" if verb == "helm_install" else "web"
        error = await shop.refused(verb, release=release, chart=str(CHART))
        assert (error.code, error.found) == ("MISSING_REQUIREMENT", "no helm in PATH")
    assert await statuses(shop) == [(2, "deployed"), (1, "superseded")]
    [found] = (await shop.run("helm_get", release="web", part="manifest")).items
    assert found.hooks == [
        "pre-upgrade configmap/web-hook",
        "pre-rollback configmap/web-hook",
        "pre-delete configmap/web-hook",
    ]
    assert "configmap/web-hook" in (await shop.refused("helm_uninstall", release="web")).message
    await shop.run("helm_rollback", release="web")
    await shop.client.get(CONFIG_MAPS, "web-extra", shop.namespace)
    with helm_in_path(either):
        assert "Rollback to 1" in helm("history", "web", "--namespace", shop.namespace)
        helm("upgrade", "web", str(CHART), "--reuse-values", "--namespace", shop.namespace)
    plan = await shop.plan("helm_uninstall", release="web")
    assert "configmap/web-kept stays: its helm.sh/resource-policy is keep" in plan.warnings
    [done] = (await shop.run("helm_uninstall", seen=plan, release="web")).results
    assert (done.left, "deployment/web" in done.removed) == (["configmap/web-kept"], True)
    assert (await shop.refused("helm_history", release="web")).code == "NOT_FOUND"
    assert [one["metadata"]["name"] for one in await shop.client.list(DEPLOYMENTS, shop.namespace)] == []
    await shop.client.get(CONFIG_MAPS, "web-kept", shop.namespace)
