from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from outrider.core.calls import Call, normalise
from outrider.core.errors import InvalidConfigError, UnknownOperationError, UnknownOperatorError
from outrider.core.manifest import FamilyDeclaration, Manifest
from outrider.core.operation import Alias, Effect, OperationDeclaration
from outrider.core.registry import Package, Registry
from tests.core.profiles import quick, thorough
from tests.core.shop import registry
from tests.core.values import json_values, outcome

REGISTRY = registry()
NOVEL = Call("shop", "get", {"kind": "novels", "name": "Emma"})


def call(name: str, *arguments: object) -> Call:
    return normalise(REGISTRY, name, arguments)


def refused(name: str, *arguments: object) -> InvalidConfigError:
    with pytest.raises(InvalidConfigError) as caught:
        call(name, *arguments)
    assert caught.value.expected or caught.value.found
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("@shop", ["get", "novels", "Emma"]),
        ("shop", ["get", "novels", "Emma"]),
        ("@shop", ["get", "novels", {"name": "Emma"}]),
        ("@shop", ["get", {"kind": "novels", "name": "Emma"}]),
        ("@shop", ["get_novels", "Emma"]),
        ("@shop", ["get-novels", "Emma"]),
        ("@shop", ["get_novels", {"kind": "novels", "name": "Emma"}]),
        ("@shop", [{"action": "get", "kind": "novels", "name": "Emma"}]),
        ("@shop", [{"operation": "get_novels", "name": "Emma"}]),
        ("@shop.get", ["novels", "Emma"]),
        ("shop.get", [{"kind": "novels", "name": "Emma"}]),
        ("shop.get-novels", [{"name": "Emma"}]),
    ],
)
def test_forms_of_one_call(name: str, arguments: list[object]) -> None:
    assert call(name, *arguments) == NOVEL
    assert call(name, *arguments).name == "shop.get"


def test_preset_of_an_alias_is_merged_first() -> None:
    assert call("@books", "get").params == {"shelf": "books"}
    assert call("@books", "get", {"shelf": "books"}).params == {"shelf": "books"}


def test_presets_are_not_shared_between_calls() -> None:
    call("@books", "get").params["shelf"] = "broken"
    assert call("@books", "get").params == {"shelf": "books"}


def test_names_inside_the_caller_s_data_are_left_alone() -> None:
    labels = {"camelCase": 1, "action": "x", "@npm": True}
    assert call("@shop", "put_back", {"labels": labels}).params == {"labels": labels}


def test_another_value_than_the_preset_names_both() -> None:
    error = refused("@books", "get", {"shelf": "music"})
    assert (error.path, error.found, error.expected) == ("$.shelf", '"music"', '"books"')
    assert error.hint == "remove 'shelf', or call shop.get by its own name"


def test_presets_of_family_and_verb_that_contradict_each_other() -> None:
    assert refused("@books", "get_films").path == "$.shelf"
    assert call("@shop", "get_films").params == {"shelf": "films"}


@pytest.mark.parametrize("name", ["@shop", "@books"])
def test_no_argument_lists_the_operations(name: str) -> None:
    assert refused(name).expected == "one of get, put_back"
    assert refused(name, {}).expected == "one of get, put_back"


@pytest.mark.parametrize("first", [1, None, True, ["get"], 1.5])
def test_first_argument_that_is_no_verb(first: object) -> None:
    assert refused("@shop", first, {}).expected.startswith('("operation"')


@pytest.mark.parametrize("verb", [1, None, True, ["get"], {"a": 1}])
def test_verb_that_is_no_name(verb: object) -> None:
    error = refused("@shop", {"action": verb})
    assert (error.expected, error.hint) == ("the name of an operation", 'write action: "get"')


def test_action_and_operation_together() -> None:
    assert refused("@shop", {"action": "get", "operation": "put"}).found == '"get" and "put"'


@pytest.mark.parametrize("arguments", [[{"name": "x"}, "novels"], [{"name": "x"}, {"kind": "y"}]])
def test_options_come_last_and_once(arguments: list[object]) -> None:
    error = refused("@shop", "get", *arguments)
    assert error.expected == '@shop("get", kind, name, { ... })'


