"""Gemfile.lock beside what Bundler writes, which we did not write: the same to the byte, and taken with the network cut."""

import shutil
from pathlib import Path
from random import Random

import pytest

from outrider.operators.packages.tests.gem_files import GemFile
from outrider.operators.packages.tests.gem_projects import GemProjects, gem_projects, read
from outrider.operators.packages.tests.gem_registry import GemRegistry
from outrider.operators.packages.tests.generators.gem_registries import draw
from outrider.operators.packages.tests.generators.gemfiles import draw_gemfile, gemfile
from tests.peers.bundler_library import library

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
_STEPS = {"BUNDLER_DEBUG_RESOLVER": "1"}
_SUMS = {"BUNDLE_LOCKFILE_CHECKSUMS": "true"}


class Counts:
    """How many locks are the same.

    Attributes:
        same: To the byte.
        neither: Of how many both find no solution.
        theirs: Of how many only Bundler has locked something.
        ours: Of how many only we have.
    """

    def __init__(self) -> None:
        self.same = self.neither = self.theirs = self.ours = 0

    def take(self, ours: str, theirs: str | None, name: str) -> None:
        if ours.startswith("GEM") and theirs is not None:
            assert ours == theirs, name
            self.same += 1
        elif theirs is not None:
            self.theirs += 1
        elif ours.startswith("GEM"):
            self.ours += 1
        else:
            self.neither += 1


async def compared(folder: Path, seeds: range, *, plain: bool = False) -> Counts:
    """Lock drawn projects anew; both kinds of locks, with and without checksums."""
    async with gem_projects(folder) as (registry, projects):
        drawn = [_drawn(projects, registry, seed, plain=plain) for seed in seeds]
        codes = await projects.bundle(drawn, library=library(), **_STEPS, **({} if plain else _SUMS))
        projects.as_bundler(library())
        projects.asking.environment |= {} if plain else _SUMS
        return await counted(projects, drawn, codes)


def _drawn(projects: GemProjects, registry: GemRegistry, seed: int, *, plain: bool) -> Path:
    project = projects.add(name=f"shop-{seed}")
    if plain:
        asked = [one.partition("@") for one in draw(Random(seed), registry, f"s{seed}").asked]
        lines = [", ".join(f'"{word.strip()}"' for word in (name, *text.split(",")) if word) for name, _, text in asked]
        return projects.add(*(f"gem {line}" for line in lines), name=f"shop-{seed}")
    (project / "Gemfile").write_text(draw_gemfile(Random(seed), registry, f"s{seed}"))
    return project


async def counted(projects: GemProjects, drawn: list[Path], codes: list[int], **params: bool) -> Counts:
    """Lock projects, and compare the locks with those that are there."""
    found = Counts()
    for project, code in zip(drawn, codes, strict=True):
        theirs = read(project) if code == 0 else None
        before = project / "before"
        (project / "Gemfile.lock").unlink(missing_ok=True)
        if before.is_file():
            shutil.copyfile(before, project / "Gemfile.lock")
        found.take(await projects.locked(project, **params), theirs, project.name)
    return found


async def test_it_is_to_the_byte_what_bundler_writes(tmp_path: Path) -> None:
    found = await compared(tmp_path, range(60, 90))
    assert (found.same > 12, found.ours, found.theirs) == (True, 0, 0)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_it_is_to_the_byte_what_bundler_writes_at_length(tmp_path: Path) -> None:
    folders = [tmp_path / "plain", tmp_path / "more"]
    for folder in folders:
        folder.mkdir()
    plain = await compared(folders[0], range(400), plain=True)
    assert (plain.same > 250, plain.theirs) == (True, 0)
    # Where Bundler loses its way it says that there is no solution.
    assert plain.ours < 5
    found = await compared(folders[1], range(1000, 1300))
    assert (found.same > 150, found.theirs) == (True, 0)
    assert found.ours < 5


async def test_another_gemfile_with_the_lock_that_is_there(tmp_path: Path) -> None:
    async with gem_projects(tmp_path) as (registry, projects):
        drawn = [_drawn(projects, registry, seed, plain=False) for seed in range(200, 215)]
        codes = await projects.bundle(drawn, library=library(), **_STEPS, **_SUMS)
        there = [project for project, code in zip(drawn, codes, strict=True) if code == 0]
        for project in there:
            shutil.copyfile(project / "Gemfile.lock", project / "before")
            prefix, random = f"s{project.name.removeprefix('shop-')}", Random(project.name)
            names = sorted(name for name in registry.lines if name.startswith((f"{prefix}-", f"{prefix}_")))
            asked = random.sample(names, random.randint(1, min(4, len(names))))
            (project / "Gemfile").write_text(gemfile(random, registry.url, asked))
            for name in asked[:1]:
                registry.add(f"{name}@3.5")
        codes = await projects.bundle(there, library=library(), **_STEPS)
        projects.as_bundler(library())
        found = await counted(projects, there, codes, keep=True)
        assert (found.same > 4, found.ours, found.theirs) == (True, 0, 0)


async def test_bundler_takes_it_with_the_network_cut(tmp_path: Path) -> None:
    async with gem_projects(tmp_path) as (registry, projects):
        for version in ("1.0", "1.1"):
            registry.put(GemFile(name="web", version=version, needs=["core@~> 1.0", "bundler@>= 1.3"]))
        for platform in ("ruby", "x86_64-linux", "aarch64-linux", "arm64-darwin", "java"):
            registry.put(GemFile(name="core", version="1.2", platform=platform))
        registry.put(GemFile(name="later", version="2.0.rc1"))
        lines = [
            'ruby "~> 3.0"',
            'gem "web", "~> 1.0"',
            'group :test do gem "later" end',
            'gem "core", platforms: [:mri, :jruby]',
        ]
        project, other = projects.add(*lines), projects.add(*lines, name="other")
        projects.as_bundler(library())
        ours = await projects.locked(project)
        variables = {"BUNDLE_FROZEN": "true", "BUNDLE_PATH": str(tmp_path / "gems")}
        codes = await projects.bundle([other], library=library())
        codes += await projects.bundle([project], "install", library=library(), **variables)
        assert (codes, read(other), read(project)) == ([0, 0], ours, ours), (project / "said").read_text()
        asked = len(registry.requests)
        for arguments in (["install", "--local"], ["check"], ["lock", "--local"]):
            [code] = await projects.bundle([project], *arguments, library=library(), **variables)
            assert code == 0, (project / "said").read_text()
        assert (len(registry.requests), read(project)) == (asked, ours)
