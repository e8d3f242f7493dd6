"""What is published by the operation is installed by native clients, and is sent as they would send it."""

import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from outrider.core.http.messages import Request
from outrider.operators.packages.cargo.publishing import CargoPublisher
from outrider.operators.packages.registries.publications import read_file
from outrider.operators.packages.serving.multipart import FormPart, read_form
from outrider.operators.packages.sessions import Terms, publisher_of, question_of
from outrider.operators.packages.tests.canned_registry import CannedRegistry
from outrider.operators.packages.tests.clients.dotnet import Nuget
from outrider.operators.packages.tests.clients.java import DEPLOY, Maven, plugins
from outrider.operators.packages.tests.clients.node import QUIET
from outrider.operators.packages.tests.clients.php import Php
from outrider.operators.packages.tests.clients.python import PIP
from outrider.operators.packages.tests.clients.ruby import Gems
from outrider.operators.packages.tests.clients.table import ALONE, PRIVATE, Bench
from outrider.operators.packages.tests.composer_archives import manifest
from outrider.operators.packages.tests.maven_poms import pom
from outrider.operators.packages.tests.publishing import Publishing, cargo_file, npm_file, registry_of_ours
from outrider.operators.packages.tests.running_registry import RunningRegistry, run
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.wheels import Wheel
from outrider.operators.packages.tests.wheels import packed as zipped
from outrider.operators.packages.tests.world import variables
from tests.peers.environments import PROGRAMS, install

RICH = Wheel(
    project="acme-web", version="2.0", needs=["core>=1", "colors; extra == 'pretty'"], extras=["pretty"], python=">=3.8",
    classifiers=["Programming Language :: Python :: 3", "License :: OSI Approved"],
)  # fmt: skip
pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def test_npm_packs_and_installs(tmp_path: Path) -> None:
    async with registry_of_ours(tmp_path) as registry:
        it = Publishing(tmp_path, "npm", registry.url, await registry.token("read", "publish"))
        (it.folder / "package.json").write_text(json.dumps({"name": "@acme/web", "version": "1.0.0", "bin": "it.js"}))
        (it.folder / "it.js").write_text("console.log(1)")
        assert (await run("npm", "pack", folder=it.folder)).status == 0
        await it.run(str(it.folder / "acme-web-1.0.0.tgz"))
        user = tmp_path / "user"
        user.mkdir()
        found = await run("npm", "install", "@acme/web", "--registry", f"{registry.url}/npm/", *QUIET, folder=user)
        assert found.status == 0, found.output
        assert (user / "node_modules/.bin/web").is_file()


RICH_MANIFEST: dict[str, Any] = {
    "bin": "./it.js", "scripts": {"install": "true"}, "repository": "https://git.a.test/web", "author": "Ana <ana@a.test> (https://a.test)",
    "contributors": ["Bob"], "man": "./a.1", "bugs": "https://a.test/bugs", "keywords": "a, b", "dependencies": {"core": "^1"},
    "optionalDependencies": {"fast": "1"}, "bundledDependencies": ["core"], "files": ["*.js"], "main": "index.js", "license": "MIT",
    "publishConfig": {"tag": "next", "access": "public"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "version", "more"), [("@acme/web", "1.0.0-rc.1", RICH_MANIFEST), ("web", "1.0.0", {})]
)
async def test_npm_sends_the_same_document(tmp_path: Path, name: str, version: str, more: dict[str, Any]) -> None:
    async with CannedRegistry() as registry:
        registry.documents = {f"PUT /npm/{name}": {"ok": True}}
        it = Publishing(tmp_path, "npm", registry.url, "a-token")
        file = it.put(*npm_file(name, version, **more))
        done = await run("npm", "publish", file, *QUIET, folder=it.folder)
        assert done.status == 0, done.output
        await it.run(file)
        theirs, ours = (json.loads(one.body) for one in registry.requests if one.method == "PUT")
    # Where the file was on this machine is nobody's business.
    for local in ("_from", "_integrity", "_resolved"):
        del theirs["versions"][version][local]
    assert ours == theirs


