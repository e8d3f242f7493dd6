import asyncio
from pathlib import Path

import pytest

from outrider.operators.kubernetes.bindings import bind
from outrider.operators.kubernetes.diagnosis.report import Diagnosis, told
from outrider.operators.kubernetes.kinds import target_of_object
from outrider.operators.kubernetes.subjects import subject_of
from outrider.operators.kubernetes.tests.accounts import account, acting_as, target_of
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.scenery import deployment
from outrider.operators.kubernetes.tests.sick import CASES, HEALTHY
from outrider.ports.kube.resources import NAMESPACES, ROLE_BINDINGS, Resource

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota")


async def until(shop: Shop, cause: str, target: str) -> Diagnosis:
    """Diagnose until a cause is found."""
    while True:
        (item,) = (await shop.run("diagnose", target=target)).items
        if any(one.cause == cause for one in item.findings):
            return item  # type: ignore[no-any-return]
        await asyncio.sleep(0.2)


async def test_each_fault_has_its_cause_and_a_remedy(shop: Shop) -> None:
    await shop.run("apply", objects=[*CASES.values(), *HEALTHY])
    wanted = {target_of_object(one): cause for cause, one in CASES.items()}
    found: dict[str, Diagnosis] = {}
    while {target: found[target].findings[0].cause for target in wanted if target in found} != wanted:
        await asyncio.sleep(0.5)
        found = {one.target: one for one in (await shop.run("diagnose")).items if one.findings}
    assert not {target_of_object(one) for one in HEALTHY} & set(found)
    for item in found.values():
        for finding in item.findings:
            assert finding.evidence, finding
            assert finding.remedies, finding
    crash = found["deployment/crash"].findings[0]
    assert "exit code 3" in crash.message
    assert crash.remedies[0].operation == "kubernetes.logs"
    assert "create ConfigMap nosuch" in found["deployment/config"].findings[0].remedies[0].text
    assert "asks for 640 cpu" in found["deployment/big"].findings[0].evidence[1]
    memory = found["deployment/oom"].findings[0].remedies[0]
    change = await shop.plan("set_resources", **memory.params)
    assert [(one.before, one.after) for one in change.difference] == [("16Mi", "24Mi")]
    # For a pod the way leads to its workload.
    (pod,) = (await shop.run("diagnose", target=found["deployment/oom"].findings[0].objects[0])).items
    assert pod.findings[0].remedies[0].params["target"] == "deployment/oom"
    assert not pod.healthy


async def test_the_last_words_of_a_crash_are_evidence(shop: Shop) -> None:
    await shop.run("apply", objects=[CASES["CrashLoopBackOff"]])
    while True:
        item = await until(shop, "CrashLoopBackOff", "deployment/crash")
        if "log: cannot open config" in item.findings[0].evidence:
            break
    assert not any("log:" in one for one in (await shop.run("diagnose", log_lines=0)).items[0].findings[0].evidence)
    assert any(line.strip().startswith("evidence") for line in told(item))


async def test_a_bad_revision_is_rolled_back_by_the_fix(shop: Shop) -> None:
    await shop.web()
    await shop.settled()
    assert (await shop.run("diagnose", target="deployment/web")).items[0].healthy
    await shop.web(image="127.0.0.1:1/web:2")
    item = await until(shop, "ImagePullBackOff", "deployment/web")
    assert any("revision 2 changed containers[web].image" in one for one in item.findings[0].evidence)
    assert item.fix is not None
    assert (item.fix.operation, item.fix.params) == (
        "kubernetes.rollback",
        {"target": "deployment/web", "namespace": shop.namespace},
    )
    await shop.run("rollback", **item.fix.params)
    await shop.settled()
    (item,) = (await shop.run("diagnose", target="deployment/web")).items
    assert (item.healthy, item.findings, item.fix) == (True, [], None)


async def test_what_git_declares_has_no_fix_here(shop: Shop) -> None:
    owned = {"argocd.argoproj.io/tracking-id": f"shop:apps/Deployment:{shop.namespace}/web"}
    for image in ("docker.io/library/busybox:1", "127.0.0.1:1/web:2"):
        content = deployment(image=image)
        content["metadata"]["annotations"] = owned
        await shop.run(
            "apply", objects=[{"apiVersion": "apps/v1", "kind": "Deployment", **content}], override_owner=True
        )
        if "busybox" in image:
            await shop.settled()
    item = await until(shop, "ImagePullBackOff", "deployment/web")
    assert item.fix is None
    assert item.findings[0].remedies[0].operation == "kubernetes.rollback"


async def test_pods_that_the_server_refuses(shop: Shop) -> None:
    await shop.make(QUOTAS, {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "0"}}})
    await shop.web()
    item = await until(shop, "QuotaExceeded", "deployment/web")
    assert "raise ResourceQuota small" in item.findings[0].remedies[0].text
    await shop.client.delete(QUOTAS, "small", shop.namespace)
    level = {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}, "name": shop.namespace}
    await shop.client.apply(NAMESPACES, {"metadata": level}, manager="tests")
    await shop.web(level="debug")
    item = await until(shop, "PodSecurity", "deployment/web")
    assert "level restricted" in item.findings[0].remedies[0].text


async def test_what_may_not_be_read_is_told(shop: Shop, tmp_path: Path) -> None:
    await shop.run("apply", objects=[CASES["Unschedulable"]])
    await until(shop, "Unschedulable", "deployment/big")
    viewer = subject_of(await account(shop, "viewer"))
    await shop.make(ROLE_BINDINGS, bind("viewer", shop.namespace, "clusterrole/view", [viewer]))
    with acting_as(await target_of(shop, "viewer"), tmp_path):
        result = await shop.run("diagnose", target="deployment/big")
    assert result.items[0].findings[0].evidence == ["condition PodScheduled False"]
    assert "nodes" in result.unread[0]
