import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from outrider.core.errors import ConnectionFailedError, InvalidConfigError
from outrider.core.http.messages import Request, Response
from outrider.ports.http.failover import FailoverClient
from outrider.ports.http.routing import Router, json_response
from outrider.ports.http.server import Server
from outrider.ports.telemetry import logger
from tests.servers.ports import free_port


@asynccontextmanager
async def named(name: str, port: int = 0) -> AsyncIterator[tuple[str, list[str]]]:
    """Run a server that tells its name; gives its address and the paths that it was asked for."""
    asked: list[str] = []

    async def answer(request: Request) -> Response:
        asked.append(request.path)
        return json_response(name)

    router = Router(logger(__name__))
    router.add("GET", "/name", answer)
    router.add("POST", "/name", answer)
    server = Server(router)
    bound = await server.start_tcp("127.0.0.1", port)
    try:
        yield f"http://127.0.0.1:{bound}", asked
    finally:
        await server.stop(0)


async def ask(client: FailoverClient, method: str = "GET") -> str:
    return await client.request_json(method, "/name", None, str)


async def test_it_stays_with_a_server_until_that_is_gone() -> None:
    async with named("b") as (b, _):
        async with named("a") as (a, _):
            client = FailoverClient([a, b])
            assert [await ask(client) for _ in range(3)] == ["a"] * 3
        # The kept connection ends; a POST that was not sent goes to the next one.
        names = [await _answered(client) for _ in range(3)]
        assert names[-1] == "b"
        assert set(names) <= {"b", ""}
        await client.close()


async def _answered(client: FailoverClient) -> str:
    """Return who answered a POST; nobody where it may have reached the server that is gone."""
    try:
        return await ask(client, "POST")
    except ConnectionFailedError as error:
        if not error.sent:
            raise
        return ""


async def test_it_comes_back_when_the_other_one_is_gone() -> None:
    first, second = free_port(), free_port()
    client = FailoverClient([f"http://127.0.0.1:{first}", f"http://127.0.0.1:{second}"])
    async with named("b", second):
        assert await ask(client) == "b"
    async with named("a", first):
        assert await ask(client) == "a"
    await client.close()


async def test_where_none_answers_the_error_is_told() -> None:
    client = FailoverClient([f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"])
    with pytest.raises(ConnectionFailedError):
        await ask(client)
    await client.close()


async def test_many_at_once_move_on_together() -> None:
    async with named("b") as (b, asked):
        client = FailoverClient([f"http://127.0.0.1:{free_port()}", b])
        assert set(await asyncio.gather(*(ask(client) for _ in range(20)))) == {"b"}
        assert len(asked) == 20
        await client.close()


def test_no_address_is_refused() -> None:
    with pytest.raises(InvalidConfigError):
        FailoverClient([])
