"""From the POST of an event to the start of its action: Outrider, which puts both on disk first, and ansible-rulebook."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.figures import Figure, fsync_ms, main, quantile
from benchmarks.load import Post, SteadyLoad
from benchmarks.platforms import BenchmarkPlatform
from benchmarks.rivals.rivals import Rulebook
from benchmarks.system import wait_until

RATE = 50.0
LEFT_OUT = 50
DRAIN_SECONDS = 60.0
# What every event costs without a disk, and the commits on its way.
BASE_MS, COMMITS, BAR_P99_MS = 5.0, 5, 40.0


def measure(quick: bool) -> list[Figure]:
    """Measure both, one after the other."""
    count = LEFT_OUT + (50 if quick else 450)
    with tempfile.TemporaryDirectory(prefix="outrider-bench-") as name:
        folder = Path(name)
        fsync = fsync_ms(folder)
        ours = _outrider(folder / "outrider", count)
        fsync = (fsync + fsync_ms(folder)) / 2  # disks that are shared change their mind
        rival = _rulebook(folder / "rulebook", count)
    bar = BASE_MS + COMMITS * fsync
    return [
        Figure(name="event to action, p50", value=quantile(ours, 0.5), unit="ms", bar=bar, rival=quantile(rival, 0.5)),
        Figure(
            name="event to action, p99",
            value=quantile(ours, 0.99),
            unit="ms",
            bar=BAR_P99_MS,
            rival=quantile(rival, 0.99),
        ),
        Figure(name="fsync of this disk, p50", value=fsync, unit="ms"),
    ]


def _outrider(folder: Path, count: int) -> list[float]:
    folder.mkdir()
    with BenchmarkPlatform(folder) as platform:
        posts = _post(platform.port, count)
        wait_until(lambda: len(platform.starts()) >= count, DRAIN_SECONDS, "every event started its action")
        return _delays(posts, ((start.number, start.at) for start in platform.starts()))


def _rulebook(folder: Path, count: int) -> list[float]:
    folder.mkdir()
    with Rulebook(folder) as rulebook:
        posts = _post(rulebook.port, count)
        wait_until(lambda: len(rulebook.starts) >= count, DRAIN_SECONDS, "every event started its action")
        return _delays(posts, rulebook.starts)


def _post(port: int, count: int) -> list[Post]:
    load = SteadyLoad(port, first=0, count=count, rate=RATE)
    load.start()
    return load.finish()


def _delays(posts: Sequence[Post], starts: Iterable[tuple[int, float]]) -> list[float]:
    """Return the milliseconds of each event, without the first ones."""
    sent = {post.number: post.sent for post in posts}
    return [(at - sent[number]) * 1000 for number, at in starts if number >= LEFT_OUT]


if __name__ == "__main__":
    main(__doc__ or "", measure)
