import json

import pytest
import yaml
from hypothesis import given

from outrider.core.errors import InvalidConfigError
from outrider.core.tsk.nodes import File, Table
from outrider.core.tsk.parser import parse
from outrider.core.tsk.printer import print_table
from outrider.runtime.documents import read_text
from outrider.surfaces.cli.tsk import Dumper
from outrider.surfaces.tsk.plain import from_document, to_plain
from tests.core.profiles import thorough
from tests.core.tsk.trees import TABLES, shape


def read(text: str) -> File:
    (document,) = read_text(text, "x.yaml")
    return from_document(document, "x.yaml")


@thorough
@given(TABLES)
def test_yaml_holds_the_same_tree(table: Table) -> None:
    if not table.entries:
        return
    tree = parse(print_table(table), "x").root  # as a file would have it: -1 is a sign and a number
    text = yaml.dump(to_plain(tree), Dumper=Dumper, sort_keys=False, allow_unicode=True)
    assert shape(read(text).root) == shape(tree), text


@pytest.mark.parametrize(
    ("text", "tsk"),
    [
        ('"@host": {action: facts}', None),
        ('a: {"@host": {action: facts}}', 'a: @host({ action: "facts" })'),
        ('a: {"@host": [facts]}', 'a: @host("facts")'),
        ('a: {"@host.facts": null}', "a: @host.facts()"),
        ("a: {call: host.file_read, with: {path: /x}}", 'a: @host.file_read({ path: "/x" })'),
        ("a: {call: host.facts}", "a: @host.facts()"),
        ("a: {variable: env}", "a: $env"),
        ('a: {"@": "$x == 1 ? 2 : 3"}', "a: $x == 1 ? 2 : 3"),
        ('"[web]": {port: 80}\n$env: x', 'web {\n  port: 80\n}\n$env: "x"'),
        ('a: {"@@x": 1}', 'a: { "@x": 1 }'),
        ("a: -5", "a: -5"),
        ("a: NO\nb: 010\nc: 12:30\nd: 1.20", 'a: "NO"\nb: "010"\nc: "12:30"\nd: "1.20"'),
    ],
)
def test_forms_of_calls(text: str, tsk: str | None) -> None:
    if tsk is None:
        tsk = '"@host": { action: "facts" }'
    assert print_table(read(text).root) == tsk + "\n"


def test_json_is_read_too() -> None:
    text = json.dumps({"a": {"@host": {"action": "file_read", "path": "/x"}}})
    assert print_table(read(text).root) == 'a: @host({ action: "file_read", path: "/x" })\n'


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("- 1", "1:1", "mapping"),
        ('a:\n  "@": 5', "2:8", "takes a text"),
        ('a:\n  "@": "1 +"', "2:8", "a value"),
        ('"[a]": 5', "1:8", "no mapping"),
        ('"[a]": {}\na: 1', "2:4", "twice"),
        ("a: @host", "1:4", "YAML"),
        ("a: {@host: {}}", "1:5", "YAML"),
        ("a: 1\na: 2", "2:1", "twice"),
    ],
)
def test_faults_have_their_place(text: str, place: str, words: str) -> None:
    with pytest.raises(InvalidConfigError, match=words) as caught:
        read(text)
    assert caught.value.source == f"x.yaml:{place}"
    assert caught.value.suggestions
