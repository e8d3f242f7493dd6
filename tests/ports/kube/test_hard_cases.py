"""What must not bring down who follows a cluster, and what must never be done twice, or by two."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from outrider.core.errors import (
    ConflictError,
    ConnectionFailedError,
    InvalidConfigError,
    LimitedError,
    UnauthenticatedError,
)
from outrider.core.machines.election import Candidate, Record, Terms
from outrider.ports.kube.cache import Change
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.controller import After, Controller, Work
from outrider.ports.kube.informer import Informer
from outrider.ports.kube.kubeconfig import User
from outrider.ports.kube.lease import Election
from outrider.ports.kube.manager import Manager
from outrider.ports.kube.resources import PODS
from tests.ports.kube.conftest import WIDGETS, target_of, until
from tests.ports.kube.test_reflector import QUICK, following, widget
from tests.servers.kube_api.faults import AfterWrite, Answer, Exchange, Match, Reset
from tests.servers.kube_api.server import FakeApi


@pytest.fixture
async def caller(fake: FakeApi) -> AsyncIterator[KubeClient]:
    async with KubeClient(target_of(fake), component="test") as one:
        yield one


@contextlib.asynccontextmanager
async def running(manager: Manager) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(manager.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def test_an_object_that_is_nested_too_deeply_is_left_out(fake: FakeApi, caller: KubeClient) -> None:
    fake.put("widgets", widget("before"))
    async with following(caller) as followed:
        text = b'{"a":' * 3000 + b"1" + b"}" * 3000
        line = b'{"type":"ADDED","object":{"metadata":{"name":"deep","namespace":"shop"},"spec":' + text + b"}}"
        followed.informer.reflector._line(line)
        fake.put("widgets", widget("after"))
        await until(lambda: followed.names == ["after", "before"])
        assert followed.informer.reflector.skipped == 1


async def test_what_is_deleted_while_a_watch_fills_is_not_there_when_it_has(fake: FakeApi, caller: KubeClient) -> None:
    fake.put("widgets", widget("goes"))
    fake.put("widgets", widget("stays"))

    async def with_a_deletion(exchange: Exchange) -> Any:
        response = exchange.answer()
        inner = response.body
        assert not isinstance(inner, bytes)

        async def lines() -> AsyncIterator[bytes]:
            async for line in inner:
                if b"initial-events-end" in line:
                    gone = {
                        "type": "DELETED",
                        "object": {"metadata": {"name": "goes", "namespace": "shop", "uid": "x"}},
                    }
                    yield json.dumps(gone).encode() + b"\n"
                yield line

        response.body = lines()
        return response

    fake.script(Match(watch=True), with_a_deletion, times=1)
    async with following(caller) as followed:
        assert followed.names == ["stays"]


async def test_keys_that_come_due_do_not_wait_for_one_that_is_busy(fake: FakeApi, caller: KubeClient) -> None:
    manager = Manager(caller, pace=QUICK)
    widgets = manager.informer(WIDGETS)
    seen: list[str] = []

    async def reconcile(work: Work) -> After | None:
        seen.append(work.key)
        if seen.count(work.key) == 1:
            return After(0.05)
        if work.key == "shop/busy":
            await asyncio.sleep(5)
        return None

    manager.add(Controller("widgets", reconcile, workers=4)).follow(widgets)
    for name in ("busy", "a", "b", "c"):
        fake.put("widgets", widget(name))
    async with running(manager):
        await until(lambda: all(seen.count(f"shop/{name}") == 2 for name in "abc"), 2)


async def test_a_cancellation_within_a_reconcile_is_a_failure_of_it_alone(fake: FakeApi, caller: KubeClient) -> None:
    manager = Manager(caller, pace=QUICK)
    widgets = manager.informer(WIDGETS)
    seen: list[str] = []

    async def reconcile(work: Work) -> None:
        seen.append(work.key)
        if work.key == "shop/bad" and seen.count(work.key) == 1:
            inner = asyncio.get_running_loop().create_future()
            inner.cancel()
            await inner

    manager.add(Controller("widgets", reconcile, workers=1)).follow(widgets)
    fake.put("widgets", widget("bad"))
    async with running(manager) as task:
        await until(lambda: seen.count("shop/bad") == 2)
        fake.put("widgets", widget("good"))
        await until(lambda: "shop/good" in seen)
        assert not task.done()


async def test_a_handler_that_fails_keeps_nobody_else_from_hearing(fake: FakeApi, caller: KubeClient) -> None:
    informer = Informer(caller, WIDGETS, pace=QUICK)
    heard: list[str] = []

    def fails(change: Change, first: bool) -> None:
        raise KeyError(change.key)

    informer.on_change(fails)
    informer.on_change(lambda change, first: heard.append(change.key))
    task = asyncio.create_task(informer.run())
    fake.put("widgets", widget("one"))
    await until(lambda: heard == ["shop/one"])
    assert informer.failures == 1
    task.cancel()
    await asyncio.wait((task,))


async def test_no_request_for_one_object_becomes_one_for_all(caller: KubeClient, fake: FakeApi) -> None:
    for call in (
        caller.delete(WIDGETS, "", "shop"), caller.get(WIDGETS, "", "shop"), caller.patch(WIDGETS, "", "shop", {}), caller.delete(PODS, "one", ""),
    ):  # fmt: skip
        with pytest.raises(InvalidConfigError, match=r"named|namespace"):
            await call
    assert not fake.requests


async def test_a_refusal_after_many_failures_is_told(fake: FakeApi) -> None:
    async with KubeClient(target_of(fake, user=User(token_file="/etc/hostname")), component="test") as caller:
        fake.script(Match(method="GET"), Answer(500), times=5)
        fake.script(Match(method="GET"), Answer(401))
        with pytest.raises(UnauthenticatedError):
            await caller.list(WIDGETS, "shop")


async def test_a_server_that_wants_rest_for_ever_gets_half_a_minute_of_it(fake: FakeApi, caller: KubeClient) -> None:
    fake.script(Match(method="POST"), Answer(429, retry_after=99_999_999), times=1)
    with pytest.raises(LimitedError):
        await caller.create(WIDGETS, widget("one"), "shop", timeout=0.5)
    before = len(fake.requests)
    with pytest.raises(LimitedError, match="nothing was sent"):
        await caller.create(WIDGETS, widget("one"), "shop", timeout=0.5)
    assert len(fake.requests) == before
    assert caller.transport._open_at - caller.transport._clock.monotonic() < 40
    await caller.create(WIDGETS, widget("urgent"), "shop", urgent=True)


async def test_an_eviction_that_must_wait_holds_nothing_else_back(fake: FakeApi, caller: KubeClient) -> None:
    fake.put("pods", {"metadata": {"name": "one", "namespace": "shop"}})
    fake.script(Match(method="POST", path="/eviction"), Answer(429, retry_after=20))
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "one", "namespace": "shop"}}
    with pytest.raises(LimitedError):
        await caller.create(PODS, eviction, "shop", part="eviction", name="one", timeout=1)
    async with asyncio.timeout(2):
        assert len(await caller.list(PODS, "shop")) == 1


async def test_what_may_not_be_repeated_is_sent_once(fake: FakeApi, caller: KubeClient) -> None:
    fake.put("widgets", widget("one"))
    await caller.list(WIDGETS, "shop")  # a connection that is kept
    fake.script(Match(method="DELETE"), AfterWrite(Reset()), times=1)
    with pytest.raises(ConnectionFailedError):
        await caller.delete(WIDGETS, "one", "shop")
    assert len(fake.seen(Match(method="DELETE"))) == 1


async def test_who_leads_no_longer_writes_nothing(fake: FakeApi, caller: KubeClient) -> None:
    election = Election(caller, "test", "shop", "me", terms=Terms(3, 2, 0.5))
    Manager(caller, election=election)
    with pytest.raises(ConflictError, match="leads no longer"):
        await caller.apply(WIDGETS, widget("one"))
    assert await caller.list(WIDGETS, "shop") == []


def test_terms_that_let_two_act_are_refused() -> None:
    with pytest.raises(InvalidConfigError, match="must stop before"):
        Terms(duration=2.0, deadline=2.0, retry=0.5)


def test_a_lease_that_was_deleted_is_not_made_anew_while_its_holder_may_act() -> None:
    one = Candidate("b", Terms(15, 10, 2))
    one.saw(Record("a", 15.0, 0.0, 0.0, 4, "7"), now=0.0)
    one.saw(None, now=1.0)
    assert (one.wanted(now=15.9), one.wanted(now=16.1)) == ("wait", "create")
    assert one.written(wall=0.0).transitions == 5, "an epoch is used once"


def test_an_answer_that_was_lost_costs_no_whole_duration() -> None:
    one = Candidate("a", Terms(15, 10, 2))
    one.saw(None, now=0.0)
    written = one.written(wall=0.0)
    one.saw(Record(written.holder, 15.0, 0.0, 0.0, written.transitions, "7"), now=0.1)
    assert one.wanted(now=0.1) == "take"
