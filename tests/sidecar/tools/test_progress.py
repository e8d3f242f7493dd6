"""Progress of calls, between a server and a client that are odd."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.mcp.protocol import CAPABILITIES_KEY, CLIENT_INFO_KEY, VERSION_KEY
from outrider.sidecar.tools.progress import Progress, listener, listening, read_progress
from tests.sidecar.proxy.support import eventually
from tests.sidecar.tools.support import Desk, definition, desk, endpoint, scripted

META = {VERSION_KEY: "2026-07-28", CAPABILITIES_KEY: {}, CLIENT_INFO_KEY: {"name": "x", "version": "1"}}


def event(document: Any) -> bytes:
    return b"data: %s\n\n" % json.dumps(document).encode()


def told(token: Any, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token, **params}}


@asynccontextmanager
async def telling(*said: Callable[[Any], Any]) -> AsyncIterator[tuple[str, list[Any]]]:
    """Run a server that answers calls with events, made for the token that came, and then with the result; give its address."""
    calls: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                body = json.loads(
                    await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
                )
                results = {
                    "server/discover": {"supportedVersions": ["2026-07-28"]},
                    "tools/list": {"tools": [definition("echo")]},
                }
                result = results.get(body["method"], {"content": []})
                is_call = body["method"] == "tools/call"
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                )
                if is_call:
                    calls.append(body)
                for one in said if is_call else ():
                    piece = event(one(body["params"]["_meta"].get("progressToken")))
                    writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    await writer.drain()
                await asyncio.sleep(0.05 if is_call else 0)
                piece = event({"jsonrpc": "2.0", "id": body["id"], "result": result})
                writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(piece), piece))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp", calls
    finally:
        server.close()


@asynccontextmanager
async def between(folder: Path, *said: Callable[[Any], Any]) -> AsyncIterator[tuple[int, list[Any]]]:
    """Run that server behind a desk; give the port of the endpoint, and the calls that have come to the server."""
    async with telling(*said) as (url, calls):
        made = Desk(url, folder)
        await made.catalogue.refresh()
        async with endpoint(made) as port:
            yield port, calls
        await made.catalogue.close()
        await made.desk.close()


def call(token: Any = "mine", accept: str = "application/json, text/event-stream", version: str = "1.1") -> bytes:
    meta = META if token is None else {**META, "progressToken": token}
    body = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {}, "_meta": meta}}
    ).encode()
    head = (
        f"POST /mcp HTTP/{version}\r\nhost: x\r\naccept: {accept}\r\ncontent-type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\n"
        f"Mcp-Method: tools/call\r\nMcp-Name: echo\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def answer(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    found = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    if b"transfer-encoding: chunked" in found:
        found += await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 5)
    else:
        length = int(found.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        found += await reader.readexactly(length)
    writer.close()
    return found


def documents(raw: bytes) -> list[Any]:
    """Return what the events of an answer hold, or its one document."""
    head, _, body = raw.partition(b"\r\n\r\n")
    if b"text/event-stream" not in head:
        return [json.loads(body)]
    return [
        json.loads(line[6:]) for line in body.split(b"\r\n") for line in [line.strip()] if line.startswith(b"data: ")
    ]


async def test_what_a_server_tells_reaches_the_client_under_its_own_name(tmp_path: Path) -> None:
    said = partial(told, progress=1, total=2, message="m" * 5000, secret="x")
    async with between(tmp_path, said) as (port, calls):
        first, last = documents(await answer(port, call()))
        assert first["params"] == {"progressToken": "mine", "progress": 1, "total": 2, "message": "m" * 1000}
        assert (first["method"], last["id"]) == ("notifications/progress", 1)
        assert calls[0]["params"]["_meta"]["progressToken"] == calls[0]["id"]


@pytest.mark.parametrize(
    "said",
    [
        lambda token: told(token + 1, progress=1), lambda token: told(str(token), progress=1), lambda token: told(float(token), progress=1),
        lambda token: told(True, progress=1), told, lambda token: told(token, progress="1"),
        lambda token: told(token, progress=True), lambda token: told(token, progress=10**30), lambda _: {"method": "notifications/progress"},
        lambda token: {"method": "notifications/other", "params": {"progressToken": token, "progress": 1}}, lambda _: [1],
    ],
)  # fmt: skip
async def test_what_is_no_progress_of_the_call_is_not_told(tmp_path: Path, said: Any) -> None:
    async with between(tmp_path, said) as (port, _):
        (only,) = documents(await answer(port, call()))
        assert only["id"] == 1


@pytest.mark.parametrize("request_of", [
    lambda: call(token=None), lambda: call(token=True), lambda: call(token=[1]), lambda: call(accept="application/json"), lambda: call(version="1.0"),
])  # fmt: skip
async def test_who_cannot_take_it_gets_one_answer(tmp_path: Path, request_of: Callable[[], bytes]) -> None:
    async with between(tmp_path, lambda token: told(token or 1, progress=1)) as (port, calls):
        raw = await answer(port, request_of())
        assert b"text/event-stream" not in raw
        (only,) = documents(raw)
        assert "progressToken" not in calls[0]["params"]["_meta"], "the server was not asked for it"
        assert only["id"] == 1


async def test_a_server_that_reports_without_end_is_heard_now_and_then(tmp_path: Path) -> None:
    said = (partial(told, progress=number) for number in range(2000))
    async with between(tmp_path, *said) as (port, _):
        *heard, last = documents(await answer(port, call()))
        assert last["id"] == 1
        assert 1 <= len(heard) < 1000


async def test_a_client_that_leaves_after_progress_ends_the_call(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path) as made, endpoint(made) as port:
        began: list[Any] = []

        async def hangs(definition: Any, params: Any, timeout: float) -> dict[str, Any]:
            heard = listener()
            assert heard is not None
            heard(Progress(1))
            began.append(params)
            await asyncio.sleep(60)
            return {}

        made.server.call = hangs  # type: ignore[method-assign]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(call())
        await reader.readuntil(b"progress")
        writer.close()
        await eventually(lambda: [use.outcome for use in made.used] == ["CANCELLED"])


async def test_a_fault_after_progress_breaks_the_connection(tmp_path: Path) -> None:
    async with scripted() as server, desk(server, tmp_path) as made, endpoint(made) as port:

        async def breaks(definition: Any, params: Any, timeout: float) -> dict[str, Any]:
            heard = listener()
            assert heard is not None
            heard(Progress(1))
            await asyncio.sleep(0.01)
            raise ZeroDivisionError

        made.server.call = breaks  # type: ignore[method-assign]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(call())
        raw = await asyncio.wait_for(reader.read(), 5)
        assert b"progress" in raw
        assert not raw.endswith(b"0\r\n\r\n")
        writer.close()


def test_nobody_listens_beyond_the_call() -> None:
    with listening(lambda _: None):
        assert listener() is not None
    assert listener() is None


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["method", "params", "progressToken", "progress", "total", "message"]), inner)
    ),
)


@given(ANY, st.integers(0, 3))
def test_any_message_is_read(message: Any, number: int) -> None:
    found = read_progress(message, number)
    assert found is None or isinstance(found.progress, int | float)