@pytest.mark.parametrize(
    ("verb", "values"),
    [("get", ["a", "b", "c"]), ("get_novels", ["a", "b"]), ("put_back", ["a"]), ("get", [1, None, 2])],
)
def test_more_values_than_positional_fields(verb: str, values: list[object]) -> None:
    error = refused("@shop", verb, *values)
    assert error.expected.startswith("@shop(")
    assert len(error.found.split(", ")) == len(values)


def test_field_given_twice_names_both() -> None:
    error = refused("@shop", "get", "novels", {"kind": "poems"})
    assert (error.path, error.found) == ("$.kind", '"novels" and "poems"')


def test_long_values_are_cut_in_errors() -> None:
    assert len(refused("@shop", "get", "x" * 10**6, {"kind": "y" * 10**6}).found) < 200


@pytest.mark.parametrize(
    ("verb", "hints"),
    [
        ("gte", ["did you mean 'get'?"]),
        ("putback", ["did you mean 'put_back'?"]),
        ("GET", ["use one of: get, put_back"]),
        ("", ["use one of: get, put_back"]),
    ],
)
def test_unknown_operation_suggests_near_ones(verb: str, hints: list[str]) -> None:
    with pytest.raises(UnknownOperationError) as caught:
        call("@shop", verb)
    assert (caught.value.suggestions, caught.value.operator) == (hints, "@shop")


@pytest.mark.parametrize("name", ["@Shop", "@@shop", "@ shop", "@sho", "shop ", "@", "", "outrider.operators.shop"])
def test_names_of_families_are_exact(name: str) -> None:
    with pytest.raises(UnknownOperatorError) as caught:
        call(name, "get")
    assert caught.value.hint


words = st.from_regex(r"[a-z]{2,6}(_[a-z]{1,4})?", fullmatch=True)


@st.composite
def declarations(draw: st.DrawFn) -> FamilyDeclaration:
    names = draw(st.lists(words, min_size=2, max_size=8, unique=True))
    operations = []
    for name, verb in zip(names[::2], names[1::2], strict=False):
        fields = draw(st.lists(words, max_size=3, unique=True))
        fixed = draw(st.sets(st.sampled_from(fields))) if fields else set()
        preset = {field: draw(json_values) for field in sorted(fixed)}
        aliases = [Alias(verb, preset)]
        operations.append(
            OperationDeclaration(name=name, effect=Effect.READ, summary="", positional=fields, aliases=aliases)
        )
    alias = Alias("other", {"preset-0": draw(json_values)})
    return FamilyDeclaration(name="made", title="", summary="", aliases=[alias], operations=operations)


@given(declarations(), st.dictionaries(words, json_values, max_size=4), st.data())
@thorough
def test_both_forms_of_generated_calls_agree(
    family: FamilyDeclaration, params: dict[str, Any], data: st.DataObject
) -> None:
    made = Registry([Package("made", Manifest(family=family))])
    name = data.draw(st.sampled_from(["made", "@made", "@other"]))
    operation = data.draw(st.sampled_from(family.operations))
    alias = operation.aliases[0]
    verb, preset = data.draw(st.sampled_from([(operation.name, {}), (alias.name, alias.preset)]))
    free = [field for field in operation.positional if field not in preset]
    positional = data.draw(st.lists(st.integers() | st.text(max_size=3), max_size=len(free)))
    by_name = {key: value for key, value in params.items() if key not in operation.positional}
    assume(not {"action", "operation"} & {*params, *free})
    expected = {**(family.aliases[0].preset if name == "@other" else {}), **preset, **by_name}
    expected.update(zip(free, positional, strict=False))

    form_a = normalise(made, name, [verb, *positional, by_name])
    form_b = normalise(made, name, [{"action": verb, **by_name, **dict(zip(free, positional, strict=False))}])
    dotted = normalise(made, f"{name}.{verb}", [*positional, by_name])
    assert form_a == form_b == dotted == Call("made", operation.name, expected)


@given(st.sampled_from(["@shop", "books.get", "shop.", "."]), st.lists(json_values | st.just("get"), max_size=4))
@quick
def test_random_arguments_are_a_call_or_refused(name: str, arguments: list[object]) -> None:
    found = outcome(lambda: call(name, *arguments))
    if isinstance(found, Call):
        assert found.name in {"shop.get", "shop.put_back"}
    else:
        assert found.code in {"INVALID_CONFIG", "UNKNOWN_OPERATION", "UNKNOWN_OPERATOR"}
        assert found.hint
