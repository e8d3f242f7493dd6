"""Files are refused where they contradict themselves, or are not as native tools write them."""

import asyncio
import io
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ConflictError, InvalidConfigError, OutriderError, UnsupportedError
from outrider.operators.packages.cargo.packaged import Crate, shown_requirement
from outrider.operators.packages.maven.coordinates import Artifact, Project, file_name
from outrider.operators.packages.maven.deployed_metadata import next_build, with_build, with_version
from outrider.operators.packages.maven.deployments import artifacts_of, read_deployments
from outrider.operators.packages.maven.metadata import SnapshotFile, Versioning, read_metadata
from outrider.operators.packages.npm.normalising import normalised
from outrider.operators.packages.npm.packed import read_packed
from outrider.operators.packages.pypi.distributions import fields_of, read_distribution
from outrider.operators.packages.registries.forms import form_with_file
from outrider.operators.packages.registries.publications import LARGEST, LocalFile, Publication, read_file
from outrider.operators.packages.serving.multipart import FormPart, read_form
from outrider.operators.packages.tests.gem_files import GemFile
from outrider.operators.packages.tests.maven_poms import fields, pom
from outrider.operators.packages.tests.npm_registry import packed
from outrider.operators.packages.tests.nuget_files import NugetFile
from outrider.operators.packages.tests.publishing import Publishing, cargo_file, npm_file, registry_of_ours
from outrider.operators.packages.tests.wheels import Wheel
from outrider.operators.packages.tests.wheels import packed as zipped

URL = "http://127.0.0.1:9"
WHEEL = Wheel(project="acme-web", version="1.0")


