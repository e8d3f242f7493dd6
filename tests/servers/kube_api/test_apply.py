"""Server-side apply on the server that tests run on."""

from tests.servers.kube_api.samples import (
    MAPS,
    THINGS,
    condition,
    config,
    owners,
    widget,
)
from tests.servers.kube_api.wire import Caller


async def test_apply_creates_then_changes(call: Caller) -> None:
    made = await call.apply(f"{MAPS}/a", config(data={"a": "1", "b": "2"}))
    same = await call.apply(f"{MAPS}/a", config(data={"a": "1", "b": "2"}))
    assert (made.status, same.status, same.version) == (201, 200, made.version)
    other = await call.apply(f"{MAPS}/a", config(data={"a": "1", "c": "3"}), "two")
    assert owners(other.body) == {"one//Apply": ["data.a", "data.b"], "two//Apply": ["data.a", "data.c"]}
    less = await call.apply(f"{MAPS}/a", config())
    assert less.body["data"] == {"a": "1", "c": "3"}, "of what one left out, two owns a"
    assert owners(less.body) == {"two//Apply": ["data.a", "data.c"]}
    assert "data" not in (await call.apply(f"{MAPS}/a", config(), "two")).body


async def test_apply_conflicts(call: Caller) -> None:
    await call.apply(f"{THINGS}/w", widget(spec={"replicas": 1, "size": 1}))
    refused = await call.apply(f"{THINGS}/w", widget(spec={"replicas": 2}), "two")
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".spec.replicas"}
    assert refused.told == (409, "Conflict", 'Apply failed with 1 conflict: conflict with "one": .spec.replicas')
    assert refused.body["details"] == {"causes": [cause]}
    forced = await call.apply(f"{THINGS}/w", widget(spec={"replicas": 2}), "two", force="true")
    assert owners(forced.body) == {"one//Apply": ["spec.size"], "two//Apply": ["spec.replicas"]}
    await call.merge(f"{THINGS}/w", {"spec": {"replicas": 7}}, fieldManager="hpa")
    lost = await call.apply(f"{THINGS}/w", widget(spec={"replicas": 2, "size": 5}), "two")
    assert [(cause["message"], cause["field"]) for cause in lost.body["details"]["causes"]] == [
        ('conflict with "hpa" using test.outrider.dev/v1', ".spec.replicas"),
        ('conflict with "one"', ".spec.size"),
    ]
    assert lost.told[2].startswith("Apply failed with 2 conflicts: conflicts with")
    survived = await call.apply(f"{THINGS}/w", widget(spec={"size": 1}))
    assert survived.body["spec"] == {"size": 1, "replicas": 7}


async def test_apply_of_conditions(call: Caller) -> None:
    await call.apply(f"{THINGS}/w", widget(spec={"list": [1]}))
    path = f"{THINGS}/w/status"
    await call.apply(path, widget(status={"conditions": [condition("Ready")]}), "one-status")
    both = await call.apply(path, widget(status={"conditions": [condition("Other")]}), "two-status")
    assert both.body["status"]["conditions"] == [condition("Ready"), condition("Other")]
    refused = await call.apply(path, widget(status={"conditions": [condition("Ready", "False")]}), "two-status")
    cause = refused.body["details"]["causes"][0]
    assert cause["field"] == '.status.conditions[type="Ready"].status'
    assert cause["message"] == 'conflict with "one-status" with subresource "status"'
    one = await call.apply(path, widget(status={"conditions": []}), "one-status")
    assert one.body["status"]["conditions"] == [condition("Other")]
    assert (await call.apply(path.replace("/w/", "/x/"), widget("x", status={}))).told[:2] == (404, "NotFound")


async def test_apply_of_atomic_lists_and_empty_maps(call: Caller) -> None:
    await call.apply(f"{THINGS}/w", widget(spec={"list": [1], "map": {"deep": 1}}))
    refused = await call.apply(f"{THINGS}/w", widget(spec={"list": [1, 2], "map": 5}), "two")
    assert [cause["field"] for cause in refused.body["details"]["causes"]] == [".spec.list", ".spec.map"]
    shared = await call.apply(f"{THINGS}/w", widget(spec={"map": {}}), "two")
    assert shared.body["spec"] == {"list": [1], "map": {"deep": 1}}
    assert (await call.apply(f"{THINGS}/w", widget())).body["spec"] == {"map": {}}, "as two wants it"


async def test_apply_of_finalizers(call: Caller) -> None:
    await call.apply(f"{THINGS}/w", widget(metadata={"finalizers": ["x.dev/a"]}))
    both = await call.apply(f"{THINGS}/w", widget(metadata={"finalizers": ["x.dev/b"]}), "two")
    assert both.metadata["finalizers"] == ["x.dev/a", "x.dev/b"]
    assert (await call.apply(f"{THINGS}/w", widget())).metadata["finalizers"] == ["x.dev/b"]


async def test_apply_keeps_status_and_spec_apart(call: Caller) -> None:
    made = await call.apply(f"{THINGS}/w", widget(spec={"size": 1}, status={"a": 1}))
    assert "status" not in made.body
    status = await call.apply(f"{THINGS}/w/status", widget(spec={"size": 2}, status={"a": 1}), "one-status")
    assert (status.body["spec"], status.body["status"]) == ({"size": 1}, {"a": 1})
    assert owners(status.body) == {"one//Apply": ["spec.size"], "one-status/status/Apply": ["status.a"]}
    assert (await call.apply(f"{THINGS}/w", widget(spec={"size": 1}))).version == status.version


async def test_apply_to_another_object_than_meant(call: Caller) -> None:
    ghost = await call.apply(f"{THINGS}/w", widget(metadata={"uid": "gone"}))
    assert ghost.told[:2] == (409, "Conflict")
    assert "uid mismatch: the provided object specified uid gone, and no existing object was found" in ghost.told[2]
    made = await call.apply(f"{THINGS}/w", widget(metadata={"resourceVersion": "7"}))
    assert made.status == 201, "a version alone does not protect"
    assert (await call.apply(f"{THINGS}/w", widget(metadata={"resourceVersion": "7"}))).told[:2] == (409, "Conflict")
    replaced = await call.apply(f"{THINGS}/w", widget(metadata={"uid": "gone"}))
    assert replaced.told[:2] == (422, "Invalid")
    assert replaced.body["details"]["causes"][0]["field"] == "metadata.uid"
    assert (await call.apply(f"{THINGS}/w/status", widget(metadata={"uid": "gone"}))).status == 200, "as the real one"
    assert (await call.apply(f"{THINGS}/w", widget(metadata={"uid": made.metadata["uid"]}))).status == 200


async def test_apply_needs_a_manager_and_a_fitting_body(call: Caller) -> None:
    answer = await call.ask("PATCH", f"{THINGS}/w", widget(), content="application/apply-patch+yaml")
    assert answer.told[:2] == (422, "Invalid")
    assert answer.body["details"]["causes"][0]["field"] == "fieldManager"
    assert (await call.apply(f"{THINGS}/w", widget("x"))).told[:2] == (400, "BadRequest")
    assert (await call.apply(f"{THINGS}/w", widget(metadata={"managedFields": [{}]}))).told[:2] == (400, "BadRequest")
