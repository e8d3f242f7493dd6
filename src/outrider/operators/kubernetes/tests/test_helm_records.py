import base64
import gzip
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.codec import decode_plain
from outrider.core.errors import UnsupportedError
from outrider.operators.kubernetes.helm_records import Record, objects_of, read_record, record_data, record_json
from outrider.operators.kubernetes.three_way import three_way_patch

NAMES = st.sampled_from("abcd")
LEAVES = st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2)
TREES = st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=8)
OBJECTS = st.dictionaries(NAMES, TREES, max_size=4)


def secret(data: Any) -> dict[str, Any]:
    return {"metadata": {"name": "sh.helm.release.v1.web.v1"}, "data": data}


def packed(content: bytes) -> dict[str, str]:
    return {"release": base64.b64encode(base64.b64encode(content)).decode()}


def merged(target: Any, patch: Any) -> Any:
    """Return what RFC 7396 makes of a document and a patch; its section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@given(OBJECTS, OBJECTS)
def test_the_patch_gives_what_is_wanted_and_nothing_that_was(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert merged(before, three_way_patch(before, after, strategic=False)) == after


@given(OBJECTS, OBJECTS)
def test_the_patch_leaves_what_others_have_added(before: dict[str, Any], after: dict[str, Any]) -> None:
    patch = three_way_patch(before, after, strategic=False)
    assert merged({**before, "other": {"by": "somebody"}}, patch) == {**after, "other": {"by": "somebody"}}


def test_items_that_are_told_apart_are_patched_one_by_one() -> None:
    before = {
        "containers": [{"name": "a", "env": [{"name": "X", "value": "1"}], "tty": True}, {"name": "b"}],
        "args": ["1"],
    }
    after = {"containers": [{"name": "a", "env": [], "ports": [{"containerPort": 80}]}], "args": ["2"]}
    assert three_way_patch(before, after, strategic=True) == {
        "containers": [
            {"name": "a", "env": [{"$patch": "delete", "name": "X"}], "tty": None, "ports": [{"containerPort": 80}]},
            {"$patch": "delete", "name": "b"},
        ],
        "args": ["2"],
    }
    ports = {"ports": [{"port": 80, "targetPort": 8080}]}
    assert three_way_patch(ports, {"ports": [{"port": 81}]}, strategic=True) == {
        "ports": [{"port": 81}, {"$patch": "delete", "port": 80}]
    }
    assert three_way_patch({"env": [1]}, {"env": [2]}, strategic=True) == {"env": [2]}


def test_a_record_is_read_and_written_as_helm_does() -> None:
    content = {
        "name": "web", "version": 3, "config": None, "chart": {"metadata": {"name": "shop", "version": "1.2.3", "appVersion": "9"}, "lock": None},
        "info": {"status": "deployed", "deleted": "", "last_deployed": "2026-07-01T10:00:00Z"}, "hooks": None, "kept": [1.5, None, {"a": "ü"}],
    }  # fmt: skip
    written = secret(record_data(content))
    assert decode_plain(record_json(written)) == content
    record = read_record(written)
    assert (record.version, record.chart_title, record.metadata.app_version) == (3, "shop-1.2.3", "9")
    plain = secret(packed(b'{"name": "old", "version": 1}'))
    assert read_record(plain).name == "old", "before Helm compressed them"


@pytest.mark.parametrize(
    "data",
    [
        None, {}, {"release": "*"}, {"release": "Kg=="}, packed(b"{"), packed(b'{"version": "x"}'), packed(gzip.compress(b"{}", mtime=0)[:-4]),
        packed(gzip.compress(b" " * (64 * 1024 * 1024 + 1), mtime=0)),
    ],
    ids=["no data", "no release", "no base64", "no base64 within", "no JSON", "another type", "cut off", "a bomb"],
)  # fmt: skip
def test_what_is_no_record_is_told(data: Any) -> None:
    with pytest.raises(UnsupportedError, match=r"sh\.helm\.release\.v1\.web\.v1"):
        read_record(secret(data))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_an_error(data: bytes) -> None:
    for content in (data, gzip.compress(data)):
        try:
            assert isinstance(read_record(secret(packed(content))), Record)
        except UnsupportedError:
            continue


def test_a_manifest_is_split_into_its_objects() -> None:
    manifest = """---
# Source: shop/templates/a.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
# Source: shop/templates/empty.yaml
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: b}}
---
{apiVersion: batch/v1, kind: Job, metadata: {generateName: c-}}
"""
    assert [(one["kind"], one["metadata"]["name"]) for one in objects_of(manifest)] == [
        ("ConfigMap", "a"), ("Secret", "b"), ("Job", "c-")
    ]  # fmt: skip


@pytest.mark.parametrize("manifest", ["a: [", "- 1", "kind: ConfigMap", "x", "kind: List\nitems: [1]"])
def test_what_is_no_manifest_is_told(manifest: str) -> None:
    with pytest.raises(UnsupportedError):
        objects_of(manifest)
