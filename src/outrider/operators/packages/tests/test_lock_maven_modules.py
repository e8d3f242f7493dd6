"""The lock of a build of several projects: a profile in the POM of each, and the checksums of all beside the first."""

import os
import shutil
from pathlib import Path
from random import Random

import pytest

from outrider.core.errors import ConflictError, InvalidConfigError, OutriderError
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.tests.clients.java import DEPENDENCY, PLUGINS, plugins
from outrider.operators.packages.tests.maven_poms import dependency, element, fields, parts, pom
from outrider.operators.packages.tests.maven_projects import (
    LATER,
    ProjectDrawing,
    bad,
    fixed,
    home_of,
    locked,
    write_project,
)
from outrider.operators.packages.tests.maven_repository import MavenRepositoryServer, need
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_lock_writing_maven import Tree, maven, needs_maven, publish, serve
from outrider.operators.packages.tests.world import variables
from tests.peers.maven_program import newer_maven

PARENT = "own:root:${revision}"


def versions(file: Path) -> list[str]:
    return [f"{one.name} {one.version}" for one in read_lock("pom.xml", file.read_text()).packages]


def modules(*names: str) -> str:
    return element("modules", *(element("module", name) for name in names))


def sibling(name: str) -> str:
    return dependency(f"own:{name}:${{project.version}}")


def write_build(folder: Path, *, app: str = "", core: str = "") -> Path:
    """Write a build whose parent has a need of its own, and whose modules need one another."""
    properties = {"revision": "1-SNAPSHOT"}
    root = pom(PARENT, parts([need("log:[1,2)")], (), properties), modules("app", "deep/core/pom.xml"), packaging="pom")
    write_project(folder / "app", pom(":app:", parts([sibling("core"), need("web:1"), app]), parent=PARENT))
    above = element("parent", fields(groupId="own", artifactId="root", version="${revision}", relative_path="../.."))
    write_project(folder / "deep/core", pom(":core:", above, parts([need("base:[1,3)"), core])))
    return write_project(folder, root)


def fill(repository: MavenRepositoryServer) -> None:
    for name, needs in (("log:1.1", ()), ("web:1", ("base:1.2",)), ("base:1.2", ()), ("base:2.0", ())):
        repository.add(name, *needs)
    for path in [path for path in repository.files if path.endswith(".pom")]:
        repository.files[path.removesuffix("pom") + "jar"] = path


async def test_modules_are_locked_together(tmp_path: Path) -> None:
    async with MavenRepositoryServer() as repository:
        fill(repository)
        with variables(home_of(tmp_path / "home", repository.url)):
            root = write_build(tmp_path / "build")
            texts = {path: path.read_text() for path in root.parent.rglob("pom.xml")}
            result = await locked(root)
            assert (result.packages, result.warnings) == (3, [])
            assert [f"{one.name} {one.after}" for one in result.changes] == ["g:base 2.0", "g:log 1.1"]
            app, core = root.parent / "app/pom.xml", root.parent / "deep/core/pom.xml"
            assert versions(root) == ["g:log 1.1"]
            assert versions(core) == ["g:base 2.0", "g:log 1.1"]
            # What another module comes to counts for this one.
            assert versions(app) == ["g:base 2.0", "g:log 1.1", "g:web 1"]
            checksums = root.parent / ".mvn/checksums/checksums.sha256"
            assert result.beside == [str(app), str(core), str(checksums)]
            paths = [line.split()[1] for line in checksums.read_text().splitlines()]
            assert [path for path in paths if path.endswith(".jar")] == [
                "g/base/2.0/base-2.0.jar", "g/log/1.1/log-1.1.jar", "g/web/1/web-1.jar"
            ]  # fmt: skip
            assert all(text.removesuffix("</project>") in path.read_text() for path, text in texts.items())
            # Locked again it stays as it is, and `keep` keeps what has become older.
            repository.add("base:2.1")
            kept = await locked(root, later=LATER, keep=True)
            assert (kept.changes, kept.beside) == ([], [])
            newer = await locked(root, later=LATER)
            assert [(one.name, one.before, one.after) for one in newer.changes] == [("g:base", "2.0", "2.1")]
            assert newer.beside == [str(app), str(core), str(checksums)]


