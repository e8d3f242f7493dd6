from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outrider.core.errors import UnauthenticatedError, UnavailableError
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.maven.coordinates import Artifact, Project, base_version, is_usable
from outrider.operators.packages.maven.holdings import dated_in
from outrider.operators.packages.maven.metadata import SnapshotFile, Versioning
from outrider.operators.packages.maven.records import compiled_metadata
from outrider.operators.packages.tests.maven_poms import element, fields, metadata
from outrider.operators.packages.tests.maven_repository import MavenAsking, MavenRepositoryServer
from outrider.ports.clock.manual import ManualClock

LOGIN = "Basic bWU6c2VjcmV0"
SERVER = "<servers><server><id>{id}</id><username>me</username><password>secret</password></server></servers>"


@pytest.fixture
async def repository() -> AsyncIterator[MavenRepositoryServer]:
    async with MavenRepositoryServer() as repository:
        yield repository


@pytest.fixture
def ask(repository: MavenRepositoryServer, tmp_path: Path) -> MavenAsking:
    return MavenAsking(tmp_path, repository.url)


async def test_what_is_asked_of_a_repository(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("org.some:web:1+2", "core:1", parent="g:above:3")
    repository.add("above:3", packaging="pom")
    repository.add("core:1")
    await ask.answer("org.some:web:1+2")
    assert repository.paths() == ["org/some/web/1+2/web-1+2.pom", "g/above/3/above-3.pom", "g/core/1/core-1.pom"]


async def test_poms_are_asked_for_once_and_versions_where_they_may_have_changed(
    repository: MavenRepositoryServer, ask: MavenAsking
) -> None:
    clock = ManualClock()
    repository.add("web:1", "core:[1,2)")
    repository.add("core:1.0")
    assert await ask.pins("g:web:1", clock=clock) == ["core:1.0", "web:1"]
    asked = len(repository.requests)
    assert await ask.pins("g:web:1", clock=clock) == ["core:1.0", "web:1"]
    assert len(repository.requests) == asked
    clock.advance(601)
    assert await ask.pins("g:web:1", clock=clock) == ["core:1.0", "web:1"]
    assert repository.names()[asked:] == ["maven-metadata.xml"]
    assert repository.requests[-1].headers.get("if-none-match")
    repository.add("core:1.5")
    clock.advance(601)
    assert await ask.pins("g:web:1", clock=clock) == ["core:1.5", "web:1"]


async def test_a_repository_that_tells_nothing_of_changes(tmp_path: Path) -> None:
    clock = ManualClock()
    async with MavenRepositoryServer(etags=False) as repository:
        ask = MavenAsking(tmp_path, repository.url)
        repository.add("web:1.0")
        assert await ask.pins("g:web", clock=clock) == ["web:1.0"]
        repository.add("web:1.1")
        clock.advance(601)
        assert await ask.pins("g:web", clock=clock) == ["web:1.1"]


async def test_what_was_not_there_may_come(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    clock = ManualClock()
    repository.add("web:1", "core:1")
    await ask.impossible("g:web:1", clock=clock)
    repository.add("core:1")
    clock.advance(601)
    assert await ask.pins("g:web:1", clock=clock) == ["core:1", "web:1"]


async def test_what_could_not_be_read_is_asked_for_again(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    clock = ManualClock()
    repository.add("web:1", "core:1")
    good = repository.files["g/web/1/web-1.pom"]
    repository.files["g/web/1/web-1.pom"] = "<html>log in first"
    assert await ask.pins("g:web:1", clock=clock) == ["web:1"]
    repository.files["g/web/1/web-1.pom"] = good
    repository.add("core:1")
    clock.advance(601)
    assert await ask.pins("g:web:1", clock=clock) == ["core:1", "web:1"]


async def test_offline(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("web:1", "core:[1,2)")
    repository.add("core:1.0")
    with pytest.raises(UnavailableError, match="nothing is kept"):
        await ask.answer("g:web:1", offline=True)
    await ask.answer("g:web:1")
    asked = len(repository.requests)
    assert await ask.pins("g:web:1", offline=True) == ["core:1.0", "web:1"]
    assert len(repository.requests) == asked
    with pytest.raises(UnavailableError, match="the versions of g:other"):
        await ask.answer("g:other", offline=True)


async def test_what_is_shown_to_a_repository(tmp_path: Path) -> None:
    async with MavenRepositoryServer(authorization=LOGIN) as repository:
        ask = MavenAsking(tmp_path, repository.url)
        repository.add("web:1")
        with pytest.raises(UnauthenticatedError):
            await ask.answer("g:web:1")
        ask.settings(SERVER.format(id="other"))
        with pytest.raises(UnauthenticatedError):
            await ask.answer("g:web:1")
        ask.settings(SERVER.format(id="own"))
        assert await ask.pins("g:web:1") == ["web:1"]


async def test_whoever_a_repository_sends_us_to_is_shown_nothing(tmp_path: Path) -> None:
    async with MavenRepositoryServer(authorization=LOGIN) as repository, MavenRepositoryServer() as other:
        ask = MavenAsking(tmp_path, repository.url)
        ask.settings(SERVER.format(id="own"))
        other.add("web:1")
        location = Headers({"location": f"{other.url}/g/web/1/web-1.pom"})
        repository.answers["g/web/1/web-1.pom"] = lambda _: Response(302, location)
        assert await ask.pins("g:web:1") == ["web:1"]
        assert other.requests[-1].headers.get("authorization") is None


async def test_an_answer_that_means_nothing(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.answers["g/web/1/web-1.pom"] = lambda _: Response(500)
    with pytest.raises(UnavailableError):
        await ask.answer("g:web:1")


def two_repositories(ask: MavenAsking, *urls: str, more: str = "") -> None:
    """Have several repositories, named by a project."""
    ask.write(
        ".m2/settings.xml",
        f"<settings><mirrors><mirror><id>c</id><mirrorOf>central</mirrorOf><url>{urls[-1]}</url></mirror></mirrors></settings>",
    )
    each = [element("repository", fields(id=f"r{number}", url=url), more) for number, url in enumerate(urls[:-1])]
    ask.write("project/pom.xml", element("project", element("repositories", *each)))


async def test_the_first_repository_that_has_a_pom_counts(tmp_path: Path) -> None:
    async with MavenRepositoryServer() as first, MavenRepositoryServer() as second:
        ask = MavenAsking(tmp_path, first.url)
        two_repositories(ask, first.url, second.url)
        first.add("web:1", "core:[1,)")
        second.add("web:1", "other:1")
        second.add("core:2")
        first.add("core:1")
        answer = await ask.resolved("g:web:1")
        assert [(one.name, one.version, one.url) for one in answer.packages] == [
            ("g:core", "2", f"{second.url}/g/core/2/core-2.jar"), ("g:web", "1", f"{first.url}/g/web/1/web-1.jar"),
        ]  # fmt: skip
        assert "g/web/1/web-1.pom" not in second.paths()


async def test_a_repository_of_snapshots_alone_is_not_asked_for_releases(tmp_path: Path) -> None:
    async with MavenRepositoryServer() as first, MavenRepositoryServer() as second:
        ask = MavenAsking(tmp_path, first.url)
        two_repositories(ask, first.url, second.url, more=element("releases", element("enabled", "false")))
        second.add("web:1", "core:[1,)")
        second.add("core:1")
        first.versions["g:core"] = ["3"]
        assert await ask.pins("g:web:(,2]") == ["core:1", "web:1"]
        assert "web-1.pom" not in first.names()


SNAPSHOT_FILES = [
    SnapshotFile("", "pom", "1.0-20240101.010101-1", "20240101010101"), SnapshotFile("", "pom", "1.0-20240202.010101-2", "20240202010101"),
    SnapshotFile("", "jar", "1.0-20240202.010101-2", "20240202010101"),
]  # fmt: skip


def snapshot_document() -> str:
    files = [
        element("snapshotVersion", fields(classifier=one.classifier or None, extension=one.extension, value=one.version, updated=one.updated))
        for one in SNAPSHOT_FILES
    ]  # fmt: skip
    return element("metadata", element("versioning", element("snapshotVersions", *files)))


async def test_snapshots(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.files["g/web/1.0-SNAPSHOT/maven-metadata.xml"] = snapshot_document()
    repository.add("core:1")
    repository.add("web:1.0-SNAPSHOT", "core:1")
    content = repository.files.pop("g/web/1.0-SNAPSHOT/web-1.0-SNAPSHOT.pom")
    repository.files["g/web/1.0-SNAPSHOT/web-1.0-20240202.010101-2.pom"] = content
    ask.write(
        "project/pom.xml",
        element("project", element("repositories", element("repository", fields(id="s", url="https://s.test")))),
    )
    answer = await ask.resolved("g:web:1.0-SNAPSHOT")
    assert [(one.version, one.file) for one in answer.packages] == [
        ("1", "core-1.jar"), ("1.0-SNAPSHOT", "web-1.0-20240202.010101-2.jar")
    ]  # fmt: skip
    assert answer.packages[1].url.endswith("/g/web/1.0-SNAPSHOT/web-1.0-20240202.010101-2.jar")


def test_the_file_of_a_snapshot() -> None:
    web = Artifact("g", "web", "1.0-SNAPSHOT")
    assert dated_in(Versioning(files=SNAPSHOT_FILES), web) == "1.0-20240202.010101-2"
    assert dated_in(Versioning(stamp="20240202.010101-3"), web) == "1.0-20240202.010101-3"
    assert dated_in(Versioning(), web) == "1.0-SNAPSHOT"
    assert base_version("1.0-20240202.010101-3") == "1.0-SNAPSHOT"
    assert base_version("20240202.010101-3") == "SNAPSHOT"
    assert base_version("1.0") == "1.0"


@pytest.mark.parametrize(
    ("group", "artifact", "version", "usable"),
    [
        ("g", "a", "1", True), ("a.b-c_d", "a.b", "1.0+x~y", True), ("g", "..", "1", False), ("..", "a", "1", False),
        ("g..h", "a", "1", False), ("g/h", "a", "1", False), ("g", "a", "..", False), ("g", "a", "1/2", False),
        ("g", "a", "", False), ("", "a", "1", False), ("g", "a", "1\n", False), ("g", "a", "${x}", True), ("g", "a" * 300, "1", False),
    ],
)  # fmt: skip
def test_of_what_an_address_can_be_made(group: str, artifact: str, version: str, usable: bool) -> None:
    assert is_usable(Project(group, artifact, version)) is usable


async def test_no_path_comes_out_of_a_name(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("web:1", "core:../../../x", "what:1 2")
    await ask.impossible("g:web:1")
    assert repository.paths()[:2] == ["g/web/1/web-1.pom", "g/what/1%202/what-1%202.pom"]
    assert not any(".." in path for path in repository.paths())


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xfe", b"<a>" * 1000, b"<metadata><versioning>"])
def test_metadata_that_cannot_be_read(content: bytes) -> None:
    record = compiled_metadata(content)
    assert (record.versioning.versions, record.left_out) == ([], 1)


def test_a_version_that_cannot_be_read_leaves_out_that_version() -> None:
    record = compiled_metadata(metadata(["1.0", "../..", "", "1/2", "2.0"]).encode())
    assert (record.versioning.versions, record.left_out) == (["1.0", "2.0"], 3)


async def test_what_was_left_out_is_told(repository: MavenRepositoryServer, ask: MavenAsking) -> None:
    repository.add("web:1", "core:[3,4)")
    repository.versions["g:core"] = ["1.0", "3/0"]
    answer = await ask.impossible("g:web:1")
    assert answer.notes == ["g:core: versions in a form that cannot be read: 1"]


async def test_what_is_kept_in_another_form_is_fetched_anew(
    repository: MavenRepositoryServer, ask: MavenAsking
) -> None:
    repository.add("web:1")
    await ask.answer("g:web:1")
    for path in (ask.folder / "cache").rglob("*.pom"):
        path.write_bytes(b"\x91\x00")
    assert await ask.pins("g:web:1") == ["web:1"]
    assert repository.names() == ["web-1.pom", "web-1.pom"]
