"""Files of both dialects, read right or refused with their place and a way out."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.core.tsk.expressions import MAX_DEPTH
from outrider.core.tsk.nodes import Binary, CallOf, Literal, Table
from outrider.core.tsk.parser import parse
from outrider.core.tsk.printer import print_table
from tests.core.profiles import thorough
from tests.core.tsk.trees import TABLES, shape


def printed(text: str) -> str:
    return print_table(parse(text, "app.tsk").root)


def refused(text: str | bytes) -> InvalidConfigError:
    with pytest.raises(InvalidConfigError) as caught:
        parse(text, "app.tsk")
    assert caught.value.suggestions, caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb = 2", "a: 1\nb: 2\n"),
        ("a: 1; b: 2, c: 3", "a: 1\nb: 2\nc: 3\n"),
        ("[web]\nport: 80\n[web.tls]\non: true\n[web]\nname: 'x'", 'web {\n  port: 80\n  tls {\n    on: true\n  }\n  name: "x"\n}\n'),
        ("web {\n port: 80\n}", "web {\n  port: 80\n}\n"),
        ("web { port: 80; tls { on: true } }", "web {\n  port: 80\n  tls {\n    on: true\n  }\n}\n"),
        ("web >\n  port: 80\n<\nz: 1", "web {\n  port: 80\n}\nz: 1\n"),
        ("[server-1]\nport-2: 80", "server-1 {\n  port-2: 80\n}\n"),
        ('"a key": 1\n\'b\': 2', '"a key": 1\nb: 2\n'),
        ("$env: 1\n$my-env: 2", "$env: 1\n$my-env: 2\n"),
        ("a: [\n 1,\n 2,\n]", "a: [1, 2]\n"),
        ("a: { b: 1\n c: 2, d: 3 }", "a: { b: 1, c: 2, d: 3 }\n"),
        ("a: {}", "a: {}\n"),
        ("a: 1 # why\n# more\n// and\nb: 2", "a: 1\nb: 2\n"),
        ('a: "x # y // z"', 'a: "x # y // z"\n'),
        ('a: "http://x?y:z&&w"', 'a: "http://x?y:z&&w"\n'),
        ('a: "\\u00e9\\n\\t\\"\\\\"', 'a: "é\\n\\t\\"\\\\"\n'),
        ('a: "\\ud83d\\ude00"', 'a: "😀"\n'),
        ("a: 'no \\n escapes'", 'a: "no \\\\n escapes"\n'),
        ('a: """\n    x\n      y\n    """', 'a: "x\\n  y\\n"\n'),
        ("a: 1_000\nb: 1.5\nc: 1e3\nd: -12", "a: 1000\nb: 1.5\nc: 1000.0\nd: -12\n"),
        ("a: 8000-9000", "a: 8000-9000\n"),
        ("a: $b-3\nc: 5 - 3\nd: $b - $c", "a: $b - 3\nc: 5 - 3\nd: $b - $c\n"),
        ("a: 1 + 2 * 3 - 4", "a: 1 + 2 * 3 - 4\n"),
        ("a: (1 + 2) * 3", "a: (1 + 2) * 3\n"),
        ("a: 1 - (2 - 3)", "a: 1 - (2 - 3)\n"),
        ("a: !$b && $c || $d | 5", "a: !$b && $c || $d || 5\n"),
        ("a: $x == 1 ?\n  2 :\n  3", "a: $x == 1 ? 2 : 3\n"),
        ("a: $x > 3\nb: $y < 4", "a: $x > 3\nb: $y < 4\n"),
        ("a: $b.c.d\ne: @env.HOME\nf: @var.x.y\ng: b.c", "a: $b.c.d\ne: @env.HOME\nf: @var.x.y\ng: b.c\n"),
        ('a: @k8s("get", "pods", { ns: $e }).items', 'a: @k8s("get", "pods", { ns: $e }).items\n'),
        ('a: @k8s.get({ kind: "pods" })', 'a: @k8s.get({ kind: "pods" })\n'),
        ("a: @f(\n 1,\n 2\n)", "a: @f(1, 2)\n"),
        ("\ufeffa: 1\r\nb: 2\rc: 3", "a: 1\nb: 2\nc: 3\n"),
        ("\ta:\t1\t", "a: 1\n"),
        ("", ""),
        ("# only a comment", ""),
        ("a: 1" + " + 1" * 100, "a: 1" + " + 1" * 100 + "\n"),
        ('a: { "x y": 1 }', 'a: { "x y": 1 }\n'),
    ],
)  # fmt: skip
def test_what_is_read(text: str, expected: str) -> None:
    assert printed(text) == expected
    assert printed(expected) == expected


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: [1 2]", "1:7", "','"),
        ("a: [1,\n2", "1:4", "never closed"),
        ("a: {\n b: 1", "1:4", "never closed"),
        ("web {\n b: 1", "1:5", "never closed"),
        ("web >\n b: 1", "1:5", "never closed"),
        ("a: 1]", "1:5", "closes nothing"),
        ("a: [1)", "1:6", "closes '['"),
        ('a: "abc', "1:4", "never closed"),
        ("a: 'abc\nb: 1", "1:4", "never closed"),
        ('a: """abc', "1:4", "never closed"),
        ("a: 08", "1:4", "begin with 0"),
        ("a: 1.", "1:4", "not a number"),
        ("a: .5", "1:4", "means nothing"),
        ("a: 0x1f", "1:4", "not a number"),
        ("a: 5-3", "1:4", "range"),
        ("a: 2024-01-02", "1:4", "not a number"),
        ("a: 9" + "9" * 200, "1:4", "number"),
        ("a: 1e999", "1:4", "too large"),
        ('a: "\\d"', "1:5", "escape"),
        ('a: "\\ud800"', "1:4", "surrogate"),
        ("a: http://x", "1:9", "no comment"),
        ("a: //x", "1:4", "no comment"),
        ("a: 5#x", "1:5", "no comment"),
        ("a.b: 1", "1:1", "dotted"),
        ("a: 1\na: 2", "2:1", "twice"),
        ("a: { b: 1, b: 2 }", "1:12", "twice"),
        ("[a]\nb: 2\n[a.b]\nc: 1", "3:1", "is a value"),
        ("[a.b]\n[a]\nb: 1", "3:1", "twice"),
        ("database:\n  host: 1", "1:10", "no value"),
        ("a 1", "1:3", "':'"),
        ("a: tRUE(", "1:8", "never closed"),
        ("a: f(1)", "1:4", "without @"),
        ("a: @", "1:4", "without a name"),
        ("a: @ npm", "1:4", "without a name"),
        ("a: @@npm()", "1:4", "without a name"),
        ("a: @host", "1:4", "neither called"),
        ("a: @host.facts", "1:4", "neither called"),
        ("a: @lambda(x)", "1:4", "not run"),
        ("a: @q(1).map(2)", "1:13", "method"),
        ("a: 1 == 2 == 3", "1:11", "comparison"),
        ("a: &b", "1:4", "'&'"),
        ("a: 1 2", "1:6", "end of the entry"),
        ("a: ", "1:4", "a value"),
        ("a: +", "1:4", "a value"),
        ("a: 1 ? 2", "1:9", "':'"),
        ("#!api\na: 1", "1:1", "program"),
        ("a: \x00", "1:4", "control"),
        ("{ a: 1 }", "1:1", "a key"),
        ("[a", "1:1", "never closed"),
        ("[1]", "1:2", "section"),
        ('"$a": 1', "1:1", "begins with $"),
        ("a: " + "[" * 100 + "]" * 100, f"1:{4 + MAX_DEPTH}", "nested deeper"),
        ("a: " + "-" * 100 + "1", f"1:{4 + MAX_DEPTH}", "nested deeper"),
        ("a { " * 70 + "} " * 70, "", "nested deeper"),
        ("a: 1" + " + 1" * 101, "1:406", "operators in a row"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, place: str, words: str) -> None:
    error = refused(text)
    assert words in error.message, error.message
    assert error.source.startswith("app.tsk:")
    assert not place or error.source == f"app.tsk:{place}"


