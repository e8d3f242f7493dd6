"""A gateway between raw clients and providers that answer as a script says."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from outrider.core.schema import convert
from outrider.core.secrets import SecretValue
from outrider.core.sidecar_settings import LlmSettings
from outrider.ports.clock import Clock, SystemClock
from outrider.sidecar.llm.agent import Agent
from outrider.sidecar.llm.building import (
    build_budget,
    build_cache,
    build_guard,
    build_limits,
    build_routes,
    build_samples,
)
from outrider.sidecar.llm.cache import ResponseCache
from outrider.sidecar.llm.gate import LlmGate
from outrider.sidecar.llm.hooks.hooks import Hooks
from outrider.sidecar.llm.ledger import Entry, Ledger
from outrider.sidecar.llm.script import read_script
from outrider.sidecar.llm.shares.counter import Counter
from outrider.sidecar.llm.shares.shares import Shares
from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.limits import ProxyLimits
from outrider.sidecar.proxy.proxy import Proxy
from tests.sidecar.proxy.support import WAIT, Reader, Script

PRICES = {
    "date": "2026-11-28",
    "currency": "USD",
    "models": {name: {"input": 10**9, "output": 2 * 10**9} for name in ("p0/m", "p1/m", "e/m")},
}
SYSTEM_CLOCK = SystemClock()
USAGE = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
ANSWER = {"id": "c", "choices": [{"message": {"content": "hi"}}], "usage": USAGE}


class Answer:
    """What the gateway answered."""

    def __init__(self, raw: bytes) -> None:
        head, _, body = raw.partition(b"\r\n\r\n")
        self.raw = raw
        self.status = int(head[9:12])
        self.head = head.lower()
        self.body = _unchunked(body) if b"transfer-encoding: chunked" in self.head else body

    @property
    def fields(self) -> dict[str, str]:
        """Its header fields, with names in lower case."""
        lines = (line.partition(": ") for line in self.head.decode().split("\r\n")[1:])
        return {name: value for name, _, value in lines}

    @property
    def document(self) -> Any:
        return json.loads(self.body)


def _unchunked(body: bytes) -> bytes:
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        found, body = found + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return found


class Gateway:
    """A running gateway.

    Attributes:
        seen: Requests that each provider has got: head and body.
    """

    def __init__(self) -> None:
        self.port = 0
        self.seen: list[list[tuple[bytes, bytes]]] = []
        self.gate: LlmGate
        self.ledger: Ledger
        self.agent: Agent
        self.shares: Shares | None = None
        self.hooks: Hooks | None = None
        self.cache: ResponseCache | None = None

    async def close(self) -> None:
        if self.cache is not None:
            await self.cache.close()

    def decide(self, exchange: Exchange) -> None:
        self.gate.decide(exchange)

    async def ask(
        self, path: str = "/v1/chat/completions", *, method: str = "POST", fields: str = "", **body: Any
    ) -> Answer:
        """Call, and return the whole answer."""
        data = json.dumps(body).encode() if method == "POST" else b""
        return await self.raw(path, data, method=method, fields=fields)

    async def raw(self, path: str, data: bytes, *, method: str = "POST", fields: str = "") -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: g\r\nconnection: close\r\ncontent-length: {len(data)}\r\n{fields}\r\n"
        )
        writer.write(head.encode() + data)
        try:
            return Answer(await asyncio.wait_for(reader.read(), WAIT))
        finally:
            writer.close()

    async def entries(self, count: int) -> list[Entry]:
        """Return the ledger once it has so many entries."""
        deadline = time.monotonic() + WAIT
        while len(found := list(self.ledger.entries())) < count:
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.01)
        return found


def saying(document: Any, *, status: str = "200 OK", fields: str = "") -> Script:
    """Return a script that gives one answer for ever."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    kind = "" if "content-type" in fields else "content-type: application/json\r\n"
    answer = f"HTTP/1.1 {status}\r\n{kind}{fields}content-length: {len(body)}\r\n\r\n".encode() + body

    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\n\n\n"):
            writer.write(answer)
            await writer.drain()

    return script


def streaming(*events: bytes, pause: float = 0.0, end: bool = True) -> Script:
    """Return a script that streams events, each as a chunk."""

    async def script(reader: Reader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\n\n\n"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            for event in events:
                writer.write(b"%x\r\n%s\r\n" % (len(event), event))
                await writer.drain()
                await asyncio.sleep(pause)
            if not end:
                return
            writer.write(b"0\r\n\r\n")

    return script


class _Requests:
    """Reads whole requests in place of what a script asks for."""

    def __init__(self, reader: asyncio.StreamReader, seen: list[tuple[bytes, bytes]]) -> None:
        self._reader, self._seen = reader, seen
        self.body = b""

    async def readuntil(self, _: bytes) -> bytes:
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0)
        self.body = await self._reader.readexactly(length)
        self._seen.append((head, self.body))
        return head


