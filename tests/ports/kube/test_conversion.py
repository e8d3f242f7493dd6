"""Versions of a kind: nothing is lost on the way there and back, and what was changed meanwhile counts."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.ports.kube.conversion import Conversion, ConversionRequest, Conversions, answer

GROUP = "test.outrider.dev"


def _up(body: dict[str, Any]) -> dict[str, Any]:
    """From v1alpha1, where image and command stand in the spec, which has no labels and a single model."""
    spec = body.get("spec", {})
    made: dict[str, Any] = {name: value for name, value in spec.items() if name == "replicas"}
    program = {name: spec[name] for name in ("image", "command") if name in spec}
    if program:
        made["program"] = program
    if "model" in spec:
        made["models"] = [{"name": spec["model"]}]
    return {**{name: value for name, value in body.items() if name != "spec"}, "spec": made}


def _down(body: dict[str, Any]) -> dict[str, Any]:
    spec = body.get("spec", {})
    made: dict[str, Any] = {name: value for name, value in spec.items() if name == "replicas"}
    made |= {name: spec["program"][name] for name in ("image", "command") if name in spec.get("program", {})}
    if spec.get("models"):
        made["model"] = spec["models"][0]["name"]
    return {**{name: value for name, value in body.items() if name != "spec"}, "spec": made}


KIND = Conversions(GROUP, "Agent", "v1", [Conversion("v1alpha1", _up, _down)])


def item(version: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/{version}",
        "kind": "Agent",
        "metadata": {"name": "a", "uid": "7", **metadata},
        "spec": spec,
    }


TEXT = st.text("abc", min_size=1, max_size=3)
HUB = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.integers(0, 3), "program": st.fixed_dictionaries({}, optional={"image": TEXT, "command": st.lists(TEXT, max_size=2), "user": TEXT}),
        "models": st.lists(st.fixed_dictionaries({"name": TEXT}, optional={"weight": st.integers(1, 3)}), max_size=3),
        "labels": st.dictionaries(TEXT, TEXT, max_size=2),
    },
)  # fmt: skip
OLD = st.fixed_dictionaries(
    {}, optional={"replicas": st.integers(0, 3), "image": TEXT, "command": st.lists(TEXT, max_size=2), "model": TEXT}
)


@given(HUB, st.dictionaries(TEXT, TEXT, max_size=2))
def test_the_way_there_and_back_loses_nothing(spec: dict[str, Any], annotations: dict[str, str]) -> None:
    there = item("v1", spec, **({"annotations": annotations} if annotations else {}))
    before = copy.deepcopy(there)
    old = KIND.convert(there, "v1alpha1")
    assert old["apiVersion"] == f"{GROUP}/v1alpha1"
    assert (old["metadata"]["name"], old["metadata"]["uid"]) == ("a", "7")
    assert KIND.convert(old, "v1") == there == before, "and nobody's object is changed under their hands"


@given(OLD)
def test_the_way_from_an_old_version_loses_nothing_either(spec: dict[str, Any]) -> None:
    old = item("v1alpha1", spec)
    assert KIND.convert(KIND.convert(old, "v1"), "v1alpha1") == old


@given(HUB, OLD)
def test_what_is_changed_in_an_old_version_counts(spec: dict[str, Any], changed: dict[str, Any]) -> None:
    old = KIND.convert(item("v1", spec), "v1alpha1")
    after = KIND.convert({**old, "spec": changed}, "v1")
    assert "annotations" not in after["metadata"]
    again = KIND.convert(after, "v1alpha1")
    assert again["spec"] == changed


def test_what_could_not_be_said_comes_back_beside_the_change() -> None:
    spec = {
        "program": {"image": "a", "user": "me"},
        "models": [{"name": "m", "weight": 2}, {"name": "n"}],
        "labels": {"x": "y"},
    }
    old = KIND.convert(item("v1", spec), "v1alpha1")
    assert old["spec"] == {"image": "a", "model": "m"}
    after = KIND.convert({**old, "spec": {"image": "b", "model": "m"}}, "v1")
    assert after["spec"] == {**spec, "program": {"image": "b", "user": "me"}}
    after = KIND.convert({**old, "spec": {"image": "a", "model": "o"}}, "v1")
    assert after["spec"]["models"] == [{"name": "o"}], "who names another model means that one alone"


def test_a_question_is_answered_whole_or_not_at_all() -> None:
    kinds = {(GROUP, "Agent"): KIND}
    good = ConversionRequest(
        uid="7", desired_api_version=f"{GROUP}/v1", objects=[item("v1alpha1", {"image": "a"}), item("v1", {})]
    )
    response = answer(good, kinds)["response"]
    assert (response["uid"], response["result"]) == ("7", {"status": "Success"})
    assert [one["apiVersion"] for one in response["convertedObjects"]] == [f"{GROUP}/v1"] * 2
    cases: list[list[dict[str, Any]]] = [
        [item("v1alpha1", {}), item("v3", {})],
        [{**item("v1alpha1", {}), "kind": "Else"}],
        [item("v1alpha1", {}, annotations={f"{GROUP}/kept-v1": "[1"})],
        [item("v1alpha1", {}, annotations={f"{GROUP}/kept-v1": "[]"})],
        [{}],
    ]
    for bad in cases:
        response = answer(ConversionRequest(uid="8", desired_api_version=f"{GROUP}/v1", objects=bad), kinds)["response"]
        assert response["result"]["status"] == "Failure"
        assert response["result"]["message"]
        assert "convertedObjects" not in response
    with pytest.raises(NotFoundError):
        KIND.convert(item("v1", {}), "v9")
    with pytest.raises(InvalidConfigError):
        KIND.convert({"kind": "Agent"}, "v1")
