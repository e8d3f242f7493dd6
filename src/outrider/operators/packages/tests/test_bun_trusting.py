"""Trusted packages stand in bun.lock in the order in which bun writes them."""

import re
from pathlib import Path
from random import Random
from string import ascii_lowercase

import pytest

from outrider.operators.packages.npm.bun.trusting import in_order_of_slots
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_lock_writing_bun import LOCK, locked, native, registry, settings
from outrider.operators.packages.tests.test_lock_writing_npm import project
from outrider.operators.packages.tests.world import variables

__all__ = ["registry"]

# The lengths of names, as bun wrote these.
WRITTEN = [
    31, 27, 37, 17, 24, 29, 8, 2, 1, 6, 34, 15, 19, 13, 4, 33, 26, 39, 25, 38, 11, 28, 9, 14, 40, 30, 12, 5, 18, 23, 10, 36, 7, 16, 32, 3, 35, 20,
    22, 21,
]  # fmt: skip


def drawn_names(random: Random) -> list[str]:
    names = set()
    for _ in range(random.choice((2, 3, 6, 7, 12, 13, 26))):
        name = "".join(random.choices(ascii_lowercase, k=random.randint(1, 80)))
        names.add(f"@{name[:9]}/{name}" if random.random() < 0.3 else name)
    return sorted(names)


def trusted_in(text: str) -> list[str]:
    match = re.search(r'"trustedDependencies": \[\n(.*?)\n  \]', text, re.DOTALL)
    return re.findall(r'"(.+)"', match[1]) if match is not None else []


@pytest.mark.real
@pytest.mark.timeout(120)
async def test_it_is_the_order_of_bun(tmp_path: Path) -> None:
    for seed in range(30):
        random, folder = Random(seed), tmp_path / str(seed)
        folder.mkdir()
        names = drawn_names(random)
        listed = random.sample([*names, *(f"none-{at}" for at in range(10))], len(names) + random.choice((0, 0, 1, 5)))
        async with NpmRegistry() as made:
            with variables(settings(folder, made)):
                for name in names:
                    made.add(f"{name}@1.0.0")
                path = project(folder, dependencies=dict.fromkeys(names, "1"), trustedDependencies=listed)
                theirs = await native(folder)
                await locked(folder)
        assert theirs is not None
        assert trusted_in(path.with_name(LOCK).read_text()) == trusted_in(theirs), seed


def test_names_of_all_lengths() -> None:
    names = ["".join(chr(97 + (at * 7 + size) % 26) for at in range(size)) for size in range(1, 41)]
    assert [len(one) for one in in_order_of_slots(sorted(names), len(names))] == WRITTEN


def test_a_full_table_grows_for_what_it_has() -> None:
    names = ["@acme/own", "own-1", "alpha", "zeta-core", "Epsilon", "delta"]
    full = ["delta", "alpha", "@acme/own", "own-1", "zeta-core", "Epsilon"]
    assert in_order_of_slots(names, 6) == in_order_of_slots([*names[:5], "alpha", "delta"], 6) == full
    assert in_order_of_slots(names, 7) == ["alpha", "@acme/own", "zeta-core", "Epsilon", "delta", "own-1"]
    # What is in it already is placed anew from slot to slot; bun wrote this of a workspace.
    assert in_order_of_slots([*names, "alpha"], 6) == ["alpha", "@acme/own", "delta", "zeta-core", "Epsilon", "own-1"]


async def test_the_package_counts_and_not_its_alias(registry: NpmRegistry, tmp_path: Path) -> None:
    registry.add("core@1.0.0")
    registry.add("side@1.0.0")
    path = project(
        tmp_path, dependencies={"mine": "npm:core@1", "side": "1"}, trustedDependencies=["mine", "side", "core", "none"]
    )
    await locked(tmp_path)
    assert sorted(trusted_in(path.with_name(LOCK).read_text())) == ["core", "side"]