async def test_a_module_is_locked_by_itself_too(tmp_path: Path) -> None:
    async with MavenRepositoryServer() as repository:
        fill(repository)
        with variables(home_of(tmp_path / "home", repository.url)):
            root = write_build(tmp_path / "build")
            app = root.parent / "app/pom.xml"
            await locked(app)
            assert versions(app) == ["g:base 2.0", "g:log 1.1", "g:web 1"]
            assert "outrider-lock" not in root.read_text()
            # Whatever else its parents list.
            write_project(root.parent / "app", pom(":app:", parts([need("web:1")]), parent=PARENT))
            shutil.rmtree(root.parent / "deep")
            await locked(app)
            assert versions(app) == ["g:base 1.2", "g:log 1.1", "g:web 1"]


async def test_modules_of_profiles_are_locked_where_they_are(tmp_path: Path) -> None:
    async with MavenRepositoryServer() as repository:
        fill(repository)
        with variables(home_of(tmp_path / "home", repository.url)):
            extra = element("profile", fields(id="extra"), modules("more", "gone"))
            root = pom("own:root:1", element("profiles", extra), packaging="pom")
            file = write_project(tmp_path / "build", root)
            more = write_project(
                tmp_path / "build" / "more", pom(":more:", parts([need("web:1")]), parent="own:root:1")
            )
            await locked(file)
            assert versions(more) == ["g:base 1.2", "g:web 1"]


async def test_a_module_is_fixed_by_itself(tmp_path: Path) -> None:
    async with MavenRepositoryServer() as repository:
        fill(repository)
        with variables(home_of(tmp_path / "home", repository.url)):
            # What is built beside is no package of a repository, though one may have its name.
            await imported(tmp_path, bad("A", "g:web", ("introduced", "0"), ("fixed", "2")), bad("B", "own:core"))
            repository.add("web:2", "base:1.2")
            app = write_build(tmp_path / "build").parent / "app/pom.xml"
            [file] = (await fixed(app)).files
            assert [(one.name, one.before, one.after) for one in file.manifest] == [("g:web", "1", "2")]
            assert (file.fixed[0].name, file.unfixed) == ("g:web", [])


async def test_a_conflict_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    async with MavenRepositoryServer() as repository:
        fill(repository)
        with variables(home_of(tmp_path / "home", repository.url)):
            root = write_build(tmp_path / "build", core=need("more:1"))
            repository.add("more:1", "base:[5,6)")
            texts = {path: path.read_text() for path in root.parent.rglob("pom.xml")}
            with pytest.raises(ConflictError, match="own:core 1-SNAPSHOT, which needs g:more 1, which needs g:base"):
                await locked(root)
            assert {path: path.read_text() for path in root.parent.rglob("pom.xml")} == texts


async def test_builds_that_cannot_be(tmp_path: Path) -> None:
    async with MavenRepositoryServer() as repository:
        fill(repository)
        with variables(home_of(tmp_path / "home", repository.url)):
            root = write_build(tmp_path / "circle", core=sibling("app"))
            with pytest.raises(InvalidConfigError, match="need one another") as caught:
                await locked(root)
            assert caught.value.suggestions
            root = write_build(tmp_path / "lost")
            shutil.rmtree(root.parent / "app")
            with pytest.raises(InvalidConfigError, match="it has the module app, and there is none"):
                await locked(root)


