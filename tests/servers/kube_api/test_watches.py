"""Watches of the server that tests run on, and faults by script."""

import asyncio
import json
import time

import pytest

from outrider.core.errors import ConnectionFailedError, DeadlineExceededError
from tests.ports.http.support import eventually
from tests.servers.kube_api.faults import (
    ANY,
    WATCH_LISTS,
    WATCHES,
    AfterWrite,
    Answer,
    Delay,
    Fault,
    Hang,
    Match,
    Reset,
)
from tests.servers.kube_api.samples import (
    END,
    MAPS,
    THINGS,
    WATCH_LIST,
    stored,
    told_until_now,
    widget,
)
from tests.servers.kube_api.server import FakeApi
from tests.servers.kube_api.stream_faults import (
    Cut,
    Duplicates,
    EmptyLines,
    EndAtOnce,
    ErrorEvent,
    HalfLine,
    IgnoreInitialEvents,
    NoBookmarks,
    Pieces,
    RefuseInitialEvents,
    Together,
)
from tests.servers.kube_api.wire import Caller, Watching


async def test_watch_tells_what_happens_from_a_version_on(server: FakeApi, call: Caller) -> None:
    version = server.version
    server.put("widgets", stored("a"))
    async with Watching(server.url, THINGS, resourceVersion=version) as watching:
        assert await watching.told() == ("ADDED", "a")
        await call.merge(f"{THINGS}/a", {"spec": {"size": 1}})
        assert await watching.told() == ("MODIFIED", "a")
        last = server.version
        await call.ask("DELETE", f"{THINGS}/a")
        event = await watching.event()
        assert event is not None
        assert (event["type"], event["object"]["spec"]) == ("DELETED", {"size": 1})
        assert int(event["object"]["metadata"]["resourceVersion"]) > int(last)


async def test_watch_without_a_version_begins_with_what_is_there(server: FakeApi) -> None:
    server.put("widgets", stored("a"))
    server.put("widgets", {**stored("b"), "metadata": {"name": "b", "namespace": "other"}})
    assert await told_until_now(server) == [("ADDED", "a")]
    assert await told_until_now(server, "/apis/test.outrider.dev/v1/widgets") == [("ADDED", "b"), ("ADDED", "a")]


async def test_watch_list(server: FakeApi) -> None:
    server.put("widgets", stored("a"))
    async with Watching(server.url, THINGS, **WATCH_LIST) as watching:
        assert [await watching.told(), await watching.told()] == [("ADDED", "a"), END]
        server.put("widgets", stored("b"))
        assert await watching.told() == ("ADDED", "b")
        server.bookmark("widgets")
        event = await watching.event()
        bookmark = {"kind": "Widget", "apiVersion": "test.outrider.dev/v1"}
        assert event == {
            "type": "BOOKMARK",
            "object": {**bookmark, "metadata": {"resourceVersion": server.version}},
        }
    await eventually(lambda: server.watchers("widgets") == 0)


async def test_watch_list_without_bookmarks_never_says_that_it_is_whole(server: FakeApi) -> None:
    server.put("widgets", stored("a"))
    asked = {**WATCH_LIST, "allowWatchBookmarks": "false"}
    assert await told_until_now(server, **asked) == [("ADDED", "a")]


@pytest.mark.parametrize("query", [{"sendInitialEvents": "true"}, {"resourceVersionMatch": "NotOlderThan"}])
async def test_watch_that_is_asked_for_wrongly(server: FakeApi, call: Caller, query: dict[str, str]) -> None:
    answer = await call.ask("GET", THINGS, watch="true", **query)
    assert answer.told[:2] == (422, "Invalid")


async def test_watch_from_a_forgotten_version(server: FakeApi, call: Caller) -> None:
    version = server.put("widgets", stored())["metadata"]["resourceVersion"]
    server.expire("widgets")
    async with Watching(server.url, THINGS, resourceVersion=version) as watching:
        event = await watching.event()
        assert event is not None
        assert (watching.status, event["type"]) == (200, "ERROR")
        assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
        assert await watching.event() is None
    server.gone_as_event = False
    assert (await call.ask("GET", THINGS, watch="true", resourceVersion=version)).told[:2] == (410, "Expired")


