import json
from pathlib import Path

import click
import msgspec
import pytest

from outrider.core.errors import InvalidConfigError
from outrider.surfaces.cli.app import run
from outrider.surfaces.cli.output import Output, output_option, show


class Part(msgspec.Struct):
    name: str
    pid: int


class Item(msgspec.Struct, rename="camel", omit_defaults=True):
    id: str
    last_seen: str = ""
    part: Part | None = None
    labels: dict[str, str] = {}


@pytest.fixture(autouse=True)
def _no_platforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


ITEMS = [Item("a", "today", Part("web", 7), {"zone": "x"}), Item("b")]


def fields(*names: str) -> Output:
    return Output("json", names)


def test_fields_are_chosen_and_nested_ones_reached(capsys: pytest.CaptureFixture[str]) -> None:
    show(ITEMS, fields("id", "part.pid", "lastSeen"))
    assert json.loads(capsys.readouterr().out) == [
        {"id": "a", "part.pid": 7, "lastSeen": "today"},
        {"id": "b", "part.pid": None, "lastSeen": ""},
    ]


def test_a_field_of_a_mapping_is_reached(capsys: pytest.CaptureFixture[str]) -> None:
    show(ITEMS[0], fields("labels.zone"))
    assert json.loads(capsys.readouterr().out) == {"labels.zone": "x"}


def test_an_empty_list_stays_one(capsys: pytest.CaptureFixture[str]) -> None:
    show([], fields("anything"))
    assert capsys.readouterr().out == "[]\n"


@pytest.mark.parametrize(("field", "near"), [("lastSee", "lastSeen"), ("part.pdi", "pid")])
def test_a_field_that_there_is_not_gets_near_names(field: str, near: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        show(ITEMS[0], fields(field))
    assert near in caught.value.hint


def test_a_field_of_a_text_is_refused() -> None:
    with pytest.raises(InvalidConfigError, match=r"no field 'id\.x'"):
        show(ITEMS[0], fields("id.x"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], Output("table")),
        (["-o", "yaml"], Output("yaml")),
        (["--json", "a, b.c"], Output("json", ("a", "b.c"))),
        (["-o", "table", "--json", "a"], Output("json", ("a",))),
    ],
)
def test_options_become_an_output(words: list[str], expected: Output) -> None:
    seen = []

    @click.command()
    @output_option(Item)
    def command(output: Output) -> None:
        seen.append(output)

    command.main(words, standalone_mode=False)
    assert seen == [expected]


@pytest.mark.parametrize("form", [["-o", "json"], ["--json", "code"], ["--json=code"]])
def test_an_error_is_one_object_where_json_was_asked_for(form: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "NOTHING", *form]) == 3
    written = capsys.readouterr()
    assert (written.out, list(json.loads(written.err))) == ("", ["error"])


@pytest.mark.parametrize("place", [0, 1, 2])
def test_quiet_may_stand_anywhere(place: int, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["context", "list"]
    words.insert(place, "--quiet")
    assert run(words) == 0
    assert capsys.readouterr().err == ""


def test_without_quiet_an_empty_list_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["context", "list"]) == 0
    assert "no platform was started yet" in capsys.readouterr().err
