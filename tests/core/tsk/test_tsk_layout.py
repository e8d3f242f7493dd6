import pytest
from hypothesis import given

from outrider.core.tsk.layout import formatted
from outrider.core.tsk.nodes import Table
from outrider.core.tsk.parser import parse
from outrider.core.tsk.printer import print_table
from outrider.core.tsk.scanner import scan, source_of
from tests.core.profiles import thorough
from tests.core.tsk.trees import TABLES, shape


def laid_out(text: str) -> str:
    return formatted(source_of(text, "x"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1\n   b :   2  \n\n\n\nc: 3", "a: 1\nb: 2\n\nc: 3\n"),
        ("# top\n\n[web]   # the shop\n      port=80 # http\n", "# top\n\n[web]   # the shop\nport: 80 # http\n"),
        (
            "web {\nport: 80\n# why\ntls {\non: true\n}\n}",
            "web {\n  port: 80\n  # why\n  tls {\n    on: true\n  }\n}\n",
        ),
        ("web >\nport: 80\n  <\nz: 1", "web >\n  port: 80\n<\nz: 1\n"),
        ("a: [\n1,\n  [2,\n3],\n]", "a: [\n  1,\n  [2,\n    3],\n]\n"),
        ("a: @f({\nb=1\n})", "a: @f({\n  b: 1\n})\n"),
        ('a: """\n   kept = as\n it is\n"""\n  b: 1', 'a: """\n   kept = as\n it is\n"""\nb: 1\n'),
        ("a: $x ?\n1 :\n2", "a: $x ?\n1 :\n2\n"),
        ("a: $x > 3\nb: 1", "a: $x > 3\nb: 1\n"),
        ('"a=b" = 1', '"a=b": 1\n'),
    ],
)
def test_the_one_way(text: str, expected: str) -> None:
    assert laid_out(text) == expected
    assert laid_out(expected) == expected


@thorough
@given(TABLES)
def test_the_tree_and_the_comments_stay(table: Table) -> None:
    text = "# first\n" + print_table(table).replace("\n", "  # c\n").replace("  # c\n", "\n", 1)
    after = laid_out(text)
    assert shape(parse(after, "x").root) == shape(table)
    assert [word for _, word in scan(source_of(after, "x")).comments] == [
        word for _, word in scan(source_of(text, "x")).comments
    ]
