"""What is deployed: taken file by file, checked, never changed, and listed by what is there."""

import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.http.messages import Response
from outrider.operators.packages.maven.metadata import Versioning, read_metadata
from outrider.operators.packages.maven.serving.plugins import DESCRIPTOR, plugin_in
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.tables import Tables
from outrider.operators.packages.tests.maven_poms import dependency, element, fields, metadata, parts, pom
from outrider.operators.packages.tests.maven_repository import MavenAsking, MavenRepositoryServer
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.ports.http.client import Client

FOLDER = "com/acme/web"
POM = pom("com.acme:web:1.0")
TIMES = ("20260101.010203", "20260102.010203")


class Deploying:
    """A registry, and who deploys to it."""

    def __init__(self, registry: RunningRegistry, client: Client, token: str) -> None:
        self.registry, self.client, self._token = registry, client, token

    async def put(self, path: str, body: str | bytes, token: str | None = None) -> Response:
        content = body.encode() if isinstance(body, str) else body
        shown = self._token if token is None else token
        headers = {"authorization": f"Bearer {shown}"} if shown else {}
        return await self.client.request("PUT", f"/maven/{path}", headers=headers, body=content)

    async def done(self, path: str, body: str | bytes) -> None:
        answer = await self.put(path, body)
        assert (answer.status, answer.content) == (201, b"")

    async def refused(self, path: str, body: str | bytes, why: str, status: int = 400) -> None:
        answer = await self.put(path, body)
        assert (answer.status, why in answer.content.decode()) == (status, True), answer.content

    async def get(self, path: str) -> Response:
        return await self.client.request("GET", f"/maven/{path}")

    async def versioning(self, path: str = FOLDER) -> Versioning:
        answer = await self.get(f"{path}/maven-metadata.xml")
        assert answer.status == 200, answer.content
        return read_metadata(answer.content)[0]

    async def version(self, version: str, *content: str) -> None:
        """Deploy a version."""
        await self.done(f"{FOLDER}/{version}/web-{version}.jar", f"jar {version}")
        await self.done(f"{FOLDER}/{version}/web-{version}.pom", pom(f"com.acme:web:{version}", *content))


@asynccontextmanager
async def deploying(
    folder: Path, environment: dict[str, str] | None = None, **settings: Any
) -> AsyncIterator[Deploying]:
    fields = {"ecosystems": ["maven"], "private": ["maven:com.acme:*"], **settings}
    async with RunningRegistry(folder, environment or {"HOME": str(folder), "PATH": ""}, **fields) as registry:
        client = Client(registry.url)
        yield Deploying(registry, client, await registry.token("read", "publish"))
        await client.close()


async def test_a_version_is_listed_once_its_pom_is_there(tmp_path: Path) -> None:
    async with deploying(tmp_path) as to:
        jar = f"{FOLDER}/1.0/web-1.0.jar"
        await to.done(jar, "jar")
        assert (await to.get(f"{FOLDER}/maven-metadata.xml")).status == 404
        for algorithm in ("sha1", "md5", "sha256", "sha512"):
            await to.done(f"{jar}.{algorithm}", hashlib.new(algorithm, b"jar").hexdigest())
        await to.done(f"{FOLDER}/1.0/web-1.0.pom", POM)
        document = await to.get(f"{FOLDER}/maven-metadata.xml")
        found, _ = read_metadata(document.content)
        assert (found.versions, found.latest, found.release, len(found.updated)) == (["1.0"], "1.0", "1.0", 14)
        assert (await to.get(f"{FOLDER}/maven-metadata.xml.sha1")).content == hashlib.sha1(
            document.content, usedforsecurity=False
        ).hexdigest().encode()
        assert (await to.get(jar)).content == b"jar"
        assert (await to.get(f"{jar}.sha1")).content == hashlib.sha1(b"jar", usedforsecurity=False).hexdigest().encode()
        await to.done(f"{FOLDER}/maven-metadata.xml", metadata(["1.0"]))
        await to.done(f"{FOLDER}/maven-metadata.xml.md5", "0" * 32)