async def test_pip_installs_and_twine_sends_the_same_form(tmp_path: Path) -> None:
    twine = install("twine", PROGRAMS["twine"]) / "twine"
    async with registry_of_ours(tmp_path) as registry, CannedRegistry() as canned:
        canned.documents = {"POST /legacy/": {}}
        it = Publishing(tmp_path, "pypi", registry.url, await registry.token("read", "publish"))
        built = [it.put(RICH.name, RICH.packed()), it.put("acme_web-2.0.tar.gz", source(RICH.metadata))]
        assert [one.state for one in (await it.run(*built)).files] == ["published", "published"]
        assert [one.state for one in (await it.run(*built)).files] == ["unchanged", "unchanged"]
        where = [
            "--disable-pip-version-check",
            "--no-deps",
            "--index-url",
            f"{registry.url}/pypi/simple/",
            "--target",
            "t",
        ]
        found = await run(*PIP, "install", *where, "acme-web", folder=it.folder)
        assert found.status == 0, found.output
        login = ["-u", "__token__", "-p", "a-token", "--non-interactive"]
        done = await run(twine, "upload", "--repository-url", f"{canned.url}/legacy/", *login, *built, folder=it.folder)
        assert done.status == 0, done.output
        it.variables |= {"TWINE_REPOSITORY_URL": f"{canned.url}/legacy/", "TWINE_PASSWORD": "a-token"}
        await it.run(*built)
    theirs, ours = canned.requests[:2], canned.requests[2:]
    for one, other in zip(theirs, ours, strict=True):
        assert one.headers.get("authorization") == other.headers.get("authorization")
        assert form_of(one) == form_of(other)


def form_of(request: Request) -> dict[str, list[FormPart]]:
    return read_form(request.headers.get("content-type"), request.body)


def source(metadata: str) -> bytes:
    """Return a source distribution."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in (("PKG-INFO", metadata.encode()), ("acme_web.py", b"")):
            member = tarfile.TarInfo(f"acme_web-2.0/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


class Recording(RunningRegistry):
    """A registry of ours that keeps what it is sent, with nobody behind it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ALONE, cache_only=True, private=PRIVATE)
        self.sent: list[Request] = []

    async def _answer(self, request: Request) -> Any:
        if request.method not in ("GET", "HEAD"):
            self.sent.append(request)
        return await super()._answer(request)


CRATE = """[package]
name = "acme-web"
version = "1.0.0"
edition = "2021"
authors = ["Ana <ana@a.test>"]
description = "x"
license = "MIT"
readme = "README.md"
keywords = ["one", "two"]
categories = ["web"]
homepage = "https://a.test"
links = "z"
rust-version = "1.60"
[badges]
maintenance = { status = "deprecated" }
[features]
fast = ["deeper/more"]
all = ["fast", "dep:acme-core"]
[dependencies]
acme-core = { version = "1", optional = true, registry = "ours" }
deeper = { package = "acme-deep", version = ">=1.0, <2", features = ["more"], default-features = false, registry = "ours" }
[dev-dependencies]
acme-core = { version = "=1.0.0", registry = "ours" }
[build-dependencies]
acme-core = { version = "1.*", registry = "ours" }
[target.'cfg(unix)'.dependencies]
acme-unix = { version = "~1.0", registry = "ours" }
[target.x86_64-unknown-linux-gnu.dependencies]
acme-unix = { version = "*", registry = "ours" }
"""


async def test_cargo_builds_and_sends_the_same(tmp_path: Path) -> None:
    async with Recording(tmp_path) as registry:
        it = Publishing(tmp_path, "cargo", registry.url, await registry.token("read", "publish"))
        needs = [
            it.put(*cargo_file(name, "1.0.0", more=more))
            for name, more in (("acme-core", ""), ("acme-deep", "[features]\nmore = []\n"), ("acme-unix", ""))
        ]
        await it.run(*needs)
        folder = it.folder / "crate"
        (folder / "src").mkdir(parents=True)
        (folder / "src/lib.rs").write_text("pub fn one() -> u8 { 1 }\n")
        (folder / "build.rs").write_text("fn main() {}\n")
        (folder / "README.md").write_text("# A web\n")
        (folder / "Cargo.toml").write_text(CRATE)
        registry.sent.clear()
        # Before it publishes, it builds with what it needs, which we have published.
        done = await run("cargo", "publish", folder=folder, environment={"HOME": it.variables["HOME"]})
        assert done.status == 0, done.output
        [theirs] = registry.sent
        packaged = it.put("acme-web-1.0.0.crate", read_body(theirs.body)[1])
        assert [one.state for one in (await it.run(packaged)).files] == ["unchanged"]
        with variables(it.variables), question_of(context(tmp_path), "cargo", [], Terms()) as question:
            async with publisher_of("cargo", question, "") as publisher:
                [publication] = await publisher.read([read_file(packaged)])
                assert isinstance(publisher, CargoPublisher)
                ours = publisher.body(await publisher.registry(publication), publication)
    assert read_body(ours) == read_body(theirs.body)


def read_body(body: bytes) -> tuple[Any, bytes]:
    """Return what is said of a crate, without what is nothing, and its file; dependencies of a kind are in no order."""
    size = int.from_bytes(body[:4], "little")
    said = {key: value for key, value in json.loads(body[4 : 4 + size]).items() if value not in (None, [], {})}
    said["deps"].sort(key=lambda one: json.dumps(one, sort_keys=True))
    return said, body[8 + size :]


