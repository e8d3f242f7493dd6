"""The lock of a project of Maven: what is written where, and what is refused."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import (
    ConflictError,
    InvalidConfigError,
    NotFoundError,
    PreconditionFailedError,
    UnavailableError,
)
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.locks.writing import pom as writing
from outrider.operators.packages.manifests.pom import with_lock, without_lock
from outrider.operators.packages.maven.poms import Dependency, read_pom
from outrider.operators.packages.operations import lock
from outrider.operators.packages.operations.lock import LockParams
from outrider.operators.packages.tests.maven_poms import bom, dependency, element, fields, parts, path_of, pom
from outrider.operators.packages.tests.maven_projects import LATER, home_of, locked, write_project
from outrider.operators.packages.tests.maven_repository import MavenRepositoryServer, need
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.world import variables


@pytest.fixture
async def repository(tmp_path: Path) -> AsyncIterator[MavenRepositoryServer]:
    async with MavenRepositoryServer(checksums=["sha256"]) as made:
        with variables(home_of(tmp_path / "home", made.url)):
            yield made


def add(repository: MavenRepositoryServer, coordinates: str, *needs: str) -> None:
    """Have a version with its file."""
    repository.add(coordinates, *needs)
    repository.files[path_of(f"g:{coordinates}", "jar")] = coordinates


def shop(*needs: str, managed: tuple[str, ...] = (), content: str = "", parent: str = "") -> str:
    return pom("own:shop:1", parts(needs, managed), content, parent=parent)


def pins(file: Path) -> list[str]:
    """Return what is locked."""
    return [f"{one.name.removeprefix('g:')}:{one.version}" for one in read_lock("pom.xml", file.read_text()).packages]


async def test_all_that_is_needed_is_fixed(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    add(repository, "web:1", "core:[1,2)")
    for version in ("1.0", "1.5", "2.0"):
        add(repository, f"core:{version}")
    add(repository, "tests:1", "deep:[1,2)")
    add(repository, "deep:1.1")
    file = write_project(tmp_path / "shop", shop(need("web:1"), need("tests:[1,2)", scope="test")))
    result = await locked(file)
    assert pins(file) == ["core:1.5", "deep:1.1", "tests:1", "web:1"]
    assert (result.packages, result.form) == (4, "pom.xml")
    checksums = file.parent / ".mvn" / "checksums" / "checksums.sha256"
    assert result.beside == [str(checksums)]
    assert [line.split()[1] for line in checksums.read_text().splitlines()] == [
        f"g/{name}/{version}/{name}-{version}.{kind}"
        for name, version in (("core", "1.5"), ("deep", "1.1"), ("tests", "1"), ("web", "1"))
        for kind in ("jar", "pom")
    ]
    add(repository, "core:1.9")
    before = file.read_text()
    repeated = await locked(file, LATER, keep=True)
    assert (repeated.changes, repeated.beside, file.read_text()) == ([], [], before)


async def test_what_is_kept_and_what_is_not(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    add(repository, "web:1", "core:[1,3)")
    add(repository, "core:1.0")
    file = write_project(tmp_path / "shop", shop(need("web:1"), need("core:[1,2)")))
    await locked(file)
    add(repository, "core:1.5")
    await locked(file, LATER, keep=True)
    assert pins(file) == ["core:1.0", "web:1"]
    await locked(file, LATER)
    assert pins(file) == ["core:1.5", "web:1"]
    file.write_text(file.read_text().replace("1.5", "1.0"))
    file.write_text(file.read_text().replace("[1,2)", "[1.2,2)"))
    result = await locked(file, LATER, keep=True)
    assert [(one.name, one.before, one.after) for one in result.changes] == [("g:core", "1.0", "1.5")]


async def test_a_range_of_the_project_is_said_anew(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    for version in ("1.0", "1.5"):
        add(repository, f"core:{version}")
    add(repository, "web:1", "core:[1.2,2)")
    file = write_project(tmp_path / "shop", shop(need("core:1.0", exclusions=["g:deep"]), need("web:1")))
    await locked(file)
    # Maven passes over the nearer one, which is not in the range.
    assert pins(file) == ["core:1.5", "web:1"]
    said = read_pom(file.read_bytes()).profiles[-1].parts
    assert said.dependencies == [Dependency("g", "core", "1.5", exclusions=(("g", "deep"),))]


async def test_what_is_managed_already_keeps_what_else_is_said(
    repository: MavenRepositoryServer, tmp_path: Path
) -> None:
    add(repository, "web:1", "core:1", "tools:1")
    add(repository, "core:2", "deep:1")
    add(repository, "tools:3")
    repository.add("all:1", managed=[need("core:2", exclusions=["g:deep"])], packaging="pom")
    managed = (bom("g:all:1"), need("tools:[1,)", scope="runtime"))
    file = write_project(tmp_path / "shop", shop(need("web:1"), managed=managed))
    await locked(file)
    assert read_pom(file.read_bytes()).profiles[-1].parts.managed == [
        Dependency("g", "core", "2", exclusions=(("g", "deep"),)),
        Dependency("g", "tools", "3", scope="runtime"),
        Dependency("g", "web", "1"),
    ]


async def test_what_a_range_led_to_and_was_moved(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    moved = element("distributionManagement", element("relocation", fields(artifactId="new")))
    repository.add("old:1", content=moved)
    add(repository, "old:0.5")
    add(repository, "new:1")
    file = write_project(tmp_path / "shop", shop(need("old:[0.5,2)")))
    await locked(file)
    said = read_pom(file.read_bytes()).profiles[-1].parts
    assert [(one.artifact, one.version) for one in said.managed] == [("new", "1"), ("old", "1")]
    assert [(one.artifact, one.version) for one in said.dependencies] == [("old", "1")]
    assert "g/old/1/old-1.pom" in (file.parent / ".mvn" / "checksums" / "checksums.sha256").read_text()


async def test_what_is_chosen_when_maven_resolves_again(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """The first time core 2 is further away, with no exclusions; the second time it is the project's own dependency."""
    add(repository, "web:1", "core:[2,3)")
    add(repository, "core:1")
    add(repository, "core:2", "deep:1")
    add(repository, "deep:1")
    file = write_project(tmp_path / "shop", shop(need("core:1", exclusions=["g:deep"]), need("web:1")))
    result = await locked(file)
    assert (pins(file), result.warnings) == (["core:2", "web:1"], [])