def tarball(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    """Return a gzipped tar file; members without content are of another kind."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = len(content), tarfile.REGTYPE if content else kind, "elsewhere"
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


async def refused(folder: Path, ecosystem: str, file: tuple[str, bytes], told: str) -> None:
    it = Publishing(folder, ecosystem, URL, "a-token")
    path = it.put(*file)
    with pytest.raises(InvalidConfigError, match=told) as caught:
        await it.plan(path)
    assert (caught.value.message.startswith(path), bool(caught.value.suggestions)) == (True, True)


MANIFEST = ("package/package.json", b'{"name": "web", "version": "1.0.0"}')


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (npm_file("Web", "1.0.0"), "the name 'Web'"), (npm_file("../web", "1.0.0"), "the name"), (npm_file("web", "1.0"), "the version '1.0'"),
        (npm_file("web", "v1.0.0"), "the version"), (npm_file("web", "1.0.0", private=True), "private"),
        (npm_file("web", "1.0.0-rc.1"), "a tag of its own"), (npm_file("web", "1.0.0", publishConfig={"access": "restricted"}), "restricted"),
        (npm_file("web", "1.0.0", dependencies=["core"]), "dependencies is no object"),
        (("a.tgz", packed({"package.json": b"{"})), "no package of npm"), (("a.tgz", packed({"other.json": {}})), "no package.json"),
        (("a.tgz", tarball(MANIFEST, MANIFEST)), "in it twice"), (("a.tgz", tarball(MANIFEST, ("package/../../x", b"x"))), "is in it"),
        (("a.tgz", tarball(MANIFEST, ("package/x", b""), kind=tarfile.SYMTYPE)), "'package/x' is in it"),
        (("a.tgz", tarball(("other/package.json", MANIFEST[1]))), "'other/package.json' is in it"),
    ],
)  # fmt: skip
async def test_tarballs_of_npm(tmp_path: Path, file: tuple[str, bytes], told: str) -> None:
    await refused(tmp_path, "npm", file, told)


def wheel(text: str, name: str = WHEEL.name, *left_out: str) -> tuple[str, bytes]:
    """Return a wheel with other metadata, and without some files."""
    files = {"METADATA": text.encode(), "WHEEL": b"Wheel-Version: 1.0\n", "RECORD": b""}
    inside = {f"acme_web-1.0.dist-info/{one}": content for one, content in files.items() if one not in left_out}
    return name, zipped({}, inside)


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (wheel(WHEEL.metadata.replace("acme-web", "other")), "its metadata says other"), (wheel(WHEEL.metadata.replace("1.0", "1.1")), "its metadata says 1.1"),
        (wheel(WHEEL.metadata, "acme_web-1.0.zip"), "neither as a wheel"), (wheel(WHEEL.metadata, "acme_web-1.0.whl"), "[Ii]nvalid wheel"),
        (wheel(WHEEL.metadata, "acme_web-x-py3-none-any.whl"), "[Ii]nvalid"), (wheel("Name: acme-web\n"), "its metadata"),
        (wheel("Metadata-Version: 2.1\nName: acme-web\nVersion: 1.0\nOdd-Field: x\n"), "fields that are unknown: odd-field"),
        (wheel("Metadata-Version: 2.1\nName: acme-web\nVersion: 1.0\nRequires-Dist: ??\n"), "cannot be published"),
        (wheel(WHEEL.metadata, WHEEL.name, "WHEEL"), "its metadata cannot be read"), (wheel(WHEEL.metadata, WHEEL.name, "RECORD"), "its metadata cannot be read"),
        (("acme_web-1.0.tar.gz", tarball(("acme_web-1.0/other", b"x"))), "its metadata cannot be read"),
    ],
)  # fmt: skip
async def test_distributions_of_python(tmp_path: Path, file: tuple[str, bytes], told: str) -> None:
    await refused(tmp_path, "pypi", file, told)


async def test_the_form_has_the_metadata_of_a_distribution() -> None:
    text = "Metadata-Version: 2.1\nName: acme.web\nVersion: 1.0\nKeywords: a,b\nProject-URL: Home, https://a.test\nLicense-File: LICENSE\n\nwords\n"
    found = await read_distribution(LocalFile("acme_web-1.0.tar.gz", tarball(("acme_web-1.0/PKG-INFO", text.encode()))))
    fields = dict(fields_of(found))
    wanted = ("name", "keywords", "project_urls", "description", "pyversion", "license_file")
    assert {name: fields.get(name) for name in wanted} == {
        "name": "acme.web", "keywords": "a, b", "project_urls": "Home, https://a.test", "description": "words\n", "pyversion": "source",
        "license_file": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (cargo_file("0web", "1.0.0"), "the name '0web'"), (cargo_file("web", "1.0"), "no crate"), (("a.crate", tarball(("web-1.0.0/x", b"x"))), "no Cargo.toml"),
        (("a.crate", tarball(("a/Cargo.toml", b"x"), ("b/Cargo.toml", b"x"))), "."),
        (("a.crate", tarball(("web-1.1.0/Cargo.toml", b'[package]\nname = "web"\nversion = "1.0.0"'), ("web-1.1.0/Cargo.toml.orig", b"x"))), "its folder is web-1.1.0"),
        (("a.crate", tarball(("web-1.0.0/Cargo.toml", b"x x"), ("web-1.0.0/Cargo.toml.orig", b"x"))), "no crate"),
        (("a.crate", tarball(("web-1.0.0/../x", b"x"))), "is in it"), (("a.crate", tarball(("web-1.0.0/x", b""), kind=tarfile.SYMTYPE)), "is in it"),
    ],
)  # fmt: skip
async def test_crates(tmp_path: Path, file: tuple[str, bytes], told: str) -> None:
    await refused(tmp_path, "cargo", file, told)


LOCK = '[[package]]\nname = "core"\nversion = "1.0.0"\nsource = "registry+https://crates.test/index"\n'
NEEDS = '[dependencies.core]\nversion = "1"\n[dependencies.own]\nversion = "1"\nregistry-index = "sparse+https://ours.test/index/"\n'


@pytest.mark.parametrize(
    ("index", "registries"),
    [
        # In the manifest it is crates.io that is not named, and in the API the registry that the crate goes to.
        ("https://ours.test/index", ["https://crates.test/index", None]),
        (None, [None, "sparse+https://ours.test/index/"]),
        ("https://other.test", ["https://crates.test/index", "sparse+https://ours.test/index/"]),
    ],
)
def test_where_the_needs_of_a_crate_come_from(index: str | None, registries: list[str | None]) -> None:
    crate = Crate(LocalFile(*cargo_file("web", "1.0.0", more=NEEDS, lock=LOCK)))
    assert [one.get("registry") for one in crate.described(index)["deps"]] == registries


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ('[dependencies.core]\nversion = "1"\n', UnsupportedError), ('[dependencies.core]\npath = "../core"\n', InvalidConfigError),
        ('[dependencies.core]\nversion = "one"\n', InvalidConfigError), ("[dependencies]\ncore = 1\n", InvalidConfigError),
    ],
)  # fmt: skip
def test_needs_of_a_crate_that_cannot_be_said(more: str, error: type[OutriderError]) -> None:
    with pytest.raises(error) as caught:
        Crate(LocalFile(*cargo_file("web", "1.0.0", more=more))).described("https://ours.test/index")
    assert caught.value.suggestions


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1", "^1"), ("^1.2", "^1.2"), (">= 1.0,<2", ">=1.0, <2"), ("=1.2.3-rc.1+b", "=1.2.3-rc.1"), ("1.*", "1.*"), ("1.x.x", "1.*"), ("*", "*"),
        ("~ 1.2", "~1.2"), ("", None), ("one", None), ("1,", None), ("1 2", None),
    ],
)  # fmt: skip
def test_requirements_are_written_as_cargo_writes_them(text: str, shown: str | None) -> None:
    assert shown_requirement(text) == shown


@pytest.mark.parametrize(
    ("ecosystem", "file", "told"),
    [
        ("gem", ("web-1.0.tar", GemFile().packed()), "not called as a gem"), ("gem", ("web.gem", GemFile(name="..").packed()), "name"),
        ("nuget", ("web.zip", NugetFile().packed()), "called as another package"), ("nuget", ("web.snupkg", NugetFile().packed()), "called as another package"),
        ("nuget", ("web.nupkg", NugetFile(version="x").packed()), "version"),
        ("nuget", ("web.nupkg", NugetFile(manifest=NugetFile(name="Other").nuspec()).packed()), "called as another package"),
    ],
)  # fmt: skip
async def test_gems_and_packages_of_nuget(tmp_path: Path, ecosystem: str, file: tuple[str, bytes], told: str) -> None:
    await refused(tmp_path, ecosystem, file, told)


async def test_the_tag_latest_of_npm_does_not_go_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with registry_of_ours(tmp_path) as registry:
        it = Publishing(tmp_path, "npm", registry.url, await registry.token("read", "publish"))
        await it.run(it.built("1.1.0"))
        with pytest.raises(ConflictError, match=r"1\.1\.0 is there"):
            await it.plan(it.built("1.0.5"))
        older = it.put(*npm_file("@acme/web", "1.0.5", publishConfig={"tag": "old"}))
        assert [one.state for one in (await it.run(older)).files] == ["published"]


def test_files_that_are_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(InvalidConfigError, match="too large"):
        read_file(str(path))


def test_manifests_of_npm_have_one_form() -> None:
    said: dict[str, Any] = {
        "name": "@acme/web", "_id": "x", "bin": "./it.js", "author": "Ana <a@a.test> (https://a.test)", "bugs": "ana@a.test", "keywords": "a, b",
        "bundledDependencies": True, "dependencies": {"core": "1"}, "contributors": ["Bob", {"name": "C"}], "repository": "acme/web",
    }  # fmt: skip
    assert normalised(said) == {
        "name": "@acme/web", "bin": {"web": "it.js"}, "author": {"name": "Ana", "email": "a@a.test", "url": "https://a.test"},
        "bugs": {"email": "ana@a.test"}, "keywords": ["a", "b"], "dependencies": {"core": "1"}, "contributors": [{"name": "Bob"}, {"name": "C"}],
        "repository": {"type": "git", "url": "acme/web"}, "bundleDependencies": ["core"],
    }  # fmt: skip
    assert normalised({"name": "web", "bin": {"../a": "/../../b.js", "c": 1}})["bin"] == {"a": "b.js"}
    assert normalised({"name": "web", "bin": []}) == {"name": "web"}


Readers = dict[str, Callable[[LocalFile], object]]
READERS: Readers = {
    "npm": read_packed, "cargo": Crate, "pypi": lambda file: asyncio.run(read(file)),
}  # fmt: skip


async def read(file: LocalFile) -> Publication:
    return await read_distribution(LocalFile(WHEEL.name, file.content))


@pytest.mark.parametrize("ecosystem", READERS)
@given(data=st.data())
def test_spoilt_files_are_refused_and_nothing_worse(ecosystem: str, data: st.DataObject) -> None:
    content = bytearray(
        {"npm": npm_file("web", "1.0.0"), "cargo": cargo_file("web", "1.0.0"), "pypi": ("", WHEEL.packed())}[ecosystem][
            1
        ]
    )
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InvalidConfigError):
        READERS[ecosystem](LocalFile("it", bytes(content)))


TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.tuples(st.sampled_from(["one", "two"]), TEXT), max_size=5), st.binary(max_size=200))
def test_forms_are_read_as_they_were_written(fields: list[tuple[str, str]], content: bytes) -> None:
    form = form_with_file(fields, "content", "it.whl", content)
    found = read_form(form.content_type, form.body)
    assert found.pop("content") == [FormPart("it.whl", content)]
    assert {name: [one.content.decode() for one in parts] for name, parts in found.items()} == {
        name: [text for one, text in fields if one == name] for name, _ in fields
    }


POM = pom("com.acme:web:1.0")
PROPERTIES = "META-INF/maven/com.acme/web/pom.properties"


def jar(version: str = "1.0", *more: str) -> bytes:
    said = f"#made\ngroupId=com.acme\nartifactId=web\nversion={version}\n".encode()
    return zipped({}, {PROPERTIES: said, **dict.fromkeys(more, b"")})


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"pom.xml": POM.encode()}, "its packaging is jar"), ({"web-1.0.jar": jar()}, "belongs to none of the POMs"),
        ({"pom.xml": POM.encode(), "web-1.1.jar": jar()}, "belongs to none of the POMs"),
        ({"pom.xml": POM.encode(), "web-1.0.jar": jar("1.1")}, "it was built as another project than its POM says: version 1.1"),
        ({"pom.xml": POM.encode(), "web-1.0.jar": b"PK no archive"}, "it is no archive"), ({"pom.xml": b"<project>"}, "POM"),
        ({"pom.xml": pom("com.acme:web:${revision}").encode(), "web-1.0.jar": jar()}, "without properties|cannot be published"),
        ({"pom.xml": pom("com.acme:..:1.0").encode()}, "cannot be published"),
        ({"pom.xml": pom("com.acme:web:1.0-20260101.101010-1").encode()}, "cannot be published"),
        ({"pom.xml": POM.encode(), "web-1.0.pom": POM.encode()}, "named twice"),
        ({"pom.xml": POM.encode(), "web-1.0.jar": jar(), "other/web-1.0.jar": jar()}, "named twice"),
    ],
)  # fmt: skip
def test_artifacts_of_maven(files: dict[str, bytes], told: str) -> None:
    with pytest.raises(InvalidConfigError, match=told) as caught:
        read_deployments([LocalFile(path, content) for path, content in files.items()])
    assert caught.value.suggestions


def test_files_of_maven_belong_to_the_project_of_their_name() -> None:
    core = pom("com.acme:web-core:1.0")
    files = {
        "a/pom.xml": POM.encode(), "web-1.0-sources.jar": jar(), "web-1.0.jar.asc": b"signature", "web-1.0.jar": jar("1.0", "META-INF/maven/a/b/pom.properties"),
        "b/pom.xml": core.encode(), "web-core-1.0.jar": zipped({}, {"a": b""}), "web-core-1.0-dist.tar.gz": b"x",
    }  # fmt: skip
    found = read_deployments([LocalFile(path, content) for path, content in files.items()])
    assert [(one.name, one.file.path, [file.path for file in one.beside]) for one in found] == [
        ("com.acme:web", "web-1.0.jar", ["a/pom.xml", "web-1.0-sources.jar", "web-1.0.jar.asc"]),
        ("com.acme:web-core", "web-core-1.0.jar", ["b/pom.xml", "web-core-1.0-dist.tar.gz"]),
    ]
    names = [file_name(artifact) for one in found for artifact, _ in artifacts_of(one)]
    assert names == [
        "web-1.0.jar",
        "web-1.0.pom",
        "web-1.0-sources.jar",
        "web-1.0.jar.asc",
        "web-core-1.0.jar",
        "web-core-1.0.pom",
        "web-core-1.0-dist.tar.gz",
    ]


def test_plugins_of_maven_are_left_to_maven() -> None:
    with pytest.raises(UnsupportedError):
        read_deployments([LocalFile("pom.xml", pom("com.acme:web:1.0", fields(packaging="maven-plugin")).encode())])


async def test_what_of_a_version_of_maven_is_there_is_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with registry_of_ours(tmp_path) as registry:
        it = Publishing(tmp_path, "maven", registry.url, await registry.token("read", "publish"))
        first = it.put("web-1.0.jar", jar()), it.put("pom.xml", POM.encode())
        assert [(Path(one.file).name, one.state) for one in (await it.run(*first)).files] == [
            ("web-1.0.jar", "published"),
            ("pom.xml", "published"),
        ]
        assert [one.state for one in (await it.run(*first)).files] == ["unchanged", "unchanged"]
        more = *first, it.put("web-1.0-sources.jar", jar())
        assert [one.state for one in (await it.run(*more)).files] == ["published"] * 3
        with pytest.raises(ConflictError):
            await it.plan(it.put("web-1.0.jar", jar("1.0", "other")), first[1])


@given(st.lists(st.sampled_from(["1.0", "1.1", "2.0-SNAPSHOT"]), unique=True), st.sampled_from(["1.0", "2.0-SNAPSHOT"]))
def test_lists_of_versions_keep_what_they_had(versions: list[str], version: str) -> None:
    known = Versioning(versions=versions, latest="1.1", release="1.1")
    found, left_out = read_metadata(with_version(known, Project("g", "a", version), 1_700_000_000.0))
    expected = versions if version in versions else [*versions, version]
    release = "1.1" if version.endswith("SNAPSHOT") else version
    assert (left_out, found) == (
        0,
        Versioning(versions=expected, latest="1.1", release=release, updated="20231114221320"),
    )


def test_builds_of_a_snapshot_are_numbered() -> None:
    kept, project = (
        SnapshotFile("sources", "jar", "1-20260101.101010-7", "20260101101010"),
        Project("g", "a", "1-SNAPSHOT"),
    )
    known = Versioning(
        files=[SnapshotFile("", "jar", "1-20260101.101010-7", "20260101101010"), kept], stamp="20260101.101010-7"
    )
    build = next_build(known, 1_700_000_000.0)
    found, _ = read_metadata(with_build(known, project, build, [Artifact(*project)], 1_700_000_000.0))
    assert found.stamp == "20231114.221320-8"
    assert found.files == [SnapshotFile("", "jar", "1-20231114.221320-8", "20231114221320"), kept]
    assert next_build(Versioning(stamp="20260101.101010-x"), 0.0).number == 1
