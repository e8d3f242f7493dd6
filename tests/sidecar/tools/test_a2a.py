"""Agents that are tools, asked by A2A: what they say is read with care, and a task for which nobody waits is cancelled."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from outrider.core.errors import ExecutionFailedError, InvalidConfigError, OutriderError
from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Request, Response
from outrider.core.tool_settings import A2aServerSettings
from outrider.ports.http.server import Server
from outrider.ports.secrets import Resolver
from outrider.sidecar.tools.servers.a2a import server as module
from outrider.sidecar.tools.servers.a2a.server import A2aServer
from outrider.sidecar.tools.servers.a2a.wire import A2aWire

JSON = Headers({"content-type": "application/json"})
MIB = 1024 * 1024


def task(state: str, *, artifact: Any = None, said: str = "", name: str = "T1") -> dict[str, Any]:
    """Return a task as 1.0 has it."""
    status: dict[str, Any] = {"state": f"TASK_STATE_{state}"}
    if said:
        status["message"] = {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": said}]}
    more = {"artifacts": [{"artifactId": "a", "parts": artifact}]} if artifact is not None else {}
    return {"id": name, "contextId": "C1", "status": status, **more}


class Agent:
    """An agent that answers as a test says.

    Attributes:
        card: What it says of itself; bytes are sent as they are.
        first: What answers a message.
        then: What answers each question for the task; the last one stays.
        raw: Answers in place of all that.
        asked: Requests: headers and bodies.
        polled, cancelled, called: Set when the first such request comes.
        free: Until it is set, no message is answered.
    """

    def __init__(self) -> None:
        self.url = ""
        self.card: Any = None
        self.first: Any = {"task": task("SUBMITTED")}
        self.then: list[Any] = [task("COMPLETED", artifact=[{"text": "done"}])]
        self.raw: Callable[[dict[str, Any]], Response | None] = lambda _: None
        self.asked: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.polled, self.cancelled, self.called, self.free = (asyncio.Event() for _ in range(4))
        self.free.set()

    def usual(self, **more: Any) -> dict[str, Any]:
        interface = {"url": f"{self.url}/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
        return {"name": "Web", "description": "Looks.", "supportedInterfaces": [interface], "skills": [], **more}

    def methods(self) -> list[str]:
        return [body["method"] for _, body in self.asked]

    async def handle(self, request: Request) -> Response:
        if request.method == "GET":
            assert request.path.endswith("/.well-known/agent-card.json")
            card = self.card if self.card is not None else self.usual()
            return (
                card
                if isinstance(card, Response)
                else Response(200, JSON, card if isinstance(card, bytes) else json.dumps(card).encode())
            )
        body = json.loads(request.body)
        self.asked.append((dict(request.headers), body))
        {"SendMessage": self.called, "GetTask": self.polled, "CancelTask": self.cancelled}.get(
            body["method"], self.polled
        ).set()
        if body["method"] == "SendMessage":
            await self.free.wait()
        raw = self.raw(body)
        if raw is not None:
            return raw
        return Response(200, JSON, json.dumps({"jsonrpc": "2.0", "id": body["id"], **self._answer(body)}).encode())

    def _answer(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["method"] in ("SendMessage", "message/send"):
            found = self.first
        elif body["method"] in ("CancelTask", "tasks/cancel"):
            found = task("CANCELED")
        else:
            found = self.then.pop(0) if len(self.then) > 1 else self.then[0]
        return found if set(found) == {"error"} else {"result": found}


@asynccontextmanager
async def reached(*, longest: int = MIB, **settings: Any) -> AsyncIterator[tuple[Agent, A2aServer]]:
    agent = Agent()
    server = Server(agent.handle, limits=Limits(body=4 * MIB))
    port = await server.start_tcp("127.0.0.1", 0)
    agent.url = f"http://127.0.0.1:{port}/a2a/web"
    told = A2aServerSettings(name="web", version="1", url=agent.url, **settings)
    made = A2aServer("web", "1", A2aWire(told, Resolver({}), longest))
    try:
        yield agent, made
    finally:
        await made.close()
        await server.stop(0)


async def call(server: A2aServer, timeout: float = 20.0, **arguments: Any) -> dict[str, Any]:
    (definition,) = await server.list_tools()
    return await server.call(definition, {"arguments": {"message": "hello"} | arguments}, timeout)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.01)


async def test_what_a_model_reads_of_an_agent() -> None:
    async with reached() as (agent, server):
        agent.card = agent.usual(
            skills=[
                {"id": "s", "name": "restart", "description": "Restarts it.", "tags": [], "examples": ["restart web"]},
                5,
            ]
        )
        (tool,) = await server.list_tools()
        assert tool["name"] == "send"
        assert tool["description"] == (
            "Gives a task to the agent Web, and returns what it answers: Looks.\n- restart: Restarts it. For example: restart web"
        )
        schema = tool["inputSchema"]
        assert (schema["required"], sorted(schema["properties"])) == (
            ["message"],
            ["context", "data", "message", "task"],
        )
        assert all("description" in field for field in schema["properties"].values())
        agent.card = agent.usual(skills=[{"name": "n" * 2000, "description": "d" * 2000}] * 200)
        (long,) = await server.list_tools()
        assert len(long["description"]) <= module.LONGEST_DESCRIPTION


async def test_a_task_is_followed_to_its_end() -> None:
    async with reached() as (agent, server):
        agent.then = [
            task("WORKING"),
            task("WORKING"),
            task("COMPLETED", artifact=[{"text": "it is"}, {"data": {"up": True}}], said="bye"),
        ]
        result = await call(server, data={"n": 1}, context="C1")
        assert result == {
            "content": [{"type": "text", "text": "it is"}, {"type": "text", "text": '{"up":true}'}],
            "structuredContent": {
                "state": "completed",
                "text": "it is",
                "data": [{"up": True}],
                "task": "T1",
                "context": "C1",
            },
            "isError": False,
        }
        headers, sent = agent.asked[0]
        assert headers["a2a-version"] == "1.0"
        assert sent["params"]["message"]["parts"] == [{"text": "hello"}, {"data": {"n": 1}}]
        assert sent["params"]["message"]["contextId"] == "C1"
        assert sent["params"]["configuration"]["returnImmediately"] is True
        assert agent.methods() == ["SendMessage", "GetTask", "GetTask", "GetTask"]
        assert [body["params"]["id"] for _, body in agent.asked[1:]] == ["T1"] * 3


@pytest.mark.parametrize(
    ("first", "is_error", "said"),
    [
        ({"message": {"messageId": "m", "role": "ROLE_AGENT", "contextId": "C1", "parts": [{"text": "hi"}]}}, False, {"text": "hi", "context": "C1"}),
        ({"task": task("COMPLETED", said="so it is")}, False, {"state": "completed", "text": "so it is"}),
        ({"task": task("FAILED", said="no disk")}, True, {"state": "failed", "text": "no disk"}),
        ({"task": task("REJECTED")}, True, {"state": "rejected"}),
        ({"task": task("CANCELED", artifact=[{"text": "half"}])}, True, {"state": "canceled", "text": "half"}),
        ({"task": task("INPUT_REQUIRED", said="which?")}, False, {"state": "input-required", "text": "which?", "task": "T1"}),
        ({"task": task("AUTH_REQUIRED", said="log in")}, True, {"state": "auth-required", "text": "log in"}),
        ({"task": {**task("COMPLETED"), "history": [{"role": "ROLE_AGENT", "parts": [{"text": "last"}]}]}}, False, {"text": "last"}),
        ({"task": task("COMPLETED", artifact=[{"raw": "AAAA", "filename": "a.png", "mediaType": "image/png"}, {"url": "https://x/y"}, 3, {}])}, False, {"text": "[file a.png image/png]\n\n[file https://x/y]"}),
    ],
)  # fmt: skip
async def test_what_an_agent_comes_to(first: Any, is_error: bool, said: dict[str, Any]) -> None:
    async with reached() as (agent, server):
        agent.first = first
        result = await call(server)
        assert result["isError"] is is_error
        assert said.items() <= result["structuredContent"].items()
        assert all(one["text"] for one in result["content"])
        assert agent.methods() == ["SendMessage"]


async def test_an_agent_of_0_3() -> None:
    async with reached() as (agent, server):
        agent.card = {
            "name": "Old",
            "url": f"{agent.url}/rpc",
            "protocolVersion": "0.3.0",
            "preferredTransport": "JSONRPC",
        }
        agent.first = {"kind": "task", "id": "T1", "contextId": "C1", "status": {"state": "working"}}
        done = (
            {"kind": "text", "text": "done"},
            {"kind": "data", "data": {"a": 1}},
            {"kind": "file", "file": {"name": "f", "bytes": ""}},
        )
        agent.then = [
            agent.first | {"status": {"state": "completed"}, "artifacts": [{"artifactId": "a", "parts": list(done)}]}
        ]
        result = await call(server, data={"n": 1})
        assert result["structuredContent"]["text"] == "done\n\n[file f]"
        assert result["structuredContent"]["data"] == [{"a": 1}]
        headers, sent = agent.asked[0]
        assert (headers["a2a-version"], sent["method"]) == ("0.3", "message/send")
        assert sent["params"]["message"]["kind"] == "message"
        assert sent["params"]["message"]["role"] == "user"
        assert [part["kind"] for part in sent["params"]["message"]["parts"]] == ["text", "data"]
        assert sent["params"]["configuration"]["blocking"] is False
        assert agent.methods()[1:] == ["tasks/get"]


async def test_a_tenant_is_named() -> None:
    async with reached() as (agent, server):
        agent.card = agent.usual()
        agent.card["supportedInterfaces"][0]["tenant"] = "acme"
        await call(server)
        assert [body["params"]["tenant"] for _, body in agent.asked] == ["acme", "acme"]


def cards(agent: Agent) -> Iterator[tuple[Any, str]]:
    """Yield cards that cannot be used, and what is said of them."""
    interface = agent.usual()["supportedInterfaces"][0]
    yield b"{", "no JSON"
    yield b"[]", "names no agent"
    yield {"supportedInterfaces": [interface]}, "names no agent"
    yield agent.usual(name=5), "names no agent"
    yield agent.usual(supportedInterfaces=[]), "no way to call it"
    yield agent.usual(supportedInterfaces=[3]), "no way to call it"
    yield agent.usual(supportedInterfaces=[interface | {"protocolBinding": "GRPC"}]), "no way to call it"
    yield agent.usual(supportedInterfaces=[interface | {"protocolVersion": "2.0"}]), "no way to call it"
    yield agent.usual(supportedInterfaces=[interface | {"url": 7}]), "no way to call it"
    for url in (
        "https://other.internal/rpc",
        "http://127.0.0.1:1/rpc",
        "http://[x",
        "/rpc",
        agent.url.replace("http:", "https:"),
    ):
        yield agent.usual(supportedInterfaces=[interface | {"url": url}]), "another address"
    yield Response(404, JSON, b"{}"), "no agent card"
    yield Response(302, Headers({"location": "https://other.internal/"}), b""), "elsewhere"
    yield Response(503, JSON, b""), "fails"
    yield Response(401, JSON, b""), "credentials"
    yield b'{"name": "' + b"x" * (2 * MIB) + b'"}', "longer than"


async def test_cards_that_cannot_be_used() -> None:
    async with reached() as (agent, server):
        for card, problem in cards(agent):
            agent.card = card
            with pytest.raises(OutriderError, match=problem):
                await server.list_tools()


async def test_of_several_ways_the_best_that_may_be_used() -> None:
    async with reached() as (agent, server):
        here = {"url": f"{agent.url}/rpc", "protocolBinding": "JSONRPC"}
        agent.card = agent.usual(supportedInterfaces=[
            {**here, "url": "https://other.internal/", "protocolVersion": "1.0"},
            {**here, "protocolVersion": "0.3.0"}, {**here, "protocolVersion": "1.0.0"},
        ])  # fmt: skip
        await call(server)
        assert agent.methods()[0] == "SendMessage"


def answer(**message: Any) -> Callable[[dict[str, Any]], Response]:
    return lambda body: Response(200, JSON, json.dumps({"jsonrpc": "2.0", "id": body["id"], **message}).encode())


@pytest.mark.parametrize(
    ("raw", "code", "text"),
    [
        (answer(id=99, result={"task": task("COMPLETED")}), "EXECUTION_FAILED", "neither a result nor an error"),
        (answer(id="1", result={"task": task("COMPLETED")}), "EXECUTION_FAILED", "neither a result nor an error"),
        (answer(id=True, result={"task": task("COMPLETED")}), "EXECUTION_FAILED", "neither a result nor an error"),
        (answer(result=[1]), "EXECUTION_FAILED", "neither a result nor an error"),
        (answer(result={}), "EXECUTION_FAILED", "no task"),
        (answer(result={"task": {"id": "", "status": {}}}), "EXECUTION_FAILED", "no task"),
        (answer(result={"task": {"id": "T1", "status": "done"}}), "EXECUTION_FAILED", "no task"),
        (answer(error={"code": -32005, "message": "text only"}), "EXECUTION_FAILED", "text only"),
        (lambda _: Response(200, JSON, b"<html>"), "EXECUTION_FAILED", "no JSON"),
        (lambda _: Response(307, Headers({"location": "http://other/"}), b""), "EXECUTION_FAILED", "elsewhere"),
        (lambda _: Response(401, JSON, b""), "UNAUTHENTICATED", "credentials"),
        (lambda _: Response(500, JSON, b""), "UNAVAILABLE", "fails"),
        (lambda _: Response(200, JSON, b"x" * (3 * MIB)), "EXECUTION_FAILED", "longer than"),
    ],
)
async def test_answers_that_are_none(raw: Callable[[dict[str, Any]], Response], code: str, text: str) -> None:
    async with reached() as (agent, server):
        agent.raw = raw
        with pytest.raises(OutriderError, match=text) as raised:
            await call(server)
        assert raised.value.code == code
        assert agent.methods() == ["SendMessage"], "no task is known, so none is cancelled"


async def test_an_endless_task_is_cancelled_in_the_end() -> None:
    async with reached() as (agent, server):
        agent.then = [task("WORKING")]
        with pytest.raises(OutriderError, match="is cancelled") as raised:
            await call(server, timeout=0.2)
        assert raised.value.code == "TIMEOUT"
        await agent.cancelled.wait()
        assert agent.asked[-1][1]["params"] == {"id": "T1"}


async def test_whoever_goes_away_leaves_no_task_behind() -> None:
    async with reached() as (agent, server):
        agent.then = [task("WORKING")]
        calling = asyncio.create_task(call(server))
        await agent.polled.wait()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await agent.cancelled.wait()


async def test_whoever_goes_away_while_a_message_is_on_its_way() -> None:
    """The task is known only when the answer is there: that is waited for, so that it can be cancelled."""
    async with reached() as (agent, server):
        agent.free.clear()
        calling = asyncio.create_task(call(server))
        await agent.called.wait()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        agent.free.set()
        await agent.cancelled.wait()


async def test_a_result_that_is_too_long_ends_the_task() -> None:
    async with reached(longest=1000) as (agent, server):
        agent.then = [task("WORKING", artifact=[{"text": "x" * (3 * MIB)}])]
        with pytest.raises(OutriderError, match="longer than"):
            await call(server)
        await agent.cancelled.wait()
        assert agent.methods() == ["SendMessage", "GetTask", "CancelTask"]


async def test_an_agent_that_is_away_for_a_moment() -> None:
    async with reached() as (agent, server):
        left = [Response(503, JSON, b"")] * module.MOST_FAILURES
        agent.raw = lambda body: left.pop() if left and body["method"] == "GetTask" else None
        assert not (await call(server))["isError"]
        agent.raw = lambda body: Response(503, JSON, b"") if body["method"] == "GetTask" else None
        with pytest.raises(OutriderError, match="fails"):
            await call(server)
        await agent.cancelled.wait()


async def test_an_agent_that_tells_of_another_task() -> None:
    async with reached() as (agent, server):
        agent.then = [task("COMPLETED", name="T2")]
        with pytest.raises(ExecutionFailedError, match="another task"):
            await call(server)


@pytest.mark.parametrize("arguments", [{"message": ""}, {"message": 5}, {"data": [1]}, {"other": 1}, {"context": 5}])
async def test_arguments_that_do_not_fit(arguments: dict[str, Any]) -> None:
    async with reached() as (agent, server):
        with pytest.raises(InvalidConfigError):
            await call(server, **arguments)
        assert agent.asked == []


async def test_an_agent_is_called_before_its_card_was_listed() -> None:
    async with reached() as (agent, server):
        assert not (await server.call({"name": "send"}, {"arguments": {"message": "hi"}}, 20))["isError"]
        assert agent.methods()[0] == "SendMessage"


def test_an_address_that_is_none() -> None:
    with pytest.raises(InvalidConfigError, match="not an address"):
        A2aWire(A2aServerSettings(name="web", url="ftp://x"), Resolver({}))