async def test_history_is_bounded() -> None:
    async with FakeApi(history=3) as server, Caller(server.url) as call:
        versions = [server.put("widgets", stored(spec={"n": n}))["metadata"]["resourceVersion"] for n in range(5)]
        server.gone_as_event = False
        assert (await call.ask("GET", THINGS, watch="true", resourceVersion=versions[0])).status == 410
        events = await told_until_now(server, resourceVersion=versions[1])
        assert events == [("MODIFIED", "w")] * 3


async def test_watch_sees_what_enters_and_leaves_its_selection(server: FakeApi) -> None:
    version = server.version
    for labels in ({}, {"app": "web"}, {"app": "web", "x": "y"}, {"app": "db"}):
        server.put("widgets", stored(metadata={"namespace": "shop", "labels": labels}))
    events = await told_until_now(server, resourceVersion=version, labelSelector="app=web")
    assert [kind for kind, _ in events] == ["ADDED", "MODIFIED", "DELETED"]


async def test_watch_ends_by_time_and_by_hand(server: FakeApi) -> None:
    began = time.monotonic()
    async with Watching(server.url, THINGS, timeoutSeconds="1") as watching:
        assert await watching.event() is None
    assert time.monotonic() - began >= 0.9
    async with Watching(server.url, THINGS) as watching:
        server.end_watches("widgets")
        assert await watching.event() is None


async def test_bookmarks_come_by_themselves() -> None:
    async with FakeApi(bookmark_seconds=0.05) as server:
        async with Watching(server.url, THINGS, allowWatchBookmarks="true") as watching:
            assert await watching.told() == ("BOOKMARK", "")
        assert await told_until_now(server) == []


async def test_answers_by_script(server: FakeApi, call: Caller) -> None:
    server.put("widgets", stored())
    script = server.script(Match(method="GET", path="/widgets"), Answer(429, retry_after=1), times=2)
    for _ in range(2):
        answer = await call.ask("GET", THINGS)
        assert answer.told[:2] == (429, "TooManyRequests")
        assert answer.response.headers.get("retry-after") == "1"
        assert answer.body["details"]["retryAfterSeconds"] == 1
    assert (await call.ask("GET", THINGS)).status == 200
    assert (script.used, script.left) == (2, 0)
    whole = server.script(ANY, Answer(500, body=b"<html>"))
    assert (await call.ask("GET", MAPS)).response.content == b"<html>"
    whole.end()
    server.script(ANY, Answer(403, body={"kind": "Status", "reason": "Forbidden"}), times=1)
    assert (await call.ask("GET", MAPS)).body["reason"] == "Forbidden"


async def test_a_match_tells_watches_apart(server: FakeApi, call: Caller) -> None:
    server.script(WATCHES, Answer(500))
    server.script(Match(watch=False, query={"limit": "1"}), Answer(503))
    assert (await call.ask("GET", THINGS, watch="true")).status == 500
    assert (await call.ask("GET", THINGS, limit="1")).status == 503
    assert (await call.ask("GET", THINGS, limit="2")).status == 200


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Hang(), DeadlineExceededError),
        (Reset(), ConnectionFailedError),
        (AfterWrite(Hang()), DeadlineExceededError),
        (AfterWrite(Reset()), ConnectionFailedError),
        (Cut(), ConnectionFailedError),
    ],
)
async def test_no_answer(server: FakeApi, fault: Fault, error: type[Exception]) -> None:
    server.script(Match(method="PATCH"), fault, times=1)
    async with Caller(server.url, timeout=0.3) as call:
        with pytest.raises(error):
            await call.apply(f"{THINGS}/w", widget())
        done = isinstance(fault, AfterWrite | Cut)
        assert (server.get("widgets", "shop", "w") is not None) == done, "what is not answered may be done"
        assert (await call.apply(f"{THINGS}/w", widget())).status == (200 if done else 201)
    assert len(server.seen(Match(method="PATCH"))) == 2