def test_a_first_place_is_named_too() -> None:
    assert refused("a: 1\n\n  a: 2").found == "first at app.tsk:1:1"


def test_what_is_no_text_is_refused() -> None:
    assert "UTF-8" in refused(b"a: \xff").message
    assert "too large" in refused(b"#" * (1024 * 1024 + 1)).message


def test_places_are_kept() -> None:
    file = parse('[web]\n# c\nn: @f("x", { a: $b + 1 })\n', "app.tsk")
    web = file.root.entries["web"]
    assert isinstance(web, Table)
    call = web.entries["n"]
    assert isinstance(call, CallOf)
    assert file.source.place(call.at) == "app.tsk:3:4"
    assert file.source.place(call.arguments[0].at) == "app.tsk:3:7"
    options = call.arguments[1]
    sum_of = options.pairs["a"]  # type: ignore[union-attr]  # the test would fail
    assert isinstance(sum_of, Binary)
    assert isinstance(sum_of.right, Literal)
    assert file.source.place(sum_of.at) == "app.tsk:3:20"
    assert file.source.place(file.root.keys["web"]) == "app.tsk:1:1"


@thorough
@given(TABLES)
def test_what_is_printed_is_read_again(table: Table) -> None:
    text = print_table(table)
    assert shape(parse(text, "x").root) == shape(table), text


@thorough
@given(st.text(max_size=60) | st.text("ab1@$\"'{}[]()<>:=,;.-+?|&!#/\n \\", max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        parse(text, "x")
    except InvalidConfigError as error:
        place = error.source
    else:
        place = "x"
    assert place.startswith("x")


@thorough
@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    try:
        found = parse(data, "x").source.name
    except InvalidConfigError as error:
        found = error.source[:1]
    assert found == "x"


@thorough
@given(TABLES, st.integers(0, 200), st.sampled_from('"{}[]()@$:=,#\n'))
def test_a_damaged_file_is_read_or_refused(table: Table, at: int, sign: str) -> None:
    text = print_table(table)
    try:
        parse(text[:at] + sign + text[at:], "x")
    except InvalidConfigError as error:
        text = error.source
    assert text is not None


def _seconds(text: str) -> float:
    began = time.process_time()
    with suppress(InvalidConfigError):
        parse(text, "x")
    return time.process_time() - began


@pytest.mark.parametrize(
    "line", ['"' + "a" * 20 + '\\n",', "a1: 1\n", "[", '"""\n', "#c ", "1 + ", "x", "- ", " "], ids=repr
)
def test_time_grows_with_the_size_alone(line: str) -> None:
    small, large = (f"a: {line * (size // len(line))}" for size in (20_000, 200_000))
    _seconds(small)
    assert _seconds(large) < 40 * max(_seconds(small), 0.002)