class BuildDrawing(ProjectDrawing):
    """Draws builds whose modules need one another."""

    def build(self, name: str) -> dict[str, str]:
        """Return the texts of the POMs of a build, by their folders."""
        random, root = self._random, f"{name}:root:1"
        names = [f"m{number}" for number in range(random.randint(1, 4))]
        texts = {name: pom(root, self._content([]), modules(*names), packaging="pom", parent=self._parent(0.3))}
        for number, one in enumerate(names):
            others = [dependency(f"{name}:{other}:1", type="pom") for other in names[:number] if random.random() < 0.5]
            above = root if random.random() < 0.7 else self._parent(0.4)
            texts[f"{name}/{one}"] = pom(f"{name}:{one}:1", self._content(others), packaging="pom", parent=above)
        return texts

    def _content(self, others: list[str]) -> str:
        random = self._random
        needs = [*others, *self._needs(random.randint(0, 3), "")]
        random.shuffle(needs)
        managed = self._managed(random.randint(1, 3), 3) if random.random() < 0.5 else []
        return parts(needs, managed, {"v.a": "1.0", "v.b": "1.1", "v.c": "2.0"})


async def trees(folder: Path, local: Path, program: str = "mvn") -> dict[str, Tree]:
    """Return what Maven chooses for each project below a folder, with the scopes."""
    await maven(folder, local, f"{DEPENDENCY}:tree", "--fail-at-end", "-DoutputFile=tree.txt", program=program)
    found = {}
    for file in folder.rglob("tree.txt"):
        lines = file.read_text().splitlines()[1:]
        found[str(file.parent.relative_to(folder))] = frozenset(line.lstrip("+-\\| ") for line in lines)
        file.unlink()
    return found


async def compared(folder: Path, seed: int, count: int) -> tuple[int, int, int]:
    """Compare drawn builds before and after they are locked, and after newer versions were published.

    Returns:
        How many projects are the same; how many are not, which was told; and how many would be others by now without the lock.
    """
    drawing = BuildDrawing(Random(seed), 14, 0.0)
    universe, told, texts = drawing.universe(), set[str](), dict[str, str]()
    async with MavenRepositoryServer() as repository:
        serve(repository, universe)
        with variables(home_of(folder / "home", repository.url, path=os.environ["PATH"], plugins=await plugins())):
            for number in range(count):
                build = drawing.build(f"b{number}")
                for place, text in build.items():
                    write_project(folder / "after" / place, text)
                try:
                    result = await locked(folder / "after" / f"b{number}" / "pom.xml")
                except OutriderError:
                    shutil.rmtree(folder / "after" / f"b{number}")
                    continue
                texts |= build
                changed = [one.partition("/pom.xml: ")[0] for one in result.warnings if "fixes all versions" in one]
                told |= {str(Path(one).relative_to(folder / "after")) for one in changed}
            for place, text in texts.items():
                write_project(folder / "before" / place, text)
            for one in ("before", "after"):
                names = [place for place in texts if "/" not in place]
                write_project(folder / one, pom("asked:all:1", modules(*names), packaging="pom"))
            before, after = [await trees(folder / one, folder / "local") for one in ("before", "after")]
            assert after.keys() == before.keys() == texts.keys() | {"."}
            await publish(repository, universe.versions)
            shutil.rmtree(folder / "local" / "g")
            shutil.rmtree(folder / "local" / "h", ignore_errors=True)
            assert await trees(folder / "after", folder / "local") == after
            assert await trees(folder / "after", folder / "local", str(newer_maven(PLUGINS))) == after
            now = await trees(folder / "before", folder / "local")
    different = {place for place in texts if before[place] != after[place]}
    assert different == told
    return len(texts) - len(different), len(different), sum(1 for one in texts if now.get(one) != before[one])


@pytest.mark.real
@pytest.mark.timeout(900)
@needs_maven
async def test_maven_chooses_for_each_module_what_is_locked(tmp_path: Path) -> None:
    same, different, others = await compared(tmp_path, 1, 25)
    assert same > 30
    assert different < same / 5
    assert others > 5


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1800)
@needs_maven
async def test_maven_chooses_for_each_module_what_is_locked_in_many_builds(tmp_path: Path) -> None:
    counts = [await compared(tmp_path / str(seed), seed, 60) for seed in range(2, 8)]
    same, different, others = (sum(one) for one in zip(*counts, strict=True))
    assert same > 200
    assert different < same / 5
    assert others > 30
