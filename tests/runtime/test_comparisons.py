"""Closures give what CEL gives: CEL itself is the oracle."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import OutriderError
from outrider.runtime.comparisons import compile_comparison
from outrider.runtime.expressions import Expression
from tests.core.profiles import thorough

VARIABLES = ("event", "state", "labels")
FIELDS = [
    "event.data.a",
    "event.data.b.c",
    'event.data["b"].c',
    "event.severity",
    "labels.zone",
    'state["eyes/web"].up',
]
LITERALS = ["1", "0", "-3", "2.5", '"x"', "'1'", '""', "true", "false", "null"]

scalars = st.sampled_from([0, 1, -3, 2.5, "x", "1", "", True, False, None, [1], {"c": 1}])
fields = st.sampled_from(FIELDS)
comparisons = st.builds(
    lambda field, sign, literal: f"{field} {sign} {literal}",
    fields,
    st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
    st.sampled_from(LITERALS),
)
conditions = st.recursive(
    st.one_of(comparisons, fields),
    lambda inner: st.one_of(
        st.builds(lambda a, b: f"{a} && {b}", inner, inner),
        st.builds(lambda a, b: f"({a} || {b})", inner, inner),
        st.builds(lambda a: f"!({a})", inner),
    ),
    max_leaves=5,
)
events = st.fixed_dictionaries(
    {},
    optional={"a": scalars, "b": st.one_of(scalars, st.fixed_dictionaries({}, optional={"c": scalars}))},
)


def seen(data: dict[str, Any], up: Any) -> dict[str, Any]:
    return {
        "event": {"data": data, "severity": "high"},
        "state": {"eyes/web": {"up": up}},
        "labels": {"zone": "x"},
    }


def by_cel(text: str, variables: dict[str, Any]) -> bool | None:
    """Return what CEL alone says: true, false, or None for an error or for a value that is neither."""
    expression = Expression(text, VARIABLES)
    try:
        value = expression.evaluate(variables)
    except OutriderError:
        return None
    return value if isinstance(value, bool) else None


@given(text=conditions, data=events, up=scalars)
@thorough
def test_a_closure_gives_what_cel_gives(text: str, data: dict[str, Any], up: Any) -> None:
    variables = seen(data, up)
    closure = compile_comparison(text, VARIABLES)
    try:
        expected = by_cel(text, variables)
    except OutriderError:  # CEL refuses it when it is read, and then there is no closure either
        return
    if closure is not None:
        assert closure(variables) is expected, json.dumps(data)


@pytest.mark.parametrize(
    "text",
    [
        'event.data.a.startsWith("x")',
        "event.data.a + 1 == 2",
        "event.data.a in [1, 2]",
        "has(event.data.a)",
        r'event.data.a == "a\"b"',
        "event.data.a == 9007199254740993",
        "event.data.a == event.data.b",
        "event.data.l[0] == 1",
        "event.data.a == 1 ? true : false",
        "1 == event.data.a",
        "unknown.a == 1",
        "event.data.a < true",
        "event.data.a == 1u",
        "event.data.a == 0x10",
    ],
)
def test_what_only_cel_understands_is_left_to_it(text: str) -> None:
    assert compile_comparison(text, VARIABLES) is None


def test_met_is_false_where_the_condition_cannot_be_evaluated() -> None:
    for text in ("event.data.missing == 1", "event.data.missing.startsWith('x')", "event.data"):
        assert Expression(text, VARIABLES).met(seen({}, True)) is False
