from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, OutriderError
from outrider.runtime.expressions import Expression

EVENT = {"data": {"state": "down", "load": 1.5, "tags": ["a", "b"], "count": 3}}


def evaluate(text: str, **variables: Any) -> Any:
    values = variables or {"event": EVENT}
    return Expression(text, tuple(values)).evaluate(values)


def compile_fault(text: str) -> InvalidConfigError:
    with pytest.raises(InvalidConfigError) as caught:
        Expression(text, ("event", "vars"))
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('event.data.state == "down"', True),
        ("event.data.load > 1.0 && event.data.count < 3", False),
        ('"a" in event.data.tags', True),
        ("has(event.data.missing)", False),
        ("has(event.data.state)", True),
        ("size(event.data.tags)", 2),
        ('event.data.state.startsWith("do")', True),
        ("event.data.tags.exists(t, t == 'b')", True),
        ("event.data.count + 1", 4),
        ('event.data.state + "!"', "down!"),
        ('event.data.state.matches("^d")', True),
        ("event.data.tags", ["a", "b"]),
        ("false && event.data.missing", False),
    ],
)
def test_values(text: str, expected: Any) -> None:
    assert evaluate(text) == expected


@pytest.mark.parametrize(
    "text", ["", "event.", "event ==", "((", "event.data.state = 'x'", '"open', "1 +* 2", "@x", "\0"]
)
def test_what_does_not_compile_is_refused(text: str) -> None:
    error = compile_fault(text)
    assert error.suggestions
    assert error.expected == "CEL over event, vars"


def test_unknown_name_brings_a_suggestion() -> None:
    error = compile_fault("evnt.data")
    assert "'evnt'" in error.message
    assert error.suggestions == ["did you mean 'event'?"]


def test_long_expression_is_refused() -> None:
    assert "too long" in compile_fault("true || " * 1000 + "true").message


@pytest.mark.parametrize(
    "text", ["event.data.missing", "event.data.tags[9]", "1 / 0", "event.data.count + 'x'", "event.missing.x"]
)
def test_what_cannot_be_evaluated_is_named(text: str) -> None:
    with pytest.raises(ExecutionFailedError) as caught:
        evaluate(text)
    assert caught.value.found == text


def test_condition_must_be_true_or_false() -> None:
    assert Expression("event.data.count == 3", ("event",)).holds({"event": EVENT})
    with pytest.raises(ExecutionFailedError, match="not a condition"):
        Expression("event.data.count", ("event",)).holds({"event": EVENT})


def test_compiled_expression_is_evaluated_with_other_values() -> None:
    compiled = Expression("event > 1", ("event",))
    assert [compiled.holds({"event": value}) for value in (1, 2)] == [False, True]


@given(st.text(max_size=40))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        Expression(text, ("event",)).evaluate({"event": EVENT})
    except OutriderError:
        return
