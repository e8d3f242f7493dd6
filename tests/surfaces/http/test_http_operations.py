"""Operations and plans over HTTP, on real files."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from outrider.runtime.audit import read_chain
from outrider.runtime.contexts import user_state_folder
from tests.surfaces.http.serving import Served, serving

pytestmark = pytest.mark.real
TRACE = "0af7651916cd43dd8448eb211c80319c"


def audited() -> list[tuple[str, str]]:
    return [
        (record.entry.action, record.entry.outcome)
        for record in read_chain(user_state_folder() / "audit.jsonl")
        if record.entry.phase == "outcome"
    ]


def test_a_read_runs_and_belongs_to_the_callers_trace(served: Served, home: Path) -> None:
    (home / "a").write_text("hello")
    answer = served.call("host.file_read", {"path": str(home / "a")}, traceparent=f"00-{TRACE}-b7ad6b7169203331-01")
    assert (answer.status, answer.json["content"]) == (200, "hello")
    assert answer.headers["outrider-trace-id"] == TRACE
    assert [record.entry.trace_id for record in read_chain(user_state_folder() / "audit.jsonl")] == [TRACE]


@pytest.mark.parametrize("body", [b"", b"{}", b"  {} "])
def test_no_parameters_need_no_body(served: Served, body: bytes) -> None:
    assert served.ask("POST", "/v1/operators/host/facts", body).json["hostname"]


def test_a_verb_may_be_written_with_hyphens(served: Served, home: Path) -> None:
    assert served.call("host.file-read", {"path": "/etc/hostname"}).status == 200


def test_a_change_is_planned_unless_apply_is_asked_for(served: Served, home: Path) -> None:
    params = {"path": str(home / "a"), "content": "new"}
    plan = served.call("host.file_write", params)
    assert (plan.status, plan.json["items"][0]["change"]["difference"][0]["after"]) == (200, "new")
    assert plan.headers["outrider-plan"] == plan.json["id"]
    assert not (home / "a").exists()
    done = served.call("host.file_write", params, "?mode=apply")
    assert (done.status, done.json["created"], (home / "a").read_text()) == (200, True, "new")


def test_a_plan_is_applied_once_and_undone(served: Served, home: Path) -> None:
    plan = served.call("host.file_write", {"path": str(home / "a"), "content": "new"}).json["id"]
    assert served.ask("GET", f"/v1/plans/{plan[:12]}").json["state"] == "planned"
    first, second = (served.ask("POST", f"/v1/plans/{plan}/apply") for _ in range(2))
    assert (first.status, first.json["state"]) == (200, "applied")
    assert second.json == first.json
    undo = served.ask("POST", f"/v1/plans/{plan}/inverse")
    assert undo.json["items"][0]["operation"] == "host.file_delete"
    served.ask("POST", f"/v1/plans/{undo.json['id']}/apply")
    assert not (home / "a").exists()
    assert [row["state"] for row in served.ask("GET", "/v1/plans").json] == ["applied", "applied"]
    assert len(served.ask("GET", "/v1/plans?limit=1").json) == 1


def test_a_repeated_request_does_nothing_twice(served: Served, home: Path) -> None:
    params = {"path": str(home / "a"), "content": "new"}
    first = served.call("host.file_write", params, "?mode=apply", Idempotency_Key="k1")
    (home / "a").unlink()
    second = served.call("host.file_write", params, "?mode=apply", Idempotency_Key="k1")
    assert second.json == first.json
    assert second.headers["outrider-plan"] == first.headers["outrider-plan"]
    assert not (home / "a").exists()
    assert audited() == [("host.file_write", "ok")]


def test_repeated_requests_at_the_same_time_do_it_once(served: Served, home: Path) -> None:
    params = {"path": str(home / "a"), "content": "new"}
    with ThreadPoolExecutor(8) as pool:
        calls = [
            pool.submit(served.call, "host.file_write", params, "?mode=apply", Idempotency_Key="k") for _ in range(8)
        ]
        answers = [call.result() for call in calls]
    assert {answer.status for answer in answers} == {200}
    assert len({answer.headers["outrider-plan"] for answer in answers}) == 1
    assert audited() == [("host.file_write", "ok")]


def test_a_key_belongs_to_one_request(served: Served, home: Path) -> None:
    served.call("host.file_write", {"path": str(home / "a"), "content": "1"}, "?mode=apply", Idempotency_Key="k")
    other = served.call(
        "host.file_write", {"path": str(home / "a"), "content": "2"}, "?mode=apply", Idempotency_Key="k"
    )
    assert (other.status, other.code) == (409, "CONFLICT")
    assert (home / "a").read_text() == "1"


def test_a_key_outlives_the_server(served: Served, home: Path) -> None:
    params = {"path": str(home / "a"), "content": "new"}
    first = served.call("host.file_write", params, "?mode=apply", Idempotency_Key="k")
    with serving() as another:
        assert another.call("host.file_write", params, "?mode=apply", Idempotency_Key="k").json == first.json
    assert audited() == [("host.file_write", "ok")]


def test_a_failed_change_is_the_operations_error(served: Served, home: Path) -> None:
    answer = served.call("host.file_write", {"path": str(home / "no" / "a"), "content": ""}, "?mode=apply")
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert answer.headers["outrider-trace-id"] == answer.json["error"]["trace_id"]


@pytest.mark.parametrize(
    ("operation", "body", "query", "expected"),
    [
        ("host.file_read", b"{", "", (400, "INVALID_CONFIG", "JSON")),
        ("host.file_read", b"[]", "", (400, "INVALID_CONFIG", "object")),
        ("host.file_read", b'{"path": "/a", "path": "/b"}', "", (400, "INVALID_CONFIG", "twice")),
        ("host.file_read", b"[" * 5000, "", (400, "INVALID_CONFIG", "JSON")),
        ("host.file_read", b'{"path": "\\ud800"}', "", (400, "INVALID_CONFIG", "")),
        ("host.file_read", {"pth": "/a"}, "", (400, "INVALID_CONFIG", "did you mean 'path'?")),
        ("host.file_read", {"path": 5}, "", (400, "INVALID_CONFIG", "path")),
        ("host.file_read", {"path": "/nowhere"}, "", (404, "NOT_FOUND", "/nowhere")),
        ("host.file_reed", {}, "", (404, "UNKNOWN_OPERATION", "did you mean 'file_read'?")),
        ("hots.facts", {}, "", (404, "UNKNOWN_OPERATOR", "did you mean 'host'?")),
        ("host.facts", {}, "?timeout=soon", (400, "INVALID_CONFIG", "duration")),
        ("host.file_write", {"path": "/a", "content": ""}, "?mode=do", (400, "INVALID_CONFIG", "mode")),
        ("host.cpu", {"over": "5s"}, "?timeout=100ms", (504, "TIMEOUT", "0.1 s")),
    ],
)
def test_what_is_wrong_is_said(
    served: Served, operation: str, body: Any, query: str, expected: tuple[int, str, str]
) -> None:
    status, code, words = expected
    answer = served.call(operation, body, query)
    assert (answer.status, answer.code) == (status, code), answer.body
    assert words in str(answer.json)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "NOT_FOUND"),
        ("DELETE", "/v1/plans", 405, "UNSUPPORTED"),
        ("GET", "/v1/plans?limit=0", 400, "INVALID_CONFIG"),
        ("GET", "/v1/plans?limit=x", 400, "INVALID_CONFIG"),
        ("GET", "/v1/plans/abc", 404, "NOT_FOUND"),
        ("POST", "/v1/plans/../../x/apply", 404, "NOT_FOUND"),
        ("GET", "/v1/plans/%2Fetc%2Fpasswd", 404, "NOT_FOUND"),
        ("GET", "/v1/operators/hots", 404, "UNKNOWN_OPERATOR"),
        ("GET", "/v1/status", 503, "UNAVAILABLE"),
    ],
)
def test_what_is_not_there_is_said(served: Served, method: str, path: str, status: int, code: str) -> None:
    answer = served.ask(method, path)
    assert (answer.status, answer.code) == (status, code), answer.body
    assert answer.json["error"]["message"]


def test_a_body_without_end_is_refused(served: Served) -> None:
    answer = served.ask("POST", "/v1/operators/host/facts", b'"' + b"x" * 9 * 1024 * 1024 + b'"')
    assert (answer.status, answer.code) == (413, "LIMITED")


def test_operators_are_listed(served: Served) -> None:
    rows = {row["name"]: row for row in served.ask("GET", "/v1/operators").json}
    row = rows["host"]
    assert row["state"] == "ready"
    names = [operation["name"] for operation in served.ask("GET", "/v1/operators/host").json]
    assert len(names) == row["operations"]


def test_a_tree_of_calls_is_planned(served: Served, home: Path) -> None:
    tree = {
        "facts": {"@host": ["facts"]},
        "flag": {"@host": {"action": "file_write", "path": str(home / "a"), "content": {"@": "facts.kernel"}}},
        "copy": {"call": "host.file_write", "with": {"path": str(home / "b"), "content": {"@": "flag.sha256"}}},
    }
    plan = served.ask("POST", "/v1/plans", tree)
    assert (plan.status, [item["depends_on"] for item in plan.json["items"]]) == (200, [[], ["1"]])
    state = served.ask("POST", f"/v1/plans/{plan.json['id']}/apply").json
    assert state["state"] == "applied"
    assert (home / "b").read_text() == state["outcomes"][0]["result"]["sha256"]


@pytest.mark.parametrize(
    ("tree", "place", "words"),
    [
        (b'{"a": {"@host": {"action": "file_read",\n  "pth": "/x"}}}', "body:2:10", "pth"),
        (b'{"a": {"@": "@env.HOME"}}', "body:1:13", "not set"),
        (b'{"a": {"@file": "/etc/hostname"}}', "body:1:7", "reads nothing"),
        (b'{"a": 1, "a": 2}', "", "twice"),
        (b"a: 1", "", "JSON"),
        (b"[]", "body:1:1", "mapping"),
    ],
)
def test_a_tree_with_a_fault_is_refused(served: Served, tree: bytes, place: str, words: str) -> None:
    answer = served.ask("POST", "/v1/plans", tree)
    assert answer.status in (400, 403, 404)
    assert words in answer.json["error"]["message"]
    assert answer.json["error"].get("source", "") == place
