import json
from typing import Any

import pytest

from outrider.runtime.discovery import registry
from outrider.surfaces.cli.app import run
from outrider.surfaces.cli.explain import explained


@pytest.mark.parametrize(
    ("what", "path", "kind"),
    [
        ("rule", [], "object"),
        ("rules", ["do"], "list of Step, at most 100"),
        ("Rule", ["spec", "do", "retry", "attempts"], "integer, at least 1, at most 100"),
        ("rule", ["when", "any", "if"], "text"),
        ("rule", ["metadata", "labels"], "mapping of text to text"),
        ("rule", ["do", "runOn"], "text or mapping of text to text"),
    ],
)
def test_a_field_is_found_by_its_path(what: str, path: list[str], kind: str) -> None:
    assert explained(what, path).type == kind


@pytest.mark.parametrize("kind", sorted(registry().kinds))
def test_every_field_of_every_kind_can_be_explained(kind: str) -> None:
    waiting: list[list[str]] = [[]]
    while waiting:
        path = waiting.pop()
        found = explained(kind, path)
        assert found.type
        waiting += [[*path, row["name"]] for row in found.fields] if len(path) < 4 else []


def test_fields_are_objects_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "rule.do.retry", "-o", "json"]) == 0
    shown: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [field["name"] for field in shown["fields"]] == ["attempts", "backoff"]
    assert shown["fields"][0]["default"] == "1"


def test_the_text_is_read_by_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "rule.do.retry"]) == 0
    assert capsys.readouterr().out.splitlines()[:4] == [
        'Rule.do.retry  Retry, default {"attempts": 1, "backoff": "1s"}',
        "  How often a step is tried in all, and the delay before a repetition.",
        "",
        "  attempts  integer, at least 1, at most 100, default 1",
    ]


@pytest.mark.parametrize(
    ("what", "near"),
    [("rule.doo", "'do'"), ("rul", "'rules'"), ("CONFLIC", "'CONFLICT'"), ("rule.debounce.x", "plain value")],
)
def test_what_there_is_not_gets_near_names(what: str, near: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", what]) == 3
    assert near in capsys.readouterr().err


def test_a_code_is_explained_in_any_case(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "conflict"]) == 0
    assert capsys.readouterr().out.startswith("CONFLICT\n")
