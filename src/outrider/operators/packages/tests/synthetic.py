"""An index of made-up packages in which everything can be satisfied at once, by versions that are not the newest.

Half of all packages have newer versions than the planted ones; some of those clash with packages that lag behind. The numbers are
deterministic for a seed.
"""

from bisect import bisect_right
from collections.abc import Sequence
from random import Random

from outrider.operators.packages.resolving.universe import Needs


class Synthetic:
    """A universe for the solver.

    Args:
        count: Of packages.
        seed: Another one makes another index.
        laggards: The share of packages that cap what they need.
        leaders: The share of those whose newest versions need what is newer than planted.
    """

    def __init__(self, count: int, seed: int = 42, *, laggards: float = 0.08, leaders: float = 0.15) -> None:
        self._random = Random(seed)
        self._shares = laggards, leaders
        self._releases: list[list[tuple[int, int, int]]] = []
        self._times: list[list[float]] = []
        self.planted: list[int] = []
        for package in range(count):
            self._release(package)
        self._needs = [self._dependencies(package, count) for package in range(count)]
        self._counts = [len(releases) for releases in self._releases]
        # They were for making the index, and are no part of it.
        self._releases.clear()
        self._times.clear()

    def versions(self, package: int) -> tuple[int, int]:
        count = self._counts[package]
        return count, (1 << count) - 1

    def needs(self, package: int) -> Sequence[Needs]:
        return self._needs[package]

    def _release(self, package: int) -> None:
        random = self._random
        count = min(40, 1 + int(random.expovariate(1 / 9.5)))
        if package < 200:
            count = max(12, count)
        self._times.append(sorted(random.random() * 1000 for _ in range(count)))
        release = (random.randrange(2), 0, 0)
        releases = [release]
        for _ in range(count - 1):
            major, minor, patch = release
            drawn = random.random()
            release = (
                (major + 1, 0, 0)
                if drawn < 0.15
                else (major, minor + 1, 0)
                if drawn < 0.6
                else (major, minor, patch + 1)
            )
            releases.append(release)
        self._releases.append(releases)
        back = 0 if random.random() < 0.5 else random.randint(1, 3)
        self.planted.append(max(0, count - 1 - back))

    def _dependencies(self, package: int, count: int) -> list[Needs]:
        random = self._random
        if package < 60 or random.random() < 0.2:
            return []
        others = []
        for _ in range(min(12, 1 + int(random.expovariate(1 / 3.5)))):
            other = random.randrange(count) if random.random() < 0.004 else int(package * random.random() ** 2.2)
            if other != package and other not in others:
                others.append(other)
        laggards, leaders = self._shares
        lags, leads = random.random() < laggards, random.random() < leaders
        made = []
        for other in others:
            groups: dict[int, int] = {}
            for version in range(len(self._releases[package])):
                if random.random() >= 0.06:
                    needed = self._range(package, version, other, lags=lags, leads=leads)
                    groups[needed] = groups.get(needed, 0) | 1 << version
            if groups:
                made.append((other, sum(groups.values()), tuple(value for pair in groups.items() for value in pair)))
        return made

    def _range(self, package: int, version: int, other: int, *, lags: bool, leads: bool) -> int:
        random, size, planted = self._random, len(self._releases[other]), self.planted[other]
        newest = max(0, bisect_right(self._times[other], self._times[package][version]) - 1)
        drawn = random.random()
        first, end = newest, size
        if drawn < 0.45:
            major = self._releases[other][newest][0]
            end = next((at for at in range(newest, size) if self._releases[other][at][0] != major), size)
        elif drawn < 0.85:
            first = max(0, newest - random.randint(0, 3))
        elif drawn < 0.95:
            end = min(size, newest + 3)
        else:
            first, end = 0, newest + 1
        own = self.planted[package]
        if lags and version >= own and random.random() < 0.5:
            end = min(end, planted + 1)
        if leads and version > own and random.random() < 0.5 and planted + 1 < size:
            first = max(first, planted + 1)
        if version == own:
            first, end = min(first, planted), max(end, planted + 1)
        return (1 << end) - (1 << first) if first < end else (1 << size) - 1
