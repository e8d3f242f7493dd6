"""Hostile plugins: each is one clear error, nothing waits beyond its deadline, and no task stays behind."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import OutriderError
from outrider.runtime.plugin_host import host as host_module
from outrider.runtime.plugin_host.host import HostCallbacks, PluginHost
from outrider.runtime.plugin_host.protocol import PluginCall, PluginEvent
from outrider.runtime.plugins.manifest import Plugin, PluginManifest, PluginType, Runtime
from tests.plugins.harness import PlainProcess, start_process, until

pytestmark = pytest.mark.real
PREAMBLE = """
import json, os, sys, time
def take():
    line = sys.stdin.readline()
    if not line: sys.exit(0)
    return json.loads(line)
def say(message):
    sys.stdout.write((message if isinstance(message, str) else json.dumps(message)) + "\\n"); sys.stdout.flush()
def answer(result): say({"id": take()["id"], "result": result})
def shake(): answer({"ready": True, "protocol": 1}); answer({})
def obey():
    while True: answer({})
"""


class Bench:
    """Runs one hostile program."""

    def __init__(self) -> None:
        self.events: list[PluginEvent] = []
        self.lines: list[str] = []
        self.hosts: list[PluginHost] = []
        self.event: Callable[[PluginEvent], None] = self.events.append
        self.call: Callable[[PluginCall], Awaitable[Any]] = self._no_call

    async def _no_call(self, _: PluginCall) -> Any:
        return {"fine": True}

    def host(self, program: str, plugin_type: PluginType = "action") -> PluginHost:
        async def start() -> PlainProcess:
            return await start_process([sys.executable, "-I", "-S", "-c", PREAMBLE + program])

        runtime = Runtime(type="python", entry_point="x.py")
        manifest = PluginManifest(id="hostile", type=plugin_type, version="1", summary="", runtime=runtime)
        callbacks = HostCallbacks(
            event=self.event,
            call=self.call,
            log=lambda text, _: self.lines.append(text),
        )
        self.hosts.append(PluginHost(Plugin(manifest, Path("/")), {}, start, callbacks))
        return self.hosts[-1]

    async def fault(self, host: PluginHost) -> OutriderError:
        async with asyncio.timeout(10):
            await host.ended.wait()
        assert host.fault is not None
        return host.fault


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    for name in ("HANDSHAKE_SECONDS", "STOP_SECONDS", "CANCEL_SECONDS"):
        monkeypatch.setattr(host_module, name, 3.0 if name == "HANDSHAKE_SECONDS" else 0.3)
    before = asyncio.all_tasks()
    made = Bench()
    yield made
    began = time.monotonic()
    for host in made.hosts:
        await host.stop()
        await host.kill()
        assert host.ended.is_set() or host.level == ""
    assert time.monotonic() - began < 3
    await until(lambda: asyncio.all_tasks() <= {*before, asyncio.current_task()}, within=2)


async def refused(host: PluginHost, credit: int = 0) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await host.start(credit=credit)
    return host.fault or caught.value


async def failed(host: PluginHost, timeout: float = 5.0) -> OutriderError:
    number, answer = host.execute("execute", {"input": {}}, timeout)
    with pytest.raises(OutriderError) as caught:
        await host.finish(number, answer, timeout)
    return caught.value


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("print('hello', flush=True); time.sleep(60)", "line protocol"),
        ("os.write(1, b'\\x00\\xff\\n'); time.sleep(60)", "line protocol"),
        ("say('[' * 100000); time.sleep(60)", "line protocol"),
        ("say('[]'); time.sleep(60)", "line protocol"),
        ("say('x' * 10_000_000); time.sleep(60)", "broke a line"),
        ("sys.exit(3)", "handshake"),
        ("os.kill(os.getpid(), 9)", "handshake"),
        ("answer({'ready': True, 'protocol': 2}); time.sleep(60)", "handshake"),
        ("answer({'ready': False}); time.sleep(60)", "handshake"),
        ("answer('yes'); time.sleep(60)", "handshake"),
        ("os.close(1); time.sleep(60)", "handshake"),
        ("say({'method': 'reboot', 'params': {}}); time.sleep(60)", "method 'reboot'"),
        ("say({'id': take()['id'], 'error': {'code': 'INVALID_CONFIG', 'message': 'no'}}); time.sleep(60)", "no"),
    ],
)
async def test_a_broken_handshake_is_one_clear_error(bench: Bench, program: str, words: str) -> None:
    host = bench.host(program)
    began = time.monotonic()
    error = await refused(host)
    assert words in f"{error.message} {error.found}"
    assert time.monotonic() - began < 2.9


async def test_no_handshake_ends_at_its_deadline(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "HANDSHAKE_SECONDS", 0.3)
    error = await refused(bench.host("time.sleep(60)"))
    assert error.code == "TIMEOUT"
    assert "initialize" in error.message


async def test_events_without_credit_end_a_trigger(bench: Bench) -> None:
    host = bench.host("shake()\nwhile True: say({'method': 'event', 'params': {'data': {}}})", "trigger")
    await host.start(credit=3)
    assert "credit" in (await bench.fault(host)).message
    assert len(bench.events) == 3


async def test_events_from_an_action_end_it(bench: Bench) -> None:
    host = bench.host("shake(); say({'method': 'event', 'params': {}}); time.sleep(60)")
    await host.start(credit=5)
    assert (await bench.fault(host)).found == "an event"
    assert bench.events == []


async def test_a_flood_on_stderr_is_drained_and_capped(bench: Bench) -> None:
    host = bench.host("shake()\nfor _ in range(200000): print('noise', file=sys.stderr)\nanswer({'ok': 1}); obey()")
    await host.start()
    number, answer = host.execute("execute", {"input": {}}, 20)
    assert await host.finish(number, answer, 20) == {"ok": 1}
    await host.stop()
    assert len(bench.lines) < 4000
    assert any("lines were left out" in line for line in bench.lines)


async def test_a_flood_of_log_messages_is_capped_too(bench: Bench) -> None:
    host = bench.host("shake()\nfor _ in range(20000): say({'method': 'log', 'params': {'text': 'x'}})\nobey()")
    await host.start()
    number, answer = host.execute("execute", {"input": {}}, 20)
    await host.finish(number, answer, 20)
    assert len(bench.lines) < 2000


async def test_hanging_in_execute_ends_at_the_deadline(bench: Bench) -> None:
    host = bench.host("shake(); take(); time.sleep(60)")
    await host.start()
    began = time.monotonic()
    assert (await failed(host, 0.2)).code == "TIMEOUT"
    assert time.monotonic() - began < 2
    assert host.ended.is_set()


async def test_a_withdrawn_execution_of_a_deaf_plugin_ends_it(bench: Bench) -> None:
    host = bench.host("shake(); take(); time.sleep(60)")
    await host.start()
    number, answer = host.execute("execute", {"input": {}}, 30)
    waiting = asyncio.ensure_future(host.finish(number, answer, 30))
    await asyncio.wait({waiting}, timeout=0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert host.ended.is_set()


@pytest.mark.parametrize(
    ("end", "words"), [("sys.exit(4)", "exit status 4"), ("os.kill(os.getpid(), 11)", "signal 11")]
)
async def test_ending_in_execute_is_an_unknown_outcome(bench: Bench, end: str, words: str) -> None:
    host = bench.host(f"shake(); take(); {end}")
    await host.start()
    error = await failed(host)
    assert error.code == "OUTCOME_UNKNOWN"
    assert error.found == words
    with pytest.raises(OutriderError, match="not running"):
        host.execute("execute", {}, 1)


async def test_closing_stdout_in_execute_does_not_wait_for_the_timeout(bench: Bench) -> None:
    host = bench.host("shake(); take(); os.close(1); time.sleep(60)")
    await host.start()
    began = time.monotonic()
    assert (await failed(host, 30)).code == "OUTCOME_UNKNOWN"
    assert time.monotonic() - began < 3


async def test_a_second_answer_is_ignored(bench: Bench) -> None:
    host = bench.host("shake()\nfor _ in range(2):\n n = take()['id']; say({'id': n, 'result': {'n': n}}); "
                      "say({'id': n, 'result': {'n': -1}}); say({'id': 'other', 'result': 1})\nobey()")  # fmt: skip
    await host.start()
    for _ in range(2):
        number, answer = host.execute("execute", {"input": {}}, 5)
        assert await host.finish(number, answer, 5) == {"n": number}
    assert host.fault is None


async def test_not_reading_stdin_is_limited(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "WRITE_BUFFER", 100_000)
    host = bench.host("shake(); time.sleep(60)")
    await host.start()
    answers = [host.execute("execute", {"input": "x" * 400_000}, 5)[1]]
    with pytest.raises(OutriderError, match="does not read"):
        host.execute("execute", {"input": {}}, 5)
    host.grant(1, ["1"])
    assert "does not read" in (await bench.fault(host)).message
    assert answers[0].exception() is not None


async def test_too_many_calls_at_a_time_end_it(bench: Bench) -> None:
    never = asyncio.Event()

    async def wait(_: PluginCall) -> Any:
        await never.wait()

    bench.call = wait
    host = bench.host(
        "shake()\nfor n in range(100): say({'id': n, 'method': 'call', 'params': {'operation': 'a.b'}})\nobey()"
    )
    await host.start()
    assert "64 calls" in (await bench.fault(host)).found


async def test_a_fault_of_our_own_does_not_hang(bench: Bench) -> None:
    def broken(_: PluginEvent) -> None:
        raise RuntimeError("a bug")

    bench.event = broken
    host = bench.host("shake(); say({'method': 'event', 'params': {}}); time.sleep(60)", "trigger")
    await host.start(credit=1)
    assert (await bench.fault(host)).code == "INTERNAL"


async def test_a_plugin_that_ignores_stop_is_ended_by_force(bench: Bench) -> None:
    host = bench.host("shake()\nwhile True:\n time.sleep(1)")
    await host.start()
    began = time.monotonic()
    await host.stop()
    assert time.monotonic() - began < 2
    assert host.ended.is_set()
