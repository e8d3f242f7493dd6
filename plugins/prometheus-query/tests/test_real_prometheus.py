"""On a real Prometheus server, which scrapes itself and a target that comes and goes."""

import asyncio
import contextlib
import shutil
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.harness import running, until
from tests.servers.ports import free_port

START_SECONDS = 30.0


@asynccontextmanager
async def prometheus(folder: Path, target: int) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Run a server that scrapes a port of this host and itself; give its URL and process."""
    command = shutil.which("prometheus")
    if command is None:
        pytest.fail("Prometheus is missing: apt-get install prometheus")
    port = free_port()
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
        "scrape_configs:\n"
        f"- {{job_name: self, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"
        f"- {{job_name: shop, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}\n"
    )
    process = await asyncio.create_subprocess_exec(
        command, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        await asyncio.to_thread(lambda: asyncio.run(until(lambda: ready(url), within=START_SECONDS)))
        yield url, process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def ready(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:
        return bool(answer.status == 200)
    return False


async def metrics(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n\r\norders_total 7\n"
        )
        await writer.drain()
    writer.close()


def config(url: str, query: str, **given: Any) -> dict[str, Any]:
    return {"url": url, "query": query, "every": "50ms", **given}


async def test_a_target_that_is_gone_and_comes_back_and_the_end_of_the_server(tmp_path: Path) -> None:
    target = free_port()
    async with (
        prometheus(tmp_path, target) as (url, process),
        running("prometheus-query", config(url, "up", below=1)) as plugin,
    ):
        await until(lambda: any(event.data["state"] == "bad" for event in plugin.events), within=20)
        bad = plugin.events[-1]
        assert bad.data["labels"] == {"__name__": "up", "instance": f"127.0.0.1:{target}", "job": "shop"}
        assert bad.data["value"] == 0
        async with await asyncio.start_server(metrics, "127.0.0.1", target):
            await until(lambda: plugin.events[-1].data["state"] == "good", within=20)
            assert plugin.events[-1].key == bad.key == f'up{{instance="127.0.0.1:{target}",job="shop"}}'
            process.kill()
            await until(lambda: plugin.events[-1].data["state"] == "down", within=20)
    assert [event.data["state"] for event in plugin.events] == ["up", "bad", "good", "down"]


async def test_what_a_real_server_refuses_is_down_with_its_words(tmp_path: Path) -> None:
    async with prometheus(tmp_path, free_port()) as (url, _):
        async with running("prometheus-query", config(url, "sum(", above=1)) as plugin:
            assert "parse error" in (await plugin.seen(1))[0].data["detail"]
        async with running("prometheus-query", config(url, "up[1m]", above=1)) as plugin:
            assert (await plugin.seen(1))[0].data["detail"] == "the result is a matrix, expected a vector or a scalar"


@pytest.mark.parametrize(
    ("query", "value"), [("scalar(vector(5))", 5), ("vector(1) / 0", None), ("vector(3.25)", 3.25)]
)
async def test_values_as_a_real_server_writes_them(tmp_path: Path, query: str, value: float | None) -> None:
    async with (
        prometheus(tmp_path, free_port()) as (url, _),
        running("prometheus-query", config(url, query, above=3)) as plugin,
    ):
        event = (await plugin.seen(2))[1]
    assert (event.data["state"], event.data["value"], event.data["series"]) == ("bad", value, "{}")
