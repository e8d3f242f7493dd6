"""The cache of one kind: what events and lists change, against a plain model of the server."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import NotFoundError
from outrider.ports.kube.cache import Change, ObjectCache, by_namespace, by_owner
from outrider.ports.kube.errors import read_error
from outrider.ports.kube.objects import KubeObject, read_event
from tests.core.profiles import quick


def item(name: str = "a", *, uid: str = "u1", version: str = "1", namespace: str = "shop", **more: Any) -> KubeObject:
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": uid,
        "resourceVersion": version,
        **more.pop("metadata", {}),
    }
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, **more}
    line = json.dumps({"type": "ADDED", "object": document}).encode()
    return read_event(line).object


def told(cache: ObjectCache, *observed: tuple[KubeObject, bool]) -> list[str]:
    return [f"{change.type} {change.key}" for one, gone in observed for change in cache.observe(one, gone=gone)]


def test_an_object_is_read_thin_and_the_rest_as_it_came() -> None:
    found = item(
        spec={"replicas": 2}, status={"ready": True},
        metadata={"labels": {"app": "web"}, "managedFields": [{"manager": "x"}], "generation": 7},
    )  # fmt: skip
    assert (found.key, found.kind, found.metadata.labels, found.metadata.generation) == (
        "shop/a",
        "Pod",
        {"app": "web"},
        7,
    )
    assert json.loads(bytes(found.spec)) == {"replicas": 2}
    assert item("node", namespace="").key == "node"


def test_what_is_kept_holds_no_line_alive() -> None:
    cache = ObjectCache()
    tracemalloc.start()
    for number in range(100):
        cache.observe(item(f"a{number}", spec={"x": 1}, metadata={"managedFields": "y" * 100_000}))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1_000_000, "of 10 MB of lines"


def test_an_error_in_a_watch_is_told_apart() -> None:
    line = b'{"type":"ERROR","object":{"kind":"Status","status":"Failure","code":410,"reason":"Expired","message":"too old"}}'
    assert read_event(line).type == "ERROR"
    assert (read_error(line).code, read_error(line).reason) == (410, "Expired")


def test_events_change_what_is_there() -> None:
    cache = ObjectCache()
    assert told(cache, (item(), False), (item(), False)) == ["added shop/a"], "the same version twice"
    assert told(cache, (item(version="2"), False)) == ["updated shop/a"]
    assert told(cache, (item(uid="u2", version="9"), False)) == ["deleted shop/a", "added shop/a"], "another object"
    assert told(cache, (item(uid="u2", version="10"), True), (item(uid="u2", version="10"), True)) == ["deleted shop/a"]
    assert len(cache) == 0


def test_a_list_finds_what_went_unseen() -> None:
    cache = ObjectCache()
    for name in "abc":
        cache.observe(item(name))
    changes = cache.replace([item("a"), item("b", version="2"), item("d"), item("c", uid="u2")])
    found = sorted(f"{change.type} {change.key}" for change in changes)
    assert found == ["added shop/c", "added shop/d", "deleted shop/c", "updated shop/b"]


def test_objects_are_found_by_their_indexes() -> None:
    cache = ObjectCache({"namespace": by_namespace, "owner": by_owner})
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "o1", "controller": True}
    cache.observe(item("a", metadata={"ownerReferences": [owner]}))
    cache.observe(item("b", namespace="other"))
    assert [one.metadata.name for one in cache.found("owner", "o1")] == ["a"]
    assert [one.metadata.name for one in cache.found("namespace", "other")] == ["b"]
    cache.observe(item("a", version="2"))
    assert cache.found("owner", "o1") == []
    with pytest.raises(NotFoundError, match="no index 'label'"):
        cache.found("label", "x")


NAMES = st.sampled_from("abcd")
STEPS = st.lists(st.tuples(st.sampled_from(["put", "renew", "delete", "relist", "again"]), NAMES), max_size=60)


class ServerModel:
    """What the API server has, and what a controller has heard of it."""

    def __init__(self) -> None:
        self.cache = ObjectCache({"namespace": by_namespace, "owner": by_owner})
        self.objects: dict[str, dict[str, Any]] = {}
        self.heard: dict[str, str] = {}

    def said(self, name: str) -> KubeObject:
        return item(name, **self.objects[name])

    def put(self, name: str, number: int, *, fresh: bool) -> list[Change]:
        uid = str(number) if fresh or name not in self.objects else self.objects[name]["uid"]
        owner = {"apiVersion": "v1", "kind": "X", "name": "x", "uid": f"o{number % 3}"}
        more = {"namespace": f"ns{ord(name) % 2}", "metadata": {"ownerReferences": [owner]}}
        self.objects[name] = {"uid": uid, "version": str(number), **more}
        return self.cache.observe(self.said(name))

    def step(self, step: str, name: str, number: int) -> list[Change]:
        if step in ("put", "renew"):
            return self.put(name, number, fresh=step == "renew")
        if step == "relist":
            self.objects = {other: one for other, one in self.objects.items() if other <= name}  # while nobody watched
            return self.cache.replace([self.said(other) for other in self.objects])
        if name not in self.objects:
            return []
        gone = self.said(name)
        if step == "delete":
            del self.objects[name]
        return self.cache.observe(gone, gone=step == "delete")

    def hear(self, change: Change) -> None:
        if change.after is None:
            assert self.heard.pop(change.key) == (change.before and change.before.metadata.uid)
        else:
            assert (change.type == "added") == (change.key not in self.heard)
            self.heard[change.key] = change.after.metadata.uid


@given(STEPS)
@quick
def test_the_cache_is_what_the_server_has(steps: list[tuple[str, str]]) -> None:
    model = ServerModel()
    for number, (step, name) in enumerate(steps):
        changes = model.step(step, name, number)
        assert not (step == "again" and changes), "it was seen in this version"
        for change in changes:
            model.hear(change)
    there = {model.said(name).key: one for name, one in model.objects.items()}
    assert {one.key: one.metadata.resource_version for one in model.cache} == {
        key: one["version"] for key, one in there.items()
    }
    assert set(model.heard) == set(there)
    for value in ("o0", "o1", "o2"):
        wanted = {key for key, one in there.items() if one["metadata"]["ownerReferences"][0]["uid"] == value}
        assert {one.key for one in model.cache.found("owner", value)} == wanted
