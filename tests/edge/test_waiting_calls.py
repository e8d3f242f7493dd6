"""An agent whose calls wait for people goes on telling that it lives."""

import asyncio
import logging

from outrider.core.events import CallAnswer
from outrider.core.http.messages import Request, Response
from outrider.edge.link import Link
from outrider.edge.service import MOST_CONNECTIONS
from outrider.ports.http.failover import FailoverClient
from outrider.ports.http.routing import Router, json_response
from outrider.ports.http.server import Server


async def test_calls_that_wait_hold_up_nothing_else() -> None:
    came, waiting = asyncio.Semaphore(0), asyncio.Event()

    async def called(request: Request) -> Response:
        came.release()
        await waiting.wait()
        return json_response(CallAnswer(run=request.params["run"], state="completed"))

    async def cancelled(request: Request) -> Response:
        return json_response(CallAnswer(run=request.params["run"]))

    router = Router(logging.getLogger(__name__))
    router.add("GET", "/agents/v1/{agent}/calls/{run}", called)
    router.add("DELETE", "/agents/v1/{agent}/calls/{run}", cancelled)
    server = Server(router)
    port = await server.start_tcp("127.0.0.1", 0)
    client = FailoverClient([f"http://127.0.0.1:{port}"], max_connections=MOST_CONNECTIONS)
    link = Link(client, "a")
    polls = [asyncio.ensure_future(link.called(str(number))) for number in range(100)]
    try:
        async with asyncio.timeout(10):
            for _ in polls:
                await came.acquire()
            await link.cancel_call("r")
            waiting.set()
            assert {one.state for one in await asyncio.gather(*polls)} == {"completed"}
    finally:
        await client.close()
        await server.stop(0)
