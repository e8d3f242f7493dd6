"""Vulnerable packages of several POMs on one machine are replaced where a user of Maven would do it: in a parent, in a BOM, once for all."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.operations.fix import FixResult
from outrider.operators.packages.tests.maven_projects import (
    asks,
    bad,
    cores,
    fixed,
    locked,
    managing,
    named,
    shop,
    write_project,
)
from outrider.operators.packages.tests.maven_repository import MavenRepositoryServer
from outrider.operators.packages.tests.test_audit import imported
from outrider.operators.packages.tests.test_updating import drafted

CORE = bad("X-1", "g:core", ("introduced", "0"), ("fixed", "1.2"))
PARENT = "\n  <parent><groupId>own</groupId><artifactId>all</artifactId><version>1</version></parent>"
PROPERTY = "\n  <properties>\n    <core.version>{}</core.version>\n  </properties>"


@pytest.fixture
async def repository(tmp_path: Path) -> AsyncIterator[MavenRepositoryServer]:
    async with cores(tmp_path) as made:
        await imported(tmp_path, CORE)
        yield made


def modules(*names: str) -> str:
    """Return what a project says of its modules."""
    listed = "".join(f"<module>{name}</module>" for name in names)
    return f"\n  <packaging>pom</packaging>\n  <modules>{listed}</modules>"


def write_build(folder: Path, top: str, **texts: str) -> Path:
    """Write a project, and its modules below it, and return the first file."""
    for name, text in texts.items():
        write_project(folder / name, named(name, text))
    return write_project(folder, named("all", top))


def texts_of(folder: Path) -> dict[str, str]:
    """Return what is in all POMs of a build, by the names of their folders; empty for the first one."""
    return {path.parent.name if path.parent != folder else "": path.read_text() for path in folder.rglob("pom.xml")}


def said(result: FixResult, folder: Path) -> dict[tuple[str, str], str]:
    """Return what files say anew, by file and name."""
    return {
        (str(Path(one.file).relative_to(folder)), one.name): one.after for each in result.files for one in each.manifest
    }


WAYS = {
    "what a parent asks for": (
        shop(asks("core", "1.0"), head=modules("app")), shop(asks("web", "1"), head=PARENT), ("", "g:core", "<version>1.0</version>"),
    ),
    "what a parent manages": (
        shop(head=modules("app"), managed=managing(asks("core", "1.1"))), shop(asks("web", "1"), head=PARENT), ("", "g:core", "<version>1.1</version>"),
    ),
    "a property of a parent": (
        shop(head=modules("app") + PROPERTY.format("1.0")), shop(asks("core", "${core.version}"), head=PARENT), ("", "${core.version}", ">1.0<"),
    ),
    "a property of a module that its parent asks for": (
        shop(asks("core", "${core.version}"), head=modules("app")), shop(asks("web", "1"), head=PARENT + PROPERTY.format("1.0")), ("app", "${core.version}", ">1.0<"),
    ),
    "what a module asks for": (
        shop(head=modules("app")), shop(asks("core", "1.0"), head=PARENT), ("app", "g:core", "<version>1.0</version>"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("named_file", ["pom.xml", "app/pom.xml"])
async def test_where_it_is_raised(way: str, named_file: str, repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """Whether the build is named, or one of its modules."""
    del repository
    top, app, (place, name, before) = WAYS[way]
    if "of a module that" in way:
        top = top.replace("<modules>", "<modules><!-- app sets it -->").replace(asks("core", "${core.version}"), asks("core", "${core.version}", ""))  # fmt: skip
        top = top.replace("  <modules>", PROPERTY.format("1.3").strip("\n") + "\n  <modules>")
    folder = tmp_path / "all"
    write_build(folder, top, app=app)
    old = texts_of(folder)
    result = await fixed(folder / named_file)
    assert result.unfixed == 0
    file = "pom.xml" if not place else f"{place}/pom.xml"
    assert said(result, folder) == {(file, name): "1.2"}
    expected = {**old, place: old[place].replace(before, before.replace("1.0", "1.2").replace("1.1", "1.2"))}
    assert texts_of(folder) == expected
    assert result.written == [str(folder / file)]
    assert (await fixed(folder / named_file)).written == []


async def test_what_nobody_manages_is_managed_once(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """Where something is managed already, else at the top."""
    del repository
    app, folder = shop(asks("web", "1"), head=PARENT), tmp_path / "all"
    top = shop(head=modules("app", "site", "other"))
    write_build(folder, top, app=app, site=app, other=shop(head=PARENT))
    result = await fixed(folder)
    entry = managing(asks("core", "1.2"))
    assert (folder / "pom.xml").read_text() == named("all", shop(head=modules("app", "site", "other"), managed=entry))
    assert [(Path(one.file).parent.name, len(one.fixed)) for one in result.files] == [
        ("all", 0), ("app", 1), ("site", 1), ("other", 0)
    ]  # fmt: skip
    assert (folder / "app" / "pom.xml").read_text() == named("app", app)
    app = shop(asks("web", "1"), head=PARENT, managed=managing(asks("more", "1")))
    write_build(folder, top, app=app, site=shop(head=PARENT), other=shop(head=PARENT))
    assert said(await fixed(folder), folder) == {("app/pom.xml", "g:core"): "1.2"}


async def test_a_bom_of_the_build(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """It is raised there, also by a property of it, and through another one; of one that does not count nothing is."""
    del repository
    imports = "\n      <type>pom</type>\n      <scope>import</scope>"

    def importing(name: str) -> str:
        entry = asks(name, "${project.version}", imports).replace("<groupId>g<", "<groupId>${project.groupId}<")
        return managing(entry)

    bom = shop(
        head="\n  <packaging>pom</packaging>" + PROPERTY.format("1.0"),
        managed=managing(asks("core", "${core.version}")),
    )
    other = shop(head="\n  <packaging>pom</packaging>", managed=importing("bom"))
    folder = tmp_path / "all"
    for name in ("bom", "further"):
        write_build(
            folder, shop(head=modules("app", "bom", "further")), bom=bom, further=other,
            app=shop(asks("core"), head=PARENT, managed=importing(name)),
        )  # fmt: skip
        for file in ("app/pom.xml", "pom.xml"):
            (folder / "bom" / "pom.xml").write_text(named("bom", bom))
            assert said(await fixed(folder / file), folder) == {("bom/pom.xml", "${core.version}"): "1.2"}
    own = managing(asks("core", "1.1")).replace("\n    </dependencies>", importing("bom").partition("<dependencies>")[2].partition("\n    </dep")[0] + "\n    </dependencies>")  # fmt: skip
    write_build(folder, shop(head=modules("app", "bom")), bom=bom, app=shop(asks("core"), head=PARENT, managed=own))
    assert said(await fixed(folder / "app" / "pom.xml"), folder) == {("app/pom.xml", "g:core"): "1.2"}


async def test_a_place_that_would_not_do_for_others(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """A module that cannot go along has what it had, and who was vulnerable says the version itself."""
    repository.add("other:1.0")
    repository.add("strict:1", "core:[1.0,1.1]")
    folder = tmp_path / "all"
    top = shop(head=modules("app", "site") + PROPERTY.format("1.0"))
    app = shop(asks("core", "${core.version}"), head=PARENT)
    # No repository has what the other needs in that version.
    write_build(folder, top, app=app, site=shop(asks("other", "${core.version}"), head=PARENT))
    assert said(await fixed(folder / "app" / "pom.xml"), folder) == {("app/pom.xml", "g:core"): "1.2"}
    assert (folder / "pom.xml").read_text() == named("all", top)
    # What the other needs does not go with it.
    top = shop(head=modules("app", "site"), managed=managing(asks("core", "1.1")))
    app, site = (shop(asks(name, "1"), head=PARENT) for name in ("web", "strict"))
    for file, unfixed in (("app/pom.xml", 0), ("pom.xml", 1)):
        write_build(folder, top, app=app, site=site)
        result = await fixed(folder / file)
        assert said(result, folder) == {("app/pom.xml", "g:core"): "1.2"}
        assert result.unfixed == unfixed
    [left] = [one for each in result.files for one in each.unfixed]
    assert left.reasons == ["g:strict 1 needs g:core [1.0,1.1], and 1.2 is not in that."]


async def test_what_would_come_into_another_module(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    repository.add("lib:1.0")
    repository.add("lib:1.2", "hopeless:1")
    repository.add("hopeless:1")
    await imported(tmp_path, CORE, bad("X-2", "g:hopeless"))
    top = shop(head=modules("app", "site") + PROPERTY.format("1.0"))
    app, site = (shop(asks(name, "${core.version}"), head=PARENT) for name in ("core", "lib"))
    folder = tmp_path / "all"
    write_build(folder, top, app=app, site=site)
    result = await fixed(folder / "app" / "pom.xml")
    assert said(result, folder) == {("app/pom.xml", "g:core"): "1.2"}
    assert result.unfixed == 0


async def test_what_changes_in_modules_that_nobody_asked_about_is_told(
    repository: MavenRepositoryServer, tmp_path: Path
) -> None:
    del repository
    top = shop(head=modules("app", "site"), managed=managing(asks("core", "1.1")))
    app, folder = shop(asks("web", "1"), head=PARENT), tmp_path / "all"
    write_build(folder, top, app=app, site=app)
    [one] = (await fixed(folder / "app" / "pom.xml")).files
    site = folder / "site" / "pom.xml"
    assert one.warnings == [f"{site}: g:core 1.1 becomes 1.2 with what it has from other files"]


async def test_one_module_that_cannot_be_fixed_keeps_no_other_from_it(
    repository: MavenRepositoryServer, tmp_path: Path
) -> None:
    """Nor one that cannot be resolved."""
    repository.add("strict:1", "core:[1.0,1.1]")
    folder = tmp_path / "all"
    site = shop(asks("strict", "1"), head=PARENT)
    lost = shop(asks("nowhere", "1"), head=PARENT)
    app = shop(asks("core", "1.0"), head=PARENT)
    write_build(folder, shop(head=modules("app", "site", "lost")), app=app, site=site, lost=lost)
    result = await fixed(folder)
    assert said(result, folder) == {("app/pom.xml", "g:core"): "1.2"}
    [left] = [(one.file, each.reasons) for one in result.files for each in one.unfixed]
    assert left == (str(folder / "site" / "pom.xml"), ["g:strict 1 needs g:core [1.0,1.1], and 1.2 is not in that."])
    assert [f"{folder}/lost/pom.xml: " in one for one in result.unread] == [True, False]
    assert (result.fixed, result.unfixed) == (1, 1)


async def test_nothing_is_lowered_elsewhere(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """What nobody manages is managed for one module alone where another has it newer already, or another edition of it."""
    repository.add("far:1", "core:2.0")
    for edition in ("jre", "android"):
        for version in ("1.0", "1.2"):
            repository.add(f"guava:{version}-{edition}")
        repository.add(f"for-{edition}:1", f"guava:1.0-{edition}")
    top, folder = shop(head=modules("app", "site")), tmp_path / "all"
    for file in ("pom.xml", "app/pom.xml"):
        write_build(folder, top, app=shop(asks("web", "1"), head=PARENT), site=shop(asks("far", "1"), head=PARENT))
        assert said(await fixed(folder / file), folder) == {("app/pom.xml", "g:core"): "1.2"}
    await imported(tmp_path, bad("X-2", "g:guava", ("introduced", "0"), ("fixed", "1.2-android")))
    both = {
        name: shop(asks(f"for-{edition}", "1"), head=PARENT) for name, edition in (("app", "jre"), ("site", "android"))
    }
    write_build(folder, top, **both)
    assert said(await fixed(folder), folder) == {
        ("app/pom.xml", "g:guava"): "1.2-jre", ("site/pom.xml", "g:guava"): "1.2-android"
    }  # fmt: skip


async def test_a_build_within_a_build(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """And one below a parent that lists nothing: whose that is nobody knows, and it is left as it is."""
    folder, lib = tmp_path / "all", shop(asks("core", "${core.version}"), head=PARENT)
    mid = PARENT.replace(">all<", ">mid<")
    own = asks("lib", "1").replace("<groupId>g<", "<groupId>own<")
    top = shop(head=modules("lib", "mid") + PROPERTY.format("1.0"))
    write_build(folder, top, lib=lib, mid=shop(head=PARENT + modules("app")))
    write_project(folder / "mid" / "app", named("app", shop(own, head=mid)))
    result = await fixed(folder / "mid" / "pom.xml")
    assert (said(result, folder), result.unfixed, result.unread) == ({("pom.xml", "g:core"): "1.2"}, 0, [])
    corp = named(
        "corp",
        shop(head="\n  <packaging>pom</packaging>" + PROPERTY.format("1.0"), managed=managing(asks("core", "1.1"))),
    )
    write_project(tmp_path / "corp", corp)
    above = PARENT.replace(">all<", ">corp<").replace("</version>", "</version><relativePath>../corp</relativePath>")
    app = shop(own, asks("web", "1"), head=PARENT)
    for file in ("pom.xml", "app/pom.xml"):
        write_build(folder, shop(head=above + modules("app", "lib")), app=app, lib=lib)
        result = await fixed(folder / file)
        assert (result.unfixed, result.unread) == (0, [])
        assert (tmp_path / "corp" / "pom.xml").read_text() == corp


async def test_who_needs_what_is_raised_is_looked_at_too(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    repository.add("lib:1.0")
    repository.add("lib:1.2", "gone:2")
    repository.add("gone:2")
    of_lib = bad("X-2", "g:lib", ("introduced", "0"), ("fixed", "1.2"))
    own = asks("app", "1").replace("<groupId>g<", "<groupId>own<")
    folder = tmp_path / "all"
    await imported(tmp_path, of_lib)
    top = shop(head=modules("app", "site"))
    app = shop(asks("lib", "1.0"), head=PARENT)
    write_build(folder, top, app=app, site=shop(own, head=PARENT))
    [one] = (await fixed(folder / "app" / "pom.xml")).files
    assert any("site/pom.xml: g:lib 1.0 becomes 1.2" in each for each in one.warnings)
    write_build(folder, top, app=app, site=shop(own, head=PARENT, managed=managing(asks("gone", "9"))))
    [left] = (await fixed(folder / "app" / "pom.xml")).files[0].unfixed
    assert left.reasons[-1] == f"That is so of {folder / 'site' / 'pom.xml'}."


async def test_a_lock_that_is_older_than_its_file(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    repository.add("far:1")
    repository.files |= {path.replace(".pom", ".jar"): path for path in [*repository.files]}
    file = write_project(tmp_path / "shop", shop(asks("far", "1")))
    await locked(file)
    text = file.read_text().replace(asks("far", "1"), asks("far", "1") + asks("web", "1"), 1)
    file.write_text(text)
    assert (await fixed(file)).fixed == 1
    assert "<artifactId>core</artifactId><version>1.2<" in file.read_text()


async def test_the_first_of_twins_that_counts(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    del repository
    entries = managing(asks("core", "1.0"), asks("core", "1.3"))
    file = write_project(tmp_path / "shop", shop(asks("core"), managed=entries))
    assert (await fixed(file)).fixed == 1
    assert file.read_text() == shop(asks("core"), managed=managing(asks("core", "1.2"), asks("core", "1.3")))


async def test_a_module_with_a_lock_that_cannot_be_resolved_any_more(
    repository: MavenRepositoryServer, tmp_path: Path
) -> None:
    """It keeps its lock and its checksums, and no other one from a fix."""
    repository.add("gone:1")
    repository.files |= {path.replace(".pom", ".jar"): path for path in [*repository.files]}
    folder = tmp_path / "all"
    app, lost = shop(asks("core", "1.0"), head=PARENT), shop(asks("gone", "1"), head=PARENT)
    await locked(write_build(folder, shop(head=modules("app", "lost")), app=app, lost=lost))
    repository.files = {path: content for path, content in repository.files.items() if "gone" not in path}
    shutil.rmtree(tmp_path / "home" / "cache")
    await imported(tmp_path, CORE)
    before = texts_of(folder)["lost"]
    for file in ("pom.xml", "app/pom.xml"):
        result = await fixed(folder / file)
        assert (result.fixed, result.unfixed) == (int(file == "pom.xml"), 0)
    assert texts_of(folder)["lost"] == before
    checksums = (folder / ".mvn" / "checksums" / "checksums.sha256").read_text()
    assert [name in checksums for name in ("core-1.2.jar", "core-1.0.jar", "gone-1.jar")] == [True, True, True]


async def test_siblings_are_no_packages(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """And what they need in turn is raised where they say it."""
    repository.add("unused:1")
    await imported(tmp_path, CORE, bad("X-2", "own:lib"))
    lib = shop(asks("core", "1.0"), head=PARENT)
    app = shop(asks("lib", "1").replace("<groupId>g<", "<groupId>own<"), head=PARENT)
    folder = tmp_path / "all"
    write_build(folder, shop(head=modules("app", "lib")), app=app, lib=lib)
    result = await fixed(folder)
    assert said(result, folder) == {("lib/pom.xml", "g:core"): "1.2"}
    assert (result.fixed, result.unfixed) == (2, 0)


@pytest.mark.parametrize("file", ["pom.xml", "app/pom.xml"])
async def test_a_build_with_locks(file: str, repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """All that follow are locked anew, and the checksums of all are beside the first; ranges keep what was locked."""
    repository.add("far:1.0")
    top = shop(head=modules("app", "site") + PROPERTY.format("1.0"))
    app = shop(asks("core", "${core.version}"), head=PARENT)
    site = shop(asks("far", "[1.0,2.0)"), asks("web", "1"), head=PARENT)
    folder = tmp_path / "all"
    await locked(write_build(folder, top, app=app, site=site))
    repository.add("far:1.5")
    repository.files |= {path.replace(".pom", ".jar"): path for path in [*repository.files]}
    shutil.rmtree(tmp_path / "home" / "cache")
    await imported(tmp_path, CORE)
    result = await fixed(folder / file)
    found = texts_of(folder)
    assert "<core.version>1.2<" in found[""]
    assert "<artifactId>core</artifactId><version>1.2<" in found["app"]
    assert ("<artifactId>core</artifactId><version>1.2<" in found["site"]) == (file == "pom.xml")
    assert "<artifactId>far</artifactId><version>1.0<" in found["site"]
    checksums = (folder / ".mvn" / "checksums" / "checksums.sha256").read_text()
    assert ("core-1.2.jar" in checksums, "far-1.0.jar" in checksums, "far-1.5.jar" in checksums) == (True, True, False)
    assert ("core-1.0.jar" in checksums) == (file != "pom.xml")
    assert result.unfixed == 0
    assert (await fixed(folder / file)).written == []


async def test_modules_that_were_locked_one_by_one(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """Each has its own checksums, and keeps them."""
    folder = tmp_path / "all"
    top = shop(head=modules("app", "site") + PROPERTY.format("1.0"))
    app = shop(asks("core", "${core.version}"), head=PARENT)
    write_build(folder, top, app=app, site=shop(asks("web", "1"), head=PARENT))
    for name in ("app", "site"):
        await locked(folder / name / "pom.xml")
    assert (await fixed(folder)).unfixed == 0
    for name, others in (("app", []), ("site", ["web-1.jar"])):
        text = (folder / name / ".mvn" / "checksums" / "checksums.sha256").read_text()
        paths = [line.split()[1].rpartition("/")[2] for line in text.splitlines()]
        assert [one for one in paths if one.endswith(".jar")] == ["core-1.2.jar", *others]
    assert not (folder / ".mvn").exists()
    assert "outrider-lock" not in (folder / "pom.xml").read_text()


async def test_the_poms_of_a_folder(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """A build is fixed once, whichever of its files come first; what cannot be resolved, nobody has looked at."""
    del repository
    folder = tmp_path / "here"
    up = PARENT.replace("</version>", "</version><relativePath>../top</relativePath>")
    write_project(folder / "top", named("all", shop(asks("core", "1.0"), head=modules("../app", "../web"))))
    for name in ("app", "web"):
        write_project(folder / name, named(name, shop(asks("web", "1"), head=up)))
    write_project(folder / "other", named("other", shop(asks("core", "1.0"))))
    write_project(folder / "lost", named("lost", shop(asks("nowhere", "1"))))
    result = await fixed(folder)
    assert [Path(one.file).parent.name for one in result.files] == ["app", "other", "top", "web"]
    assert said(result, folder) == {("top/pom.xml", "g:core"): "1.2", ("other/pom.xml", "g:core"): "1.2"}
    assert sorted(result.written) == [str(folder / name / "pom.xml") for name in ("other", "top")]
    assert ["nowhere" in one for one in result.unread] == [True]


async def test_what_is_refused(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    del repository
    folder = tmp_path / "all"
    write_build(folder, shop(head=modules("app")), app=shop(asks("core", "1.0"), head=PARENT))
    (folder / "app" / "pom.xml").write_text("<project>")
    with pytest.raises(InvalidConfigError, match=r"app/pom\.xml: the project cannot be read"):
        await fixed(folder / "pom.xml")
    active = "<activation><property><name>!off</name></property></activation>"
    tail = f"\n  <profiles><profile><id>on</id>{active}<properties><core.version>1.1</core.version></properties></profile></profiles>"
    write_build(
        folder, shop(head=modules("app") + PROPERTY.format("1.0"), tail=tail), app=shop(asks("core", "${core.version}"), head=PARENT)
    )  # fmt: skip
    result = await fixed(folder / "app" / "pom.xml")
    [left] = result.files[0].unfixed
    file = folder / "pom.xml"
    assert left.reasons == [f"The profile on of {file} says ${{core.version}}, and profiles are not changed."]


async def test_newer_versions_are_proposed_for_a_build(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    repository.add("far:1.0")
    repository.add("far:1.5")
    top = shop(head=modules("app", "site") + PROPERTY.format("1.0"), managed=managing(asks("far", "1.0")))
    app = shop(asks("core", "${core.version}"), asks("far"), head=PARENT)
    write_build(tmp_path / "shop", top, app=app, site=app)
    draft = await drafted(tmp_path, ranges="raise")
    new = (
        named("all", top).replace("<core.version>1.0<", "<core.version>1.3<").replace("<version>1.0<", "<version>1.5<")
    )
    assert draft.texts == {"pom.xml": new}
    changes = {(one.file, each.name): each.after for one in draft.told for each in one.changes}
    assert changes == {(f"{name}/pom.xml", f"g:{one}"): version for name in ("app", "site") for one, version in (("core", "1.3"), ("far", "1.5"))}  # fmt: skip
    assert [(one.file, each.name, each.after) for one in draft.told for each in one.manifest] == [
        ("pom.xml", "${core.version}", "1.3"), ("pom.xml", "g:far", "1.5")
    ]  # fmt: skip
