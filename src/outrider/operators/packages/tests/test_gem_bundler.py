"""The same questions for the Bundler of this machine, which we did not write.

Bundler 2.4 and newer choose in the order that we follow: see `tables/gem_locks.json`. Older ones, such as Debian 12's 2.3.15, have another
order, that of Molinillo. So what they lock may be another solution. Whether there is one is the same, and what we choose has to do for them.
"""

import os
from pathlib import Path
from random import Random

import pytest

from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.tests.bundler import locked
from outrider.operators.packages.tests.gem_registry import GemAsking, GemRegistry
from outrider.operators.packages.tests.generators.gem_registries import draw
from outrider.operators.packages.versions.ecosystems import scheme_of

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


async def compare(folder: Path, seeds: range) -> None:
    """Ask both as many questions, and hand over to Bundler what we choose."""
    async with GemRegistry() as registry:
        drawn = [draw(Random(seed), registry, f"s{seed}") for seed in seeds]
        version, theirs = await locked(registry.url, [one.asked for one in drawn], folder / "native", steps=True)
        ask = GemAsking(folder, registry.url)
        ask.environment["PATH"] = os.environ["PATH"]
        ours = [await ask.answer(*one.asked) for one in drawn]
        pairs = [one for one in zip(seeds, drawn, ours, theirs, strict=True) if not one[3].has_lost_its_way]
        assert [seed for seed, _, our, their in pairs if isinstance(our, Impossible) and their.pins is not None] == []
        more = [(seed, our) for seed, _, our, their in pairs if isinstance(our, Resolved) and their.pins is None]
        # Newer ones do not look at prereleases of all gems that a clash is about.
        assert [seed for seed, our in more if older(version) or not has_prerelease(our)] == []
        assert len(more) <= len(pairs) / 50
        same = sum(their.versions == versions(our) for _, _, our, their in pairs if isinstance(our, Resolved))
        solved = [(one.asked, our) for _, one, our, _ in pairs if isinstance(our, Resolved)]
        assert same > len(solved) * (0.6 if older(version) else 0.98)
        again = [[*asked, *(f"{one.name}@= {one.version}" for one in our.packages)] for asked, our in solved]
        _, confirmed = await locked(registry.url, merged(again), folder / "again")
        # Of a version it may take another variant, which needs more.
        assert [
            asked
            for (asked, our), one in zip(solved, confirmed, strict=True)
            if not versions(our).items() <= one.versions.items()
        ] == []


def older(version: str) -> bool:
    return scheme_of("gem").parse(version).key < scheme_of("gem").parse("2.4").key


def has_prerelease(answer: Resolved) -> bool:
    return any(scheme_of("gem").parse(one.version).prerelease for one in answer.packages)


def versions(answer: Resolved) -> dict[str, str]:
    return {one.name: one.version for one in answer.packages}


def merged(questions: list[list[str]]) -> list[list[str]]:
    """Return questions that ask for each gem once, as a Gemfile has to."""
    made = []
    for asked in questions:
        texts: dict[str, list[str]] = {}
        for one in asked:
            name, _, text = one.partition("@")
            texts.setdefault(name, []).extend([text] if text else [])
        made.append([f"{name}@{', '.join(said)}" if said else name for name, said in texts.items()])
    return made


async def test_whether_there_is_a_solution_and_ours_is_one(tmp_path: Path) -> None:
    await compare(tmp_path, range(24))


@pytest.mark.long
async def test_the_same_of_many(tmp_path: Path) -> None:
    await compare(tmp_path, range(1_000, 1_300))