async def test_late_and_wrong_answers_to_what_is_done(server: FakeApi, call: Caller) -> None:
    server.script(Match(method="POST"), Delay(0.2), times=1)
    server.script(Match(method="POST"), AfterWrite(Answer(504)), times=1)
    began = time.monotonic()
    assert (await call.ask("POST", THINGS, widget())).status == 201
    assert time.monotonic() - began >= 0.2
    assert (await call.ask("POST", THINGS, widget("x"))).told[:2] == (504, "Timeout")
    assert server.get("widgets", "shop", "x") is not None


async def test_watch_that_ends_at_once(server: FakeApi) -> None:
    server.put("widgets", stored("a"))
    server.script(WATCHES, EndAtOnce(), times=1)
    server.script(WATCHES, EndAtOnce(after=1), times=1)
    async with Watching(server.url, THINGS) as watching:
        assert (watching.status, await watching.event()) == (200, None)
    async with Watching(server.url, THINGS) as watching:
        assert await watching.all() == [("ADDED", "a")]
    assert server.watchers("widgets") == 0


async def test_watch_that_is_cut_within_a_line(server: FakeApi) -> None:
    server.put("widgets", stored("a"))
    server.put("widgets", stored("b"))
    server.script(WATCHES, Cut(after=1), times=1)
    async with Watching(server.url, THINGS) as watching:
        assert await watching.told() == ("ADDED", "a")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await watching.event()
        assert watching.rest.startswith(b'{"type":"ADDED"')


async def test_watch_that_ends_with_half_a_line(server: FakeApi) -> None:
    server.put("widgets", stored("a"))
    server.script(WATCHES, HalfLine(), times=1)
    async with Watching(server.url, THINGS) as watching:
        assert await watching.event() is None
        with pytest.raises(json.JSONDecodeError):
            json.loads(watching.rest)


async def test_watch_that_tells_an_error(server: FakeApi) -> None:
    server.put("widgets", stored("a"))
    server.script(WATCHES, ErrorEvent(after=1), times=1)
    async with Watching(server.url, THINGS) as watching:
        assert await watching.told() == ("ADDED", "a")
        event = await watching.event()
        assert event is not None
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
        assert await watching.event() is None


async def test_watch_list_that_never_says_that_it_is_whole(server: FakeApi) -> None:
    server.put("widgets", stored("a"))
    server.script(WATCH_LISTS, NoBookmarks(), times=1)
    assert await told_until_now(server, **WATCH_LIST) == [("ADDED", "a")]
    assert (await told_until_now(server, **WATCH_LIST))[1][0] == "BOOKMARK"


async def test_servers_that_do_not_know_watch_list(server: FakeApi, call: Caller) -> None:
    server.put("widgets", stored("a"))
    script = server.script(ANY, IgnoreInitialEvents())
    async with Watching(server.url, THINGS, **WATCH_LIST) as watching:
        server.put("widgets", stored("b"))
        assert await watching.told() == ("ADDED", "b")
    script.end()
    server.script(ANY, RefuseInitialEvents())
    assert (await call.ask("GET", THINGS, watch="true", **WATCH_LIST)).told[:2] == (422, "Invalid")
    assert await told_until_now(server) == [("ADDED", "a"), ("ADDED", "b")]


async def test_lines_in_other_forms(server: FakeApi) -> None:
    for name in "ab":
        server.put("widgets", stored(name))
    for fault in (Duplicates(), Pieces(5), Together(), EmptyLines()):
        server.script(WATCHES, fault, times=1)
    assert await told_until_now(server) == [("ADDED", "a"), ("ADDED", "a"), ("ADDED", "b"), ("ADDED", "b")]
    async with Watching(server.url, THINGS) as watching:
        assert await watching.chunk() == b'{"typ'
    async with Watching(server.url, THINGS) as watching:
        assert (await watching.chunk()).count(b"\n") == 2
    async with Watching(server.url, THINGS) as watching:
        chunk = await watching.chunk()
        assert (chunk[:1], chunk[-3:]) == (b"\n", b"\r\n\n")


async def test_a_large_line(server: FakeApi) -> None:
    server.put("widgets", stored(spec={"text": "x" * 1_450_000}))
    async with Watching(server.url, THINGS) as watching:
        event = await watching.event()
        assert event is not None
        assert len(event["object"]["spec"]["text"]) == 1_450_000
