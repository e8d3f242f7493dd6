from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from outrider.core.codec import encode, to_builtins
from outrider.core.errors import CODES, InvalidConfigError, OutriderError
from outrider.core.manifest import FamilyDeclaration
from outrider.core.operation import OperationDeclaration
from outrider.core.schema import convert
from tests.core.profiles import quick, thorough
from tests.core.values import json_values, outcome

# What YAML can hold and JSON cannot: keys that are no texts, endless numbers, half characters.
odd_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**90), 10**90) | st.floats() | st.characters() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers() | st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
words = st.from_regex(r"[a-z]{3,8}", fullmatch=True)
operations = st.fixed_dictionaries(
    {"name": words, "effect": st.sampled_from(["read", "write", "destroy"]), "summary": st.text(max_size=10)},
    optional={
        "timeout": st.sampled_from(["500ms", "1h30m"]),
        "attempts": st.integers(1, 9),
        "positional": st.lists(words, max_size=3),
        "aliases": st.lists(st.fixed_dictionaries({"name": words}), max_size=2),
        "errors": st.lists(st.sampled_from(sorted(CODES)), max_size=2),
    },
)
families = st.fixed_dictionaries(
    {"name": words, "title": words, "summary": words, "operations": st.lists(operations, min_size=1, max_size=3)}
)
Planted = tuple[dict[str, Any], list[str]]


def _break(draw: st.DrawFn, operation: Any, path: str) -> list[str]:
    """Plant faults into an operation and return their paths."""
    places = draw(st.sets(st.sampled_from(["name", "effect", "summary", "timeout", "aliases", "extra"])))
    wrong = {"name": 7, "effect": "reed", "summary": None, "timeout": "soon", "extra": 1}
    paths = []
    for place in sorted(places):
        if place == "aliases":
            operation["aliases"] = [{"name": "fine"}, {"nmae": "typo"}]
            paths += [f"{path}.aliases[1].nmae", f"{path}.aliases[1].name"]
            continue
        paths.append(f"{path}.{place}")
        if place == "name" and draw(st.booleans()):
            del operation["name"]
        else:
            operation[place] = wrong[place]
    return paths


@st.composite
def broken_families(draw: st.DrawFn) -> Planted:
    family = draw(families)
    paths = []
    for index, operation in enumerate(family["operations"]):
        paths += _break(draw, operation, f"operations[{index}]")
    if draw(st.booleans()):
        family["title"] = ["not", "text"]
        paths.append("title")
    return family, paths


@given(families)
@quick
def test_good_data_is_taken_as_it_is(family: dict[str, Any]) -> None:
    model = to_builtins(convert(family, FamilyDeclaration))
    assert model["name"] == family["name"]
    for given_operation, operation in zip(family["operations"], model["operations"], strict=True):
        assert {field: operation[field] for field in given_operation if field != "aliases"} == {
            field: value for field, value in given_operation.items() if field != "aliases"
        }


@given(broken_families().filter(lambda planted: bool(planted[1])))
@thorough
def test_every_planted_fault_is_told_with_its_path(planted: Planted) -> None:
    family, paths = planted
    event(f"{len(paths)} faults")
    with pytest.raises(InvalidConfigError) as caught:
        convert(family, FamilyDeclaration)
    faults = caught.value.causes or [caught.value]
    assert sorted(fault.path for fault in faults) == sorted(paths)
    assert all(fault.message and fault.expected and fault.hint for fault in faults)


@given(st.one_of(json_values, odd_values, families))
@thorough
def test_random_data_is_read_or_refused(data: Any) -> None:
    for target in (FamilyDeclaration, OperationDeclaration, dict[str, list[OperationDeclaration]]):
        refusal = outcome(partial(convert, data, target))
        if isinstance(refusal, OutriderError):
            assert encode(refusal)


@given(operations, st.dictionaries(words, st.one_of(json_values, odd_values), max_size=3), st.data())
@thorough
def test_random_fields_are_read_or_refused(
    operation: dict[str, Any], further: dict[str, Any], data: st.DataObject
) -> None:
    for field in data.draw(st.sets(st.sampled_from(OperationDeclaration.__struct_fields__), max_size=3)):
        operation[field] = data.draw(st.one_of(json_values, odd_values))
    refusal = outcome(lambda: convert(operation | further, OperationDeclaration))
    if isinstance(refusal, OutriderError):
        assert encode(refusal)


@given(operations, st.dictionaries(words, json_values, max_size=1), st.data())
@thorough
def test_what_is_read_at_once_is_what_the_walk_reads(
    operation: dict[str, Any], further: dict[str, Any], data: st.DataObject
) -> None:
    for field in data.draw(st.sets(st.sampled_from(OperationDeclaration.__struct_fields__), max_size=2)):
        operation[field] = data.draw(st.one_of(json_values, odd_values, words.map(lambda word: f"{word}\n")))
    with patch("outrider.core.schema._knows_all", lambda _: False):
        walked = outcome(lambda: convert(operation | further, OperationDeclaration))
    at_once = outcome(lambda: convert(operation | further, OperationDeclaration))
    event(type(walked).__name__)
    assert encode(at_once) == encode(walked)
