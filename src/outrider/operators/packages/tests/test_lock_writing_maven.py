"""The lock of a project of Maven, as Maven 3.8.7 and 3.9 read it: they choose just what is locked, whatever is published later."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from outrider.core.errors import OutriderError
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.tests.clients.java import DEPENDENCY, MAVEN, PLUGINS, plugins
from outrider.operators.packages.tests.maven_poms import bom, dependency, element, fields, parts, path_of, pom
from outrider.operators.packages.tests.maven_projects import (
    ProjectDrawing,
    environment,
    home_of,
    locked,
    write_project,
)
from outrider.operators.packages.tests.maven_repository import MavenRepositoryServer, need
from outrider.operators.packages.tests.maven_universes import Universe
from outrider.operators.packages.tests.world import variables
from tests.peers.maven_program import newer_maven

needs_maven = pytest.mark.skipif(shutil.which("mvn") is None, reason="mvn is missing: apt-get install maven")
pytestmark = [pytest.mark.real, pytest.mark.timeout(900), needs_maven]
Tree = frozenset[str]
NEWER = ("1.0.5", "1.5", "2.5", "3.5")
CHECKED = """-Daether.artifactResolver.postProcessor.trustedChecksums=true
-Daether.artifactResolver.postProcessor.trustedChecksums.checksumAlgorithms=SHA-256
-Daether.trustedChecksumsSource.summaryFile=true
-Daether.trustedChecksumsSource.summaryFile.originAware=false
-Daether.trustedChecksumsSource.summaryFile.basedir=${session.rootDirectory}/.mvn/checksums
"""


async def maven(folder: Path, local: Path, *arguments: str, program: str = "mvn") -> subprocess.CompletedProcess[str]:
    """Run Maven, with the settings of this process' home."""
    settings = Path(os.environ["HOME"]) / ".m2" / "settings.xml"
    where = [f"-Dmaven.repo.local={local}", *(["--settings", str(settings)] if settings.is_file() else [])]
    command = [program, *MAVEN[1:], "--quiet", *where, *arguments]
    # The repository answers in this same thread.
    return await asyncio.to_thread(
        subprocess.run, command, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )


async def trees(folder: Path, local: Path, *arguments: str, program: str = "mvn") -> dict[str, Tree]:
    """Return what Maven chooses for each project of a folder, with the scopes."""
    asked = (f"{DEPENDENCY}:tree", "--fail-at-end", "-DoutputFile=tree.txt", *arguments)
    await maven(folder, local, *asked, program=program)
    found = {}
    for file in folder.glob("*/tree.txt"):
        lines = file.read_text().splitlines()[1:]
        found[file.parent.name] = frozenset(line.lstrip("+-\\| ") for line in lines)
        file.unlink()
    return found


def write_all(folder: Path, texts: Mapping[str, str]) -> None:
    """Write projects, and one that has them as modules."""
    for name, text in texts.items():
        write_project(folder / name, text)
    modules = [element("module", name) for name in texts]
    write_project(folder, pom("asked:all:1", element("modules", *modules), packaging="pom"))


async def lock_all(folder: Path, drawing: ProjectDrawing, count: int) -> tuple[dict[str, str], set[str]]:
    """Lock drawn projects; return those that can be had as they were before, and of which it is told that the lock changes them."""
    texts: dict[str, str] = {}
    told: set[str] = set()
    for number in range(count):
        text = drawing.project(number)
        file = write_project(folder / f"p{number}", text)
        try:
            result = await locked(file)
            told |= {f"p{number}"} if any("fixes all versions" in one for one in result.warnings) else set()
            texts[f"p{number}"] = text
        except OutriderError:
            shutil.rmtree(file.parent)
    return texts, told


def serve(repository: MavenRepositoryServer, universe: Universe) -> None:
    """Have what is in a drawn repository, and all versions that anything in it may need."""
    for name in universe.versions:
        for version in ("1.0", "1.1", "2.0", "3.0"):
            repository.add(f"{name}:{version}")
    repository.files |= {path_of(name): content for name, content in universe.poms.items()}
    repository.files |= {path_of(name, "jar"): name for name in universe.poms}


async def publish(repository: MavenRepositoryServer, names: Iterable[str]) -> None:
    """Have newer versions within all ranges, which need something new."""
    repository.add("fresh:1")
    for name in names:
        for version in NEWER:
            repository.add(f"{name}:{version}", need("fresh:1"))