async def test_what_is_published_never_changes(tmp_path: Path) -> None:
    async with deploying(tmp_path) as to:
        await to.version("1.0")
        await to.done(f"{FOLDER}/1.0/web-1.0.jar", "jar 1.0")
        await to.refused(f"{FOLDER}/1.0/web-1.0.jar", "another", "was published already, with another content", 409)
        await to.refused(
            f"{FOLDER}/1.0/web-1.0.pom", pom("com.acme:web:1.0", fields(name="x")), "with another content", 409
        )
        await to.done(f"{FOLDER}/1.0/web-1.0-sources.jar", "what was not there yet")
        assert (await to.get(f"{FOLDER}/1.0/web-1.0.jar")).content == b"jar 1.0"


async def test_snapshots_are_deployed_anew_each_under_its_time(tmp_path: Path) -> None:
    async with deploying(tmp_path) as to:
        folder = f"{FOLDER}/1.0-SNAPSHOT"
        for number, time in enumerate(TIMES, 1):
            await to.done(f"{folder}/web-1.0-{time}-{number}.jar", f"build {number}")
            await to.done(f"{folder}/web-1.0-{time}-{number}.pom", pom("com.acme:web:1.0-SNAPSHOT"))
        await to.done(f"{folder}/web-1.0-{TIMES[0]}-1-sources.jar.asc", "signed")
        found = await to.versioning(folder)
        assert (found.stamp, found.updated) == (f"{TIMES[1]}-2", "20260102010203")
        assert [(one.classifier, one.extension, one.version) for one in found.files] == [
            ("", "jar", f"1.0-{TIMES[1]}-2"), ("sources", "jar.asc", f"1.0-{TIMES[0]}-1"), ("", "pom", f"1.0-{TIMES[1]}-2"),
        ]  # fmt: skip
        listed = await to.versioning()
        assert (listed.versions, listed.latest, listed.release) == (["1.0-SNAPSHOT"], "1.0-SNAPSHOT", "")
        assert (await to.get(f"{folder}/web-1.0-{TIMES[0]}-1.jar")).content == b"build 1"
        await to.done(f"{folder}/maven-metadata.xml", (await to.get(f"{folder}/maven-metadata.xml")).content)
        await to.refused(f"{folder}/web-1.0-{TIMES[0]}-1.jar", "another", "with another content", 409)
        await to.refused(f"{folder}/web-1.0-SNAPSHOT.jar", "without a time", "there is nothing at", 404)


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("1.0/web-1.0.pom", "no XML", "and not a POM"),
        ("1.0/web-1.0.pom", '<!DOCTYPE x [<!ENTITY a "b">]><project/>', "and not a POM"),
        ("1.0/web-1.0.pom", pom("com.acme:other:1.0"), "artifactId: other, and not web"),
        ("1.0/web-1.0.pom", pom("com.other:web:1.0"), "groupId: com.other, and not com.acme"),
        ("1.0/web-1.0.pom", pom("com.acme:web:1.1"), "version: 1.1, and not 1.0"),
        ("1.0/web-1.0.pom", pom(":web:", parent="com.acme:above:2.0"), "version: 2.0, and not 1.0"),
        ("1.0/web-1.0.jar.sha1", "0" * 40, "a file that was sent before"),
        ("0.9/web-0.9.jar.sha1", "0" * 40, "which is that of the file"),
        ("0.9/web-0.9.jar.md5", "", "nothing, and not"),
        ("1.0!/web-1.0!.jar", "x", "version: 1.0!, and not letters"),
        ("1.0/web-1.0-%C3%A4.jar", "x", "file: web-1.0-ä.jar, and not letters"),
        ("1.0/web-1.0-%20.jar", "x", "there is nothing at"),
        ("1.0/web-1.0x.jar", "x", "there is nothing at"),
        ("maven-metadata.xml", "no XML", "and not what mvn deploy sends"),
        ("maven-metadata.xml", "<project/>", "<project>, and not <metadata>"),
        ("maven-metadata.xml", metadata(["0.9", "9.9"]), "9.9, and not what was deployed here"),
        ("maven-metadata.xml", element("metadata", fields(artifactId="other")), "artifactId: other, and not web"),
        ("maven-metadata.xml", "<metadata><plugins><plugin/></plugins></metadata>", "no plugin with a prefix"),
        ("maven-metadata.xml.sha1", "no digits", "40 hexadecimal digits"),
        ("0.9-SNAPSHOT/maven-metadata.xml", element("metadata", fields(version="1")), "version: 1, and not 0.9-SNAPSHOT"),
    ],
)  # fmt: skip
async def test_what_is_not_taken_leaves_nothing(path: str, body: str, why: str, tmp_path: Path) -> None:
    async with deploying(tmp_path) as to:
        await to.version("0.9")
        await to.refused(f"{FOLDER}/{path}", body, why, 404 if why.startswith("there") else 400)
        assert (await to.versioning()).versions == ["0.9"]
        store = Store(tmp_path / "registry")
        assert {one.version for one in store.tables.releases("maven", "com.acme:web")} == {"0.9"}
        assert hashlib.sha256(body.encode()).hexdigest() not in store.blobs.all()
        await store.close()