@contextlib.asynccontextmanager
async def _provider(script: Script, seen: list[tuple[bytes, bytes]]) -> AsyncIterator[int]:
    """Run a provider and give its port."""
    serving: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await script(_Requests(reader, seen), writer)  # type: ignore[arg-type]  # as far as it is used
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in serving:
            task.cancel()
        if serving:
            await asyncio.wait(serving)


@contextlib.asynccontextmanager
async def gateway(
    folder: Path,
    *scripts: Script,
    dialect: str = "openai",
    keys: frozenset[bytes] = frozenset(),
    first: dict[str, Any] | None = None,
    key: str = "",
    clock: Clock = SYSTEM_CLOCK,
    counter: Counter | None = None,
    hooks: Hooks | None = None,
    allotment: float = 0.5,
    alone: float = 0.0,
    embedding: Script | None = None,
    **more: Any,
) -> AsyncIterator[Gateway]:
    """Run a gateway with one route, `default`, to providers p0, p1... in their order; `more` is LlmSettings.

    Of several dialects, with commas between, each provider speaks another one. `first` and `key` are of the first. With a
    `counter` limits and budget are shared, in halves where `allotment` says nothing else. `embedding` answers on a route `embed`,
    and what it was asked is the last of `seen`.
    """  # fmt: skip
    dialects = dialect.split(",")
    made = Gateway()
    folder.mkdir(exist_ok=True)
    (folder / "prices.json").write_text(json.dumps(PRICES))
    async with contextlib.AsyncExitStack() as stack:
        providers = []
        for number, script in enumerate(scripts):
            made.seen.append([])
            port = await stack.enter_async_context(_provider(script, made.seen[number]))
            speaks = dialects[number % len(dialects)]
            url = f"http://127.0.0.1:{port}" + ("/v1" if speaks == "openai" else "")
            providers.append(
                {"provider": f"p{number}", "dialect": speaks, "url": url, "model": "m", "priority": number}
            )
        if first:
            providers[0].update(first)
        routes = [{"alias": "default", "providers": providers}]
        if embedding is not None:
            made.seen.append([])
            port = await stack.enter_async_context(_provider(embedding, made.seen[-1]))
            embedder = {"provider": "e", "dialect": "openai", "url": f"http://127.0.0.1:{port}/v1", "model": "m"}
            routes.append({"alias": "embed", "providers": [embedder]})
        settings = convert({"routes": routes, "prices": str(folder / "prices.json"), **more}, LlmSettings)
        made.ledger = Ledger(folder / "ledger")
        stack.callback(made.ledger.close)
        proxy = Proxy(made, ProxyLimits(first_byte_time=1.0, silence_time=1.0))
        stack.push_async_callback(proxy.close, 0)
        if counter is not None:
            made.shares = Shares(
                counter, agent="a", sidecar=folder.name, clock=clock, allotment=allotment, alone=alone
            )  # fmt: skip
            stack.push_async_callback(made.shares.close)
        made.hooks = hooks
        stack.push_async_callback(made.close)
        await _begin(made, settings, proxy, keys, key, clock=clock, folder=folder)
        yield made


async def _begin(
    made: Gateway, settings: LlmSettings, proxy: Proxy, keys: frozenset[bytes], key: str, *, clock: Clock, folder: Path
) -> None:  # fmt: skip
    routes = build_routes(settings, proxy)
    for provider in routes["default"].providers:
        provider.use_key(SecretValue(f"key-of-{provider.name}"))
    if key:
        routes["default"].providers[0].use_key(SecretValue(key))
    limits = build_limits(settings.limits, clock, made.shares)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    made.port = listening.getsockname()[1]
    made.cache = build_cache(settings, clock, f"http://127.0.0.1:{made.port}")
    made.agent = Agent("a", keys, limits, build_budget(settings.budget, made.ledger, time.time(), made.shares))
    made.gate = LlmGate(
        made.agent, routes, made.ledger, now=time.monotonic, wall=time.time, usual_answer=settings.usual_answer,
        script=read_script(settings.offline) if settings.offline else None, guard=build_guard(settings),
        cache=made.cache, samples=build_samples(settings, folder, clock), shares=made.shares, hooks=made.hooks,
    )  # fmt: skip
    await proxy.listen(listening)
