"""Files of calls, evaluated against the real family."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import OutriderError
from outrider.core.tsk.parser import parse
from outrider.surfaces.door import Door
from outrider.surfaces.python.calls import local_options
from outrider.surfaces.tsk.checks import check_calls
from outrider.surfaces.tsk.evaluation import Evaluation
from outrider.surfaces.tsk.surroundings import Surroundings
from outrider.surfaces.tsk.unknown import Unknown


class Desk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.door = Door(None)

    def evaluation(self, text: str, **more: Any) -> Evaluation:
        surroundings = Surroundings(
            environment={"ENV": "production"},
            variables={"count": 3, "tree": {"a": {"b": 1}}},
            folder=self.folder,
            now=0.0,
        )
        return Evaluation(
            parse(text, "app.tsk"), self.door.invoker, local_options(), more.pop("surroundings", surroundings)
        )

    def values(self, text: str) -> Any:
        return asyncio.run(self.evaluation(text).run())

    def fault(self, text: str, **more: Any) -> OutriderError:
        with pytest.raises(OutriderError) as caught:
            asyncio.run(self.evaluation(text, **more).run())
        assert caught.value.source.startswith("app.tsk:")
        assert caught.value.suggestions
        return caught.value


@pytest.fixture
def files(home: Path) -> Desk:
    return Desk(home)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("7 / 2", 3.5),
        ("6 / 2", 3),
        ("7 % 4", 3),
        ("-3 - -2", -1),
        ('"a" + "b"', "ab"),
        ("1 == 1.0", True),
        ("null == 1", False),
        ("1 != null", True),
        ('"a" < "b"', True),
        ("2 >= 3", False),
        ("true && false", False),
        ("!true", False),
        ("false && @env.NOWHERE", False),
        ('null || "x"', "x"),
        ("0 || 5", 0),
        ('"" || 5', ""),
        ("false || 5", 5),
        ('@env.NOWHERE || "x"', "x"),
        ('@var.tree.a.c || "x"', "x"),
        ("@var.tree.a.b", 1),
        ('@env("ENV")', "production"),
        ('@env("NOWHERE", "d")', "d"),
        ('@env.ENV == "production" ? 5 : 2', 5),
        ("@if(false, @env.NOWHERE, 2)", 2),
        ("@if(true, 1)", 1),
        ('@json("{\\"a\\": [1]}").a', [1]),
        ('@date("iso")', "1970-01-01T00:00:00.000Z"),
        ('@date("%Y-%m-%d")', "1970-01-01"),
        ('@secret("token")', {"secret": "token"}),
        ("80-90", {"from": 80, "to": 90}),
        ("[1, $g, { x: b }]", [1, "G", {"x": 4}]),
    ],
)  # fmt: skip
def test_values(files: Desk, text: str, expected: Any) -> None:
    found = files.values(f'[t]\nx: {text}\nb: 4\n[other]\n$g: "G"\n')["t"]["x"]
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ('1 + "a"', "1:6", "unlike"),
        ('1 == "1"', "1:6", "unlike"),
        ("true == 1", "1:9", "unlike"),
        ("1 / 0", "1:6", "zero"),
        ("1 % 0", "1:6", "zero"),
        ("!5", "1:4", "true or false"),
        ('-"a"', "1:4", "a number"),
        ("1 && true", "1:6", "true or false"),
        ("1 ? 2 : 3", "1:6", "true or false"),
        ("tru", "1:4", "nothing is called 'tru'"),
        ("$nope", "1:4", "nothing is called '$nope'"),
        ("@env.NOWHERE", "1:4", "not set"),
        ("@var.nowhere", "1:4", "not set"),
        ("@var.tree.x", "1:4", "no field 'x'"),
        ("@var.count.x", "1:4", "no fields"),
        ("x", "1:1", "a circle: x -> x"),
        ('@date("%Q")', "1:4", "format"),
        ('@date("yesterday")', "1:4", "format"),
        ('@json("{")', "1:4", "JSON"),
        ('@json("{\\"a\\":1,\\"a\\":2}")', "1:4", "twice"),
        ('@file("../secret")', "1:4", "outside"),
        ('@file("nothing")', "1:4", "no file"),
        ("@file(5)", "1:4", "no text"),
        ("@env()", "1:4", "0 arguments"),
        ("@if(true)", "1:4", "1 arguments"),
        ('@hots("facts")', "1:4", "hots"),
        ('@host("factz")', "1:4", "factz"),
        ("@host()", "1:4", "no operation is named"),
        ('@host("file_read", { path: 5 })', "1:31", "path"),
        ('@host("file_read", { path: 555-1234 })', "1:31", "path"),
        ('@host("file_read", { pth: "/x" })', "1:30", "pth"),
        ('@host("file_read", "/nowhere/at/all")', "1:4", "/nowhere"),
        ("9" * 90 + " * " + "9" * 90, "1:95", "too large"),
    ],
)  # fmt: skip
def test_faults_have_their_place(files: Desk, text: str, place: str, words: str) -> None:
    error = files.fault(f"x: {text}")
    assert words in str(error.message), error.message
    assert error.source == f"app.tsk:{place}"


def test_a_range_in_place_of_a_text_wants_quotes(files: Desk) -> None:
    error = files.fault('x: @host("file_read", { path: 555-1234 })')
    assert error.suggestions[0] == 'write "555-1234" with quotes, for a text'


def test_a_circle_is_shown_as_a_way(files: Desk) -> None:
    assert "a circle: a -> b -> $c -> a" in files.fault("a: b\nb: $c\n$c: a").message


def test_a_link_out_of_the_folder_is_not_followed(files: Desk) -> None:
    (files.folder / "link").symlink_to("/etc/hostname")
    assert "outside" in files.fault('x: @file("link")').message


def test_a_server_shows_nothing_of_itself(files: Desk) -> None:
    bare = Surroundings(now=0.0)
    assert "not set" in files.fault("x: @env.HOME", surroundings=bare).message
    assert "reads nothing" in files.fault('x: @file("a")', surroundings=bare).message


def test_what_two_tables_name_is_refused(files: Desk) -> None:
    with pytest.raises(OutriderError, match="given twice") as caught:
        files.evaluation("$a: 1\n[b]\n$a: 2")
    assert caught.value.source == "app.tsk:3:1"


def test_too_much_is_refused(files: Desk) -> None:
    assert "10000 values" in files.fault("x: [" + "1," * 10_001 + "]").message
    assert "1000 calls" in files.fault("x: [" + '@date("iso"),' * 1_001 + "]").message


def test_what_would_go_too_deep_is_refused(files: Desk) -> None:
    chain = "\n".join(f"a{n}: a{n + 1}" for n in range(500)) + "\na500: 1\n"
    assert "chain of more than 64" in files.fault(chain).message
    nested = "(" * 60 + "1" + " + 1)" * 60
    assert files.values(f"x: {nested}") == {"x": 61}
    deep = "x0: 1\n" + "\n".join(f"x{n}: {'(' * 60}x{n - 1}{' + 1)' * 60}" for n in range(1, 60))
    error = files.fault("first: x59\n" + deep)
    assert error.code in ("LIMITED", "INVALID_CONFIG")


def test_reads_run_once_and_their_fields_are_read(files: Desk) -> None:
    (files.folder / "a").write_text("hello")
    values = files.values(f'[t]\nc: f.content + "!"\nf: @host("file_read", "{files.folder}/a")\nd: f.content\n')
    assert (values["t"]["c"], values["t"]["d"]) == ("hello!", "hello")


def test_changes_are_collected_and_not_made(files: Desk) -> None:
    path = files.folder / "a"
    evaluation = files.evaluation(
        f'a: @host("file_write", "{path}", "1")\nb: a.size\nc: @host.file_write({{ path: "{path}2", content: a.sha256 }})'
    )
    values = asyncio.run(evaluation.run())
    assert [call.name for call in evaluation.changes] == ["host.file_write", "host.file_write"]
    assert (values["a"], values["b"]) == (Unknown(1), Unknown(1, ("size",)))
    assert evaluation.changes[1].params["content"] == {"unknown": "item 1.result.sha256"}
    assert not path.exists()


@pytest.mark.parametrize(
    "use", ["a.size + 1", "a.size == 1 ? 1 : 2", "!a.created", '@host("file_read", a.path)', "@if(a.created, 1)"]
)
def test_what_is_not_known_yet_is_not_computed_with(files: Desk, use: str) -> None:
    error = files.fault(f'a: @host("file_write", "{files.folder}/a", "1")\nb: {use}')
    assert error.code == "UNSUPPORTED"
    assert error.source.startswith("app.tsk:2:")


def test_a_result_is_filled_in_when_it_is_there(files: Desk) -> None:
    path = files.folder / "a"
    evaluation = files.evaluation(
        f'a: @host("file_write", "{path}", "1")\nc: @host.file_write({{ path: "{path}2", content: a.sha256 }})'
    )

    async def applied() -> Any:
        await evaluation.run()
        plan = await files.door.planner.plan(evaluation.changes, local_options())
        assert plan.items[1].depends_on == ["1"]
        assert "item 1" in plan.items[1].change.warnings[0]
        outcomes = await files.door.planner.apply(plan, local_options())
        undo = await files.door.planner.inverse(plan, local_options())
        return outcomes, undo

    outcomes, undo = asyncio.run(applied())
    assert [outcome.state for outcome in outcomes] == ["done", "done"]
    assert Path(f"{path}2").read_text() == outcomes[0].result["sha256"]
    assert [item.change.target for item in undo.items] == [f"file/{path}2", f"file/{path}"]


def test_a_result_that_lacks_the_field_fails_that_item_alone(files: Desk) -> None:
    path = files.folder / "a"
    evaluation = files.evaluation(
        f'a: @host("file_write", "{path}", "1")\nc: @host.file_write({{ path: "{path}2", content: a.nothing }})'
    )

    async def applied() -> Any:
        await evaluation.run()
        return await files.door.planner.apply(
            await files.door.planner.plan(evaluation.changes, local_options()), local_options()
        )

    first, second = asyncio.run(applied())
    assert (first.state, second.state, second.error["code"]) == ("done", "failed", "NOT_FOUND")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('a: @host("facts")\nb: a.hostname', 0),
        ('a: @host("factz")\nb: $c\nd: tru\ne: @host.file_read({ pth: 1 })', 4),
        ('a: @host.file_read({ path: $x })\n$x: "/y"', 0),
        ('a: @hots.x({ path: $x })\n$x: "/y"', 1),
        ('a: @env("X") || @if(true, b)', 1),
    ],
)
def test_checks_find_every_fault_without_a_call(text: str, count: int) -> None:
    file = parse(text, "app.tsk")
    if not count:
        check_calls(file)
        return
    with pytest.raises(OutriderError) as caught:
        check_calls(file)
    faults = caught.value.causes or [caught.value]
    assert len(faults) >= count
    assert all(fault.source.startswith("app.tsk:") and fault.suggestions for fault in faults)