async def test_nobody_publishes_what_is_not_private_or_not_theirs(tmp_path: Path) -> None:
    async with deploying(tmp_path) as to:
        path, foreign = f"{FOLDER}/1.0/web-1.0.pom", "org/other/web/1.0/web-1.0.pom"
        assert (await to.put(path, POM, token="")).status == 401
        assert (await to.put(path, POM, token="")).headers.get("www-authenticate") == 'Basic realm="packages"'
        assert (await to.put(path, POM, token=await to.registry.token("read"))).status == 403
        other = await to.registry.token("publish", patterns=["maven:com.acme:core"])
        for one in (path, f"{path}.sha1", f"{FOLDER}/maven-metadata.xml"):
            assert (await to.put(one, metadata([]) if one.endswith("xml") else POM, token=other)).status == 403
        for one in (
            foreign,
            f"{foreign}.sha1",
            "org/other/web/maven-metadata.xml",
            "org/other/web/1-SNAPSHOT/maven-metadata.xml",
        ):
            await to.refused(one, metadata([]), "its name is not among those that are private", 403)
        plugins = (
            "<metadata><plugins><plugin><prefix>x</prefix><artifactId>y</artifactId></plugin></plugins></metadata>"
        )
        await to.refused("org/other/maven-metadata.xml", plugins, "its name is not among those that are private", 403)
        assert (await to.client.request("DELETE", f"/maven/{path}")).status == 404
        store = Store(tmp_path / "registry")
        assert store.tables.names("maven") == []
        await store.close()


async def test_a_pom_with_properties_and_one_with_a_parent(tmp_path: Path) -> None:
    async with deploying(tmp_path) as to:
        await to.done(f"{FOLDER}/1.0/web-1.0.pom", pom("com.acme:web:${revision}"))
        await to.done("com/acme/core/1.0/core-1.0.pom", pom(":core:", parent="com.acme:web:1.0"))
        assert (await to.versioning("com/acme/core")).versions == ["1.0"]


async def take_back(folder: Path, version: str) -> None:
    """Take a version back, as the operation does it."""

    def work(tables: Tables) -> None:
        for one in tables.releases("maven", "com.acme:web"):
            if one.version == version:
                tables.put_release("maven", "com.acme:web", msgspec.structs.replace(one, yanked="broken"))

    store = Store(folder)
    await store.write(work)
    await store.close()


async def test_what_is_taken_back_is_not_listed_and_still_served(tmp_path: Path) -> None:
    async with deploying(tmp_path) as to:
        await to.version("1.0")
        await to.version("1.1")
        await take_back(tmp_path / "registry", "1.1")
        # A file that comes later belongs to what was taken back.
        await to.done(f"{FOLDER}/1.1/web-1.1-sources.jar", "sources")
        assert (await to.versioning()).versions == ["1.0"]
        assert (await to.get(f"{FOLDER}/1.1/web-1.1.jar")).status == 200


