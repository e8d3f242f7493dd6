"""Events flow while one process after the other is killed with -9: what was accepted must be executed, repeats be flagged."""

import os
import signal
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.figures import Figure, main
from benchmarks.load import Post, SteadyLoad
from benchmarks.platforms import BenchmarkPlatform, Start
from benchmarks.rivals.rivals import Rulebook
from benchmarks.system import wait_until
from tests.servers.ports import free_port

RATE = 200.0
CONNECTIONS = 8
# Long enough that some actions are in the middle when they are killed.
ACTION_SECONDS = 0.1
SETTLE_SECONDS = 90.0
QUIET_SECONDS = 2.0
Find = Callable[[BenchmarkPlatform], int]
VICTIMS: dict[str, Find] = {
    "orchestrator": lambda platform: platform.pid("orchestrator"),
    "sensor agent": lambda platform: platform.pid("eyes"),
    "action agent": lambda platform: platform.pid("hands"),
    "trigger plugin": lambda platform: platform.hosts("eyes")[-1],
    "action plugin": lambda platform: platform.hosts("hands")[-1],
}


def measure(quick: bool) -> list[Figure]:
    """Kill each process of the platform once, and the rival as often; a flow without any kill comes first."""
    count = int(RATE) * (2 if quick else 5)
    with tempfile.TemporaryDirectory(prefix="outrider-bench-") as name:
        folder = Path(name)
        lost_by_rival = sum(_rival(folder / f"rulebook-{turn}", count) for turn in range(len(VICTIMS)))
        (folder / "outrider").mkdir()
        with BenchmarkPlatform(folder / "outrider", sync=True, takes=ACTION_SECONDS) as platform:
            figures = _flow(platform, "nothing", lambda: None, first=0, count=count)
            for turn, (victim, find) in enumerate(VICTIMS.items(), start=1):
                figures += _flow(platform, victim, partial(_kill, find, platform), first=turn * count, count=count)
    lost = sum(figure.value for figure in figures if "lost" in figure.name)
    total = Figure(
        name=f"kill -9, {len(VICTIMS)} times: lost in all", value=lost, unit="events", bar=0, rival=lost_by_rival
    )
    return [*figures, total]


def _flow(
    platform: BenchmarkPlatform, victim: str, kill: Callable[[], None], *, first: int, count: int
) -> list[Figure]:
    """Let events flow, kill in the middle, wait for the rest, and compare."""
    posts = _post_and_kill(platform.port, kill, first=first, count=count)
    accepted = {post.number for post in posts if post.status == 202}
    if not accepted:
        raise RuntimeError(f"no event was accepted while {victim} was killed")

    def starts() -> list[Start]:
        return [start for start in platform.starts() if first <= start.number < first + count]

    _settle(lambda: accepted <= {start.number for start in starts()}, lambda: len(starts()))
    executed = starts()
    lost = accepted - {start.number for start in executed}
    repeated = len(executed) - len({start.number for start in executed})
    return [
        Figure(name=f"kill -9 {victim}: lost of {len(accepted)} accepted", value=len(lost), unit="events", bar=0),
        Figure(name=f"kill -9 {victim}: unflagged of {repeated} repeats", value=unflagged(executed), unit="", bar=0),
    ]


def _post_and_kill(port: int, kill: Callable[[], None], *, first: int, count: int) -> list[Post]:
    load = SteadyLoad(port, first=first, count=count, rate=RATE, connections=CONNECTIONS)
    load.start()
    time.sleep(count / RATE / 2)  # the middle of the flow, wherever each event is then
    kill()
    return load.finish()


def _kill(find: Find, platform: BenchmarkPlatform) -> None:
    os.kill(find(platform), signal.SIGKILL)


def _settle(complete: Callable[[], bool], progress: Callable[[], int]) -> None:
    """Wait until everything was executed and nothing more follows; what is missing after that is lost."""
    deadline = time.monotonic() + SETTLE_SECONDS
    seen, quiet_since = -1, time.monotonic()
    while time.monotonic() < deadline:
        if progress() != seen:
            seen, quiet_since = progress(), time.monotonic()
        if complete() and time.monotonic() - quiet_since > QUIET_SECONDS:
            return
        time.sleep(0.1)


def unflagged(executed: Sequence[Start]) -> int:
    """Count repeats that the action could not have known: a first attempt with a key of its own."""
    keys: dict[int, set[str]] = defaultdict(set)
    count = 0
    for start in executed:
        known = keys[start.number]
        count += bool(known) and start.attempt == 1 and start.key not in known
        known.add(start.key)
    return count


def _rival(folder: Path, count: int) -> int:
    """Kill the rival in the middle, start it again as a supervisor would, and return how many events it lost."""
    folder.mkdir()
    port = free_port()
    with ExitStack() as stack:
        first = stack.enter_context(Rulebook(folder, port))
        starters: list[threading.Thread] = []
        second = Rulebook(folder, port)

        def kill() -> None:
            first.kill()
            starters.append(threading.Thread(target=lambda: stack.enter_context(second)))
            starters[0].start()

        posts = _post_and_kill(port, kill, first=0, count=count)
        starters[0].join()
        accepted = {post.number for post in posts if post.status == 200}

        def executed() -> set[int]:
            return {number for number, _ in (*first.starts, *second.starts)}

        try:
            wait_until(lambda: accepted <= executed(), 2 * QUIET_SECONDS, "the rival did what it had accepted")
        except TimeoutError:
            return len(accepted - executed())
        return 0


if __name__ == "__main__":
    main(__doc__ or "", measure)
