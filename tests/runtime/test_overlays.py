from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.runtime.changes import object_changes
from outrider.runtime.folders import ObjectFolder, objects_digest
from outrider.runtime.overlays import merge
from tests.core.profiles import quick

BASE = """\
apiVersion: outrider.dev/v1alpha1
kind: Platform
metadata: {name: shop}
spec: {groups: {oncall: [ana]}}
---
apiVersion: outrider.dev/v1alpha1
kind: SensorAgent
metadata: {name: eyes, labels: {zone: a}}
spec:
  triggers:
  - {name: web, plugin: http-probe, config: {url: "http://127.0.0.1:1/", every: 5s}}
"""
PRODUCTION = """\
apiVersion: outrider.dev/v1alpha1
kind: Platform
metadata: {name: shop}
spec: {groups: {oncall: [bo, cy], night: [di]}, retention: {events: 7d}}
---
apiVersion: outrider.dev/v1alpha1
kind: Output
metadata: {name: diary}
spec: {plugin: file, config: {path: diary.jsonl}}
"""

plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.text("ab", max_size=2)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text("abc", max_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "outrider.yaml").write_text(BASE)
    overlay = tmp_path / "overlays" / "production"
    overlay.mkdir(parents=True)
    (overlay / "all.yaml").write_text(PRODUCTION)
    return tmp_path


def test_partial_objects_are_merged_over_those_of_the_folder(folder: Path) -> None:
    plainly, merged = ObjectFolder(folder).read(), ObjectFolder(folder, "production").read()
    assert [item.ref for item in plainly] == ["Platform/shop", "SensorAgent/eyes"]
    assert [item.ref for item in merged] == ["Platform/shop", "SensorAgent/eyes", "Output/diary"]
    platform = merged.find("Platform", "shop")
    assert platform is not None
    assert platform.spec.groups == {"oncall": ["bo", "cy"], "night": ["di"]}
    assert float(platform.spec.retention.events) == 7 * 86_400


def test_a_fault_of_an_overlay_has_its_own_place(folder: Path) -> None:
    wrong = PRODUCTION.replace("events: 7d", "events: soon")
    (folder / "overlays" / "production" / "all.yaml").write_text(wrong)
    with pytest.raises(InvalidConfigError) as caught:
        ObjectFolder(folder, "production").read()
    assert caught.value.source == "overlays/production/all.yaml:4:69"


def test_a_fault_of_the_folder_keeps_its_place(folder: Path) -> None:
    (folder / "outrider.yaml").write_text(BASE.replace("every: 5s", "every: soon"))
    with pytest.raises(InvalidConfigError) as caught:
        ObjectFolder(folder, "production").read()
    assert caught.value.source.startswith("outrider.yaml:11:")


@pytest.mark.parametrize("name", ["prod", "..", "production/..", "/etc"])
def test_an_overlay_that_is_not_there_names_those_that_are(folder: Path, name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        ObjectFolder(folder, name).read()
    assert caught.value.expected == "production"


def test_a_change_of_any_file_changes_the_signature(folder: Path) -> None:
    production = ObjectFolder(folder, "production")
    before = production.signature()
    assert production.signature() == before
    (folder / "overlays" / "production" / "all.yaml").write_text(PRODUCTION + "\n")
    assert production.signature() != before
    assert ObjectFolder(folder).signature() < before


@given(base=plain, patch=plain)
@quick
def test_a_merge_patch_does_what_rfc_7396_says(base: Any, patch: Any) -> None:
    """Checked by what the result must have, not by the algorithm again."""
    merged = merge(base, patch)
    if not isinstance(patch, dict):
        assert merged == patch
        return
    kept = base if isinstance(base, dict) else {}
    assert merged.keys() == (kept.keys() | patch.keys()) - {name for name, value in patch.items() if value is None}
    for name in merged:
        if name not in patch:
            assert merged[name] == kept[name]
        elif not isinstance(patch[name], dict):
            assert merged[name] == patch[name]
    assert merge(merged, patch) == merged


def test_changes_name_the_fields(folder: Path) -> None:
    before, after = ObjectFolder(folder).read(), ObjectFolder(folder, "production").read()
    created, changed = object_changes(before, after, prune=True)
    assert (created.action, created.kind, created.name) == ("created", "Output", "diary")
    assert [(one.path, one.before, one.after) for one in changed.difference] == [
        ("spec.retention.events", "30d", "7d"),
        ("spec.groups.oncall", ["ana"], ["bo", "cy"]),
        ("spec.groups.night", None, ["di"]),
    ]
    assert [change.action for change in object_changes(after, before, prune=True)] == ["deleted", "changed"]
    assert [change.action for change in object_changes(after, before, prune=False)] == ["changed"]
    assert object_changes(before, ObjectFolder(folder).read(), prune=True) == []
    assert objects_digest(before) == objects_digest(ObjectFolder(folder).read()) != objects_digest(after)