async def test_what_people_see(tmp_path: Path) -> None:
    needs = parts([dependency("org.some:core:1"), dependency("org.some:tests:1", scope="test")])
    licence = element("licenses", element("license", fields(name="MIT")))
    async with deploying(tmp_path) as to:
        await to.version("1.0", fields(description="A web\n  of things"), needs, licence)
        page = (await to.client.request("GET", "/packages/maven/com.acme:web")).content.decode()
        for text in ("A web of things", "Licence: MIT", "org.some:core", "Published here"):
            assert text in page
        assert "org.some:tests" not in page


async def test_the_licence_of_a_parent_counts_wherever_that_is(tmp_path: Path) -> None:
    licence = element("licenses", element("license", fields(name="Apache-2.0")))
    async with MavenRepositoryServer() as upstream:
        upstream.add("org.some:above:1", content=licence, packaging="pom")
        async with deploying(tmp_path, MavenAsking(tmp_path, upstream.url).environment) as to:
            await to.done("com/acme/above/1.0/above-1.0.pom", pom("com.acme:above:1.0", parent="org.some:above:1"))
            await to.done(f"{FOLDER}/1.0/web-1.0.pom", pom("com.acme:web:1.0", parent="com.acme:above:1.0"))
            await to.done("com/acme/lost/1.0/lost-1.0.pom", pom("com.acme:lost:1.0", parent="com.acme:nowhere:1.0"))
            assert b"Licence: Apache-2.0" in (await to.client.request("GET", "/packages/maven/com.acme:web")).content
        assert [one for one in upstream.paths() if "acme" in one] == []


async def test_a_private_name_never_goes_to_others(tmp_path: Path) -> None:
    async with MavenRepositoryServer() as upstream:
        upstream.add("com.acme:web:9.0")
        environment = MavenAsking(tmp_path, upstream.url).environment
        async with deploying(tmp_path, environment, private=["maven:com.acme:*", "maven:org.*:own-*"]) as to:
            for path in (
                f"{FOLDER}/maven-metadata.xml", f"{FOLDER}/9.0/web-9.0.pom", f"{FOLDER}/9.0/web-9.0.jar.sha1", "com/acme/maven-metadata.xml",
                f"{FOLDER}/9.0-SNAPSHOT/maven-metadata.xml", "com/acme/maven-metadata.xml.sha1", "org/some/own-web/1/own-web-1.pom",
                "com.acme/web/9.0/web-9.0.pom", "com/acme/web/9.0/../9.0/web-9.0.pom",
            ):  # fmt: skip
                assert (await to.get(path)).status == 404, path
            assert upstream.requests == []


def archive(prefix: str = "acme", artifact: str = "acme-maven-plugin") -> bytes:
    """Return the archive of a plugin."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr(DESCRIPTOR, element("plugin", fields(name="Acme", goalPrefix=prefix, artifactId=artifact)))
    return content.getvalue()


async def test_plugins_are_found_by_their_prefix(tmp_path: Path) -> None:
    async with deploying(tmp_path) as to:
        folder = "com/acme/acme-maven-plugin/1.0/acme-maven-plugin-1.0"
        await to.done(f"{folder}.jar", archive())
        await to.done(f"{folder}.pom", pom("com.acme:acme-maven-plugin:1.0", packaging="maven-plugin"))
        # It says that it is another one.
        await to.done(f"{FOLDER}/1.0/web-1.0.jar", archive("deploy", "acme-maven-plugin"))
        document = (await to.get("com/acme/maven-metadata.xml")).content
        assert (document.count(b"<plugin>"), document.count(b"<prefix>acme</prefix>")) == (1, 1)
        checksum = await to.get("com/acme/maven-metadata.xml.sha1")
        assert checksum.content == hashlib.sha1(document, usedforsecurity=False).hexdigest().encode()
        await to.done("com/acme/maven-metadata.xml", document)
        await to.done("com/acme/maven-metadata.xml.sha1", checksum.content)


@given(st.binary(max_size=400), st.integers(0, 400))
def test_an_archive_may_be_anything(junk: bytes, at: int) -> None:
    whole = archive()
    for content in (junk, whole[:at], whole[:at] + junk + whole[at:], whole[:at] + junk + whole[at + len(junk) :]):
        plugin_in(content)
    found = plugin_in(whole)
    assert found is not None
    assert found.prefix == "acme"
