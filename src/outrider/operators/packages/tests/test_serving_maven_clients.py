"""Maven itself, with an empty home and an empty local repository, on what the table of clients does not show."""

import asyncio
import os
from pathlib import Path

import pytest

from outrider.core.package_policies import PackagePolicySpec
from outrider.operators.packages.maven.metadata import read_metadata
from outrider.operators.packages.tests.clients.java import MAVEN, QUICK, Maven, deployed, maven, plugins
from outrider.operators.packages.tests.clients.table import ALONE, PRIVATE, Bench
from outrider.operators.packages.tests.maven_poms import element, fields
from outrider.operators.packages.tests.maven_repository import MavenAsking, MavenRepositoryServer
from outrider.operators.packages.tests.running_registry import RunningRegistry, run
from outrider.ports.http.client import Client

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(600)]


async def test_maven_deploys_snapshots_anew_and_nothing_of_others(tmp_path: Path) -> None:
    async with RunningRegistry(tmp_path, ALONE, cache_only=True, ecosystems=["maven"], private=PRIVATE) as registry:
        bench = Bench(tmp_path, registry)
        client = await maven(bench)
        for content in ("first", "second"):
            ran = await client.deploy(content, "com.acme:web:1.0-SNAPSHOT")
            assert ran.status == 0, ran.output
        http = Client(registry.url)
        answer = await http.request("GET", "/maven/com/acme/web/1.0-SNAPSHOT/maven-metadata.xml")
        found, _ = read_metadata(answer.content)
        assert found.stamp.endswith("-2")
        await http.close()
        client.project("com.acme:web:1.0-SNAPSHOT")
        ran = await client.install()
        assert ran.status == 0, ran.output
        (library,) = (bench.folder / "libraries").iterdir()
        assert library.read_text() == "second"
        foreign = await client.deploy("jar", "org.other:web:1.0")
        assert "its name is not among those that are private" in foreign.output


async def test_maven_shows_why_it_gets_nothing_and_chooses_what_is_left(tmp_path: Path) -> None:
    policy = PackagePolicySpec(deny=["maven:g:web@[2.0,)"])
    async with MavenRepositoryServer(checksums=("sha1",)) as upstream:
        for version in ("1.0", "2.0"):
            upstream.add(f"web:{version}")
            upstream.files[f"g/web/{version}/web-{version}.jar"] = version
        environment = MavenAsking(tmp_path, upstream.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["maven"], policy=policy) as registry:
            client = Maven(Bench(tmp_path, registry), await plugins())
            client.settings()
            client.project("g:web:[1.0,)")
            ran = await client.install()
            assert ran.status == 0, ran.output
            assert client.installed() == ["web-1.0.jar"]
            client.project("g:web:2.0")
            refused = await client.install()
            assert "403 maven g:web 2.0 is denied: deny maven:g:web@[2.0,) of shop" in refused.output


async def test_a_token_is_shown_where_it_is_asked_for(tmp_path: Path) -> None:
    async with RunningRegistry(tmp_path, ALONE, cache_only=True, ecosystems=["maven"], private=PRIVATE) as registry:
        bench = Bench(tmp_path, registry)
        client = await maven(bench)
        await deployed(bench, "1.0")
        registry.close_to_nobody()
        client.project("com.acme:web:1.0")
        assert (await client.install()).status == 0
        client.settings(await registry.token("read", patterns=["maven:com.acme:other"]))
        refused = await client.deploy(coordinates="com.acme:web:1.1")
        assert "403 maven com.acme:web: ana may not publish it" in refused.output


async def test_all_that_a_build_needs_comes_through_it(tmp_path: Path) -> None:
    """Maven fetches its own plugins through the registry, from the repositories that are used on this machine."""
    folder = tmp_path / "client"
    folder.mkdir()
    async with RunningRegistry(tmp_path, os.environ, ecosystems=["maven"]) as registry:
        mirror = element("mirror", fields(id="hub", mirrorOf="*", url=f"{registry.url}/maven/"))
        (folder / "settings.xml").write_text(element("settings", element("mirrors", mirror)))
        for local in ("one", "two"):
            goals = ["deploy:help", "org.apache.maven.plugins:maven-install-plugin:3.1.1:help"]
            where = ["--settings", "settings.xml", f"-Dmaven.repo.local={folder / local}"]
            ran = await run(*MAVEN, *where, *goals, folder=folder, environment=QUICK)
            assert ran.status == 0, ran.output
            assert "Checksum" not in ran.output
        kept = await asyncio.to_thread(lambda: [*(folder / "one").rglob("*.jar")])
        assert len(kept) > 5
