import json

from hypothesis import given
from hypothesis import strategies as st

from outrider.core.codec import encode
from outrider.core.visible import visible


@given(st.text())
def test_what_is_seen_is_one_line_and_the_same_json(text: str) -> None:
    shown = visible(encode({text: text}).decode())
    assert shown.isprintable()
    assert json.loads(shown) == {text: text}
    assert visible(shown) == shown


def test_what_harms_nobody_stays() -> None:
    assert visible("ä → 東京 \U0001f600 x") == "ä → 東京 \U0001f600 x"
    assert visible("a\n\x1b\u200f") == r"a\u000a\u001b\u200f"
