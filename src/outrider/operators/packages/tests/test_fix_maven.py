"""Vulnerable packages of a pom.xml are replaced where a user of Maven would do it, and all else stays to the byte."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import (
    ConflictError,
    InvalidConfigError,
    NotFoundError,
    PreconditionFailedError,
    UnsupportedError,
)
from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.fixing.results import FixedFile, Vulnerable
from outrider.operators.packages.operations import fix
from outrider.operators.packages.operations.fix import OPERATION
from outrider.operators.packages.tests.maven_projects import (
    asks,
    bad,
    cores,
    fixed,
    locked,
    managing,
    shop,
    write_project,
)
from outrider.operators.packages.tests.maven_repository import MavenRepositoryServer, need
from outrider.operators.packages.tests.test_audit import context, imported
from outrider.operators.packages.tests.test_updating import drafted
from outrider.operators.packages.tests.world import variables
from outrider.operators.packages.updating.notes import notes_of

CORE = bad("X-1", "g:core", ("introduced", "0"), ("fixed", "1.2"))


@pytest.fixture
async def repository(tmp_path: Path) -> AsyncIterator[MavenRepositoryServer]:
    async with cores(tmp_path) as made:
        yield made


PROPERTY = "\n  <properties>\n    <core.version>{}</core.version>\n    <same>${{core.version}}</same>\n  </properties>"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (shop(asks("core", "1.0")), shop(asks("core", "1.2")), ("g:core", "1.0")),
        (shop(asks("core", "\n  1.0 ")), shop(asks("core", "\n  1.2 ")), ("g:core", "1.0")),
        (shop(asks("core", "${core.version}"), head=PROPERTY.format("1.0")), shop(asks("core", "${core.version}"), head=PROPERTY.format("1.2")), ("${core.version}", "1.0")),
        (shop(asks("core", "${same}"), head=PROPERTY.format("1.1")), shop(asks("core", "${same}"), head=PROPERTY.format("1.2")), ("${core.version}", "1.1")),
        (shop(asks("core", "1.${project.version}")), shop(asks("core", "1.2")), ("g:core", "1.${project.version}")),
        (shop(asks("core"), managed=managing(asks("core", "1.0"))), shop(asks("core"), managed=managing(asks("core", "1.2"))), ("g:core", "1.0")),
        (shop(asks("web", "1"), managed=managing(asks("core", "1.1"))), shop(asks("web", "1"), managed=managing(asks("core", "1.2"))), ("g:core", "1.1")),
        (shop(asks("web", "1")), shop(asks("web", "1"), managed=managing(asks("core", "1.2"))), ("g:core", "")),
        (shop(asks("web", "1"), managed=managing(asks("more", "1"))), shop(asks("web", "1"), managed=managing(asks("more", "1"), asks("core", "1.2"))), ("g:core", "")),
        (shop(asks("core", "1.0"), asks("core", "1.1")), shop(asks("core", "1.0"), asks("core", "1.2")), ("g:core", "1.1")),
        (shop(asks("core", "1.0")).replace("\n", "\r\n"), shop(asks("core", "1.2")).replace("\n", "\r\n"), ("g:core", "1.0")),
        (shop(asks("web", "1")).replace("\n", "\r\n"), shop(asks("web", "1"), managed=managing(asks("core", "1.2"))).replace("\n", "\r\n"), ("g:core", "")),
    ],
)  # fmt: skip
async def test_where_it_is_raised(
    before: str, after: str, told: tuple[str, str], repository: MavenRepositoryServer, tmp_path: Path
) -> None:
    del repository
    await imported(tmp_path, CORE)
    file = tmp_path / "shop" / "pom.xml"
    file.parent.mkdir()
    file.write_bytes(before.encode())
    result = await fixed(file)
    assert file.read_bytes().decode() == after
    [one] = result.files
    assert [(each.name, each.before, each.after) for each in one.manifest] == [(*told, "1.2")]
    assert [(each.name, each.before[:2], each.after, each.why) for each in one.changes] == [
        ("g:core", "1.", "1.2", "X-1")
    ]
    assert (result.fixed, result.unfixed, result.written) == (1, 0, [str(file)])
    assert (await fixed(file)).written == []


async def told(file: Path, text: str, **params: bool) -> FixedFile:
    """Fix a project, and return what is told of it."""
    result = await fixed(write_project(file.parent, text), **params)
    return result.files[0]


async def stuck(folder: Path, text: str, *records: dict[str, Any], **params: bool) -> Vulnerable:
    """Return what is told of the only one that is vulnerable and stays so; nothing is written."""
    await imported(folder, *(records or (CORE,)))
    one = await told(folder / "shop" / "pom.xml", text, **params)
    assert (folder / "shop" / "pom.xml").read_text() == text
    [left] = one.unfixed
    assert (one.changes, one.manifest, one.fixed) == ([], [], [])
    return left


async def raised(folder: Path, text: str, *records: dict[str, Any], **params: bool) -> dict[str, str]:
    """Return what the file says after a fix that leaves nothing."""
    await imported(folder, *(records or (CORE,)))
    one = await told(folder / "shop" / "pom.xml", text, **params)
    assert one.unfixed == []
    return {each.name: each.after for each in one.manifest}


async def test_an_entry_of_the_project_counts_before_a_bom_and_a_parent(
    repository: MavenRepositoryServer, tmp_path: Path
) -> None:
    """What they say of the artifact beside its version stays so."""
    of_bom = need("core:1.0", scope="runtime", exclusions=["g:web"])
    repository.add("bom:1", managed=[of_bom], packaging="pom")
    repository.add("above:1", managed=[need("core:1.1")], packaging="pom")
    imports = managing(asks("bom", "1", "\n      <type>pom</type>\n      <scope>import</scope>"))
    parent = (
        "\n  <parent><groupId>g</groupId><artifactId>above</artifactId><version>1</version><relativePath/></parent>"
    )
    file = tmp_path / "shop" / "pom.xml"
    assert await raised(tmp_path, shop(asks("core"), managed=imports)) == {"g:core": "1.2"}
    exclusion = "<exclusion><groupId>g</groupId><artifactId>web</artifactId></exclusion>"
    more = f"\n      <scope>runtime</scope>\n      <exclusions>{exclusion}</exclusions>"
    entries = imports.replace("\n    </dependencies>", managing(asks("core", "1.2", more)).partition("<dependencies>")[2].partition("\n    </dep")[0] + "\n    </dependencies>")  # fmt: skip
    assert file.read_text() == shop(asks("core"), managed=entries)
    for needs in (asks("core"), asks("web", "1")):
        assert await raised(tmp_path, shop(needs, head=parent)) == {"g:core": "1.2"}
        assert file.read_text() == shop(needs, head=parent, managed=managing(asks("core", "1.2")))


async def test_what_a_parent_of_a_repository_says_is_left_to_that(
    repository: MavenRepositoryServer, tmp_path: Path
) -> None:
    repository.add("asking:1", "core:1.0", packaging="pom")
    parent = "\n  <parent><groupId>g</groupId><artifactId>asking</artifactId><version>1</version></parent>"
    left = await stuck(tmp_path, shop(asks("web", "1"), head=parent))
    assert left.reasons == [
        "The parent g:asking, or one above that, asks for g:core with a version of its own, and is not changed here: change it there."
    ]  # fmt: skip


async def test_what_a_profile_says_is_left(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    del repository
    active = "<activation><property><name>!off</name></property></activation>"
    said = (
        f"<dependencies>{asks('core', '1.0')}</dependencies>",
        f"<dependencyManagement><dependencies>{asks('core', '1.1')}</dependencies></dependencyManagement>",
        "<properties><core.version>1.1</core.version></properties>",
    )
    head = PROPERTY.format("1.0")
    for content, needs in zip(said, (asks("web", "1"), asks("web", "1"), asks("core", "${core.version}")), strict=True):
        tail = f"\n  <profiles><profile><id>on</id>{active}{content}</profile></profiles>"
        left = await stuck(tmp_path, shop(needs, head=head, tail=tail))
        assert "The profile on of pom.xml says" in left.reasons[0]


async def test_a_range_that_allows_a_fix_changes_with_the_lock_alone(
    repository: MavenRepositoryServer, tmp_path: Path
) -> None:
    """And without a lock Maven takes the newest, which is none."""
    file = write_project(tmp_path / "shop", shop(asks("core", "[1.0,1.1]"), asks("web", "1")))
    await locked(file)
    await imported(tmp_path, bad("X-1", "g:core", ("introduced", "1.1"), ("fixed", "1.2")))
    before = file.read_text().replace("[1.0,1.1]", "[1.0,2.0)")
    file.write_text(before)
    checksums = file.parent / ".mvn" / "checksums" / "checksums.sha256"
    old = checksums.read_text()
    result = await fixed(file)
    assert file.read_text() == before.replace("<version>1.1<", "<version>1.2<")
    assert result.files[0].manifest == []
    assert sorted(result.written) == sorted([str(file), str(checksums)])
    assert "core-1.2.jar" in checksums.read_text()
    assert [line for line in old.splitlines() if "/web/" in line] == [
        line for line in checksums.read_text().splitlines() if "/web/" in line
    ]
    checksums.unlink()
    file.write_text(before)
    assert (await fixed(file)).written == [str(file)]
    assert not checksums.exists()


async def test_a_range_that_allows_none(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    del repository
    file, text = tmp_path / "shop" / "pom.xml", shop(asks("core", "[1.0,1.1]"))
    left = await stuck(tmp_path, text)
    assert left.reasons == ["pom.xml asks for g:core [1.0,1.1], and 1.2 is not chosen of that."]
    assert [(one.name, one.before, one.after) for one in left.remedies] == [("g:core", "[1.0,1.1]", "1.2")]
    assert await raised(tmp_path, text, manifest=True) == {"g:core": "1.2"}
    assert file.read_text() == shop(asks("core", "1.2"))


async def test_a_range_further_down(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    repository.add("strict:1", "core:[1.0,1.1]")
    for needs in ((asks("strict", "1"),), (asks("core", "1.0"), asks("strict", "1"))):
        left = await stuck(tmp_path, shop(*needs), manifest=True)
        assert left.reasons == ["g:strict 1 needs g:core [1.0,1.1], and 1.2 is not in that."]
        assert left.remedies == []
    # Whoever goes against it already goes on to do so.
    text = shop(asks("strict", "1"), managed=managing(asks("core", "1.3")))
    of_later = bad("X-2", "g:core", ("introduced", "1.3"), ("fixed", "2.0"))
    assert await raised(tmp_path, text, of_later) == {"g:core": "2.0"}


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([("introduced", "0")], "No version of g:core is known that is not vulnerable."),
        ([("introduced", "0"), ("fixed", "2.1")], "No repository has g:core 2.1, or a later version that is not vulnerable."),
    ],
)  # fmt: skip
async def test_a_fix_that_nobody_has(
    events: list[tuple[str, str]], reason: str, repository: MavenRepositoryServer, tmp_path: Path
) -> None:
    del repository
    left = await stuck(tmp_path, shop(asks("web", "1")), bad("X-1", "g:core", *events))
    assert left.reasons == [reason]


async def test_a_property_of_several(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """It is raised for all of them, unless one of these has no such version."""
    for version in ("1.0", "1.2"):
        repository.add(f"more:{version}")
    repository.add("less:1.0")
    head, file = PROPERTY.format("1.0").replace("<same>${core.version}</same>", ""), tmp_path / "shop" / "pom.xml"
    text = shop(asks("core", "${core.version}"), asks("more", "${core.version}"), head=head)
    await imported(tmp_path, CORE)
    one = await told(file, text)
    assert one.warnings == ["${core.version} becomes 1.2 for all that have it: g:core, g:more"]
    assert {each.name: each.after for each in one.changes} == {"g:core": "1.2", "g:more": "1.2"}
    assert file.read_text() == text.replace(">1.0<", ">1.2<")
    # Two that are vulnerable raise it once, to what does for both.
    of_more = bad("X-2", "g:more", ("introduced", "0"), ("fixed", "10.4"))
    repository.add("more:10.4")
    repository.add("core:10.4")
    assert await raised(tmp_path, text, CORE, of_more) == {"${core.version}": "10.4"}
    assert file.read_text() == text.replace(">1.0<", ">10.4<")
    await imported(tmp_path, CORE)
    text = shop(asks("core", "${core.version}"), asks("less", "${core.version}"), head=head)
    assert await raised(tmp_path, text) == {"g:core": "1.2"}
    assert file.read_text() == shop(asks("core", "1.2"), asks("less", "${core.version}"), head=head)


async def test_a_property_of_a_bom_too(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    repository.add("bom:1.0", packaging="pom")
    imports = managing(asks("bom", "${core.version}", "\n      <type>pom</type>\n      <scope>import</scope>"))
    text = shop(asks("core", "${core.version}"), head=PROPERTY.format("1.0"), managed=imports)
    assert await raised(tmp_path, text) == {"g:core": "1.2"}
    assert (tmp_path / "shop" / "pom.xml").read_text() == text.replace("<artifactId>core</artifactId>\n      <version>${core.version}", "<artifactId>core</artifactId>\n      <version>1.2")  # fmt: skip


async def test_a_range_of_another_file(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """It stands against no other one of that version; and one that nobody can read stands against nothing."""
    repository.add("other:1")
    repository.add("kit:1", need("core:[1.3]", type="zip"), need("other:[1", type="zip"))
    entry = managing(asks("other", "1", "\n      <type>zip</type>"))
    assert await raised(tmp_path, shop(asks("kit", "1"), asks("core", "1.0"), managed=entry)) == {"g:core": "1.2"}


async def test_what_comes_in_vulnerable_is_raised_too(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    repository.add("app:1")
    repository.add("app:2", "core:1.0")
    repository.add("app:3", "hopeless:1")
    repository.add("hopeless:1")
    of_app = bad("X-2", "g:app", ("introduced", "0"), ("fixed", "2"))
    text = shop(asks("app", "1"))
    assert await raised(tmp_path, text, CORE, of_app) == {"g:app": "2", "g:core": "1.2"}
    of_app = bad("X-2", "g:app", ("introduced", "0"), ("fixed", "3"))
    left = await stuck(tmp_path, text, of_app, bad("X-3", "g:hopeless"))
    assert left.reasons == [
        "g:hopeless 1 would come in, which is vulnerable (X-3).", "No version of g:hopeless is known that is not vulnerable."
    ]  # fmt: skip


async def test_a_range_of_what_is_raised_too_stands_against_nothing(
    repository: MavenRepositoryServer, tmp_path: Path
) -> None:
    repository.add("strict:1", "core:[1.0,1.1]")
    repository.add("strict:2", "core:1.1")
    of_strict = bad("X-2", "g:strict", ("introduced", "0"), ("fixed", "2"))
    said = await raised(tmp_path, shop(asks("strict", "1")), CORE, of_strict)
    assert said == {"g:strict": "2", "g:core": "1.2"}


async def test_what_is_not_missed_is_not_said(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """Both are vulnerable, and the one brings the fix of the other with it."""
    repository.add("web:2", "core:1.3")
    of_web = bad("X-2", "g:web", ("introduced", "0"), ("fixed", "2"))
    assert await raised(tmp_path, shop(asks("web", "1")), CORE, of_web) == {"g:web": "2"}


async def test_one_that_cannot_be_fixed_keeps_no_other_from_it(
    repository: MavenRepositoryServer, tmp_path: Path
) -> None:
    repository.add("app:1")
    repository.add("app:2", "nowhere:1")
    await imported(tmp_path, CORE, bad("X-2", "g:app", ("introduced", "0"), ("fixed", "2")))
    file = write_project(tmp_path / "shop", shop(asks("app", "1"), asks("core", "1.0")))
    result = await fixed(file)
    assert (result.fixed, result.unfixed) == (1, 1)
    assert file.read_text() == shop(asks("app", "1"), asks("core", "1.2"))
    [left] = result.files[0].unfixed
    assert left.reasons[0] == "You ask for g:app 2, which needs g:nowhere 1, and g:nowhere 1 is in no repository."
    assert OPERATION.findings is not None
    assert OPERATION.findings(result)


async def test_the_edition_stays(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    for version in ("30-android", "30-jre", "32-android", "32-jre", "33-jre"):
        repository.add(f"guava:{version}")
    bad_guava = bad("X-1", "g:guava", ("introduced", "0"), ("fixed", "32-android"))
    assert await raised(tmp_path, shop(asks("guava", "30-jre")), bad_guava) == {"g:guava": "32-jre"}
    assert await raised(tmp_path, shop(asks("guava", "30-android")), bad_guava) == {"g:guava": "32-android"}


async def test_other_files_of_a_version(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    """What is managed counts for one type and classifier each."""
    repository.add("kit:1", need("core:1.0", classifier="tests"), need("core:1.1", type="zip"))
    text = shop(asks("kit", "1"), asks("core", "1.0"))
    await imported(tmp_path, CORE)
    file = tmp_path / "shop" / "pom.xml"
    one = await told(file, text)
    assert (one.unfixed, [each.after for each in one.manifest]) == ([], ["1.2"] * 3)
    kinds = [
        asks("core", "1.2", f"\n      <{kind}>{name}</{kind}>")
        for kind, name in (("classifier", "tests"), ("type", "zip"))
    ]
    assert file.read_text() == shop(asks("kit", "1"), asks("core", "1.2"), managed=managing(*kinds))


async def test_what_was_moved_is_raised_by_the_name_that_is_asked_for(
    repository: MavenRepositoryServer, tmp_path: Path
) -> None:
    moved = "<distributionManagement><relocation><artifactId>core</artifactId></relocation></distributionManagement>"
    for version in ("1.0", "1.2"):
        repository.add(f"former:{version}", content=moved)
    text = shop(asks("former", "1.0"))
    of_former = bad("X-2", "g:former", ("introduced", "0"), ("fixed", "1.2"))
    assert await raised(tmp_path, text, of_former, CORE) == {"g:former": "1.2"}


async def test_what_is_refused(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    repository.add("far:1", "nowhere:1")
    await imported(tmp_path, CORE)
    modules = "\n  <packaging>pom</packaging><modules><module>web</module></modules>"
    for text, error, words in (
        (shop(asks("core", "1.0"), head=modules), InvalidConfigError, "it has the module web, and there is none"),
        (shop(asks("core")), InvalidConfigError, "without a version"),
        (shop(asks("nowhere", "1")), NotFoundError, "nowhere"),
        (shop(asks("far", "1")), ConflictError, "nowhere"),
        ("<project>", InvalidConfigError, "pom.xml"),
        ("<other/>", InvalidConfigError, "<other> at the top"),
    ):
        file = write_project(tmp_path / "shop", text)
        with pytest.raises(error, match=words):
            await fixed(file)
        assert file.read_text() == text
    without = {"HOME": str(tmp_path), "PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "home" / "cache")}
    with variables(without), pytest.raises(UnsupportedError, match="no registry of maven is known"):
        await fixed(write_project(tmp_path / "shop", shop(asks("core", "1.0"))))
    left = await stuck(tmp_path, shop(asks("core", "1.0<!-- old -->")))
    assert left.reasons == ["pom.xml: the version of g:core is written with more than its text."]


async def test_a_plan_and_a_branch_tell_what_changes(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    del repository
    await imported(tmp_path, CORE)
    file = write_project(tmp_path / "shop", shop(asks("web", "1")))
    change = await fix.plan(FixParams(path=str(file)), context(tmp_path))
    assert [(one.path, one.before, one.after) for one in change.difference] == [
        (f"{file} g:core", "1.0", "1.2"), (f"{file} g:core", None, "1.2")
    ]  # fmt: skip
    assert file.read_text() == shop(asks("web", "1"))
    draft = await drafted(tmp_path, vulnerable=True)
    assert draft.texts == {"pom.xml": shop(asks("web", "1"), managed=managing(asks("core", "1.2")))}
    assert "- pom.xml asks for g:core 1.2, and said nothing of it" in notes_of(draft)
    file.write_text(shop(asks("core", "1.0")))
    with pytest.raises(PreconditionFailedError, match="another one"):
        await fix.run(FixParams(path=str(file)), context(tmp_path, preconditions=change.preconditions))


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ({"ranges": "raise"}, {"${core.version}": "1.3", "g:far": "1.5"}),
        ({"ranges": "raise", "up_to": "major"}, {"${core.version}": "2.0", "g:far": "2.0", "g:guava": "32-jre"}),
        ({"ranges": "raise", "packages": ["maven:g:far"]}, {"g:far": "1.5"}),
        ({"ranges": "keep"}, {}),
        ({"ranges": "raise", "packages": ["maven:g:web"]}, None),
    ],
)  # fmt: skip
async def test_newer_versions_are_proposed(
    group: dict[str, Any], said: dict[str, str] | None, repository: MavenRepositoryServer, tmp_path: Path
) -> None:
    """Where the file says them; a range is left, and one that cannot be had keeps no other from it."""
    for name in (
        "far:1.0",
        "far:1.5",
        "far:2.0",
        "far:2.1-rc1",
        "guava:30-jre",
        "guava:32-jre",
        "guava:32-zoo",
        "kept:1.0",
        "kept:1.9",
    ):
        repository.add(name)
    repository.add("broken:1.0")
    repository.add("broken:1.1", "nowhere:1")
    head = PROPERTY.format("1.0")
    needs = [
        asks("core", "${core.version}"),
        asks("far"),
        asks("guava", "30-jre"),
        asks("kept", "[1.0,1.5]"),
        asks("broken", "1.0"),
    ]
    text = shop(*needs, head=head, managed=managing(asks("far", "1.0"), asks("kept", "1.0")))
    write_project(tmp_path / "shop", text)
    draft = await drafted(tmp_path, **group)
    if said is None:
        assert draft.told == []
        return
    [one] = draft.told
    assert {each.name: each.after for each in one.manifest} == said
    assert {each.why for each in one.changes} <= {"a newer version"}
    assert draft.texts.keys() == ({"pom.xml"} if said else set())
    new = draft.texts.get("pom.xml", text)
    for change in one.manifest:
        new = new.replace(f">{change.after}<", f">{change.before}<", 1)
    assert new == text


async def test_a_lock_follows_newer_versions(repository: MavenRepositoryServer, tmp_path: Path) -> None:
    repository.files |= {path.replace(".pom", ".jar"): path for path in [*repository.files]}
    file = write_project(tmp_path / "shop", shop(asks("core", "[1.0,1.2]"), asks("web", "1")))
    await locked(file)
    before = file.read_text().replace("[1.0,1.2]", "[1.0,2.0)")
    file.write_text(before)
    draft = await drafted(tmp_path, up_to="patch")
    assert draft.texts == {}
    draft = await drafted(tmp_path)
    assert draft.texts["pom.xml"] == before.replace("<version>1.2<", "<version>1.3<")
    assert sorted(draft.texts) == [".mvn/checksums/checksums.sha256", "pom.xml"]
    assert [(one.name, one.before, one.after) for one in draft.told[0].changes] == [("g:core", "1.2", "1.3")]