async def test_gem_builds_installs_and_sends_the_same(tmp_path: Path) -> None:
    async with Recording(tmp_path) as registry:
        token = await registry.token("read", "publish")
        it = Publishing(tmp_path, "gem", registry.url, token)
        gems = Gems(Bench(tmp_path, registry), token)
        built = str(await gems.build("acme-web@1.0", 's.platform = "java"'))
        await it.run(built)
        await gems.done("gem", "push", "--host", gems.url, built)
        ours, theirs = registry.sent
        assert (ours.method, ours.path, ours.body) == (theirs.method, theirs.path, theirs.body)
        fields = ("authorization", "content-type")
        assert [ours.headers.get(one) for one in fields] == [theirs.headers.get(one) for one in fields]
        # Keys that gem signin has kept do as well.
        del it.variables["RUBYGEMS_HOST"]
        await it.run(str(await gems.build("acme-web@1.1", f's.metadata = {{"allowed_push_host" => "{gems.url}"}}')))
        await gems.install("acme-web")
        assert await gems.done("ruby", "-e", "require 'acme-web'") == "1.1\n"


async def test_composer_packs_and_installs(tmp_path: Path) -> None:
    async with Recording(tmp_path) as registry:
        it = Publishing(tmp_path, "composer", registry.url, await registry.token("read", "publish"))
        php = Php(Bench(tmp_path, registry))
        (php.folder / "composer.json").write_text(json.dumps(manifest("acme/core", "1.2.0")))
        (php.folder / "it.php").write_text("<?php\n")
        await php.done("archive", "--format=zip", "--file=core")
        await it.run(str(php.folder / "core.zip"))
        php.project()
        await php.done("require", "acme/core")
        assert php.locked() == {"acme/core": "1.2.0"}


async def test_nuget_packs_installs_and_sends_the_same(tmp_path: Path) -> None:
    async with Recording(tmp_path) as registry:
        token = await registry.token("read", "publish")
        it, nuget = Publishing(tmp_path, "nuget", registry.url, token), Nuget(Bench(tmp_path, registry))
        built = str(nuget.folder / await nuget.pack("Acme.Core@1.2.0"))
        await it.run(built)
        assert await nuget.install("Acme.Core") == ["Acme.Core.1.2.0"]
        await nuget.push(built, token)
        ours, theirs = registry.sent
        assert (ours.method, ours.path.rstrip("/")) == (theirs.method, theirs.path.rstrip("/"))
        assert form_of(ours) == form_of(theirs)
        assert ours.headers.get("x-nuget-apikey") == theirs.headers.get("x-nuget-apikey")


TIMES = re.compile(rb"\d{8}\.?\d{6}")


def deployed(registry: Recording) -> list[tuple[str, str, bytes]]:
    """Return what was sent, without times; checksums of what has these in it are others each time."""
    dated = [b"maven-metadata.xml." in one.path.encode() for one in registry.sent]
    return sorted(
        (one.method, TIMES.sub(b"TIME", one.path.encode()).decode(), b"" if other else TIMES.sub(b"TIME", one.body))
        for one, other in zip(registry.sent, dated, strict=True)
    )


async def test_maven_installs_and_sends_the_same(tmp_path: Path) -> None:
    where = await plugins()
    versions = ("1.0", "2.0-SNAPSHOT", "2.0-SNAPSHOT")
    jar = zipped({}, {"a.txt": b"a"})
    sent: list[list[tuple[str, str, bytes]]] = []
    for name in ("theirs", "ours"):
        (tmp_path / name).mkdir()
        async with Recording(tmp_path / name) as registry:
            token = await registry.token("read", "publish")
            bench = Bench(tmp_path / name, registry)
            client, it = Maven(bench, where), Publishing(tmp_path / name, "maven", registry.url, token)
            client.settings(token)
            for version in versions:
                text = pom(f"com.acme:web:{version}")
                if name == "ours":
                    files = (
                        it.put(f"web-{version}.jar", jar),
                        it.put(f"web-{version}-sources.jar", jar),
                        it.put("pom.xml", text.encode()),
                    )
                    await it.run(*files)
                else:
                    (bench.folder / "web.jar").write_bytes(jar)
                    client.write("web.xml", text)
                    to = ["-DrepositoryId=hub", f"-Durl={bench.url}/maven/", "-Dsources=web.jar"]
                    done = await client.run(f"{DEPLOY}:deploy-file", "-Dfile=web.jar", "-DpomFile=web.xml", *to)
                    assert done.status == 0, done.output
            if name == "ours":
                client.project("com.acme:web:[1.0,1.9)")
                done = await client.install()
                assert (done.status, "Checksum" in done.output, client.installed()) == (0, False, ["web-1.0.jar"])
                client.project("com.acme:web:2.0-SNAPSHOT")
                assert (await client.install()).status == 0
                assert client.installed() == ["web-1.0.jar", "web-2.0-SNAPSHOT.jar"]
            sent.append(deployed(registry))
    assert sent[1] == sent[0]
