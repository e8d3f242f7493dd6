"""On a real DNS server, dnsmasq."""

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.plugins.harness import running, until
from tests.servers.ports import free_port

START_SECONDS = 20.0
LONG = "x" * 200


@asynccontextmanager
async def dnsmasq() -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    """Run a server that knows a few names; give its port and process."""
    command = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if command is None:
        pytest.fail("dnsmasq is missing: apt-get install dnsmasq-base")
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        command, "--keep-in-foreground", f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", "--conf-file=/dev/null",
        "--no-resolv", "--no-hosts", "--user=", "--pid-file=", "--log-facility=/dev/null", "--local=/example/",
        "--host-record=shop.example,192.0.2.7,2001:db8::7", "--cname=www.example,shop.example",
        "--mx-host=shop.example,mail.example,20", "--txt-record=shop.example,v=1",
        *(f"--txt-record=long.example,{number}{LONG}" for number in range(9)),
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await until(lambda: listens(port), within=START_SECONDS)
        yield port, process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def config(port: int, name: str, kind: str, **given: Any) -> dict[str, Any]:
    return {"server": f"127.0.0.1:{port}", "name": name, "type": kind, "every": "50ms", **given}


@pytest.mark.parametrize(
    ("name", "kind", "answers"),
    [("shop.example", "A", ["192.0.2.7"]), ("SHOP.example.", "AAAA", ["2001:db8::7"]), ("www.example", "A", ["192.0.2.7"]),
     ("www.example", "CNAME", ["shop.example"]), ("shop.example", "MX", ["20 mail.example"]), ("shop.example", "TXT", ["v=1"]),
     ("long.example", "TXT", [f"{number}{LONG}" for number in range(9)])],
)  # fmt: skip
async def test_what_a_real_server_answers(name: str, kind: str, answers: list[str]) -> None:
    """The last name's answer does not fit a datagram and is asked for over TCP."""
    async with dnsmasq() as (port, _), running("dns-probe", config(port, name, kind)) as plugin:
        event = (await plugin.seen(1))[0]
    assert (event.data["state"], event.data["answers"]) == ("up", answers)


@pytest.mark.parametrize(
    ("name", "kind", "detail"), [("none.example", "A", "NXDOMAIN"), ("shop.example", "NS", "no NS record")]
)
async def test_what_a_real_server_does_not_know(name: str, kind: str, detail: str) -> None:
    async with dnsmasq() as (port, _), running("dns-probe", config(port, name, kind)) as plugin:
        event = (await plugin.seen(1))[0]
    assert (event.data["state"], event.data["detail"]) == ("down", detail)


async def test_a_real_server_that_ends_is_down() -> None:
    async with dnsmasq() as (port, process), running("dns-probe", config(port, "shop.example", "A")) as plugin:
        await plugin.seen(1)
        process.kill()
        assert (await plugin.seen(2))[1].data["detail"] == "connection refused"
