import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.ports.secrets.entries import entry

LINES = """
# comment
export URL=postgres://host/db   # the database
PASSWORD="a \\"b\\" \\\\ c\\nd"  # quoted
LITERAL='$x # y'
EMPTY=
hash=a#b
"""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("URL", "postgres://host/db"),
        ("PASSWORD", 'a "b" \\ c\nd'),
        ("LITERAL", "$x # y"),
        ("EMPTY", ""),
        ("hash", "a#b"),
    ],
)
def test_lines(key: str, value: str) -> None:
    assert entry("s", LINES, key) == value


@pytest.mark.parametrize(("key", "value"), [("text", "t"), ("number", "5"), ("float", "1.5")])
def test_json_object(key: str, value: str) -> None:
    assert entry("s", '\n{"text": "t", "number": 5, "float": 1.5}', key) == value


def test_absent_entry_names_the_others() -> None:
    with pytest.raises(NotFoundError, match="secret 's' has no entry 'pasword'") as caught:
        entry("s", '{"password": "hidden", "user": "u"}', "pasword")
    assert caught.value.expected == "password, user"
    assert caught.value.suggestions == ["did you mean 'password'?"]


@pytest.mark.parametrize("text", ['{"a": 1', '{"a": {"b": 1}}', '{"a": true}', '{"a": 1, "a": 2}', "no pair"])
def test_other_forms_are_refused_without_showing_them(text: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        entry("s", text, "a")
    assert text not in str(caught.value.body())
    assert caught.value.__cause__ is None


@given(st.dictionaries(st.text(min_size=1), st.text()), st.text())
def test_json_round_trip(entries: dict[str, str], value: str) -> None:
    assert entry("s", json.dumps({**entries, "k": value}), "k") == value


@given(st.text(alphabet=st.characters(exclude_characters="\n\r'", exclude_categories=["Cs"])))
def test_single_quoted_round_trip(value: str) -> None:
    assert entry("s", f"A=1\nK='{value}'\nB=2", "K") == value


@given(st.text(), st.text())
def test_any_text_is_read_or_refused(text: str, key: str) -> None:
    with suppress(NotFoundError, InvalidConfigError):
        assert isinstance(entry("s", text, key), str)
