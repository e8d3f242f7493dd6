from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import ConflictError, DeniedError, NotFoundError, PreconditionFailedError
from outrider.operators.kubernetes.bindings import GrantParams, bind
from outrider.operators.kubernetes.subjects import subject_of
from outrider.operators.kubernetes.tests.accounts import account, acting_as, becomes, rule, target_of
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.ports.kube.answers import Access
from outrider.ports.kube.resources import NAMESPACES, ROLE_BINDINGS

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


async def test_a_role_is_granted_as_planned_and_taken_back(shop: Shop) -> None:
    web = await account(shop, "web")
    given: dict[str, Any] = {"role": "clusterrole/view", "subject": web}
    look = Access("get", "", "pods", shop.namespace)
    plan = await shop.plan("grant", **given)
    assert [(one.path, one.after) for one in plan.difference] == [(f"{web} in {shop.namespace}", "clusterrole/view")]
    assert plan.warnings == []
    await becomes(shop, look, web, allowed=False)
    done = await shop.run("grant", seen=plan, **given)
    await becomes(shop, look, web, allowed=True)
    again = await shop.run("grant", **given)
    assert again.results[0].action == "unchanged"
    assert await shop.undo("grant", again, **given) is None, "it was so before"
    undone = await shop.undo("grant", done, **given)
    await becomes(shop, look, web, allowed=False)
    await shop.undo("revoke", undone, **given)
    await becomes(shop, look, web, allowed=True)


async def test_what_others_granted_stays_and_is_told(shop: Shop) -> None:
    web = await account(shop, "web", rule("get", "pods"))
    given: dict[str, Any] = {"role": "role/web", "subject": web}
    error = await shop.refused("revoke", **given)
    assert (error.code, error.suggestions) == (
        "NOT_FOUND",
        [f"outrider kubernetes delete rolebinding/web --namespace {shop.namespace}"],
    )
    await shop.run("grant", **given)
    plan = await shop.plan("revoke", **given)
    assert [(one.before, one.after) for one in plan.difference] == [("role/web", None)]
    assert plan.warnings[0].endswith("still granted by rolebinding/web")
    assert (await shop.run("revoke", **given)).results[0].still == ["rolebinding/web"]


async def test_a_binding_that_somebody_has_changed_is_left_alone(shop: Shop) -> None:
    given = GrantParams(role="clusterrole/view", subject="user/ana")
    words: dict[str, Any] = {"role": given.role, "subject": given.subject}
    await shop.run("grant", **words)
    plan = await shop.plan("revoke", **words)
    ben = subject_of("user/ben")
    changed = bind(given.binding, shop.namespace, given.role, [subject_of("user/ana"), ben])
    await shop.make(ROLE_BINDINGS, changed, manager="somebody")
    with pytest.raises(ConflictError, match="somebody has changed"):
        await shop.run("revoke", **words)
    await shop.client.delete(ROLE_BINDINGS, given.binding, shop.namespace)
    await shop.run("grant", **words)
    with pytest.raises(PreconditionFailedError):
        await shop.run("revoke", seen=plan, **words)


async def test_a_role_that_is_not_there_and_an_account_that_is_not_are_told(shop: Shop) -> None:
    missing = f"serviceaccount/{shop.namespace}/none"
    with pytest.raises(NotFoundError) as caught:
        await shop.plan("grant", role="clusterrole/edt", subject=missing)
    assert caught.value.suggestions[0] == "did you mean 'edit'?"
    assert (await shop.refused("grant", role="role/edit", subject=missing)).code == "NOT_FOUND"
    assert missing in (await shop.plan("grant", role="clusterrole/edit", subject=missing)).warnings[0]
    assert (await shop.refused("grant", role="clusterrole/edit", subject="sa/none")).path == "subject"
    assert (await shop.refused("grant", role="edit", subject="user/ana")).code == "INVALID_CONFIG"


async def test_nobody_grants_what_he_does_not_hold(shop: Shop, tmp_path: Path) -> None:
    await account(
        shop, "clerk", rule("get", "pods"), rule("get list create patch", "rolebindings", group="rbac.authorization.k8s.io")
    )  # fmt: skip
    await account(shop, "web", rule("get delete", "pods"), rule("get", "secrets"))
    await account(shop, "small", rule("get", "pods"))
    with acting_as(await target_of(shop, "clerk"), tmp_path):
        await shop.run("grant", role="role/small", subject="user/ana")
        for denied in (shop.plan, shop.run):
            with pytest.raises(DeniedError) as caught:
                await denied("grant", role="role/web", subject="user/ana")
            assert 'Resources:["secrets"]' in caught.value.found
            assert "bind on role/web" in caught.value.suggestions[0]


async def test_a_grant_in_several_namespaces_is_one_in_each(shop: Shop) -> None:
    other = f"{shop.namespace}-b"
    await shop.client.create(NAMESPACES, {"metadata": {"name": other}})
    try:
        both: dict[str, Any] = {
            "role": "clusterrole/view",
            "subject": "group/support",
            "namespace": f"{shop.namespace},{other}",
        }
        plan = await shop.plan("grant", **both)
        assert [one.path for one in plan.difference] == [f"group/support in {one}" for one in (shop.namespace, other)]
        done = await shop.run("grant", seen=plan, **both)
        assert [one.namespace for one in done.results] == [shop.namespace, other]
        assert len((await shop.undo("grant", done, **both)).results) == 2
    finally:
        await shop.client.delete(NAMESPACES, other)
