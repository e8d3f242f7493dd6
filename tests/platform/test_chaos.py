"""The whole platform under lasting trouble, and under a large load. Part of `make test-long`."""

import http.client
import itertools
import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Self

import pytest

from tests.platform.harness import Platform, eventually, running
from tests.platform.hook import Hook
from tests.platform.objects import webhook_platform

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(1800)]
CHAOS_SECONDS = 120.0
CLIENTS = 4
EVENTS = 10_000
RULES = 100


class Load:
    """Posts numbered events from some threads and keeps the numbers that were accepted."""

    def __init__(self, port: int, *, pause: float = 0.0, most: int | None = None) -> None:
        self.accepted: set[int] = set()
        self._port = port
        self._pause = pause
        self._numbers = iter(range(most)) if most is not None else itertools.count()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._post_all) for _ in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self.join()

    def join(self) -> None:
        """Wait until every number was posted."""
        for thread in self._threads:
            thread.join()

    def _post_all(self) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)) as connection:
            for number in self._numbers:
                self._post(connection, number)
                if self._stopped.wait(self._pause):
                    return

    def _post(self, connection: http.client.HTTPConnection, number: int) -> None:
        try:
            connection.request("POST", "/hook", f'{{"number": {number}}}', {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status == 202:
                self.accepted.add(number)
        except (OSError, http.client.HTTPException):
            connection.close()  # the trigger itself is starting again
            self._stopped.wait(0.05)


class Trouble:
    """Kills and stops processes of a platform at random."""

    def __init__(self, platform: Platform, chance: random.Random) -> None:
        self._platform = platform
        self._chance = chance
        self.done: list[str] = []

    def once(self) -> None:
        """Do something bad to one process."""
        part = self._chance.choice(["orchestrator", "ears", "hands"])
        pid = self._platform.part(part)["pid"]
        inner = self._chance.random() < 0.4 and part != "orchestrator"
        victims = descendants(pid) if inner else [pid]
        if not pid or not victims:
            return  # it is starting again
        victim = self._chance.choice(victims)
        kind = self._chance.choice(["kill", "kill", "pause"])
        self.done.append(f"{kind} {part}{' plugin' if inner else ''}")
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL if kind == "kill" else signal.SIGSTOP)
            if kind == "pause":
                time.sleep(self._chance.uniform(0.5, 5.0))
                os.kill(victim, signal.SIGCONT)


def descendants(pid: int) -> list[int]:
    """Return every process below one."""
    children = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    children.append(int(entry.name))
    return [*children, *(below for child in children for below in descendants(child))]


def states(platform: Platform) -> dict[int, str]:
    """Return the state of each run by the number of its event."""
    database = platform.folder / ".outrider" / "orchestrator" / "orchestrator.db"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)) as connection:
        return dict(connection.execute("SELECT json_extract(event, '$.data.body.number'), state FROM runs"))


def unflagged(executed: list[tuple[str, int]]) -> list[str]:
    """Return what was executed more than once without a higher attempt."""
    return [key for (key, _), count in Counter(executed).items() if count > 1]


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_accepted_is_done_whatever_dies(hook: Hook, seed: int) -> None:
    hook.declare("{plugin: recorder, onLost: retry, retry: {attempts: 50, backoff: 200ms}}")
    with running(hook.platform):
        trouble = Trouble(hook.platform, random.Random(seed))
        with Load(hook.port, pause=0.1) as load:
            end = time.monotonic() + CHAOS_SECONDS
            while time.monotonic() < end:
                time.sleep(1.5)
                trouble.once()
        eventually(
            lambda: (
                load.accepted <= states(hook.platform).keys() and set(states(hook.platform).values()) == {"completed"}
            ),
            seconds=180,
            what=f"all of {len(load.accepted)} after {trouble.done}",
        )
        executed = hook.executed()
        assert len({key for key, _ in executed}) == len(states(hook.platform))
        assert unflagged(executed) == []
        verified = hook.platform.command("audit", "verify")
        assert verified.returncode == 0, verified.stderr
        assert len(load.accepted) > CHAOS_SECONDS
        assert len(trouble.done) > CHAOS_SECONDS / 10


def test_ten_thousand_events_meet_a_hundred_rules(hook: Hook) -> None:
    rules = "\n---\n".join(
        f"""apiVersion: outrider.dev/v1alpha1
kind: Rule
metadata: {{name: rule-{number}}}
spec:
  when: {{any: [{{trigger: ears/hook, if: "event.data.body.number % {RULES} == {number}"}}]}}
  do: [{{plugin: recorder}}]
"""
        for number in range(1, RULES)
    )
    action = f"plugins: [{{plugin: recorder, config: {{path: {hook.record}}}}}], concurrency: 8"
    first = '[{trigger: ears/hook, if: "event.data.body.number % 100 == 0"}]'
    objects = webhook_platform(hook.port, step="{plugin: recorder}", more=rules, action=action)
    hook.platform.write(objects.replace("[{trigger: ears/hook}]", first, 1))
    with running(hook.platform):
        with Load(hook.port, most=EVENTS) as load:
            load.join()
        assert load.accepted == set(range(EVENTS))
        eventually(
            lambda: Counter(states(hook.platform).values())["completed"] == EVENTS,
            seconds=900,
            what=f"all runs: {Counter(states(hook.platform).values())}",
        )
        assert len(set(hook.executed())) == len(hook.executed()) == EVENTS
        assert resident_megabytes(hook.platform.part("orchestrator")["pid"]) < 200
        for part in ("ears", "hands"):
            assert resident_megabytes(hook.platform.part(part)["pid"]) < 100
        assert hook.platform.command("audit", "verify").returncode == 0


def resident_megabytes(pid: int) -> float:
    """Return the resident memory of a process."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
