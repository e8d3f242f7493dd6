"""Requests by verb, on the scripted server and on a real one."""

from typing import Any

import msgspec
import pytest

from outrider.core.errors import ConflictError, InvalidConfigError, NotFoundError
from outrider.ports.kube.answers import Access
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.errors import KindGoneError
from outrider.ports.kube.finalizers import add_finalizer, remove_finalizer
from outrider.ports.kube.objects import KubeObject
from outrider.ports.kube.resources import CONFIG_MAPS, Resource
from tests.ports.kube.conftest import WIDGETS, Server


def widget(server: Server, name: str = "one", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": server.namespace}, "spec": spec}


def thin(content: dict[str, Any]) -> KubeObject:
    return msgspec.json.decode(msgspec.json.encode(content), type=KubeObject)


async def test_an_object_is_applied_read_listed_and_deleted(server: Server, client: KubeClient) -> None:
    made = await client.apply(WIDGETS, widget(server, size=1))
    assert made.created
    again = await client.apply(WIDGETS, widget(server, size=1))
    assert not again.created
    assert again.object["metadata"]["resourceVersion"] == made.object["metadata"]["resourceVersion"], (
        "nothing was written"
    )
    found = await client.get(WIDGETS, "one", server.namespace)
    assert (found["spec"], found["metadata"]["generation"]) == ({"size": 1}, 1)
    assert [one["metadata"]["name"] for one in await client.list(WIDGETS, server.namespace)] == ["one"]
    await client.delete(WIDGETS, "one", server.namespace, uid=found["metadata"]["uid"])
    with pytest.raises(NotFoundError, match="one"):
        await client.get(WIDGETS, "one", server.namespace)


async def test_what_is_wanted_no_longer_goes_away_and_what_others_own_stays(server: Server, client: KubeClient) -> None:
    await client.apply(WIDGETS, widget(server, size=1, color="red"))
    await client.apply(WIDGETS, widget(server, tags=["a"]), manager="others")
    found = (await client.apply(WIDGETS, widget(server, size=2))).object
    assert found["spec"] == {"size": 2, "tags": ["a"]}


async def test_a_field_of_somebody_else_is_a_conflict_that_names_both(server: Server, client: KubeClient) -> None:
    await client.apply(WIDGETS, widget(server, size=1), manager="autoscaler")
    with pytest.raises(ConflictError, match=r"\.spec\.size \(autoscaler\)") as caught:
        await client.apply(WIDGETS, widget(server, size=2))
    assert caught.value.context["owners"] == [{"manager": "autoscaler", "field": ".spec.size"}]
    assert (await client.get(WIDGETS, "one", server.namespace))["spec"]["size"] == 1
    forced = await client.apply(WIDGETS, widget(server, size=2), force=True)
    assert forced.object["spec"]["size"] == 2


async def test_an_object_that_is_gone_is_not_made_again_where_that_very_one_is_meant(
    server: Server, client: KubeClient
) -> None:
    uid = (await client.apply(WIDGETS, widget(server, size=1))).object["metadata"]["uid"]
    await client.delete(WIDGETS, "one", server.namespace)
    content = widget(server, size=2)
    content["metadata"]["uid"] = uid
    with pytest.raises(ConflictError):
        await client.apply(WIDGETS, content)
    assert await client.list(WIDGETS, server.namespace) == []


async def test_a_dry_run_says_what_would_be_and_changes_nothing(server: Server, client: KubeClient) -> None:
    would = await client.apply(WIDGETS, widget(server, size=1), dry_run=True)
    assert would.object["spec"] == {"size": 1}
    assert await client.list(WIDGETS, server.namespace) == []
    made = await client.apply(WIDGETS, widget(server, size=1))
    await client.delete(WIDGETS, "one", server.namespace, uid=made.object["metadata"]["uid"], dry_run=True)
    await client.patch(WIDGETS, "one", server.namespace, {"spec": {"size": 2}}, dry_run=True)
    assert [one["spec"] for one in await client.list(WIDGETS, server.namespace)] == [{"size": 1}]
    assert (await client.list(WIDGETS, server.namespace))[0]["kind"] == "Widget"


async def test_status_is_a_part_of_its_own(server: Server, client: KubeClient) -> None:
    await client.apply(WIDGETS, widget(server, size=1))
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "Fine",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    content = {
        "metadata": {"name": "one", "namespace": server.namespace},
        "status": {"size": 1, "conditions": [condition]},
    }
    done = await client.apply(WIDGETS, content, part="status", manager="outrider-test-status")
    other = {**content, "status": {"conditions": [{**condition, "type": "Degraded"}]}}
    done = await client.apply(WIDGETS, other, part="status", manager="somebody")
    assert [one["type"] for one in done.object["status"]["conditions"]] == ["Ready", "Degraded"], (
        "conditions are merged by type"
    )
    assert done.object["metadata"]["generation"] == 1


async def test_a_replacement_of_an_old_version_is_refused(server: Server, client: KubeClient) -> None:
    first = (await client.create(WIDGETS, widget(server, size=1), server.namespace)).object
    await client.apply(WIDGETS, widget(server, color="red"))
    with pytest.raises(ConflictError):
        await client.replace(WIDGETS, {**first, "spec": {"size": 5}})
    with pytest.raises(ConflictError, match="already exists"):
        await client.create(WIDGETS, widget(server, size=1), server.namespace)


async def test_an_object_with_another_uid_is_not_deleted(server: Server, client: KubeClient) -> None:
    await client.apply(WIDGETS, widget(server, size=1))
    with pytest.raises(ConflictError):
        await client.delete(WIDGETS, "one", server.namespace, uid="00000000-0000-0000-0000-000000000000")
    assert len(await client.list(WIDGETS, server.namespace)) == 1


async def test_a_kind_that_is_not_there_is_told_from_an_object_that_is_not(server: Server, client: KubeClient) -> None:
    with pytest.raises(NotFoundError) as caught:
        await client.get(CONFIG_MAPS, "none", server.namespace)
    assert not isinstance(caught.value, KindGoneError)
    for resource in (
        Resource("test.outrider.dev", "v1", "gadgets", "Gadget"),
        Resource("nobody.dev", "v1", "gadgets", "Gadget"),
    ):
        with pytest.raises(KindGoneError):
            await client.list(resource, server.namespace)


async def test_a_finalizer_keeps_an_object_and_a_change_meanwhile_is_a_conflict(
    server: Server, client: KubeClient
) -> None:
    seen = thin((await client.apply(WIDGETS, widget(server, size=1))).object)
    assert await add_finalizer(client, WIDGETS, seen, "test.outrider.dev/hold")
    with pytest.raises(ConflictError, match="has changed since"):
        await add_finalizer(client, WIDGETS, seen, "test.outrider.dev/other")
    await client.delete(WIDGETS, "one", server.namespace, uid=seen.metadata.uid)
    held = thin(await client.get(WIDGETS, "one", server.namespace))
    assert held.metadata.deletion_timestamp
    assert not await add_finalizer(client, WIDGETS, held, "test.outrider.dev/hold")
    assert await remove_finalizer(client, WIDGETS, held, "test.outrider.dev/hold")
    assert await client.list(WIDGETS, server.namespace) == []


async def test_long_lists_come_in_pages_and_selectors_narrow_them(
    server: Server, client: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outrider.ports.kube.client.PAGE", 3)
    for number in range(8):
        content = widget(server, f"w{number}", size=number)
        content["metadata"]["labels"] = {"even": str(number % 2 == 0).lower()}
        await client.create(WIDGETS, content, server.namespace)
    assert len(await client.list(WIDGETS, server.namespace)) == 8
    assert len(await client.list(WIDGETS, server.namespace, labels="even=true")) == 4
    assert [one["spec"]["size"] for one in await client.list(WIDGETS, server.namespace, fields="metadata.name=w5")] == [
        5
    ]


async def test_what_each_request_needs_to_be_allowed_is_told(server: Server) -> None:
    told: list[Access] = []
    async with KubeClient(server.target, on_access=told.append) as client:
        await client.apply(WIDGETS, widget(server, size=1), dry_run=True)
        await client.list(CONFIG_MAPS, server.namespace)
    group = "test.outrider.dev"
    assert told == [
        Access("patch", group, "widgets", server.namespace, "one"), Access("create", group, "widgets", server.namespace),
        Access("list", "", "configmaps", server.namespace),
    ]  # fmt: skip


async def test_a_field_that_the_kind_does_not_have_is_refused_and_named(server: Server, client: KubeClient) -> None:
    if server.fake is not None:
        pytest.skip("the scripted server knows no schemas")
    with pytest.raises(InvalidConfigError, match="sise"):
        await client.apply(WIDGETS, widget(server, sise=1))
    with pytest.raises(InvalidConfigError, match=r"spec\.size") as caught:
        await client.apply(WIDGETS, widget(server, size="big"))
    assert "spec.size" in str(caught.value)
