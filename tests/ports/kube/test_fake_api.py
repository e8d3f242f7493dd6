"""The API server that tests run on: what it answers is what a real one (1.37) answers.

Apply, watches and faults are tested beside it, in tests/servers/kube_api.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from outrider.core.errors import ConnectionFailedError
from tests.servers.kube_api.errors import Document
from tests.servers.kube_api.faults import (
    Match,
)
from tests.servers.kube_api.kinds import WIDGETS, Kind
from tests.servers.kube_api.samples import (
    LEASES,
    MAPS,
    THINGS,
    config,
    owners,
    stored,
    told_until_now,
    widget,
)
from tests.servers.kube_api.server import FakeApi
from tests.servers.kube_api.wire import Answered, Caller, Watching


@pytest.fixture
async def server() -> AsyncIterator[FakeApi]:
    async with FakeApi() as running:
        yield running


@pytest.fixture
async def call(server: FakeApi) -> AsyncIterator[Caller]:
    async with Caller(server.url) as caller:
        yield caller


async def test_one_is_got_or_not_found(server: FakeApi, call: Caller) -> None:
    server.put("widgets", stored(spec={"size": 1}))
    assert (await call.ask("GET", f"{THINGS}/w")).body["spec"] == {"size": 1}
    missing = await call.ask("GET", f"{THINGS}/x")
    assert missing.told == (404, "NotFound", 'widgets.test.outrider.dev "x" not found')
    assert missing.body["details"] == {"name": "x", "group": "test.outrider.dev", "kind": "widgets"}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/apis/nope.dev/v1/things", "404 page not found\n"),
        ("/apis/test.outrider.dev/v1/things", "404 page not found\n"),
        ("/foo", "404 page not found\n"),
        ("/api/v1/namespaces/shop/things", "the server could not find the requested resource"),
        ("/api/v1/namespaces/shop/configmaps/a/status", "the server could not find the requested resource"),
    ],
)
async def test_paths_that_are_not_there(call: Caller, path: str, text: str) -> None:
    answer = await call.ask("GET", path)
    assert answer.status == 404
    assert text in answer.response.content.decode()


async def test_a_method_that_is_not_possible(call: Caller) -> None:
    for method, path in (("PUT", MAPS), ("POST", f"{MAPS}/a"), ("POST", "/api/v1/configmaps")):
        assert (await call.ask(method, path, config())).told[:2] == (405, "MethodNotAllowed")


async def test_pages_are_as_of_the_first(server: FakeApi, call: Caller) -> None:
    for name in "edcba":
        server.put("widgets", stored(name))
    first = await call.ask("GET", THINGS, limit="2")
    server.remove("widgets", "shop", "c")
    server.put("widgets", stored("d", spec={"size": 2}))
    server.put("widgets", stored("z"))
    second = await call.ask("GET", THINGS, limit="2", **{"continue": first.metadata["continue"]})
    third = await call.ask("GET", THINGS, limit="2", **{"continue": second.metadata["continue"]})
    names = [[one["metadata"]["name"] for one in page.body["items"]] for page in (first, second, third)]
    assert names == [["a", "b"], ["c", "d"], ["e"]]
    assert "spec" not in second.body["items"][1]
    assert first.version == second.version == third.version
    assert [page.metadata.get("remainingItemCount") for page in (first, second, third)] == [3, 1, None]
    assert (first.body["kind"], first.body["apiVersion"]) == ("WidgetList", "test.outrider.dev/v1")


async def test_a_page_too_late_is_gone(server: FakeApi, call: Caller) -> None:
    server.put("widgets", stored("a"))
    server.put("widgets", stored("b"))
    first = await call.ask("GET", THINGS, limit="1")
    server.expire("widgets")
    answer = await call.ask("GET", THINGS, limit="1", **{"continue": first.metadata["continue"]})
    assert answer.told[:2] == (410, "Expired")
    assert (await call.ask("GET", THINGS, **{"continue": "nonsense"})).told[:2] == (400, "BadRequest")


async def test_a_version_to_come_is_too_large(call: Caller) -> None:
    answer = await call.ask("GET", THINGS, resourceVersion="99999")
    assert answer.told[:2] == (504, "Timeout")
    assert answer.body["details"]["retryAfterSeconds"] == 1


async def test_an_exact_version(server: FakeApi, call: Caller) -> None:
    old = server.put("widgets", stored("a"))["metadata"]["resourceVersion"]
    server.put("widgets", stored("b"))
    assert len((await call.ask("GET", THINGS, resourceVersion=old)).body["items"]) == 2
    exact = await call.ask("GET", THINGS, resourceVersion=old, resourceVersionMatch="Exact")
    assert len(exact.body["items"]) == 1


@pytest.mark.parametrize(
    ("selector", "names"),
    [("app=web", "ab"), ("app==web,tier", "b"), ("app!=web", "cd"), ("!app", "d"), ("app", "abc")],
)
async def test_label_selectors(server: FakeApi, call: Caller, selector: str, names: str) -> None:
    labels = {"a": {"app": "web"}, "b": {"app": "web", "tier": "1"}, "c": {"app": "db"}}
    for name in "abcd":
        server.put("widgets", stored(name, metadata={"namespace": "shop", "labels": labels.get(name, {})}))
    found = await call.ask("GET", THINGS, labelSelector=selector)
    assert "".join(one["metadata"]["name"] for one in found.body["items"]) == names


async def test_field_selectors_and_namespaces(server: FakeApi, call: Caller) -> None:
    for namespace in ("shop", "other"):
        for name in "ab":
            server.put("configmaps", {**config(name), "metadata": {"name": name, "namespace": namespace}})
    found = await call.ask("GET", "/api/v1/configmaps", fieldSelector="metadata.name=a")
    assert [one["metadata"]["namespace"] for one in found.body["items"]] == ["other", "shop"]
    assert "kind" not in found.body["items"][0], "as in lists of what is no custom resource"
    assert (await call.ask("GET", MAPS, fieldSelector="data.x=1")).told[:2] == (400, "BadRequest")
    assert len((await call.ask("GET", MAPS)).body["items"]) == 2


async def test_create(call: Caller) -> None:
    made = await call.ask("POST", THINGS, widget(spec={"size": 1}, status={"ready": True}))
    assert made.status == 201
    assert (made.metadata["generation"], made.metadata["namespace"]) == (1, "shop")
    assert made.metadata["uid"]
    assert made.metadata["creationTimestamp"]
    assert "status" not in made.body
    assert owners(made.body) == {"tester//Update": ["spec.size"]}
    again = await call.ask("POST", THINGS, widget())
    assert again.told == (409, "AlreadyExists", 'widgets.test.outrider.dev "w" already exists')
    named = await call.ask("POST", THINGS, {**widget(), "metadata": {"generateName": "w-"}})
    assert named.metadata["name"].startswith("w-")
    nameless = await call.ask("POST", THINGS, {**widget(), "metadata": {}})
    assert nameless.told[:2] == (422, "Invalid")
    assert (await call.ask("POST", MAPS, widget("x"))).told[:2] == (400, "BadRequest")
    assert (await call.ask("POST", THINGS, "x")).told[:2] == (400, "BadRequest")


async def test_put_replaces_the_version_it_names(call: Caller) -> None:
    first = await call.ask("POST", MAPS, config(data={"a": "1"}))
    second = await call.ask("PUT", f"{MAPS}/a", config(data={"b": "2"}, resourceVersion=first.version))
    assert (second.status, second.body["data"]) == (200, {"b": "2"})
    assert second.version != first.version
    stale = await call.ask("PUT", f"{MAPS}/a", config(data={"c": "3"}, resourceVersion=first.version))
    assert stale.told[:2] == (409, "Conflict")
    assert "the object has been modified" in stale.told[2]
    assert (await call.ask("PUT", f"{MAPS}/a", config(data={"b": "2"}))).version == second.version, "no change"
    assert (await call.ask("PUT", f"{MAPS}/a", config(uid="other"))).told[:2] == (409, "Conflict")
    assert (await call.ask("PUT", f"{MAPS}/a", config("b"))).told[:2] == (400, "BadRequest")
    assert (await call.ask("PUT", f"{MAPS}/x", config("x"))).told[:2] == (404, "NotFound")


async def test_a_lease_is_put_with_its_version_only(call: Caller) -> None:
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": {}}
    await call.ask("POST", LEASES, lease)
    answer = await call.ask("PUT", f"{LEASES}/l", lease)
    assert answer.told[:2] == (422, "Invalid")
    assert answer.body["details"]["causes"][0]["field"] == "metadata.resourceVersion"


async def test_merge_patch(call: Caller) -> None:
    first = await call.ask("POST", MAPS, config(data={"a": "1", "b": "1"}))
    merged = await call.merge(f"{MAPS}/a", {"data": {"a": None, "c": "2"}, "metadata": {"labels": {"x": "y"}}})
    assert merged.body["data"] == {"b": "1", "c": "2"}
    assert merged.metadata["labels"] == {"x": "y"}
    stale = await call.merge(f"{MAPS}/a", {"metadata": {"resourceVersion": first.version}, "data": {"d": "1"}})
    assert stale.told[:2] == (409, "Conflict")
    assert (await call.merge(f"{MAPS}/x", {})).status == 404
    assert (await call.merge(f"{MAPS}/a", {"metadata": {"uid": "other"}})).told[:2] == (422, "Invalid")


async def test_json_patch(server: FakeApi, call: Caller) -> None:
    server.put("widgets", stored(spec={"list": [1, 3], "a/b": 1}))
    patched = await call.json_patch(
        f"{THINGS}/w",
        {"op": "test", "path": "/spec/list/1", "value": 3},
        {"op": "add", "path": "/spec/list/1", "value": 2},
        {"op": "add", "path": "/spec/list/-", "value": 4},
        {"op": "replace", "path": "/spec/list/0", "value": 0},
        {"op": "remove", "path": "/spec/a~1b"},
        {"op": "add", "path": "/spec/new", "value": {"x": 1}},
    )
    assert patched.body["spec"] == {"list": [0, 2, 3, 4], "new": {"x": 1}}


@pytest.mark.parametrize(
    ("step", "status"),
    [
        ({"op": "test", "path": "/metadata/resourceVersion", "value": "1"}, 422),
        ({"op": "test", "path": "/spec/none", "value": 1}, 422),
        ({"op": "remove", "path": "/spec/none"}, 422),
        ({"op": "replace", "path": "/spec/list/7", "value": 1}, 422),
        ({"op": "move", "path": "/spec", "from": "/status"}, 400),
        ({}, 400),
    ],
)
async def test_json_patch_that_does_not_fit(server: FakeApi, call: Caller, step: Document, status: int) -> None:
    before = server.put("widgets", stored(spec={"list": [1]}))
    answer = await call.json_patch(f"{THINGS}/w", {"op": "add", "path": "/spec/x", "value": 1}, step)
    assert answer.told[0] == status
    assert server.get("widgets", "shop", "w") == before


async def test_unknown_patches_and_bodies(server: FakeApi, call: Caller) -> None:
    server.put("widgets", stored())
    answer = await call.ask("PATCH", f"{THINGS}/w", {}, content="application/strategic-merge-patch+json")
    assert answer.told[:2] == (415, "UnsupportedMediaType")
    bad = await call.client.request("POST", THINGS, body=b"{")
    assert Answered(bad).told[:2] == (400, "BadRequest")


async def test_status_is_apart(call: Caller) -> None:
    await call.ask("POST", THINGS, widget(spec={"size": 1}))
    changed = await call.merge(
        f"{THINGS}/w/status", {"spec": {"size": 9}, "metadata": {"labels": {"a": "b"}}, "status": {"phase": "x"}}
    )
    assert (changed.body["spec"], changed.body["status"]) == ({"size": 1}, {"phase": "x"})
    assert "labels" not in changed.metadata
    assert changed.metadata["generation"] == 1
    kept = await call.merge(f"{THINGS}/w", {"status": {"phase": "y"}, "metadata": {"labels": {"a": "b"}}})
    assert (kept.body["status"], kept.metadata["generation"]) == ({"phase": "x"}, 1)
    assert (await call.merge(f"{THINGS}/w", {"spec": {"size": 2}})).metadata["generation"] == 2
    whole = widget(status={"phase": "z"}, metadata={"resourceVersion": (await call.ask("GET", f"{THINGS}/w")).version})
    assert (await call.ask("PUT", f"{THINGS}/w/status", whole)).body["spec"] == {"size": 2}
    assert (await call.ask("GET", f"{THINGS}/w/status")).body["status"] == {"phase": "z"}
    assert (await call.ask("GET", f"{THINGS}/w/scale")).status == 404


async def test_dry_runs_change_nothing(server: FakeApi, call: Caller) -> None:
    server.put("widgets", stored(spec={"size": 1}))
    before, version = server.objects("widgets"), server.version
    tried = [
        await call.ask("POST", THINGS, widget("x"), dryRun="All"),
        await call.merge(f"{THINGS}/w", {"spec": {"size": 2}}, dryRun="All"),
        await call.apply(f"{THINGS}/w", widget(spec={"other": 1}), dryRun="All"),
        await call.apply(f"{THINGS}/y", widget("y"), dryRun="All"),
        await call.ask("DELETE", f"{THINGS}/w", dryRun="All"),
        await call.ask("DELETE", f"{THINGS}/w", {"dryRun": ["All"]}),
    ]
    assert [one.status for one in tried] == [201, 200, 200, 201, 200, 200]
    assert tried[2].body["spec"] == {"size": 1, "other": 1}
    assert (server.objects("widgets"), server.version) == (before, version)


async def test_delete(server: FakeApi, call: Caller) -> None:
    made = server.put("widgets", stored())["metadata"]
    for field in ("uid", "resourceVersion"):
        refused = await call.ask("DELETE", f"{THINGS}/w", {"preconditions": {field: "1"}})
        assert refused.told[:2] == (409, "Conflict")
    good = {"preconditions": {"uid": made["uid"], "resourceVersion": made["resourceVersion"]}}
    gone = await call.ask("DELETE", f"{THINGS}/w", good)
    assert (gone.status, gone.body["status"], gone.body["details"]["uid"]) == (200, "Success", made["uid"])
    assert (await call.ask("DELETE", f"{THINGS}/w")).told[:2] == (404, "NotFound")


async def test_finalizers_hold_an_object(server: FakeApi, call: Caller) -> None:
    await call.ask("POST", THINGS, widget(metadata={"finalizers": ["x.dev/a", "x.dev/b"]}))
    marked = await call.ask("DELETE", f"{THINGS}/w")
    assert (marked.status, marked.metadata["generation"]) == (200, 2)
    assert marked.metadata["deletionTimestamp"]
    assert (await call.ask("DELETE", f"{THINGS}/w")).version == marked.version
    more = await call.merge(f"{THINGS}/w", {"metadata": {"finalizers": ["x.dev/a", "x.dev/b", "x.dev/c"]}})
    assert more.told[:2] == (422, "Invalid")
    one = await call.json_patch(f"{THINGS}/w", {"op": "remove", "path": "/metadata/finalizers/0"})
    assert one.metadata["finalizers"] == ["x.dev/b"]
    last = await call.json_patch(
        f"{THINGS}/w",
        {"op": "test", "path": "/metadata/resourceVersion", "value": one.version},
        {"op": "replace", "path": "/metadata/finalizers", "value": []},
    )
    assert (last.status, last.version) == (200, one.version)
    assert (await call.ask("GET", f"{THINGS}/w")).status == 404
    events = await told_until_now(server, resourceVersion="100")
    assert [kind for kind, _ in events] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]


async def test_discovery(call: Caller) -> None:
    assert (await call.ask("GET", "/readyz")).response.content == b"ok"
    assert (await call.ask("GET", "/version")).body["gitVersion"].startswith("v1.")
    assert (await call.ask("GET", "/api")).body["versions"] == ["v1"]
    groups = {group["name"]: group for group in (await call.ask("GET", "/apis")).body["groups"]}
    assert groups["apps"]["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    core = {one["name"]: one for one in (await call.ask("GET", "/api/v1")).body["resources"]}
    assert (core["configmaps"]["shortNames"], core["namespaces"]["namespaced"]) == (["cm"], False)
    ours = (await call.ask("GET", "/apis/test.outrider.dev/v1")).body
    assert (ours["kind"], ours["groupVersion"]) == ("APIResourceList", "test.outrider.dev/v1")
    assert [one["name"] for one in ours["resources"]] == ["widgets", "widgets/status"]
    assert "patch" in ours["resources"][0]["verbs"]
    assert (await call.ask("GET", "/apis/test.outrider.dev")).body["kind"] == "APIGroup"
    assert (await call.ask("GET", "/apis/test.outrider.dev/v9")).status == 404


async def test_requests_are_recorded(server: FakeApi, call: Caller) -> None:
    await call.apply(f"{THINGS}/w", widget(spec={"size": 1}), "one", force="true")
    await call.ask("GET", f"{THINGS}/w")
    first, second = server.requests
    assert (first.method, first.path) == ("PATCH", f"{THINGS}/w")
    assert first.query == {"fieldManager": "one", "force": "true"}
    assert first.headers.get("user-agent") == "tester/1"
    assert (first.json()["spec"], second.body) == ({"size": 1}, b"")
    assert first.time <= second.time
    assert server.seen(Match(method="PATCH")) == [first]


async def test_objects_are_put_and_removed_by_hand(server: FakeApi) -> None:
    version = server.version
    first = server.put(
        "widgets", {"metadata": {"name": "w", "namespace": "shop"}, "spec": {"n": 1}, "status": {"a": 1}}
    )
    assert (first["kind"], first["status"], first["metadata"]["generation"]) == ("Widget", {"a": 1}, 1)
    second = server.put("test.outrider.dev/v1/widgets", stored(spec={"n": 2}), manager="hpa")
    assert (second["metadata"]["uid"], second["metadata"]["generation"]) == (first["metadata"]["uid"], 2)
    assert owners(second)["hpa//Update"] == ["spec.n"]
    server.put("widgets", stored(metadata={"namespace": "shop", "uid": "new"}))
    server.remove("widgets", "shop", "w")
    assert server.get("widgets", "shop", "w") is None
    events = await told_until_now(server, resourceVersion=version)
    assert [kind for kind, _ in events] == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]


async def test_what_a_test_gets_is_a_copy(server: FakeApi) -> None:
    given = stored(spec={"n": [1]})
    server.put("widgets", given)["spec"]["n"].append(2)
    given["spec"]["n"].append(3)
    server.objects("widgets")[0]["spec"]["n"].append(4)
    found = server.get("widgets", "shop", "w")
    assert found is not None
    assert found["spec"] == {"n": [1]}


async def test_a_kind_that_goes_and_comes_back(server: FakeApi, call: Caller) -> None:
    server.put("widgets", stored())
    async with Watching(server.url, THINGS, resourceVersion=server.version) as watching:
        server.drop_kind("widgets")
        assert await watching.event() is None
    for path in (THINGS, f"{THINGS}/w", "/apis/test.outrider.dev/v1"):
        assert (await call.ask("GET", path)).status == 404
    server.register(WIDGETS)
    assert (await call.ask("GET", THINGS)).body["items"] == []


async def test_other_kinds_can_be_registered(server: FakeApi, call: Caller) -> None:
    server.register(
        Kind(group="x.dev", version="v2", plural="nodes", kind="Node", namespaced=False, lists={"items": "a,b"})
    )
    node = {"apiVersion": "x.dev/v2", "kind": "Node", "metadata": {"name": "n"}}
    await call.apply("/apis/x.dev/v2/nodes/n", {**node, "items": [{"a": 1, "b": 1}]})
    both = await call.apply("/apis/x.dev/v2/nodes/n", {**node, "items": [{"a": 1, "b": 2}]}, "two")
    assert both.body["items"] == [{"a": 1, "b": 1}, {"a": 1, "b": 2}]
    assert "generation" not in both.metadata
    assert (await call.ask("GET", "/apis/x.dev/v2/namespaces/a/nodes/n")).status == 404


async def test_killed_and_started_again(server: FakeApi) -> None:
    server.put("widgets", stored("a"))
    url, version = server.url, server.version
    async with Caller(url) as call, Watching(url, THINGS, resourceVersion=version) as watching:
        await call.ask("GET", THINGS)
        await server.stop()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await watching.event()
        with pytest.raises(ConnectionFailedError):
            await call.ask("GET", THINGS)
        server.put("widgets", stored("b"))
        await server.start()
        assert server.url == url
        assert await told_until_now(server, resourceVersion=version) == [("ADDED", "b")]
        assert len((await call.ask("GET", THINGS)).body["items"]) == 2


async def test_connections_are_cut_but_the_server_goes_on(server: FakeApi, call: Caller) -> None:
    async with Watching(server.url, THINGS) as watching:
        server.cut()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await watching.event()
    assert (await call.ask("GET", "/readyz")).status == 200