async def test_parents_beside_it_and_in_repositories(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    for name in ("x", "y", "z"):
        for version in ("1", "2"):
            add(repository, f"{name}:{version}")
    repository.add("far:1", "x:[1,)", "y:1", packaging="pom")
    write_project(tmp_path, pom("own:above:1", parts([need("z:[1,2)")]), packaging="pom", parent="g:far:1"))
    (tmp_path / "other").mkdir()
    file = write_project(tmp_path / "shop", shop(need("y:2"), parent="own:above:1"))
    await locked(file)
    assert pins(file) == ["x:2", "y:2", "z:1"]
    # Those that are inherited are all said anew, so that their order stays.
    assert [one.artifact for one in read_pom(file.read_bytes()).profiles[-1].parts.dependencies] == ["z", "x"]
    assert "g/far/1/far-1.pom" in (file.parent / ".mvn" / "checksums" / "checksums.sha256").read_text()
    # What is beside it is not the parent that it names.
    other = write_project(tmp_path / "other", shop(need("y:2"), parent="g:far:1"))
    await locked(other)
    assert pins(other) == ["x:2", "y:2"]


async def test_what_changes_before_a_plan_is_carried_out(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    add(repository, "web:1")
    file = write_project(tmp_path / "shop", shop(need("web:1")))
    params = LockParams(ecosystem="maven", file=str(file))
    change = await lock.plan(params, context(tmp_path))
    checksums = file.parent / ".mvn" / "checksums" / "checksums.sha256"
    assert [one.path for one in change.difference] == [str(file), str(checksums)]
    checksums.parent.mkdir(parents=True)
    checksums.write_text("others")
    with pytest.raises(PreconditionFailedError, match=r"checksums\.sha256"):
        await lock.run(params, context(tmp_path, preconditions=change.preconditions))
    assert "profile" not in file.read_text()


async def test_checksums_are_those_of_the_files_where_none_are_beside_them(tmp_path: Path) -> None:
    async with MavenRepositoryServer() as repository:
        with variables(home_of(tmp_path / "home", repository.url)):
            add(repository, "web:1", "core:1-SNAPSHOT", "none:1")
            add(repository, "core:1-SNAPSHOT")
            repository.add("none:1")
            own = element("repositories", element("repository", fields(id="own", url=repository.url)))
            file = write_project(tmp_path / "shop", shop(need("web:1"), content=own))
            result = await locked(file)
            assert [one.split(" ")[0] for one in result.warnings] == ["g:core", "no"]
            checksums = (file.parent / ".mvn" / "checksums" / "checksums.sha256").read_text()
            assert [line.split("/")[-1] for line in checksums.splitlines()] == ["none-1.pom", "web-1.jar", "web-1.pom"]
            with pytest.raises(UnavailableError, match="checksum"):
                await locked(file, offline=True)


async def test_a_folder_of_settings_further_up(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    add(repository, "web:1")
    (tmp_path / ".mvn").mkdir()
    file = write_project(tmp_path / "shop", shop(need("web:1")))
    result = await locked(file)
    assert (result.beside, len(result.warnings)) == ([], 1)
    assert not (file.parent / ".mvn").exists()


async def test_nothing_is_needed_any_more(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    add(repository, "web:1")
    file = write_project(tmp_path / "shop", shop(need("web:1")))
    await locked(file)
    file.write_text(file.read_text().replace(need("web:1"), "", 1))
    result = await locked(file)
    assert [(one.name, one.after) for one in result.changes] == [("g:web", "")]
    assert "outrider-lock" not in file.read_text()


async def test_what_another_lock_changes_in_what_is_chosen(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """A range rules the nearer core out, which excludes deep; where all versions are fixed it is the nearest."""
    add(repository, "web:1", need("core:1", exclusions=["g:deep"]))
    add(repository, "other:1", "middle:1")
    add(repository, "middle:1", "core:[2,3)")
    add(repository, "core:1")
    add(repository, "core:2", "deep:1")
    add(repository, "deep:1")
    file = write_project(tmp_path / "shop", shop(need("web:1"), need("other:1")))
    result = await locked(file)
    assert pins(file) == ["core:2", "middle:1", "other:1", "web:1"]
    assert result.warnings == ["g:deep 1 (compile) is not chosen with the lock, which fixes all versions"]


def defaults(*, also: str = "") -> str:
    """Return a profile that is active by default and needs something, and perhaps another one."""
    activation = element("activation", element("activeByDefault", "true"))
    return element("profiles", element("profile", fields(id="dev"), activation, parts([need("core:1")])), also)


async def test_a_lock_beside_profiles_by_default(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """It is one of them, for they would not count beside another one, unless another one does already."""
    add(repository, "core:1")
    add(repository, "web:1")
    file = write_project(tmp_path / "shop", shop(need("web:1"), content=defaults()))
    await locked(file)
    assert pins(file) == ["core:1", "web:1"]
    lock = file.read_text().partition("outrider-lock")[2]
    assert "<activeByDefault>true</activeByDefault>" in lock
    assert "mvn -P '!outrider-lock'" in file.read_text()
    on = element("profile", fields(id="on"), element("activation", element("property", fields(name="!off"))))
    file = write_project(tmp_path / "shop", shop(need("web:1"), content=defaults(also=on)))
    await locked(file)
    assert pins(file) == ["web:1"]
    assert "<name>!outrider.unlocked</name>" in file.read_text()


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (pom("own:shop:1", element("modules", element("module", "web")), packaging="pom"), InvalidConfigError, "the module web"),
        (shop(need("web")), InvalidConfigError, "without a version"),
        (shop(need("none:1")), NotFoundError, "none"),
        (shop(need("bad:1")), ConflictError, "none"),
        (shop(managed=(bom("g:none:1"),)), InvalidConfigError, "imports g:none 1"),
        ("<project>", InvalidConfigError, "pom.xml"),
        ("<other/>", InvalidConfigError, "<other> at the top"),
        ("<a:project xmlns:a='a'><a:b/></a:project>", InvalidConfigError, "<a:project> at the top"),
        ("<!DOCTYPE project><project/>", InvalidConfigError, "pom.xml"),
    ],
)  # fmt: skip
async def test_what_is_refused(
    text: str, error: type[Exception], words: str, repository: MavenRepositoryServer, tmp_path: Path
) -> None:
    add(repository, "bad:1", "none:[1,2)")
    file = write_project(tmp_path / "shop", text)
    with pytest.raises(error, match=words):
        await locked(file)
    assert file.read_text() == text


async def test_packages_are_named_by_the_file_alone(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        await locked(tmp_path / "pom.xml")
    file = write_project(tmp_path / "shop", shop())
    with pytest.raises(InvalidConfigError, match="says what is asked for"):
        await locked(file, packages=["g:web:1"])
    assert repository.requests == []


LINES = writing.profile([Dependency("g", "b", "1"), Dependency("g", "a", "1 & 2", type="zip", classifier="x")], [])


@pytest.mark.parametrize(
    "text",
    [
        "<project>\n\t<version>1</version>\n\n</project>\n",
        "<project>\r\n  <version>1</version>\r\n</project>",
        "<?xml version='1.0' encoding='ISO-8859-1'?>\n<project>\n  <!-- profiles é </profiles> -->\n  <a>&lt;</a></project>",
        "<project>\n    <profiles/>\n    <a/>\n</project>",
        "<project>\n    <profiles>\n        <profile><id>a</id></profile>  <!-- last -->\n\n    </profiles>\n    <a/>\n</project>",
        "<project><profiles></profiles></project>",
    ],
)
def test_all_else_stays_to_the_byte(text: str) -> None:
    made = with_lock(text, LINES)
    head = made.index("<profile>\n") if "\r\n" not in made else made.index("<profile>\r\n")
    start, end = made[:head].rstrip(), made[made.index("</profile>", made.index("outrider-lock")) + len("</profile>") :]
    assert text.startswith(start.removesuffix("<profiles>").rstrip())
    assert text.endswith(end.partition("</profiles>")[2].lstrip())
    assert with_lock(without_lock(made), LINES) == made
    assert ("\r\n" in text) == ("\r\n" in made)
    assert [one.artifact for one in read_pom(made.encode()).profiles[-1].parts.managed] == ["a", "b"]


def test_how_it_is_written() -> None:
    text = "<project>\n    <profiles>\n        <profile><id>a</id></profile>\n    </profiles>\n</project>\n"
    made = with_lock(text, LINES)
    assert without_lock(made) == text
    assert made.splitlines()[4:6] == ["            " + LINES[1][1], "            <id>outrider-lock</id>"]
    assert "<version>1 &amp; 2</version><type>zip</type><classifier>x</classifier>" in made


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="<>&-"), max_size=8)
BLANKS = st.text(st.sampled_from(" \t\n"), max_size=4)


@settings(max_examples=40, deadline=None)
@given(BLANKS, BLANKS, WORDS, st.booleans())
def test_any_file_stays_as_it_is(one: str, two: str, words: str, with_profiles: bool) -> None:
    profiles = f"<profiles>{one}<profile/>{two}</profiles>" if with_profiles else ""
    text = f"<project>{one}<!--{words}--><a>{words}</a>{two}{profiles}{one}</project>{two}"
    made = with_lock(text, LINES)
    if with_profiles and "\n" in two:
        assert without_lock(made) == text
    assert with_lock(without_lock(made), LINES) == made
    assert len(read_lock("pom.xml", made).packages) == 2


def test_a_lock_is_read_without_what_is_elsewhere() -> None:
    managed = [Dependency("g", "web", "1.5"), Dependency("g", "core", "2"), Dependency("g", "late", "3", scope="test")]
    text = shop(need("web:[1,2)"), need("late"), need("new:1"), managed=(bom("g:all:1"),), parent="g:far:1")
    made = with_lock(text, writing.profile(managed, [Dependency("g", "web", "1.5")]))
    found = read_lock("pom.xml", made)
    assert [(one.name, one.version, one.development) for one in found.packages] == [
        ("g:core", "2", False), ("g:late", "3", True), ("g:new", "1", False), ("g:web", "1.5", False)
    ]  # fmt: skip
    assert found.unreadable == ()
    assert len(read_lock("pom.xml", without_lock(made)).unreadable) == 4
    assert dependency("g:a:1") in shop(dependency("g:a:1"))
