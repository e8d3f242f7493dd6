"""Artifacts of other repositories: what is fetched, checked, kept and listed."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.maven.coordinates import Project, is_usable
from outrider.operators.packages.maven.metadata import read_metadata
from outrider.operators.packages.maven.serving.documents import build
from outrider.operators.packages.maven.serving.kept import KeptArtifact, written
from outrider.operators.packages.maven.serving.layout import (
    ALGORITHMS,
    FilePlace,
    MetadataPlace,
    SnapshotName,
    path_of,
    read_place,
    read_snapshot_name,
)
from outrider.operators.packages.resolving.policies import ADMIT_ALL
from outrider.operators.packages.serving.bundles import chosen, take_bundle, write_bundle
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.upstreams import Contents
from outrider.operators.packages.tests.maven_poms import element, fields
from outrider.operators.packages.tests.maven_repository import MavenAsking, MavenRepositoryServer
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.client import Client
from tests.contract.worlds import until

JAR = "g/web/1.0/web-1.0.jar"


class Asked:
    """A repository, a registry before it, and who asks that."""

    def __init__(self, upstream: MavenRepositoryServer, registry: RunningRegistry, client: Client) -> None:
        self.upstream, self.registry, self.client = upstream, registry, client

    async def get(self, path: str, method: str = "GET", **headers: str) -> Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, f"/maven/{path}", headers=sent)

    async def versions(self, path: str = "g/web") -> list[str]:
        answer = await self.get(f"{path}/maven-metadata.xml")
        assert answer.status == 200, answer.content
        return read_metadata(answer.content)[0].versions

    async def refreshed(self, name: str, now: float) -> None:
        """Wait until what is kept of an artifact is fresh."""
        store = Store(self.registry.folder / "registry")
        await until(lambda: (state := store.tables.state("maven", name)) is not None and state.fresh > now)
        await store.close()


@asynccontextmanager
async def serving(folder: Path, upstream: MavenRepositoryServer | None = None, **settings: Any) -> AsyncIterator[Asked]:
    """Have all that, with an artifact of two versions."""
    async with upstream or MavenRepositoryServer(checksums=("sha1",)) as repository:
        for version in ("1.0", "1.1"):
            repository.add(f"web:{version}")
            repository.files[f"g/web/{version}/web-{version}.jar"] = f"jar {version}"
        environment = several(folder, repository)
        async with RunningRegistry(folder, environment, ecosystems=["maven"], **settings) as registry:
            client = Client(registry.url, max_connections=60)
            yield Asked(repository, registry, client)
            await client.close()


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("org/some/web/1.0/web-1.0.jar", FilePlace("org.some:web", "1.0", "web-1.0.jar")),
        ("g/web/1.0/web-1.0-sources.jar.asc", FilePlace("g:web", "1.0", "web-1.0-sources.jar.asc")),
        ("g/we.b/1+2/we.b-1+2.pom", FilePlace("g:we.b", "1+2", "we.b-1+2.pom")),
        ("g/web/1-SNAPSHOT/web-1-20260101.010203-4.pom", FilePlace("g:web", "1-SNAPSHOT", "web-1-20260101.010203-4.pom")),
        ("org/some/maven-metadata.xml", MetadataPlace(("org", "some"), "")),
        ("some/maven-metadata.xml", MetadataPlace(("some",), "")),
        ("g/web/1-SNAPSHOT/maven-metadata.xml", MetadataPlace(("g", "web"), "1-SNAPSHOT")),
    ],
)  # fmt: skip
def test_what_a_path_means(path: str, place: FilePlace | MetadataPlace) -> None:
    assert read_place(path.split("/")) == (place, "")
    assert read_place(f"{path}.sha512".split("/")) == (place, "sha512")


@pytest.mark.parametrize(
    "path",
    [
        "", "maven-metadata.xml", "g/web/1.0/other-1.0.jar", "g/web/1.0/web-1.1.jar", "g/web/1.0/web-1.0", "web/1.0/web-1.0.jar",
        "g/../web/1.0/web-1.0.jar", "g/web/../web-...jar", "g.h/web/1.0/web-1.0.jar", "g//web/1.0/web-1.0.jar",
        "g/web/1-SNAPSHOT/web-1-SNAPSHOT.jar", "g/web/1-20260101.010203-4/web-1-20260101.010203-4.jar", "g/../maven-metadata.xml",
        "g/web/1-SNAPSHOT/web-1-20260101.010203-4", ".meta/prefixes.txt", "g/web/1.0/..", "g/web/1.0;a/web-1.0;a.jar", "g/web/1.0/web-1.0-a;b.jar", "g/web/1.0%2e/web-1.0%2e.jar",
    ],
)  # fmt: skip
def test_what_means_nothing(path: str) -> None:
    assert read_place(path.split("/")) is None


@given(st.lists(st.text(max_size=20) | st.sampled_from(["g", "web", "1.0", "web-1.0.jar", "..", "maven-metadata.xml"])))
def test_any_path_is_read_and_none_leads_elsewhere(segments: list[str]) -> None:
    found = read_place(segments or [""])
    if found is not None and isinstance(found[0], FilePlace):
        place = found[0]
        path = path_of(place.name, place.version, place.file)
        assert path.isascii()
        assert not {"", ".", ".."} & {*path.split("/")}


@pytest.mark.parametrize(
    ("rest", "classifier", "extension"),
    [
        (".jar", "", "jar"), ("-sources.jar", "sources", "jar"), ("-sources.jar.asc", "sources", "jar.asc"), (".pom.asc", "", "pom.asc"),
        ("-bin.tar.gz", "bin", "tar.gz"), (".tar.gz.asc", "", "tar.gz.asc"), ("-jdk1.5.jar", "jdk1.5", "jar"),
        ("-a-b.war", "a-b", "war"),
    ],
)  # fmt: skip
def test_names_of_files_of_snapshots(rest: str, classifier: str, extension: str) -> None:
    found = read_snapshot_name("web", "1.0-SNAPSHOT", f"web-1.0-20260102.030405-6{rest}")
    assert found == SnapshotName("20260102.030405", 6, classifier, extension)


@given(
    st.lists(st.text("1.0-ab&<\"' \u00e4", min_size=1, max_size=8).map(str.strip).filter(bool), unique=True, min_size=1)
)
def test_any_versions_are_listed_as_they_are(versions: list[str]) -> None:
    raw = written(KeptArtifact(versions=versions, latest=versions[0]))
    document, *checksums = build("g:web", Contents(raw, (), {}), ADMIT_ALL).documents
    found, left_out = read_metadata(document.content)
    usable = [one for one in versions if is_usable(Project("g", "web", one))]
    assert (found.versions, left_out) == (usable, len(versions) - len(usable))
    assert {one.kind for one in checksums} == {f"maven-metadata.xml.{one}" for one in ALGORITHMS}


async def test_a_file_is_fetched_once_and_has_all_checksums(tmp_path: Path) -> None:
    async with serving(tmp_path) as asked:
        answers = await asyncio.gather(*(asked.get(JAR) for _ in range(40)))
        assert {(one.status, one.content) for one in answers} == {(200, b"jar 1.0")}
        assert answers[0].headers.get("content-type") == "application/java-archive"
        assert asked.upstream.names().count("web-1.0.jar") == 1
        assert asked.upstream.names().count("maven-metadata.xml") == 1
        before = len(asked.upstream.requests)
        for algorithm in ("sha1", "md5", "sha256", "sha512"):
            checksum = await asked.get(f"{JAR}.{algorithm}")
            assert checksum.content == hashlib.new(algorithm, b"jar 1.0").hexdigest().encode()
            again = await asked.get(f"{JAR}.{algorithm}", if_none_match=checksum.headers.get("etag") or "")
            assert again.status == 304
        assert (await asked.get(JAR, range="bytes=4-")).content == b"1.0"
        assert len(asked.upstream.requests) == before


async def test_versions_are_listed_with_checksums_in_each_encoding(tmp_path: Path) -> None:
    async with serving(tmp_path) as asked:
        path = "g/web/maven-metadata.xml"
        document = await asked.get(path)
        found, _ = read_metadata(document.content)
        assert (found.versions, found.latest, found.release) == (["1.0", "1.1"], "1.1", "1.1")
        for algorithm in ("sha1", "md5", "sha256", "sha512"):
            answer = await asked.get(f"{path}.{algorithm}")
            assert answer.content == hashlib.new(algorithm, document.content).hexdigest().encode()
        assert (await asked.get(path, if_none_match=document.headers.get("etag") or "")).status == 304
        head = await asked.get(path, "HEAD")
        assert (head.status, head.content) == (200, b"")
        assert asked.upstream.names() == ["maven-metadata.xml"]


async def test_what_has_not_changed_is_not_read_anew(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with serving(tmp_path, clock=clock) as asked:
        assert await asked.versions() == ["1.0", "1.1"]
        asked.upstream.add("web:1.2")
        assert await asked.versions() == ["1.0", "1.1"]
        clock.advance(90_000.0)
        assert await asked.versions() == ["1.0", "1.1", "1.2"]
        clock.advance(90_000.0)
        assert await asked.versions() == ["1.0", "1.1", "1.2"]
        assert [one.headers.get("if-none-match") is not None for one in asked.upstream.requests] == [False, True, True]


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512", "md5"])
async def test_what_is_not_what_its_repository_says_is_neither_kept_nor_served(tmp_path: Path, algorithm: str) -> None:
    async with serving(tmp_path, MavenRepositoryServer()) as asked:
        asked.upstream.files[f"{JAR}.{algorithm}"] = hashlib.new(algorithm, b"another").hexdigest()
        answer = await asked.get(JAR)
        assert answer.status >= 500
        assert f"another {algorithm} than its repository says".encode() in answer.content
        store = Store(tmp_path / "registry")
        assert hashlib.sha256(b"jar 1.0").hexdigest() not in store.blobs.all()
        assert store.tables.files("maven", "g:web") == {}
        await store.close()
        # Each time anew: it may have been repaired.
        asked.upstream.files[f"{JAR}.{algorithm}"] = f"{hashlib.new(algorithm, b'jar 1.0').hexdigest()}  web-1.0.jar\n"
        assert (await asked.get(JAR)).content == b"jar 1.0"


async def test_the_strongest_checksums_are_asked_for_once_in_a_version(tmp_path: Path) -> None:
    async with serving(tmp_path) as asked:
        await asked.get("g/web/1.0/web-1.0.pom")
        await asked.get(JAR)
        assert sorted(name for name in asked.upstream.names() if name.startswith("web-1.0.pom.")) == [
            f"web-1.0.pom.{one}" for one in ("sha1", "sha256", "sha512")
        ]
        assert [name for name in asked.upstream.names() if name.startswith("web-1.0.jar.")] == ["web-1.0.jar.sha1"]


async def test_two_artifacts_of_which_the_same_is_known(tmp_path: Path) -> None:
    async with serving(tmp_path) as asked:
        for name in ("one", "two"):
            asked.upstream.add(f"{name}:1.0", packaging=name)
        for name in ("one", "two", "one"):
            assert f"<packaging>{name}<".encode() in (await asked.get(f"g/{name}/1.0/{name}-1.0.pom")).content


async def test_a_file_without_any_checksum_is_taken(tmp_path: Path) -> None:
    async with serving(tmp_path, MavenRepositoryServer()) as asked:
        asked.upstream.files[f"{JAR}.sha1"] = "no digits at all"
        assert (await asked.get(JAR)).content == b"jar 1.0"


async def test_what_is_not_there_is_asked_for_once_in_a_while(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with serving(tmp_path, clock=clock) as asked:
        for _ in range(3):
            assert (await asked.get("g/web/1.0/web-1.0-tests.jar")).status == 404
            assert (await asked.get("g/nothing/1.0/nothing-1.0.pom")).status == 404
        for name in ("web-1.0-tests.jar", "nothing-1.0.pom"):
            assert asked.upstream.names().count(name) == 1
        asked.upstream.files["g/web/1.0/web-1.0-tests.jar"] = "tests"
        clock.advance(61.0)
        assert (await asked.get("g/web/1.0/web-1.0-tests.jar")).content == b"tests"


async def test_versions_that_nobody_lists_are_found_when_they_are_asked_for(tmp_path: Path) -> None:
    async with serving(tmp_path) as asked:
        for version in ("1.0", "1.1"):
            asked.upstream.add(f"parent:{version}", packaging="pom")
        asked.upstream.versions["g:parent"] = ["1.1"]
        assert (await asked.get("g/parent/1.0/parent-1.0.pom")).status == 200
        assert await asked.versions("g/parent") == ["1.1"]
        del asked.upstream.versions["g:parent"]
        asked.upstream.add("other:1.0")
        del asked.upstream.versions["g:other"]
        assert (await asked.get("g/other/1.0/other-1.0.pom")).status == 200
        assert (await asked.get("g/other/2.0/other-2.0.pom")).status == 404
        assert (await asked.get("g/other/maven-metadata.xml")).status == 404


async def test_several_repositories_in_their_order(tmp_path: Path) -> None:
    async with MavenRepositoryServer() as second, serving(tmp_path / "one") as _, MavenRepositoryServer() as first:
        second.add("web:1.0")
        second.add("web:2.0")
        first.add("web:1.0")
        first.files[JAR] = "of the first"
        second.files[JAR] = "of the second"
        second.files["g/web/2.0/web-2.0.jar"] = "two"
        clock = ManualClock(SystemClock().now())
        async with RunningRegistry(
            tmp_path, several(tmp_path, first, second), clock=clock, ecosystems=["maven"]
        ) as registry:
            asked = Asked(first, registry, Client(registry.url))
            assert await asked.versions() == ["1.0", "2.0"]
            assert (await asked.get(JAR)).content == b"of the first"
            assert (await asked.get("g/web/2.0/web-2.0.jar")).content == b"two"
            second.add("web:3.0")
            clock.advance(90_000.0)
            assert await asked.versions() == ["1.0", "2.0", "3.0"]
            # Without one of them nobody knows what would have come from there.
            second.answers["g/other/maven-metadata.xml"] = lambda _: Response(503)
            first.add("other:1.0")
            assert (await asked.get("g/other/1.0/other-1.0.pom")).status == 503
            await asked.client.close()


def several(folder: Path, *repositories: MavenRepositoryServer) -> dict[str, str]:
    """Have settings with repositories, and return the variables that lead to them."""
    named = [
        element("repository", fields(id="central" if not at else f"r{at}", url=one.url))
        for at, one in enumerate(reversed(repositories))
    ]
    ask = MavenAsking(folder, "")
    profile = element("profile", fields(id="own"), element("repositories", *reversed(named)))
    ask.write(
        ".m2/settings.xml",
        element("settings", element("profiles", profile), element("activeProfiles", fields(activeProfile="own"))),
    )
    return ask.environment


async def test_where_no_repository_is_known_it_says_so(tmp_path: Path) -> None:
    async with RunningRegistry(tmp_path, {"HOME": str(tmp_path), "PATH": ""}, ecosystems=["maven"]) as registry:
        client = Client(registry.url)
        answer = await client.request("GET", f"/maven/{JAR}")
        assert b"no registry of maven is known here" in answer.content
        await client.close()


async def test_plugins_of_a_group_are_found(tmp_path: Path) -> None:
    plugins = "<metadata><plugins><plugin><name>Web</name><prefix>web</prefix><artifactId>web-maven-plugin</artifactId></plugin></plugins></metadata>"
    async with serving(tmp_path) as asked:
        asked.upstream.files["org/some/maven-metadata.xml"] = plugins
        answer = await asked.get("org/some/maven-metadata.xml")
        assert b"<prefix>web</prefix>" in answer.content
        assert b"<versions>" not in answer.content
        assert (await asked.get("org/other/maven-metadata.xml")).status == 404
        asked.upstream.files["some/maven-metadata.xml"] = plugins
        assert b"<prefix>web</prefix>" in (await asked.get("some/maven-metadata.xml")).content


SNAPSHOT = "g/web/2.0-SNAPSHOT"


def snapshot(*builds: tuple[str, int], base: str = "2.0") -> str:
    """Return the document of a snapshot."""
    files = [
        element(
            "snapshotVersion",
            fields(extension=extension, value=f"{base}-{time}-{number}", updated=time.replace(".", "")),
        )
        for time, number in builds
        for extension in ("jar", "pom")
    ]
    return element(
        "metadata",
        element("versioning", fields(lastUpdated=builds[-1][0].replace(".", "")), element("snapshotVersions", *files)),
    )


async def test_snapshots_of_others(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    async with serving(tmp_path, clock=clock) as asked:
        upstream = asked.upstream
        upstream.versions["g:web"].append("2.0-SNAPSHOT")
        upstream.files[f"{SNAPSHOT}/maven-metadata.xml"] = snapshot(("20260101.010101", 1))
        for time, number in (("20260101.010101", 1), ("20260102.010101", 2)):
            upstream.files[f"{SNAPSHOT}/web-2.0-{time}-{number}.jar"] = f"build {number}"
        assert await asked.versions() == ["1.0", "1.1", "2.0-SNAPSHOT"]
        document = await asked.get(f"{SNAPSHOT}/maven-metadata.xml")
        assert read_metadata(document.content)[0].stamp == "20260101.010101-1"
        checksum = await asked.get(f"{SNAPSHOT}/maven-metadata.xml.sha1")
        assert checksum.content == hashlib.sha1(document.content, usedforsecurity=False).hexdigest().encode()
        assert (await asked.get(f"{SNAPSHOT}/web-2.0-20260101.010101-1.jar")).content == b"build 1"
        assert (await asked.get(f"{SNAPSHOT}/web-2.0-SNAPSHOT.jar")).status == 404
        upstream.files[f"{SNAPSHOT}/maven-metadata.xml"] = snapshot(("20260101.010101", 1), ("20260102.010101", 2))
        clock.advance(400.0)
        document = await asked.get(f"{SNAPSHOT}/maven-metadata.xml")
        assert read_metadata(document.content)[0].stamp == "20260102.010101-2"
        assert (await asked.get(f"{SNAPSHOT}/web-2.0-20260102.010101-2.jar")).content == b"build 2"
        assert (await asked.get("g/web/3.0-SNAPSHOT/maven-metadata.xml")).status == 404
        # Old is better than nothing.
        upstream.answers[f"{SNAPSHOT}/maven-metadata.xml"] = lambda _: Response(503)
        clock.advance(400.0)
        assert (await asked.get(f"{SNAPSHOT}/maven-metadata.xml")).status == 200


@pytest.mark.parametrize("further", [[], ["1.2"]])
async def test_what_is_learned_while_others_are_asked_stays_known(tmp_path: Path, further: list[str]) -> None:
    clock, listing = ManualClock(SystemClock().now()), f"{SNAPSHOT}/maven-metadata.xml"
    async with serving(tmp_path, clock=clock) as asked:
        upstream = asked.upstream
        upstream.versions["g:web"].append("2.0-SNAPSHOT")
        upstream.files[listing] = snapshot(("20260101.010101", 1))
        assert await asked.versions() == ["1.0", "1.1", "2.0-SNAPSHOT"]
        upstream.versions["g:web"] += further
        upstream.held["g/web/maven-metadata.xml"] = asyncio.Event()
        clock.advance(400.0)
        assert (await asked.get(listing)).status == 200
        upstream.held["g/web/maven-metadata.xml"].set()
        await asked.refreshed("g:web", clock.now())
        assert (await asked.get(listing)).status == 200
        assert upstream.paths().count(listing) == 1
        assert await asked.versions() == ["1.0", "1.1", "2.0-SNAPSHOT", *further]


async def test_a_version_that_nobody_lists_stays_known(tmp_path: Path) -> None:
    clock, hidden = ManualClock(SystemClock().now()), "g/hidden/1.0/hidden-1.0"
    async with serving(tmp_path, clock=clock) as asked:
        asked.upstream.add("hidden:1.0")
        asked.upstream.versions.pop("g:hidden")
        assert (await asked.get(f"{hidden}.pom")).status == 200
        clock.advance(400.0)
        assert (await asked.get(f"{hidden}.pom")).status == 200
        await asked.refreshed("g:hidden", clock.now())
        asked.upstream.files.clear()
        assert (await asked.get(f"{hidden}.pom")).status == 200
        assert (await asked.get(f"{hidden}.jar")).status == 404


async def test_who_has_no_snapshots_is_not_asked_for_them(tmp_path: Path) -> None:
    async with MavenRepositoryServer() as upstream:
        upstream.add("web:1.0")
        upstream.versions["g:web"].append("2.0-SNAPSHOT")
        # These settings name nothing but a mirror of what Maven comes with, which has releases alone.
        environment = MavenAsking(tmp_path, upstream.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["maven"]) as registry:
            asked = Asked(upstream, registry, Client(registry.url))
            assert await asked.versions() == ["1.0"]
            assert (await asked.get(f"{SNAPSHOT}/maven-metadata.xml")).status == 404
            assert (await asked.get(f"{SNAPSHOT}/web-2.0-20260101.010101-1.jar")).status == 404
            assert upstream.paths() == ["g/web/maven-metadata.xml"]
            await asked.client.close()


async def test_what_is_kept_needs_nobody(tmp_path: Path) -> None:
    async with serving(tmp_path) as asked:
        assert (await asked.get(JAR)).status == 200
        environment = MavenAsking(tmp_path, asked.upstream.url).environment
    async with RunningRegistry(tmp_path, environment, ecosystems=["maven"], cache_only=True) as registry:
        client = Client(registry.url)
        for path, status in (
            (JAR, 200),
            (f"{JAR}.md5", 200),
            ("g/web/maven-metadata.xml", 200),
            ("g/web/1.0/web-1.0.pom", 404),
            ("g/web/9/web-9.pom", 404),
        ):
            assert (await client.request("GET", f"/maven/{path}")).status == status, path
        await client.close()


async def test_a_bundle_is_served_where_there_is_no_maven(tmp_path: Path) -> None:
    bundle = tmp_path / "maven.tar"
    async with serving(tmp_path / "here") as asked:
        assert (await asked.get(JAR)).status == 200
        store = asked.registry.application._store
        write_bundle(bundle, chosen(store.tables, ["maven"], []), store.blobs)
    there = tmp_path / "there"
    store = Store(there / "registry")
    await take_bundle(bundle, store)
    await store.close()
    environment = {"HOME": str(there), "PATH": ""}
    async with RunningRegistry(there, environment, ecosystems=["maven"], cache_only=True) as registry:
        client = Client(registry.url)
        assert (await client.request("GET", f"/maven/{JAR}")).content == b"jar 1.0"
        assert (await client.request("GET", "/maven/g/web/maven-metadata.xml")).status == 200
        await client.close()


async def test_a_repository_that_sends_nonsense_is_told_of(tmp_path: Path) -> None:
    async with serving(tmp_path) as asked:
        asked.upstream.files["g/web/maven-metadata.xml"] = "<html>no such thing"
        answer = await asked.get("g/web/maven-metadata.xml")
        assert answer.status >= 500
        assert b"no maven-metadata.xml" in answer.content
        asked.upstream.answers["g/other/maven-metadata.xml"] = lambda _: Response(
            302, Headers({"location": "ftp://elsewhere/x"})
        )
        assert (await asked.get("g/other/maven-metadata.xml")).status >= 500
