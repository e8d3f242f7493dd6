import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from outrider.core.errors import InvalidConfigError
from outrider.surfaces.cli.app import run
from outrider.surfaces.cli.values import typed_value


@pytest.mark.parametrize(
    ("word", "target", "value"),
    [("7", int, 7), ("7", str, "7"), ("true", bool, True), ("true", str, "true"), ("1.5", float | None, 1.5),
     ('{"a": 1}', dict[str, Any], {"a": 1}), (("1", "2"), list[int], [1, 2]), (("1", "2"), list[str], ["1", "2"]),
     (("x",), Annotated[list[str], msgspec.Meta(max_length=2)], ["x"]), ("a", Literal["a", "b"], "a"),
     ("null", str | None, "null")],
)  # fmt: skip
def test_a_word_is_of_the_declared_type(word: Any, target: Any, value: Any) -> None:
    assert repr(typed_value("name", word, target)) == repr(value)


@pytest.mark.parametrize(("word", "target"), [("seven", int), ("", int), ("[1", list[int]), (("x",), list[int])])
def test_a_word_of_another_type_is_refused(word: Any, target: Any) -> None:
    with pytest.raises(InvalidConfigError, match="name: not"):
        typed_value("name", word, target)


def test_a_letter_stands_for_a_parameter(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["kubernetes", "get", "--help"]) == 0
    assert "-n, --namespace" in capsys.readouterr().out


def test_words_of_a_plan_are_of_the_declared_types(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert run(["plan", "host.process_signal", str(os.getpid()), "TERM", "-o", "json"]) == 6
    assert json.loads(capsys.readouterr().out)["items"][0]["params"]["pid"] == os.getpid()
    assert run(["plan", "host.file_write", f"path={tmp_path / 'number'}", "content=7", "-o", "json"]) == 6
    assert json.loads(capsys.readouterr().out)["items"][0]["params"]["content"] == "7"
