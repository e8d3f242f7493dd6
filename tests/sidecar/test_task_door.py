"""Tasks come to a program beside its sidecar through a door that has a time, an id, and a bound."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.core.sidecar_settings import TaskSettings
from outrider.ports.http.client import Client
from outrider.ports.http.server import Server
from outrider.sidecar.task_door import RUN_HEADER, open_door
from tests.servers.ports import free_port


class Program:
    """A program that serves, as agents do."""

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.ready = 200
        self.wait, self.came = asyncio.Event(), asyncio.Event()
        self.wait.set()

    async def handle(self, request: Request) -> Response:
        if request.method == "GET":
            return Response(self.ready, Headers(), b"")
        self.seen.append(request)
        self.came.set()
        await self.wait.wait()
        return Response(201, Headers({"content-type": "application/json", "x-secret": "stays"}), b'{"done":true}')


@pytest.fixture
async def program() -> AsyncIterator[tuple[Program, int]]:
    made = Program()
    server = Server(made.handle)
    port = await server.start_tcp("127.0.0.1", 0)
    yield made, port
    made.wait.set()
    await server.stop(0)


def settings(port: int, door: int, **more: object) -> TaskSettings:
    return TaskSettings(listen=f"127.0.0.1:{door}", url=f"http://127.0.0.1:{port}", path="/run", **more)  # type: ignore[arg-type]  # fields of it


async def test_a_task_is_passed_on_with_an_id_and_its_answer_back(program: tuple[Program, int]) -> None:
    made, port = program
    door = free_port()
    async with open_door(settings(port, door)):
        client = Client(f"http://127.0.0.1:{door}")
        headers = {"content-type": "application/json", "authorization": "Bearer theirs", "idempotency-key": "k"}
        answer = await client.request("POST", "/", headers=headers, body=b'{"say":"x"}')
        await client.close()
    assert (answer.status, json.loads(answer.content)) == (201, {"done": True})
    (seen,) = made.seen
    assert (seen.path, seen.body, seen.headers.get("idempotency-key")) == ("/run", b'{"say":"x"}', "k")
    assert seen.headers.get(RUN_HEADER) == answer.headers.get(RUN_HEADER)
    assert "authorization" not in seen.headers, "what is the caller's stays with the caller"
    assert "x-secret" not in answer.headers


async def test_a_program_that_is_not_there_is_told_of(program: tuple[Program, int]) -> None:
    del program
    door = free_port()
    async with open_door(settings(free_port(), door)) as opened:
        assert opened is not None
        assert "does not answer" in await opened.problem()
        client = Client(f"http://127.0.0.1:{door}")
        answer = await client.request("POST", "/", body=b"{}")
        await client.close()
    assert answer.status == 503
    assert "container `agent`" in answer.content.decode()


async def test_it_is_ready_when_the_program_says_so(program: tuple[Program, int]) -> None:
    made, port = program
    async with open_door(settings(port, free_port(), ready="/health")) as opened:
        assert opened is not None
        assert await opened.problem() == ""
        made.ready = 503
        assert "GET /health answers with status 503" in await opened.problem()


async def test_as_many_as_are_good_for_it_and_no_longer_than_that(program: tuple[Program, int]) -> None:
    made, port = program
    made.wait.clear()
    door = free_port()
    async with open_door(settings(port, door, most=1, timeout=0.5)):
        client = Client(f"http://127.0.0.1:{door}")
        first = asyncio.create_task(client.request("POST", "/", body=b"1"))
        await made.came.wait()
        refused = await client.request("POST", "/", body=b"2")
        assert (refused.status, refused.headers.get("retry-after")) == (429, "1")
        assert (await first).status == 503
        await client.close()
    assert len(made.seen) == 1, "it is not sent twice"


async def test_without_settings_there_is_no_door() -> None:
    async with open_door(None) as opened:
        assert opened is None
