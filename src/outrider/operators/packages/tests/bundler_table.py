"""Writes what Bundler locks of random gems into the table that the tests hold us to.

`python -m outrider.operators.packages.tests.bundler_table COUNT`, with another Bundler than that of this machine in OUTRIDER_BUNDLER. That
has to be 2.4 or newer: older ones choose in another order. A question mark stands where it has lost its way.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from random import Random

from outrider.operators.packages.tests.bundler import locked
from outrider.operators.packages.tests.gem_registry import GemRegistry
from outrider.operators.packages.tests.generators.gem_registries import draw

TABLE = Path(__file__).parent / "tables" / "gem_locks.json"


async def write(count: int) -> None:
    """Ask as many questions, one for each seed."""
    async with GemRegistry() as registry:
        drawn = [draw(Random(seed), registry, f"s{seed}") for seed in range(count)]
        with tempfile.TemporaryDirectory(prefix="outrider-") as folder:
            version, answers = await locked(registry.url, [one.asked for one in drawn], Path(folder), steps=True)
    locks = [
        "?" if one.has_lost_its_way else _written(one.versions) if one.pins is not None else None for one in answers
    ]
    TABLE.write_text(json.dumps({"oracle": f"Bundler {version}", "locks": locks}, indent=0) + "\n")


def _written(versions: dict[str, str]) -> str:
    """Return what was locked, as `a 1.0, b 2.0`."""
    return ", ".join(f"{name.partition('-')[2]} {version}" for name, version in sorted(versions.items()))


if __name__ == "__main__":
    asyncio.run(write(int(sys.argv[1])))
