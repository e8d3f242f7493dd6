"""When a request is sent again, when it must not be, and who waits for whom."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from outrider.core.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    LimitedError,
    OutriderError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.core.http.messages import Response
from outrider.ports.clock import Clock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.kube import transport as transports
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.kubeconfig import User
from outrider.ports.kube.transport import MOST_ATTEMPTS, Call
from tests.ports.kube.conftest import WIDGETS, target_of, until
from tests.ports.kube.support import WIDGETS_PATH, HastyClock, get, transport_to
from tests.servers.kube_api.faults import ANY, AfterWrite, Answer, Delay, Exchange, Fault, Hang, Match, Reset
from tests.servers.kube_api.server import FakeApi

WRITES = Match(method="POST")
PATCHES = Match(method="PATCH")


@pytest.fixture
async def fake() -> AsyncIterator[FakeApi]:
    """A scripted API server, which ends only when nobody is connected any more."""
    async with FakeApi() as server:
        yield server
        await until(lambda: server._server is None or server._server.connections == 0)


def post(name: str = "one", **settings: Any) -> Call:
    """A request that must not be repeated."""
    body = {"apiVersion": WIDGETS.api_version, "kind": "Widget", "metadata": {"name": name}}
    return Call("POST", WIDGETS_PATH, "create Widget", body=json.dumps(body).encode(), **settings)


def widget(name: str = "one", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": spec}


async def failed(fake: FakeApi, call: Call, clock: Clock | None = None) -> OutriderError:
    async with transport_to(fake.url, clock=clock or HastyClock()) as transport:
        with pytest.raises(OutriderError) as caught:
            await transport.send(call)
    return caught.value


class TestWaiting:
    async def test_bulk_work_waits_as_long_as_the_server_says_and_urgent_requests_do_not(self, fake: FakeApi) -> None:
        clock = ManualClock()
        fake.script(ANY, Answer(429, retry_after=7), times=1)
        async with transport_to(fake.url, clock=clock) as transport:
            first = [asyncio.create_task(transport.send(get())) for _ in range(32)]
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            await until(lambda: sum(task.done() for task in first) == 31)
            later = [asyncio.create_task(transport.send(get())) for _ in range(32)]
            await clock.until_sleeping(33)
            assert len(fake.requests) == 32
            await transport.send(get(urgent=True))
            clock.advance(6.9)
            await transport.send(get(urgent=True))
            assert len(fake.requests) == 34, "nobody else has asked"
            clock.advance(2)
            await asyncio.gather(*first, *later)
        assert len(fake.requests) == 34 + 1 + 32

    async def test_a_server_that_refuses_everything_is_asked_once_by_each(self, fake: FakeApi) -> None:
        clock = ManualClock()
        fake.script(ANY, Answer(429, retry_after=3), times=32)
        async with transport_to(fake.url, clock=clock) as transport:
            tasks = [asyncio.create_task(transport.send(post(f"w{number}"))) for number in range(32)]
            await clock.until_sleeping(32)
            assert len(fake.requests) == 32
            clock.advance(4)
            await asyncio.gather(*tasks)
        assert (len(fake.requests), len(fake.objects("widgets"))) == (64, 32)

    async def test_who_waits_for_a_connection_waits_on_when_the_server_has_had_enough(self, fake: FakeApi) -> None:
        clock = ManualClock()
        fake.script(Match(path=WIDGETS_PATH), Answer(429, retry_after=3))
        async with transport_to(fake.url, clock=clock, connections=2) as transport:
            tasks = [asyncio.create_task(transport.send(get())) for _ in range(32)]
            await clock.until_sleeping(2)
            for _ in range(3):
                await transport.send(get("/version", urgent=True))
            seen = len(fake.seen(Match(path=WIDGETS_PATH)))
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        assert seen == 2

    async def test_urgent_requests_do_not_wait_behind_bulk_work(self, fake: FakeApi) -> None:
        fake.script(Match(method="GET"), Hang())
        async with transport_to(fake.url, connections=2) as transport:
            bulk = [asyncio.create_task(transport.send(get())) for _ in range(8)]
            await until(lambda: len(fake.requests) == 2)
            assert (await transport.send(post(urgent=True, timeout=5))).status == 201
            for task in bulk:
                task.cancel()
            await asyncio.wait(bulk)
        assert len(fake.requests) == 3, "the others had no connection"

    async def test_a_request_that_would_wait_too_long_is_not_sent(self, fake: FakeApi) -> None:
        clock = ManualClock()
        fake.script(ANY, Answer(429, retry_after=20), times=1)
        async with transport_to(fake.url, clock=clock) as transport:
            task = asyncio.create_task(transport.send(get(timeout=90)))
            await clock.until_sleeping()
            with pytest.raises(LimitedError, match="create Widget") as caught:
                await transport.send(post(timeout=10))
            assert (caught.value.retry_after or 0) >= 20
            with pytest.raises(LimitedError):
                await transport.send(get(timeout=10))
            assert len(fake.requests) == 1
            clock.advance(25)
            await task
        assert len(fake.requests) == 2

    @pytest.mark.parametrize("call", [get(), post()], ids=["read", "write"])
    async def test_a_server_that_is_busy_is_asked_again_when_it_says(self, fake: FakeApi, call: Call) -> None:
        clock = HastyClock()
        fake.script(ANY, Answer(503, retry_after=5), times=2)
        async with transport_to(fake.url, clock=clock) as transport:
            await transport.send(call)
        assert len(fake.requests) == 3, "it was not done before"
        assert len(clock.pauses) == 2
        assert all(5 <= pause <= 6.25 for pause in clock.pauses)

    async def test_a_pause_that_the_deadline_does_not_allow_ends_it(self, fake: FakeApi) -> None:
        fake.script(ANY, Answer(429, retry_after=20))
        error = await failed(fake, get(timeout=19))
        assert isinstance(error, LimitedError)
        assert (error.retry_after, len(fake.requests)) == (20, 1)


class TestRepetition:
    async def test_a_read_is_repeated_when_the_connection_breaks(self, fake: FakeApi) -> None:
        fake.script(ANY, Reset(), times=3)
        async with transport_to(fake.url, clock=HastyClock()) as transport:
            assert (await transport.send(get())).status == 200
        assert len(fake.requests) == 4

    @pytest.mark.parametrize("warm", [False, True], ids=["new connection", "kept connection"])
    @pytest.mark.parametrize(("fault", "made"), [(Reset(), 0), (AfterWrite(Reset()), 1)], ids=["before", "after"])
    async def test_a_create_whose_connection_breaks_is_sent_once_and_may_have_been_done(
        self, fake: FakeApi, fault: Fault, made: int, warm: bool
    ) -> None:
        fake.script(WRITES, fault, times=1)
        async with KubeClient(target_of(fake)) as client:
            if warm:
                await client.list(WIDGETS, "shop")
            with pytest.raises(ConnectionFailedError) as caught:
                await client.create(WIDGETS, widget(), "shop")
        assert caught.value.sent, "who asked knows that nobody knows"
        assert (len(fake.seen(WRITES)), len(fake.objects("widgets"))) == (1, made)

    @pytest.mark.parametrize("warm", [False, True], ids=["new connection", "kept connection"])
    async def test_a_replacement_or_deletion_that_must_not_be_repeated_is_not(self, fake: FakeApi, warm: bool) -> None:
        for method in ("PUT", "DELETE"):
            found = fake.put("widgets", widget(size=1))
            fake.script(Match(method=method), AfterWrite(Reset()), times=1)
            async with KubeClient(target_of(fake)) as client:
                if warm:
                    await client.list(WIDGETS, "shop")
                with pytest.raises(ConnectionFailedError) as caught:
                    await (client.replace(WIDGETS, found) if method == "PUT" else client.delete(WIDGETS, "one", "shop"))
            assert caught.value.sent
            assert len(fake.seen(Match(method=method))) == 1

    @pytest.mark.parametrize("fault", [Reset(), AfterWrite(Reset()), AfterWrite(Answer(500)), AfterWrite(Answer(504))])
    async def test_an_apply_is_repeated_and_comes_to_the_same_as_once(self, fake: FakeApi, fault: Fault) -> None:
        fake.script(PATCHES, fault, times=2)
        async with KubeClient(target_of(fake), clock=HastyClock()) as client:
            done = await client.apply(WIDGETS, widget(size=1))
        assert len(fake.seen(PATCHES)) == 3
        (made,) = fake.objects("widgets")
        assert (made["metadata"]["generation"], made["metadata"]["resourceVersion"]) == (
            1,
            done.object["metadata"]["resourceVersion"],
        )

    async def test_a_deletion_of_one_very_object_is_repeated_and_spares_its_successor(self, fake: FakeApi) -> None:
        old = fake.put("widgets", widget())["metadata"]["uid"]

        async def replaced(exchange: Exchange) -> Response:
            exchange.answer()
            fake.put("widgets", widget(size=2))
            await exchange.reset()

        fake.script(Match(method="DELETE"), replaced, times=1)
        async with KubeClient(target_of(fake), clock=HastyClock()) as client:
            with pytest.raises(OutriderError):
                await client.delete(WIDGETS, "one", "shop", uid=old)
        assert len(fake.seen(Match(method="DELETE"))) == 2
        assert [one["spec"] for one in fake.objects("widgets")] == [{"size": 2}]

    async def test_what_was_never_sent_is_repeated_until_somebody_listens(self, fake: FakeApi) -> None:
        clock = HastyClock()
        await fake.stop()

        async def starts() -> None:
            if len(clock.pauses) == 3:
                await fake.start()

        clock.in_pause = starts
        async with transport_to(fake.url, clock=clock) as transport:
            assert (await transport.send(post())).status == 201
        assert (len(clock.pauses), len(fake.requests)) == (3, 1)

    @pytest.mark.parametrize("fault", [Answer(500), Answer(503, retry_after=1), Answer(429, retry_after=1), Reset()])
    async def test_the_number_of_attempts_is_bounded(self, fake: FakeApi, fault: Fault) -> None:
        clock = HastyClock()
        fake.script(ANY, fault)
        assert isinstance(
            await failed(fake, get(timeout=1000), clock), LimitedError | UnavailableError | ConnectionFailedError
        )
        assert (len(fake.requests), len(clock.pauses)) == (MOST_ATTEMPTS, MOST_ATTEMPTS - 1)

    async def test_pauses_grow_and_differ(self, fake: FakeApi) -> None:
        fake.script(ANY, Answer(500))
        clocks = [HastyClock(), HastyClock()]
        for clock in clocks:
            await failed(fake, get(), clock)
            assert all(0.05 * 2**number <= pause <= 0.1 * 2**number for number, pause in enumerate(clock.pauses))
        assert clocks[0].pauses != clocks[1].pauses

    @pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429])
    async def test_what_is_the_callers_own_fault_is_not_repeated(self, fake: FakeApi, status: int) -> None:
        fake.script(ANY, Answer(status))
        error = await failed(fake, get())
        assert (error.context["status"], len(fake.requests)) == (status, 1)
        assert error.message == "list Widget: as the script says"

    async def test_a_server_error_of_a_create_is_not_repeated(self, fake: FakeApi) -> None:
        fake.script(ANY, AfterWrite(Answer(500)))
        assert isinstance(await failed(fake, post()), UnavailableError)
        assert len(fake.requests) == 1

    async def test_a_page_of_somebody_between_is_shown_in_short(self, fake: FakeApi) -> None:
        fake.script(ANY, Answer(502, body=b"<html>" + b"bad gateway " * 1000))
        error = await failed(fake, post())
        assert re.match(r"create Widget: <html>bad gateway", error.message)
        assert len(error.message) < 400


class TestTime:
    async def test_a_read_that_hangs_is_given_up_and_repeated(
        self, fake: FakeApi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transports, "ATTEMPT_SECONDS", 0.1)
        fake.script(ANY, Hang(), times=1)
        async with transport_to(fake.url, clock=HastyClock()) as transport:
            await transport.send(get())
        assert len(fake.requests) == 2

    async def test_a_create_that_hangs_is_given_up_and_not_repeated(self, fake: FakeApi) -> None:
        fake.script(ANY, AfterWrite(Hang()))
        assert isinstance(await failed(fake, post(timeout=0.1)), DeadlineExceededError)
        assert (len(fake.requests), len(fake.objects("widgets"))) == (1, 1)

    async def test_the_deadline_holds_for_all_attempts_together(self, fake: FakeApi) -> None:
        fake.script(ANY, Hang())
        async with transport_to(fake.url) as transport:
            with pytest.raises(DeadlineExceededError):
                await transport.send(get(timeout=0.1))
        assert len(fake.requests) == 1

    async def test_what_has_one_attempt_has_all_of_the_time_for_it(
        self, fake: FakeApi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transports, "ATTEMPT_SECONDS", 0.05)
        fake.script(ANY, Delay(0.2))
        async with transport_to(fake.url) as transport:
            assert (await transport.send(post(timeout=20))).status == 201


class TestStreams:
    async def test_a_refused_watch_has_the_credentials_looked_for_again(self, fake: FakeApi, tmp_path: Any) -> None:
        (tmp_path / "token").write_text("one")
        fake.script(ANY, Answer(401), times=1)
        watch = get(WIDGETS_PATH + "?watch=true")
        async with transport_to(fake.url, User(token_file=str(tmp_path / "token"))) as transport:
            with pytest.raises(UnauthenticatedError):
                await transport.stream(watch, lambda _: None)
            (tmp_path / "token").write_text("two")
            task = asyncio.create_task(transport.stream(watch, lambda _: None))
            await until(lambda: fake.watchers("widgets") == 1)
            fake.end_watches("widgets")
            await task
        assert [call.headers.get("authorization") for call in fake.requests] == ["Bearer one", "Bearer two"]

    async def test_all_connections_are_dropped_those_of_former_credentials_too(
        self, fake: FakeApi, tmp_path: Any
    ) -> None:
        (tmp_path / "token").write_text("one")
        async with transport_to(fake.url, User(token_file=str(tmp_path / "token"))) as transport:
            task = asyncio.create_task(transport.stream(get(WIDGETS_PATH + "?watch=true"), lambda _: None))
            await until(lambda: fake.watchers("widgets") == 1)
            fake.script(ANY, Answer(401), times=1)
            await transport.send(get())
            assert not task.done(), "a watch goes on as it began"
            await transport.close()
            with pytest.raises(ConnectionFailedError):
                await asyncio.wait_for(task, 5)
        await until(lambda: fake.watchers("widgets") == 0)
