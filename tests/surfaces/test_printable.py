import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.surfaces.cli.output import Output, show
from outrider.surfaces.cli.printable import printable


@given(st.text())
def test_nothing_acts_on_a_terminal(text: str) -> None:
    shown = printable(text)
    assert all(one in "\n\t" or ord(one) >= 32 for one in shown)
    assert not any(0x7F <= ord(one) < 0xA0 or one in "\u202e\u2066" for one in shown)
    assert printable(shown) == shown


def test_what_harms_nobody_stays() -> None:
    assert printable("ä → 東京 \U0001f600\n\tx") == "ä → 東京 \U0001f600\n\tx"
    assert printable("\x1b]0;pwn\x07\x9b31m\u202e") == r"\x1b]0;pwn\x07\x9b31m\u202e"


def test_tables_and_records(capsys: pytest.CaptureFixture[str]) -> None:
    for value in ([{"a": "\x1b[31mred"}], {"a": "\x1b[31mred", "b": {"c": "\x9b"}}):
        show(value, Output())
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert r"\x1b[31mred" in shown


def test_a_text_of_several_lines_stays_beside_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    show({"exit_code": 0, "stdout": "one\nexit_code  1\n", "stderr": ""}, Output())
    assert capsys.readouterr().out == "exit_code  0\nstdout     one\n           exit_code  1\nstderr\n"
