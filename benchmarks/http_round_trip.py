"""Round trips of a 1 kB JSON POST on kept connections, our client against our server in a process of its own.

    python benchmarks/http_round_trip.py [seconds per case]

CPU is user and system time of each process, divided by the requests of the case.
"""

import asyncio
import logging
import multiprocessing
import ssl
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from outrider.core.http.messages import Request, Response
from outrider.ports.certificates.authority import ensure_authority
from outrider.ports.certificates.request import new_request
from outrider.ports.certificates.tls import client_context, server_context
from outrider.ports.http.client import Client
from outrider.ports.http.routing import Router, json_response, read_json
from outrider.ports.http.server import Server

PATH = "/agents/v1/bench/events"
WARM_UP = 200
CONCURRENCY = (1, 32)


class Event(msgspec.Struct):
    id: str
    type: str
    labels: dict[str, str]
    data: str


class Accepted(msgspec.Struct):
    id: str
    outcome: str


class Usage(msgspec.Struct):
    cpu: float


class Identities(msgspec.Struct):
    """Key and certificate of both sides, and the authority that both trust."""

    server: Path
    client: Path
    ca_pem: str


async def accept(request: Request) -> Response:
    event = read_json(request, Event)
    return json_response(Accepted(event.id, "accepted"))


async def usage(_: Request) -> Response:
    return json_response(Usage(time.process_time()))


async def serve(pipe: Connection, tls: ssl.SSLContext | None) -> None:
    router = Router(logging.getLogger("benchmark"))
    router.add("POST", "/agents/v1/{agent}/events", accept)
    router.add("GET", "/usage", usage)
    server = Server(router, tls=tls)
    pipe.send(await server.start_tcp("127.0.0.1", 0))
    await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
    await server.stop(1.0)


def server_process(pipe: Connection, identities: Identities | None) -> None:
    tls = server_context(identities.server, identities.ca_pem, require_client=True) if identities else None
    asyncio.run(serve(pipe, tls))


def make_identities(folder: Path) -> Identities:
    """What the platform's own authority issues to an orchestrator and an agent."""
    now = time.time()
    authority = ensure_authority(folder, "outrider.bench", now, ["localhost"])
    server, key, client = folder / "server.pem", folder / "agent.key", folder / "agent.pem"
    authority.issue_server(server, ["localhost"], now)
    issued = authority.issue_agent(new_request(key), "spiffe://outrider.bench/tenant/default/sensor/eyes", now)
    client.write_text(issued.certificate_pem + key.read_text())
    return Identities(server, client, authority.ca_pem)


def one_kilobyte() -> Event:
    event = Event("01JD3V0000000000000000", "http-probe", {"service": "web", "zone": "a"}, "")
    event.data = "x" * (1024 - len(msgspec.json.encode(event)))
    return event


async def run_for(seconds: float, concurrency: int, post: Callable[[], Awaitable[object]]) -> list[float]:
    """Durations of all calls that began within the time."""
    durations: list[float] = []
    end = time.perf_counter() + seconds

    async def worker() -> None:
        begin = time.perf_counter()
        while begin < end:
            await post()
            now = time.perf_counter()
            durations.append(now - begin)
            begin = now

    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return durations


async def measure(client: Client, name: str, *, concurrency: int, seconds: float) -> None:
    event = one_kilobyte()

    async def post() -> Accepted:
        return await client.request_json("POST", PATH, event, Accepted)

    for _ in range(WARM_UP):
        await post()
    server_before = await client.request_json("GET", "/usage", None, Usage)
    client_before, begin = time.process_time(), time.perf_counter()
    durations = sorted(await run_for(seconds, concurrency, post))
    elapsed, client_cpu = time.perf_counter() - begin, time.process_time() - client_before
    server_cpu = (await client.request_json("GET", "/usage", None, Usage)).cpu - server_before.cpu
    count = len(durations)
    print(
        f"{name:<6} c={concurrency:<3} {count / elapsed:>8,.0f} requests/s"
        f"  p50 {durations[count // 2] * 1e3:6.3f} ms  p99 {durations[count * 99 // 100] * 1e3:6.3f} ms"
        f"  CPU per request: server {server_cpu / count * 1e6:5.1f} us, client {client_cpu / count * 1e6:5.1f} us"
    )


async def measure_all(port: int, identities: Identities | None, seconds: float) -> None:
    tls = client_context(identities.ca_pem, identities.client) if identities else None
    for concurrency in CONCURRENCY:
        url = f"{'https' if tls else 'http'}://localhost:{port}"
        client = Client(url, tls=tls, max_connections=concurrency)
        await measure(client, "mTLS" if tls else "plain", concurrency=concurrency, seconds=seconds)
        await client.close()


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    processes = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for identities in (None, make_identities(Path(folder))):
            pipe, far_end = processes.Pipe()
            process = processes.Process(target=server_process, args=(far_end, identities))
            process.start()
            asyncio.run(measure_all(pipe.recv(), identities, seconds))
            pipe.send("stop")
            process.join()


if __name__ == "__main__":
    main()
