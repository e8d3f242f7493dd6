import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import DeadlineExceededError, ExecutionFailedError, InvalidConfigError, NotFoundError
from outrider.operators.packages.maven import session
from outrider.operators.packages.maven.choosing import Chooser
from outrider.operators.packages.maven.collecting import Candidates, Collector, Lookup
from outrider.operators.packages.maven.coordinates import Artifact, Project
from outrider.operators.packages.maven.descriptors import Descriptor, Need
from outrider.operators.packages.maven.management import Management
from outrider.operators.packages.maven.ordering import choices, mark
from outrider.operators.packages.maven.results import winners
from outrider.operators.packages.tests.maven_poms import bom, dependency, element, fields, parts, pom
from outrider.operators.packages.tests.maven_repository import MavenAsking, MavenRepositoryServer, need


@pytest.fixture
async def repository() -> AsyncIterator[MavenRepositoryServer]:
    async with MavenRepositoryServer() as repository:
        yield repository


@pytest.fixture
def ask(repository: MavenRepositoryServer, tmp_path: Path) -> MavenAsking:
    return MavenAsking(tmp_path, repository.url)


async def test_what_comes_out(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("web:1.0", "core:2.0")
    repository.add("core:2.0")
    answer = await ask.resolved("g:web:1.0", "g:core:2.0")
    assert answer.target == "maven"
    core, web = answer.packages
    assert (core.name, core.version, core.needed_by) == ("g:core", "2.0", ["g:web"])
    assert core.direct
    assert [one.direct for one in (await ask.resolved("g:web:1.0")).packages] == [False, True]
    assert (web.file, web.url) == ("web-1.0.jar", f"{repository.url}/g/web/1.0/web-1.0.jar")


async def test_the_newest_release_where_none_is_named(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    for version in ("1.0", "1.10", "1.9", "2.0-rc-1"):
        repository.add(f"web:{version}")
    assert await ask.pins("g:web") == ["web:1.10"]
    assert await ask.pins("g:web:(,1.9]") == ["web:1.9"]
    repository.add("early:1.0-alpha-1")
    assert await ask.pins("g:early") == ["early:1.0-alpha-1"]


async def test_the_nearest_wins_and_of_equally_near_ones_the_first(
    repository: MavenRepositoryServer, ask: MavenAsking
) -> None:
    repository.add("a:1", "b:1")
    repository.add("b:1", "x:9")
    repository.add("c:1", "x:2")
    repository.add("d:1", "x:3")
    for version in ("2", "3", "9"):
        repository.add(f"x:{version}")
    assert await ask.pins("g:a:1", "g:c:1", "g:d:1") == ["a:1", "b:1", "c:1", "d:1", "x:2"]
    assert await ask.pins("g:d:1", "g:c:1") == ["c:1", "d:1", "x:3"]
    assert await ask.pins("g:a:1", "g:c:1", "g:x:3") == ["a:1", "b:1", "c:1", "x:3"]


async def test_a_range_rules_out_what_is_nearer(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("a:1", "x:1.0")
    repository.add("b:1", "c:1")
    repository.add("c:1", "x:[2,3)")
    for version in ("1.0", "2.0", "2.5", "3.0"):
        repository.add(f"x:{version}")
    assert await ask.pins("g:a:1", "g:b:1") == ["a:1", "b:1", "c:1", "x:2.5"]


@pytest.mark.parametrize(
    ("group", "artifact", "left"),
    [("g", "x", ["y"]), ("*", "x", ["y"]), ("g", "*", []), ("*", "*", []), ("h", "*", ["x", "y"])],
)
async def test_exclusions(
    group: str, artifact: str, left: list[str], repository: MavenRepositoryServer, ask: MavenAsking
) -> None:
    repository.add("web:1", need("core:1", exclusions=[f"{group}:{artifact}"]))
    repository.add("core:1", "x:1", "y:1")
    repository.add("x:1")
    repository.add("y:1")
    assert await ask.pins("g:web:1") == ["core:1", "web:1", *(f"{one}:1" for one in left)]


@pytest.mark.parametrize(
    ("values", "there"),
    [
        ({}, True), ({"scope": "compile"}, True), ({"scope": "runtime"}, True), ({"scope": "provided"}, False),
        ({"scope": "test"}, False), ({"optional": "true"}, False), ({"optional": "false"}, True),
    ],
)  # fmt: skip
async def test_what_is_not_needed_further_up(
    values: dict[str, Any], there: bool, repository: MavenRepositoryServer, ask: MavenAsking
) -> None:
    repository.add("web:1", need("core:1", **values))
    repository.add("core:1")
    assert ("core:1" in await ask.pins("g:web:1")) is there


async def test_what_is_on_the_machine_is_in_no_repository(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("web:1", need("tools:1", scope="system", systemPath="/lib/tools.jar"), "core:1")
    repository.add("core:1")
    assert await ask.pins("g:web:1") == ["core:1", "web:1"]


async def test_types_and_classifiers_are_artifacts_of_their_own(
    repository: MavenRepositoryServer, ask: MavenAsking
) -> None:
    repository.add("web:1", "core:1", need("core:1", type="test-jar"), need("core:2", classifier="linux"))
    repository.add("core:1")
    repository.add("core:2")
    answer = await ask.resolved("g:web:1", "g:core:zip:all:1")
    assert [(one.place, one.version, one.file) for one in answer.packages] == [
        ("", "1", "core-1.jar"), ("g:core:jar:linux", "2", "core-2-linux.jar"), ("g:core:jar:tests", "1", "core-1-tests.jar"),
        ("g:core:zip:all", "1", "core-1-all.zip"), ("", "1", "web-1.jar"),
    ]  # fmt: skip


async def test_a_bom_that_is_asked_for(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    managed = [need("web:2"), need("core:3", exclusions=["g:deep"]), need("late:1", scope="test")]
    repository.add("all:1", managed=managed, packaging="pom")
    repository.add("web:2", "core:1", "late:1")
    repository.add("core:3", "deep:1")
    repository.add("late:1")
    assert await ask.pins("g:web", "g:all:1@import") == ["core:3", "late:1", "web:2"]
    with pytest.raises(NotFoundError, match="g:none"):
        await ask.answer("g:web", "g:none:1@import")
    repository.add("wrong:1", "core", packaging="pom")
    with pytest.raises(InvalidConfigError, match="without a version"):
        await ask.answer("g:web", "g:wrong:1@import")


async def test_what_was_moved(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    said = element("distributionManagement", element("relocation", fields(groupId="new", artifactId="core")))
    repository.add("web:1", "core:1", "other:1")
    repository.add("core:1", content=said)
    repository.add("new:core:1", "deep:1")
    repository.add("other:1", dependency("new:core:2"))
    repository.add("new:core:2")
    repository.add("deep:1")
    assert await ask.pins("g:web:1") == ["deep:1", "other:1", "web:1", "new:core:1"]
    assert (await ask.resolved("g:web:1")).packages[-1].needed_by == ["g:other", "g:web"]


async def test_what_was_moved_in_a_circle(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        moved = element("distributionManagement", element("relocation", fields(artifactId=other)))
        repository.add(f"{one}:1", content=moved)
    answer = await ask.impossible("g:a:1")
    assert "is moved to itself" in answer.reasons[0]


async def test_artifacts_that_need_one_another(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("a:1", "b:1")
    repository.add("b:1", "c:1")
    repository.add("c:1", "a:2")
    repository.add("a:2", "d:1")
    repository.add("d:1")
    assert await ask.pins("g:a:1") == ["a:1", "b:1", "c:1"]


async def test_a_version_that_has_another_name(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("web:1", "core:LATEST", "other:RELEASE")
    repository.add("core:1")
    repository.add("core:2")
    repository.add("other:1")
    said = "<metadata><versioning><latest>2</latest><release>1</release></versioning></metadata>"
    repository.files["g/core/maven-metadata.xml"] = repository.files["g/other/maven-metadata.xml"] = said
    assert await ask.pins("g:web:1") == ["core:2", "other:1", "web:1"]


async def test_a_pom_that_cannot_be_used_needs_nothing(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("web:1", "core:1", "bad:1", "wrong:1")
    repository.add("core:1")
    repository.add("wrong:1", "core", "none:1")
    repository.files["g/bad/1/bad-1.pom"] = "<project><dependencies>"
    assert await ask.pins("g:web:1") == ["bad:1", "core:1", "web:1", "wrong:1"]


async def test_an_artifact_without_a_pom(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("web:1", "old:1")
    answer = await ask.impossible("g:web:1")
    assert answer.reasons[0] == "You ask for g:web 1, which needs g:old 1, and g:old 1 is in no repository."
    repository.files["g/old/1/old-1.jar.sha1"] = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    ask.folder = ask.folder / "other"
    assert await ask.pins("g:web:1") == ["old:1", "web:1"]
    assert not any(path.endswith(".jar") for path in repository.paths())


async def test_what_loses_need_not_be_there(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("web:1", "core:7")
    repository.add("core:1")
    assert await ask.pins("g:web:1", "g:core:1") == ["core:1", "web:1"]


async def test_ranges_without_a_version_in_common(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("a:1", "x:[1,2)")
    repository.add("a:2", "x:[1,3)")
    repository.add("b:1", "c:1")
    repository.add("c:1", "x:[2,3)")
    for version in ("1.5", "2.5"):
        repository.add(f"x:{version}")
    answer = await ask.impossible("g:a:1", "g:b:1")
    assert answer.asked == ["g:a 1", "g:b 1"]
    assert answer.reasons == [
        "You ask for g:a 1, which needs g:x [1,2).",
        "You ask for g:b 1, which needs g:c 1, which needs g:x [2,3).",
        "No version of g:x that is looked at is in [1,2) and in [2,3).",
        "So there is no solution.",
    ]
    assert answer.remedies == ["allow g:a 2: you ask for g:a 1"]


async def test_a_range_that_allows_none(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("web:1", "core:[5,6)", "none:[1,2)", "odd:[1,2")
    repository.add("core:1.0")
    repository.add("core:2.0")
    answer = await ask.impossible("g:web:1")
    assert answer.reasons[:-1] == [
        "You ask for g:web 1, which needs g:core [5,6), and g:core [5,6) allows none of the versions that there are: 1.0 to 2.0.",
        "You ask for g:web 1, which needs g:none [1,2), and g:none [1,2) is an artifact of which no repository has a version.",
        "You ask for g:web 1, which needs g:odd [1,2, and g:odd [1,2 is not a range that can be read.",
    ]


async def test_a_parent_or_a_bom_that_is_nowhere(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("web:1", "core:1", "other:1")
    repository.add("core:1", parent="g:above:1")
    repository.add("other:1", managed=[bom("g:all:1")])
    answer = await ask.impossible("g:web:1")
    assert "g:core 1 has the parent g:above 1, which no repository has." in answer.reasons[0]
    assert "g:other 1 imports g:all 1, which no repository has." in answer.reasons[1]


async def test_repositories_that_poms_name_are_told_of_and_not_asked(
    repository: MavenRepositoryServer, ask: MavenAsking
) -> None:
    named = element("repositories", element("repository", fields(id="more", url="https://who:secret@more.test/maven")))
    repository.add("web:1", "core:1", content=named)
    answer = await ask.impossible("g:web:1")
    assert answer.notes == ["the repository more at https://more.test/maven, which the POM of g:web 1 names"]


async def test_what_there_is_not(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("web:1")
    for text in ("g:none", "g:none:1", "g:web:2"):
        with pytest.raises(NotFoundError, match="no repository has it"):
            await ask.answer(text)


@pytest.mark.parametrize(
    "text",
    ["", "web", "g:", ":web", "g:web:", "g:web:jar:", "g:a:b:c:d:e", "g/h:web", "g:..:1", "..:web", "g:web@", "g:web@import", "g:web:1@other"],
)  # fmt: skip
async def test_what_is_no_package(text: str, ask: MavenAsking) -> None:
    with pytest.raises(InvalidConfigError, match="not a package of Maven") as caught:
        await ask.answer("g:web", text)
    assert caught.value.path == "packages[1]"


async def test_what_is_asked_for_twice(ask: MavenAsking) -> None:
    with pytest.raises(InvalidConfigError, match="asked for twice"):
        await ask.answer("g:web:1", "g:web:2")


async def test_it_ends_in_time(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("web:1", "core:1")
    with pytest.raises(DeadlineExceededError):
        await ask.answer("g:web:1", seconds=-1.0)


def chain(count: int) -> Collector:
    """Return what has collected artifacts of which each needs the next one."""

    def described(project: Project) -> Descriptor:
        following = int(project.artifact) + 1
        return Descriptor((), project, (Need(Artifact("g", str(following), "1")),) if following < count else ())

    lookup = Lookup(lambda artifact: Candidates([artifact.version]), described, lambda _: False)
    collector = Collector(lookup, Management(), lambda: None)
    collector.collect([Need(Artifact("g", "0", "1"))])
    return collector


async def test_very_many_artifacts_in_a_row() -> None:
    root = chain(450).root
    mark(root)
    ordered, circles = choices(root)
    await asyncio.to_thread(Chooser(root, lambda: None).run, ordered, circles)
    assert len(winners(root)) == 450
    with pytest.raises(ExecutionFailedError, match="in a row"):
        chain(600)


async def test_facts(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("core:0.9")
    licences = element("licenses", element("license", fields(name="One")), element("license", fields(name="Two")))
    needs = [
        need("a:1", scope="runtime"),
        need("b:1", optional="true"),
        need("c:1", scope="test"),
        need("d:1", type="zip"),
    ]
    repository.add("core:1.0", *needs, content=licences)
    repository.add("core:1.1-beta-1")
    found = await ask.facts("g:core")
    assert (found.name, found.latest, found.licence) == ("g:core", "1.0", "One OR Two")
    assert (found.versions, found.prereleases) == (["1.1-beta-1", "1.0", "0.9"], ["1.1-beta-1"])
    assert found.needs == ["g:a:1", "g:b:1 (optional)", "g:d:zip:1"]
    with pytest.raises(NotFoundError):
        await ask.facts("g:none")
    with pytest.raises(NotFoundError):
        await ask.facts("g:core:1.0")


async def test_facts_of_a_version(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("core:0.9", "a:1")
    repository.add("core:1.0", "b:1")
    found = await session.facts(ask.question(), "g:core", "0.9")
    assert (found.latest, found.needs) == ("1.0", ["g:a:1"])
    with pytest.raises(NotFoundError):
        await session.facts(ask.question(), "g:core", "2.0")


async def test_facts_of_what_was_moved(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    moved = element("distributionManagement", element("relocation", fields(groupId="new")))
    repository.add("core:1.0", content=moved)
    assert (await ask.facts("g:core")).status == "moved to new:core 1.0"


async def test_the_same_answer_from_a_document_with_a_parent(
    repository: MavenRepositoryServer, ask: MavenAsking
) -> None:
    repository.files["g/above/1/above-1.pom"] = pom(
        "g:above:1", parts([need("x:${v}")], (), {"v": "1"}), packaging="pom"
    )
    repository.files["g/web/1/web-1.pom"] = pom(":web:", parts((), (), {"v": "2"}), parent="g:above:1")
    repository.add("x:1")
    repository.add("x:2")
    assert await ask.pins("g:web:1") == ["web:1", "x:2"]