async def compared(folder: Path, seed: int, count: int) -> tuple[int, int, int]:
    """Compare drawn projects before and after they are locked, and after newer versions were published.

    Returns:
        How many are the same; how many are not, which was told; and how many would be others by now without the lock.
    """
    drawing = ProjectDrawing(Random(seed), 14, 0.0)
    universe = drawing.universe()
    async with MavenRepositoryServer() as repository:
        serve(repository, universe)
        with variables(home_of(folder / "home", repository.url, path=os.environ["PATH"], plugins=await plugins())):
            texts, told = await lock_all(folder / "after", drawing, count)
            write_all(folder / "before", texts)
            write_all(folder / "after", {name: (folder / "after" / name / "pom.xml").read_text() for name in texts})
            before = await trees(folder / "before", folder / "local")
            after = await trees(folder / "after", folder / "local")
            assert after.keys() == before.keys() == texts.keys()
            await publish(repository, universe.versions)
            shutil.rmtree(folder / "local" / "g")
            shutil.rmtree(folder / "local" / "h", ignore_errors=True)
            assert await trees(folder / "after", folder / "local") == after
            newer = str(newer_maven(PLUGINS))
            assert await trees(folder / "after", folder / "local", program=newer) == after
            now = await trees(folder / "before", folder / "local")
    for name, tree in after.items():
        former = _locked(folder / "after" / name) - _versions(tree)
        assert _versions(tree) <= _locked(folder / "after" / name), name
        assert all("<relocation>" in universe.poms[one.replace(" ", ":")] for one in former), name
    changed = {name for name in texts if before[name] != after[name]}
    assert changed == told
    return len(texts) - len(changed), len(changed), sum(1 for name in texts if now.get(name) != before[name])


def _versions(tree: Tree) -> set[str]:
    found = set()
    for line in tree:
        words = line.partition(" ")[0].split(":")
        found.add(f"{words[0]}:{words[1]} {words[-2]}")
    return found


def _locked(folder: Path) -> set[str]:
    return {f"{one.name} {one.version}" for one in read_lock("pom.xml", (folder / "pom.xml").read_text()).packages}


async def test_maven_chooses_what_is_locked_whatever_is_published_later(tmp_path: Path) -> None:
    same, changed, others = await compared(tmp_path, 1, 60)
    assert same > 30
    assert changed < same / 10
    assert others > 5


async def test_profiles_that_are_active_by_default_stay_so(tmp_path: Path) -> None:
    """Though the lock is another profile; without it they stay too."""
    activation = element("activation", element("activeByDefault", "true"))
    usual = element("profile", fields(id="usual"), activation, parts([need("other:[1,3)", type="pom")]))
    text = pom("own:shop:1", parts([need("core:[1,3)", type="pom")]), element("profiles", usual), packaging="pom")
    async with MavenRepositoryServer() as repository:
        for name in ("core", "other"):
            repository.add(f"{name}:1.0")
        with variables(home_of(tmp_path / "home", repository.url, path=os.environ["PATH"], plugins=await plugins())):
            await locked(write_project(tmp_path / "after" / "shop", text))
            write_all(tmp_path / "after", {"shop": (tmp_path / "after" / "shop" / "pom.xml").read_text()})
            for name in ("core", "other"):
                repository.add(f"{name}:2.0")
            found = await trees(tmp_path / "after", tmp_path / "local")
            unlocked = await trees(tmp_path / "after", tmp_path / "local", "-P", "!outrider-lock")
    versions = [{line.rpartition(":")[0].rpartition(":")[2] for line in each["shop"]} for each in (found, unlocked)]
    assert versions == [{"1.0"}, {"2.0"}]
    assert [len(each["shop"]) for each in (found, unlocked)] == [2, 2]


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_maven_chooses_what_is_locked_in_many_repositories(tmp_path: Path) -> None:
    counts = [await compared(tmp_path / str(seed), seed, 100) for seed in range(2, 8)]
    same, changed, others = (sum(one) for one in zip(*counts, strict=True))
    assert same > 300
    assert changed < same / 25
    assert others > 30


