"""Two orchestrators on one PostgreSQL database, either of them killed under load: nothing is lost, nothing is done twice."""

import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress

import psycopg
import pytest

from tests.platform.harness import Platform, eventually, running
from tests.platform.hook import Hook
from tests.platform.test_chaos import Load

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
NAMES = ("orchestrator", "orchestrator-2")


def declare(hook: Hook, address: str) -> None:
    hook.declare("{plugin: recorder, onLost: retry, retry: {attempts: 50, backoff: 200ms}}")
    text = (hook.platform.folder / "outrider.yaml").read_text()
    spec = f'spec: {{orchestrators: 2, store: {{postgresql: {{url: "{address}"}}}}, groups:'
    hook.platform.write(text.replace("spec: {groups:", spec))


def states(address: str) -> dict[int, str]:
    """Return the state of each run by the number of its event."""
    with psycopg.connect(address) as connection:
        rows = connection.execute("SELECT (event::json #>> '{data,body,number}')::int, state FROM runs").fetchall()
    return dict(rows)


class Killer(threading.Thread):
    """Kills one of the orchestrators at random, again and again, never both at a time."""

    def __init__(self, platform: Platform, pause: float) -> None:
        super().__init__()
        self._platform = platform
        self._pause = pause
        self._stopped = threading.Event()
        self._chance = random.Random(7)
        self.kills: Counter[str] = Counter()

    def run(self) -> None:
        while not self._stopped.wait(self._pause):
            name = self._chance.choice(NAMES)
            parts = {part["name"]: part for part in self._platform.json("status")["parts"]}
            if all(parts[one]["state"] == "running" and time.time() - parts[one]["since"] > 2.0 for one in NAMES):
                with suppress(ProcessLookupError):
                    os.kill(parts[name]["pid"], signal.SIGKILL)
                self.kills[name] += 1

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def disturbed(hook: Hook, address: str, *, seconds: float, pause: float, rest: float) -> tuple[int, Counter[str]]:
    """Post events from four clients while orchestrators are killed; return how many were accepted, and the kills."""
    declare(hook, address)
    with running(hook.platform):
        killer = Killer(hook.platform, pause)
        killer.start()
        with Load(hook.port, pause=rest) as load:
            time.sleep(seconds)
        killer.stop()
        eventually(
            lambda: load.accepted <= states(address).keys() and set(states(address).values()) == {"completed"},
            seconds=240,
            what=f"all of {len(load.accepted)}: {Counter(states(address).values())}",
        )
        executed = hook.executed()
        keys = Counter(key for key, _ in executed)
        assert len(keys) == len(states(address)), "a run for each, and each was done"
        repeated = [key for (key, attempt), count in Counter(executed).items() if count > 1]
        assert repeated == [], "what is done again is a later attempt"
        verified = hook.platform.command("audit", "verify")
        assert verified.returncode == 0, verified.stderr
        assert hook.platform.command("status").returncode == 0
    return len(load.accepted), killer.kills


def test_either_may_die_under_load(hook: Hook, postgresql_address: str) -> None:
    accepted, kills = disturbed(hook, postgresql_address, seconds=25, pause=3, rest=0.05)
    assert accepted > 250
    assert sum(kills.values()) >= 3


@pytest.mark.long
def test_either_may_die_for_five_minutes_at_two_hundred_events_a_second(hook: Hook, postgresql_address: str) -> None:
    accepted, kills = disturbed(hook, postgresql_address, seconds=300, pause=4, rest=0.02)
    assert accepted > 20_000
    assert set(kills) == set(NAMES)


def test_commands_reach_the_one_that_is_left(hook: Hook, postgresql_address: str) -> None:
    declare(hook, postgresql_address)
    platform, run = hook.platform, hook.platform.command
    with running(platform):
        assert run("status").returncode == 0
        assert {part["name"] for part in platform.json("status")["parts"]} >= set(NAMES)
        os.kill(platform.part("orchestrator")["pid"], signal.SIGSTOP)
        os.kill(platform.part("orchestrator")["pid"], signal.SIGKILL)
        assert run("runs", "list").returncode == 0, "the other one answers"
        assert hook.post({"number": 1}) == 202
        eventually(lambda: states(postgresql_address).get(1) == "completed", seconds=30, what="a run")
        assert run("rules", "disable", "on-post").returncode == 0
        writers = {row["writer"] for row in platform.json("audit", "verify")}
        assert writers >= set(NAMES)


def test_several_orchestrators_need_a_database(hook: Hook) -> None:
    hook.declare()
    text = (hook.platform.folder / "outrider.yaml").read_text()
    hook.platform.write(text.replace("spec: {groups:", "spec: {orchestrators: 2, groups:"))
    refused = hook.platform.command("validate")
    assert refused.returncode == 2
    assert "spec.orchestrators" in refused.stderr
    assert "spec.store.postgresql" in refused.stderr
