"""What Maven itself comes to once a build was fixed: for each of its modules just what was told."""

import os
import shutil
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from outrider.core.errors import OutriderError
from outrider.operators.packages.fixing.results import FixedFile
from outrider.operators.packages.tests.clients.java import plugins
from outrider.operators.packages.tests.maven_poms import pom
from outrider.operators.packages.tests.maven_projects import fixed, home_of, locked, write_project
from outrider.operators.packages.tests.maven_repository import MavenRepositoryServer
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_fix_maven_native import compare_all, drawn_advisories
from outrider.operators.packages.tests.test_lock_maven_modules import BuildDrawing, modules, trees
from outrider.operators.packages.tests.test_lock_writing_maven import needs_maven, publish, serve
from outrider.operators.packages.tests.world import variables

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800), needs_maven]


class Counts(NamedTuple):
    """What became of the modules of drawn builds.

    Attributes:
        touched: How many came to something vulnerable.
        fixed: How many versions were vulnerable and are not any more.
        unfixed: How many still are.
        elsewhere: How many come to other versions though their own file is as it was.
    """

    touched: int
    fixed: int
    unfixed: int
    elsewhere: int


async def draw_all(folder: Path, drawing: BuildDrawing, count: int, *, lock: bool) -> list[str]:
    """Write drawn builds, and return the names of those that can be resolved."""
    names = []
    for name in (f"b{number}" for number in range(count)):
        texts = drawing.build(name)
        for place, text in texts.items():
            write_project(folder / "probe" / place, text)
        try:
            await locked(folder / "probe" / name / "pom.xml")
        except OutriderError:
            continue
        for one in ("before", "after"):
            for place, text in texts.items():
                write_project(
                    folder / one / place, (folder / "probe" / place / "pom.xml").read_text() if lock else text
                )
        names.append(name)
    return names


async def fixed_builds(folder: Path, names: list[str]) -> dict[str, FixedFile]:
    """Fix builds, some by the file of one module after the other, and return what is told of each module by its folder."""
    told: dict[str, FixedFile] = {}
    for number, name in enumerate(names):
        file = folder / name / "pom.xml"
        results = [await fixed(one, manifest=True) for one in ([file] if number % 3 else [folder / name])]
        told |= {str(Path(one.file).parent.relative_to(folder)): one for result in results for one in result.files}
    return told


async def compared(folder: Path, seed: int, count: int, *, lock: bool) -> Counts:
    """Compare what is told of drawn builds with what Maven came to before and comes to after."""
    random = Random(seed)
    drawing = BuildDrawing(random, 14, 0.0)
    universe = drawing.universe()
    async with MavenRepositoryServer() as repository:
        serve(repository, universe)
        with variables(home_of(folder / "home", repository.url, path=os.environ["PATH"], plugins=await plugins())):
            names = await draw_all(folder, drawing, count, lock=lock)
            await publish(repository, universe.versions)
            shutil.rmtree(folder / "home" / "cache")
            records, vulnerable = drawn_advisories(random, [*universe.versions])
            await imported(folder, *records)
            told = await fixed_builds(folder / "after", names)
            for one in ("before", "after"):
                write_project(folder / one, pom("asked:all:1", modules(*names), packaging="pom"))
            before, after = [await trees(folder / one, folder / "local") for one in ("before", "after")]
    assert before.keys() == after.keys() == told.keys() | {"."}
    compare_all(told, (before, after), vulnerable, f"seed {seed}; {folder}")
    same = {
        place
        for place in told
        if (folder / "before" / place / "pom.xml").read_text() == (folder / "after" / place / "pom.xml").read_text()
    }
    return Counts(
        touched=sum(1 for one in told.values() if one.fixed or one.unfixed), fixed=sum(len(one.fixed) for one in told.values()),
        unfixed=sum(len(one.unfixed) for one in told.values()), elsewhere=sum(1 for one in same if before[one] != after[one]),
    )  # fmt: skip


@pytest.mark.parametrize("lock", [False, True], ids=["plain", "locked"])
async def test_maven_comes_to_just_what_is_told_of_builds(lock: bool, tmp_path: Path) -> None:
    counts = await compared(tmp_path, 1 + lock, 15, lock=lock)
    assert counts.fixed > 10
    assert counts.elsewhere > 0 or lock


@pytest.mark.long
@pytest.mark.parametrize("lock", [False, True], ids=["plain", "locked"])
async def test_maven_comes_to_just_what_is_told_of_many_builds(lock: bool, tmp_path: Path) -> None:
    found = [await compared(tmp_path / str(seed), seed, 40, lock=lock) for seed in range(10, 16)]
    counts = Counts(*(sum(one) for one in zip(*found, strict=True)))
    assert counts.touched > 100
    assert counts.fixed > counts.unfixed