async def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    """Online, without the network, and with a file in the place of another."""
    newer = str(newer_maven(PLUGINS))
    async with MavenRepositoryServer() as repository:
        with variables(home_of(tmp_path / "home", repository.url, path=os.environ["PATH"], plugins=await plugins())):
            repository.add("web:1", "core:[1,2)", packaging="jar")
            for name in ("web:1", "core:1.0", "core:1.5"):
                repository.files[path_of(f"g:{name}", "jar")] = name
            repository.add("core:1.0")
            repository.add("core:1.5", parent="g:above:1")
            repository.add("above:1", packaging="pom")
            file = write_project(tmp_path / "shop", pom("own:shop:1", parts([need("web:1")])))
            await locked(file)
            (file.parent / ".mvn" / "maven.config").write_text(CHECKED)
            local = tmp_path / "local"
            fetched = await maven(file.parent, local, f"{DEPENDENCY}:resolve", program=newer)
            assert fetched.returncode == 0, fetched.stdout
            asked = len(repository.requests)
            again = await maven(file.parent, local, "--offline", f"{DEPENDENCY}:resolve", program=newer)
            assert (again.returncode, len(repository.requests)) == (0, asked), again.stdout
            for path in (path_of("g:core:1.5", "jar"), path_of("g:above:1")):
                shutil.rmtree(local / "g")
                whole = repository.files[path]
                repository.files[path] = f"{str(whole).rstrip()} "
                refused = await maven(file.parent, local, f"{DEPENDENCY}:resolve", program=newer)
                assert refused.returncode != 0, path
                assert "checksum mismatch" in refused.stdout, refused.stdout
                repository.files[path] = whole


class Real(NamedTuple):
    """A project of what is in the repository that Maven comes with."""

    needs: list[str]
    boms: tuple[str, ...] = ()
    parent: str = ""


REAL = [
    Real(
        ["org.springframework.boot:spring-boot-starter-web", "com.google.guava:guava:[31,33)"],
        parent="org.springframework.boot:spring-boot-starter-parent:3.2.0",
    ),
    Real(["mysql:mysql-connector-java:8.0.33", "io.netty:netty-all:4.1.100.Final", "org.slf4j:slf4j-simple:[1.7,2)"]),
]
MORE = [
    Real(["org.apache.hadoop:hadoop-client:3.3.6", "org.slf4j:slf4j-api:[1.7,1.8)"]),
    Real(["io.quarkus:quarkus-rest"], ("io.quarkus:quarkus-bom:3.33.2",)),
    Real(["org.apache.spark:spark-sql_2.12:3.5.0"]),
    Real(["org.apache.logging.log4j:log4j-core:2.22.0", "com.fasterxml.jackson.core:jackson-databind:[2.15,2.18)"]),
    Real(["org.hibernate:hibernate:3.2.7.ga", "org.springframework:spring:2.5.6", "log4j:log4j:1.2.15"]),
    Real(["org.seleniumhq.selenium:selenium-java:4.10.0", "org.webjars:bootstrap:[3,4)"]),
    Real(["org.apache.camel:camel-core:4.0.0", "io.grpc:grpc-netty:[1.50,1.60)"], parent="org.apache:apache:31"),
]


@pytest.mark.parametrize("real", REAL, ids=lambda one: one.needs[0])
async def test_real_projects(real: Real, tmp_path: Path) -> None:
    await compare_real(real, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("real", MORE, ids=lambda one: one.needs[0])
async def test_more_real_projects(real: Real, tmp_path: Path) -> None:
    await compare_real(real, tmp_path)


async def compare_real(real: Real, folder: Path) -> None:
    """Compare a project before and after it is locked, and build it with the network cut."""
    newer = str(newer_maven(PLUGINS))
    needs = [*map(dependency, real.needs), dependency("org.junit.jupiter:junit-jupiter:[5.9,5.11)", scope="test")]
    text = pom("own:shop:1", parts(needs, map(bom, real.boms)), parent=real.parent)
    write_all(folder / "before", {"shop": text})
    file = write_project(folder / "after" / "shop", text)
    with variables({"HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), "PATH": os.environ["PATH"]}):
        result = await locked(file)
        assert [one for one in result.warnings if "fixes all versions" in one] == []
        write_all(folder / "after", {"shop": file.read_text()})
        before = await trees(folder / "before", PLUGINS)
        assert before == await trees(folder / "after", PLUGINS)
        assert before == await trees(folder / "after", PLUGINS, program=newer)
        # What was moved is in the tree by its new name, and in the file by the one that is asked for.
        assert _locked(file.parent) - _versions(before["shop"]) <= {" ".join(one.rsplit(":", 1)) for one in real.needs}
        assert _versions(before["shop"]) <= _locked(file.parent)
