"""Parameters: what the schema accepts the model accepts, and each fault is named."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from jsonschema import Draft202012Validator

from outrider.core.calls import normalise
from outrider.core.codec import to_builtins
from outrider.core.errors import InvalidConfigError, UnknownOperationError, UnknownOperatorError
from outrider.core.schema import convert, json_schema
from outrider.runtime.discovery import registry
from tests.contract.cases import Case, cases, every_operation, plain_params
from tests.contract.values import values

# Hypothesis draws from the constants of all modules that are loaded: none may come in the middle of a test.
CASES = {case.name: case for case in cases()}
for _case in CASES.values():
    _case.load()

WRONG = (None, True, 7, "no such value \N{SNOWMAN}", ["x"], {"x": ["y"]}, [{"x": 1}])


def accepted(case: Case, params: dict[str, Any]) -> Any:
    return convert(params, case.load().code.params, base=("$",))


def refusal(case: Case, params: dict[str, Any]) -> InvalidConfigError | None:
    """Return the fault that a model's own check finds and no schema can express."""
    try:
        accepted(case, params)
    except InvalidConfigError as error:
        return error
    return None


def valid_params(case: Case) -> dict[str, Any]:
    return plain_params(case.declaration.examples[0])


@cache
def written_values(name: str) -> tuple[Draft202012Validator, SearchStrategy[Any]]:
    """Return what checks parameters by their schema, and what draws them; both take long to make."""
    schema = json_schema(CASES[name].load().code.params)
    return Draft202012Validator(schema), values(schema, schema.get("$defs", {}))


def wrong_values(case: Case) -> Iterator[tuple[str, Any]]:
    schema = json_schema(case.load().code.params)
    for name, field in schema["properties"].items():
        validator = Draft202012Validator({**field, "$defs": schema.get("$defs", {})})
        yield from ((name, value) for value in WRONG if not validator.is_valid(value))


@every_operation
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_valid_values_survive_the_round_trip(case: Case, data: st.DataObject) -> None:
    validator, written_by = written_values(case.name)
    written = data.draw(written_by)
    validator.validate(written)
    fault = refusal(case, written)
    assume(fault is None)
    plain = to_builtins(accepted(case, written))
    validator.validate(plain)
    assert to_builtins(accepted(case, plain)) == plain


@every_operation
def test_unknown_field_is_named(case: Case) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        accepted(case, {**valid_params(case), "no_such_field": 1})
    assert caught.value.path == "$.no_such_field"
    assert caught.value.suggestions


@every_operation
def test_wrong_type_is_named(case: Case) -> None:
    for name, value in wrong_values(case):
        with pytest.raises(InvalidConfigError) as caught:
            accepted(case, {**valid_params(case), name: value})
        assert caught.value.path.startswith(f"$.{name}"), (name, value)
        assert caught.value.suggestions, (name, value)
        assert caught.value.expected, (name, value)


def test_every_kind_of_parameter_meets_a_wrong_value() -> None:
    assert {case.name for case in cases() if case.fields()} == {
        case.name for case in cases() if list(wrong_values(case))
    }


@every_operation
def test_missing_field_is_named(case: Case) -> None:
    for name, field in case.fields().items():
        if field.required:
            params = {key: value for key, value in valid_params(case).items() if key != name}
            with pytest.raises(InvalidConfigError) as caught:
                accepted(case, params)
            assert caught.value.path == f"$.{name}"
            assert caught.value.suggestions


@every_operation
def test_call_forms_give_the_same_call(case: Case) -> None:
    params, verb = valid_params(case), case.declaration.name
    leading = []
    for name in case.declaration.positional:
        if name not in params:
            break
        leading.append(name)
    arguments = [params[name] for name in leading]
    options = {name: value for name, value in params.items() if name not in leading}
    written = [
        normalise(registry(), case.family, [verb, *arguments, options]),
        normalise(registry(), f"@{case.family}", [verb.replace("_", "-"), params]),
        normalise(registry(), case.family, [{"action": verb, **params}]),
        normalise(registry(), case.family, [{"operation": verb, **params}]),
        normalise(registry(), case.name, [params]),
    ]
    assert written == [written[0]] * len(written)
    assert written[0].params == params


@every_operation
def test_misspelt_names_bring_suggestions(case: Case) -> None:
    with pytest.raises(UnknownOperationError) as no_operation:
        normalise(registry(), case.family, [f"{case.declaration.name}x"])
    assert no_operation.value.suggestions
    with pytest.raises(UnknownOperatorError) as no_operator:
        normalise(registry(), f"{case.family}x", [case.declaration.name])
    assert no_operator.value.suggestions
