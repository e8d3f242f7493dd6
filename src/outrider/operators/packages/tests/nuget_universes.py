"""Small feeds of packages for NuGet, drawn at random."""

from collections.abc import Sequence
from random import Random

VERSIONS = ("1.0.0", "1.1.0", "1.2.0-beta", "1.2.0", "2.0.0-rc.1", "2.0.0", "2.1.0", "3.0.0")
_FLOATING = ("*", "1.*", "1.1.*", "2.*", "*-*", "1.*-*", "2.0.0-*", "[1.*, 2.0.0)", "1.2.0-beta*", "2.*-rc*")
Drawn = dict[str, dict[str, dict[str, str]]]


def drawn(random: Random, prefix: str = "") -> tuple[Drawn, dict[str, str]]:
    """Return a feed, and what is asked of it; about half of such questions have an answer."""
    names = [f"{prefix}p{number}" for number in range(random.randint(2, 9))]
    has_cycles = random.random() < 0.1
    there = {name: sorted(random.sample(VERSIONS, random.randint(1, 6)), key=VERSIONS.index) for name in names}
    feed: Drawn = {}
    for number, name in enumerate(names):
        others = [one for one in names if one != name] if has_cycles else names[number + 1 :]
        if random.random() < 0.02:
            others = [*others, f"{prefix}missing"]
        feed[name] = {
            version: {
                other: _range(random, there.get(other, VERSIONS))
                for other in random.sample(others, min(len(others), random.choice((0, 1, 1, 2, 2, 3))))
            }
            for version in there[name]
        }
    asked = random.sample(names, random.randint(1, min(4, len(names))))
    return feed, {name: _asked(random, there[name]) for name in asked}


def _asked(random: Random, versions: Sequence[str]) -> str:
    if random.random() < 0.2:
        return random.choice(_FLOATING)
    return _range(random, versions) or "0.5.0"


def _range(random: Random, versions: Sequence[str]) -> str:
    version, kind = random.choice(versions), random.random()
    if kind < 0.07:
        return f"[{version}]"
    if kind < 0.17:
        return f"[{version}, {'2.0.0' if version < '2' and random.random() < 0.5 else '4.0.0'})"
    if kind < 0.21:
        return f"({version}, )"
    if kind < 0.24:
        return "(, 2.0.0]"
    return "" if kind < 0.27 else random.choice(VERSIONS) if kind < 0.35 else version
