"""Archives of packages that are published, and what is made of them."""

import io
import json
import stat
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.core.http.messages import Response
from outrider.operators.packages.composer.serving import packages
from outrider.operators.packages.composer.serving.publishing import read_package
from outrider.operators.packages.operations import registry_yank
from outrider.operators.packages.operations.registry_yank import RegistryYankParams
from outrider.operators.packages.tests.clients.table import ALONE
from outrider.operators.packages.tests.composer_archives import archive, manifest, zipped
from outrider.operators.packages.tests.composer_registry import ComposerRegistry
from outrider.operators.packages.tests.composer_serving import PRIVATE, Asked
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.operators.packages.tests.test_audit import context
from outrider.ports.http.client import Client

WEB, WEB_DEV = "p2/acme/web.json", "p2/acme/web~dev.json"
WHOLE = archive()


def registry(folder: Path, **settings: Any) -> RunningRegistry:
    return RunningRegistry(
        folder, ALONE, **{"ecosystems": ["composer"], "cache_only": True, "private": PRIVATE, **settings}
    )


def asking(ours: RunningRegistry) -> Asked:
    return Asked(ComposerRegistry(), ours, Client(ours.url))


async def test_what_is_published_is_what_its_composer_json_says(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        it = asking(ours)
        said = {
            "require": {"php": ">=8.1", "acme/core": "^1.2"}, "replace": [], "bin": "bin/web", "type": "project", "license": ["MIT", "GPL-3.0-only"],
            "scripts": {"post-install-cmd": "rm -r /"}, "repositories": [{"type": "composer", "url": "https://other.test"}], "config": {},
            "minimum-stability": "dev", "extra": {"branch-alias": {"dev-main": "1.x-dev"}}, "abandoned": "acme/new",
        }  # fmt: skip
        content = archive("acme/web 1.0", folder="web-1.0/", **said)
        answer = await it.put(content)
        assert answer.status == 201, answer.content
        [one] = await it.versions(WEB)
        left = {"scripts", "repositories", "config", "minimum-stability", "replace"}
        expected = {**manifest("acme/web", "1.0"), **{key: value for key, value in said.items() if key not in left}}
        assert {key: one[key] for key in expected} == expected
        assert set(one) - set(expected) == {"version_normalized", "time", "dist"}
        assert (one["version_normalized"], one["dist"]["shasum"]) == ("1.0.0.0", one["dist"]["reference"])
        assert (await it.get(one["dist"]["url"])).content == content
        assert await it.versions(WEB_DEV) == []
        # Any way of writing the same is the same, and what is there stays as it is.
        assert (await it.put(content)).status == 201
        assert (await it.put(archive("acme/web dev-main"))).status == 201
        assert await it.names(WEB_DEV) == ["dev-main"]
        await it.client.close()


async def test_a_version_may_stand_in_the_address(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        it = asking(ours)
        for content, query, status, told in (
            (archive("acme/web"), "", 400, "version: nothing"), (archive("acme/web"), "?version=1.0", 201, ""),
            (archive("acme/web 1.1"), "?version=v1.1.0", 201, ""), (archive("acme/web 1.2"), "?version=1.3", 400, "1.3 in the address"),
            (archive("acme/web"), "?version=what", 400, "'what' is not a version"), (archive("acme/web"), "?version=dev-a%2Fb", 201, ""),
        ):  # fmt: skip
            answer = await it.put(content, query)
            assert (answer.status, told in answer.content.decode()) == (status, True), answer.content
        assert (await it.names(WEB), await it.names(WEB_DEV)) == (["1.1", "1.0"], ["dev-a/b"])
        where = await it.client.request("PUT", "/composer/web.zip", body=archive())
        assert (where.status, b"without a name behind it" in where.content) == (404, True)
        await it.client.close()


def packed(**said: Any) -> bytes:
    return zipped({"composer.json": json.dumps({"name": "acme/web", "version": "1.0", **said})})


def linked(target: str, name: str = "src/link", **files: str) -> bytes:
    files = {"composer.json": json.dumps(manifest("acme/web", "1.0")), **files}
    link = zipfile.ZipInfo(name)
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    content = io.BytesIO(zipped(files))
    with zipfile.ZipFile(content, "a") as opened:
        opened.writestr(link, target)
    return content.getvalue()


def with_file(name: str) -> bytes:
    return zipped({"composer.json": json.dumps(manifest("acme/web", "1.0")), name: "x"})


def lying(content: bytes, size: int) -> bytes:
    """Return an archive whose list says that its first file is of another size than it is."""
    at = content.rindex(b"PK\x01\x02")
    return content[: at + 24] + size.to_bytes(4, "little") + content[at + 28 :]


SMALL = zipped({"composer.json": b" " * (3 << 20)})
REFUSED: list[tuple[bytes, str]] = [
    (b"", "no zip file"), (b"nothing", "no zip file"), (WHOLE[:-30], "no zip file"), (WHOLE[40:], "cannot be read"), (WHOLE[:-4], "no zip file"),
    (zipped({}), "no composer.json"), (zipped({"x": "y"}), "no composer.json"), (zipped({"a/composer.json": "{}", "b/x": ""}), "no composer.json"),
    (zipped({"a/b/composer.json": "{}"}), "no composer.json"), (SMALL, "larger than 1048576 bytes"), (lying(SMALL, 1000), "cannot be read"),
    (lying(WHOLE, 3 << 30), "it becomes"), (zipped({"composer.json": "{}"}, compress_type=zipfile.ZIP_BZIP2), "method 12"),
    (zipped({"composer.json": ""}), "composer.json: Input data was truncated"), (zipped({"composer.json": "[]"}), "composer.json: Expected `object`"),
    (zipped({"composer.json": b"\xff"}), "composer.json"), (zipped({"composer.json": "[" * 100_000}), "composer.json"),
    (packed(name="web"), "name: web"), (packed(name="Acme/Web"), "name: Acme/Web"), (packed(name="../web"), "name: ../web"), (packed(name=7), "$.name"),
    (packed(version="one"), "'one' is not a version"), (packed(version="1" * 300), "is not a version"), (packed(require=["x"]), "require: a list"),
    (packed(require={"a/b": "what"}), "require.a/b: what"), (packed(require={"a/b": 1}), "$.require"), (packed(conflict={"a/b": ">"}), "conflict.a/b"),
    (packed(autoload="x"), "$.autoload"), (packed(license={"a": "b"}), "$.license"), (packed(authors=["x"]), "$.authors"), (packed(bin=[1]), "$.bin"), (packed(**{"target-dir": "../x"}), "target-dir: ../x"),
    (with_file("../x"), "'../x' is in it"), (with_file("/etc/x"), "'/etc/x' is in it"), (with_file("a/../../x"), "is in it"), (with_file("a\\..\\x"), "is in it"),
    (with_file("C:/x"), "is in it"), (with_file("a//x"), "is in it"), (with_file("a\nb"), "is in it"), (with_file("./composer.json"), "is in it"),
    (linked("../../etc/passwd"), "leads out of it"), (linked("/etc/passwd"), "leads out of it"), (linked("x" * 5000), "larger than 4096"),
    (linked("..\\x"), "leads out of it"), (linked("..", "link"), "leads out of it"), (linked("it/../../x", "a/b/link"), "leads out of it"),
    (linked("", "src"), "leads out of it"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "told"), REFUSED, ids=[told for _, told in REFUSED])
def test_what_is_no_archive_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        read_package(content)
    assert told in caught.value.message
    assert caught.value.suggestions


async def test_what_is_refused_leaves_nothing(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        it = asking(ours)
        many = packed(require={f"a/b{number}": "*" for number in range(5_001)})
        for content, told in (
            (b"", "no zip file"),
            (with_file("../x"), "is in it"),
            (many, "and not what Composer reads"),
        ):
            answer = await it.put(content)
            assert (answer.status, told in answer.content.decode()) == (400, True), answer.content
        assert (await it.json("list.json"))["packageNames"] == []
        await it.client.close()
    assert [*(tmp_path / "registry" / "blobs").glob("??/*")] == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_is_in_it_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO(WHOLE)
    with zipfile.ZipFile(content, "a") as opened:
        opened.writestr("composer.json", "{}")
    with pytest.raises(InvalidConfigError, match="is in it twice"):
        read_package(content.getvalue())
    # That its list would be too long is seen before it is read.
    monkeypatch.setattr(packages, "_LARGEST_DIRECTORY", 50)
    with pytest.raises(InvalidConfigError, match="its list of files has"):
        read_package(WHOLE)


def test_links_within_an_archive_are_taken() -> None:
    for target, name in (("../it.php", "src/link"), ("..", "src/link"), ("../..", "a/b/link"), ("it.php", "link")):
        assert read_package(linked(target, name)).name == "acme/web"
    with pytest.raises(InvalidConfigError, match="files behind a link"):
        read_package(linked("..", "src/link", **{"src/link/x": "y"}))


@settings(deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_what_is_spoiled_is_refused_or_read(position: int, byte: int) -> None:
    content = WHOLE[:position] + bytes([byte]) + WHOLE[position + 1 :]
    with suppress(InvalidConfigError):
        assert read_package(content).name == "acme/web"


async def test_a_version_is_published_once(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        it = asking(ours)
        assert (await it.put(WHOLE)).status == 201
        before = await it.versions(WEB)
        for content, told in (
            (archive("acme/web 1.0", description="other"), "there is one with another content"),
            (archive("acme/web v1.0.0"), "there is 1.0, which is the same version"),
        ):
            answer = await it.put(content)
            assert (answer.status, told in answer.content.decode()) == (409, True), answer.content
        assert await it.versions(WEB) == before
        await it.client.close()


async def test_who_may_not_publish_is_told_so(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        client = Client(ours.url)

        async def put(token: str, content: bytes = WHOLE) -> Response:
            fields = {"authorization": f"Bearer {token}"} if token else {}
            return await client.request("PUT", "/composer", headers=fields, body=content)

        for token, status, told in (
            ("", 401, "you have to show a token"), ("outrider_x", 401, "there is no such token"), (await ours.token("read"), 403, "ana may not publish it"),
            (await ours.token("publish", patterns=["composer:acme/core"]), 403, "ana may not publish it"),
        ):  # fmt: skip
            answer = await put(token)
            assert (answer.status, told in answer.content.decode()) == (status, True), answer.content
        foreign = await put(await ours.token("publish"), archive("web/web 1.0"))
        assert (foreign.status, b"not among those that are private" in foreign.content) == (403, True)
        await client.close()
    audit = (tmp_path / "registry" / "audit.jsonl").read_text()
    assert (audit.count('"packages.registry.publish"'), audit.count("package/composer/acme/web/1.0")) == (4, 1)


async def test_what_is_taken_back_is_in_no_document_and_who_has_locked_it_still_gets_it(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        it = asking(ours)
        for version in ("1.0", "1.1"):
            await it.put(archive(f"acme/web {version}"))
        url = (await it.versions(WEB))[0]["dist"]["url"]
        params = RegistryYankParams(
            folder=str(tmp_path / "registry"), ecosystem="composer", name="Acme/Web", version="1.1"
        )
        await registry_yank.run(params, context(tmp_path))
        assert await it.names(WEB) == ["1.0"]
        assert (await it.get(url)).content == archive("acme/web 1.1")
        again = await it.put(archive("acme/web 1.1"))
        assert (again.status, b"it was taken back" in again.content) == (409, True)
        params.undo = True
        await registry_yank.run(params, context(tmp_path))
        assert await it.names(WEB) == ["1.1", "1.0"]
        await it.client.close()
