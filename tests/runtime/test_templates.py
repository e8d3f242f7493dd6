from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ExecutionFailedError, InvalidConfigError
from outrider.runtime.templates import Template, literal
from tests.core.profiles import quick

SEEN = {"event": {"data": {"service": "web", "count": 3, "tags": ["a"], "brace": "}"}}, "steps": {}}


def render(value: Any) -> Any:
    return Template(value, ("event", "steps")).render(SEEN)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${event.data.service}", "web"),
        ("${ event.data.count }", 3),
        ("${event.data.tags}", ["a"]),
        ("restart ${event.data.service}, ${event.data.count} times", "restart web, 3 times"),
        ("tags: ${event.data.tags}", 'tags: ["a"]'),
        ("$${HOME}", "${HOME}"),
        ("$${HOME} of ${event.data.service}", "${HOME} of web"),
        ("${event.data.service + '}'}", "web}"),
        ("${ {'a': {'b': 1}}.a.b }", 1),
        ("costs $5 {x}", "costs $5 {x}"),
        ("", ""),
        (5, 5),
        ({"a": ["${event.data.count}", {"b": "-${event.data.service}-"}]}, {"a": [3, {"b": "-web-"}]}),
    ],
)
def test_render(value: Any, expected: Any) -> None:
    assert render(value) == expected


def test_a_field_that_is_not_there_names_the_parameter() -> None:
    with pytest.raises(ExecutionFailedError) as caught:
        render({"service": {"name": "${event.data.nothing}"}})
    assert caught.value.path == "service.name"
    assert "event.data.nothing" in caught.value.message


@pytest.mark.parametrize(
    ("value", "message"),
    [("${event.data", "does not end"), ("${evnt.data}", "'evnt' is not known here"), ("${}", "not a CEL expression")],
)
def test_a_wrong_expression_says_where_and_how_to_write_the_characters(value: str, message: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        Template({"with": [value]}, ("event",))
    assert message in caught.value.message
    assert caught.value.path == "with[0]"
    assert any("$${" in suggestion for suggestion in caught.value.suggestions)


def test_paths_are_those_whose_values_are_not_known_yet() -> None:
    template = Template({"a": "${event.data.count}", "b": "$${x}", "c": "plain"}, ("event",))
    assert template.paths == [("a",)]


@given(st.text(alphabet="$ {}ab'\"\\", max_size=20))
@quick
def test_a_text_whose_dollars_are_doubled_stands_for_itself(text: str) -> None:
    escaped = text.replace("${", "$${")
    # A dollar in front of the doubled one would be read with it.
    if "$$${" not in escaped:
        assert render(escaped) == text


@quick
@given(
    st.recursive(
        st.text(alphabet="${}ab'\"\\") | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_what_is_literal_stays_what_it_is(value: Any) -> None:
    template = Template(literal(value), ())
    assert template.paths == []
    assert template.render({}) == value
