"""What nuget push and delete send, and what is made of it."""

import io
import struct
import zipfile
from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.core.http.messages import Response
from outrider.operators.packages.nuget.serving.archives import manifest_in
from outrider.operators.packages.nuget.serving.nuspecs import read_nuspec
from outrider.operators.packages.operations import registry_token, registry_yank
from outrider.operators.packages.operations.registry_token import RegistryTokenParams
from outrider.operators.packages.operations.registry_yank import RegistryYankParams
from outrider.operators.packages.serving.accounts import kept_password
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.tables import Account
from outrider.operators.packages.tests.clients.table import ALONE, PASSWORD
from outrider.operators.packages.tests.nuget_files import BOUNDARY, NugetFile, archive, form
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.operators.packages.tests.test_audit import context
from outrider.ports.http.client import Client

FILE = NugetFile()
NUSPEC = FILE.nuspec()
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


class Publisher:
    """Somebody who publishes at a registry of ours."""

    def __init__(self, registry: RunningRegistry, token: str) -> None:
        self.registry, self.client, self.token = registry, Client(registry.url), token

    async def send(self, method: str, path: str = "", body: bytes = b"", **headers: str) -> Response:
        fields = {"x-nuget-apikey": self.token, "content-type": CONTENT_TYPE}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        shown = {name: value for name, value in fields.items() if value}
        return await self.client.request(method, f"/nuget/v2/package{path}", headers=shown, body=body)

    async def push(self, content: bytes, **headers: str) -> Response:
        return await self.send("PUT", "/", form(content), **headers)

    async def refused(self, content: bytes, status: int, told: str, **headers: str) -> None:
        """Check that a package is refused with a reason."""
        answer = await self.push(content, **headers)
        assert (answer.status, told in answer.content.decode()) == (status, True), answer.content

    async def json(self, path: str) -> Any:
        answer = await self.client.request("GET", f"/nuget/v3/{path}")
        assert answer.status == 200, answer.content
        return msgspec.json.decode(answer.content)

    async def entries(self, name: str = "acme.web") -> dict[str, Any]:
        """Return what the registration says of each version."""
        [page] = (await self.json(f"registrations/{name}/index.json"))["items"]
        return {leaf["catalogEntry"]["version"]: leaf["catalogEntry"] for leaf in page["items"]}


def registry(folder: Path) -> RunningRegistry:
    return RunningRegistry(folder, ALONE, ecosystems=["nuget"], cache_only=True, private=["nuget:Acme.*"])


async def publisher(ours: RunningRegistry) -> Publisher:
    return Publisher(ours, await ours.token("read", "publish"))


async def test_what_is_pushed_stands_in_the_registration(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        one = await publisher(ours)
        more = (
            '<license type="expression">MIT</license><licenseUrl>https://files.test/MIT</licenseUrl><tags>a b</tags><iconUrl>file:///x</iconUrl>'
            '<packageTypes><packageType name="DotnetTool" /></packageTypes><requireLicenseAcceptance>true</requireLicenseAcceptance>'
        )
        file = NugetFile(version="1.02-RC+build.7", needs=["Acme.Core@[1.0,2)"], more=more).packed()
        assert (await one.push(file)).status == 201
        entry = (await one.entries())["1.2.0-RC+build.7"]
        said = {
            key: entry.get(key)
            for key in ("id", "authors", "licenseExpression", "licenseUrl", "tags", "iconUrl", "listed")
        }
        assert said == {
            "id": "Acme.Web", "authors": "Ana", "licenseExpression": "MIT", "licenseUrl": "https://files.test/MIT", "tags": ["a", "b"],
            "iconUrl": None, "listed": True,
        }  # fmt: skip
        assert entry["requireLicenseAcceptance"] is True
        assert entry["packageTypes"] == [{"name": "DotnetTool"}]
        assert entry["dependencyGroups"][0]["dependencies"][0]["range"] == "[1.0,2)"
        assert (await one.json("flat/acme.web/index.json"))["versions"] == ["1.2.0-rc"]
        for path, content in (
            ("acme.web.1.2.0-rc.nupkg", file),
            ("acme.web.nuspec", NugetFile(version="1.02-RC+build.7", needs=["Acme.Core@[1.0,2)"], more=more).nuspec()),
        ):
            assert (await one.client.request("GET", f"/nuget/v3/flat/acme.web/1.2.0-rc/{path}")).content == content
        assert (await one.json("query?prerelease=true&semVerLevel=2.0.0&packageType=dotnettool"))["totalHits"] == 1
        await one.client.close()


def raw_zip(*entries: tuple[str, bytes], encrypted: bool = False) -> bytes:
    """Return a zip file whose entries are called as they are said to be."""
    made = io.BytesIO()
    places = [f"{at}{'x' * (len(name) - 1)}" for at, (name, _) in enumerate(entries)]
    with zipfile.ZipFile(made, "w") as file:
        for place, (_, content) in zip(places, entries, strict=True):
            file.writestr(place, content)
    content = made.getvalue()
    for place, (name, _) in zip(places, entries, strict=True):
        content = content.replace(place.encode(), name.encode())
    if encrypted:
        at = content.rindex(b"PK\x01\x02") + 8
        content = content[:at] + b"\x01\x00" + content[at + 2 :]
    return content


def overlapping() -> bytes:
    """Return a zip file with two entries of the same bytes."""
    content = raw_zip(("Acme.Web.nuspec", NUSPEC))
    begin, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    entry = content[begin:end]
    other = entry.replace(b"Acme.Web.nuspec", b"acme_web_readme")
    tail = bytearray(content[end:])
    struct.pack_into("<HHI", tail, 8, 2, 2, len(entry) * 2)
    return content[:end] + other + bytes(tail)


def large_list() -> bytes:
    content = bytearray(FILE.packed())
    struct.pack_into("<I", content, len(content) - 10, 200 << 20)
    return bytes(content)


def for_large() -> bytes:
    content = FILE.packed()
    at = content.rindex(b"PK\x05\x06")
    return content[:at] + b"PK\x06\x07" + bytes(16) + content[at:]


def whole(size: int) -> bytes:
    """Return a package that says to become very large."""
    content = FILE.packed()
    at = content.rindex(b"PK\x01\x02") + 24
    return content[:at] + struct.pack("<I", size) + content[at + 4 :]


def changed(**fields: Any) -> bytes:
    return msgspec.structs.replace(FILE, **fields).packed()


def manifest(text: str | bytes) -> bytes:
    return changed(manifest=text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no zip file"), (b"nothing", "no zip file"), (FILE.packed()[:-30], "no zip file"), (FILE.packed() + b"x", "behind its end"), (b"#!/bin/sh\n" + FILE.packed(), "before its first file"), (large_list(), "list of files"),
        (for_large(), "list of files"), (archive({}), "0 manifests"), (archive({"lib/Acme.Web.nuspec": NUSPEC}), "0 manifests"),
        (archive({"Acme.Web.nuspec": NUSPEC, "acme.web.NUSPEC": NUSPEC}), "2 manifests"), (raw_zip(("Acme.Web.nuspec", NUSPEC), ("Acme.Web.nuspec", NUSPEC)), "twice"),
        (changed(files={"../x": b""}), "a file in it is called '../x'"), (changed(files={"lib/%2e%2e/%2e%2e/x": b""}), "is called 'lib/../../x'"),
        (changed(files={"/etc/x": b""}), "is called '/etc/x'"), (raw_zip(("Acme.Web.nuspec", NUSPEC), ("a\\b", b"")), "is called"),
        (changed(files={"C:x": b""}), "is called 'C:x'"), (changed(files={"a%00b": b""}), "is called"), (overlapping(), "overlap"),
        (raw_zip(("Acme.Web.nuspec", NUSPEC), encrypted=True), "encrypted"), (whole(0xFFFFFFF0), "it would become more"), (manifest(b" " * (1 << 20) + NUSPEC), "larger than"),
        (changed(name="Acme.Other", manifest=NUSPEC), "id: Acme.Web, and not that by which its file Acme.Other.nuspec is called"),
        (manifest("<x/>"), "<x> with 0 of metadata"), (manifest("nothing"), "XML"), (manifest(b"\xff\xfe<\x00"), "UTF-8"),
        (manifest('<?xml version="1.0" encoding="utf-7"?><package/>'), "encoding: utf-7"), (manifest("<?xml version='1.0' encoding='utf-16'?><package/>"), "encoding: utf-16"),
        (manifest('<!DOCTYPE p [<!ENTITY a "b">]><package/>'), "DOCTYPE"), (manifest(f"{'<a>' * 200}"), "deeply"), (manifest("<package><metadata/><metadata/></package>"), "2 of metadata"),
        (manifest("<package><metadata><id>Acme.Web</id></metadata></package>"), "version: 0 of them"), (changed(more="<id>Acme.Core</id>"), "id: 2 of them"),
        (changed(more="<version>2.0</version>"), "version: 2 of them"), (changed(name="../x"), "is called"), (changed(name="Acme Web"), "id: Acme Web"),
        (changed(name="A" * 101), "id: AAA"), (changed(version="1.x"), "version: 1.x"), (changed(version="../1"), "version: ../1"), (changed(version=""), "version: "),
        (changed(needs=["Acme.Core@[1.0"]), "dependencies"), (changed(needs=["@1.0"]), "dependencies"), (changed(needs=["A@1"] * 2_001), "dependencies"),
        (changed(more='<packageTypes><packageType name="SymbolsPackage" /></packageTypes>'), "symbols are not kept here"),
    ],
)  # fmt: skip
async def test_what_is_no_package_is_refused_and_leaves_nothing(tmp_path: Path, content: bytes, told: str) -> None:
    async with registry(tmp_path) as ours:
        one = await publisher(ours)
        await one.refused(content, 400, told)
        assert (await one.json("query"))["data"] == []
        await one.client.close()
    assert [*(tmp_path / "registry" / "blobs").glob("??/*")] == []


async def test_a_request_without_one_package_is_refused(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        one = await publisher(ours)
        for body, fields, told in (
            (FILE.packed(), {"content_type": "application/octet-stream"}, "publish with nuget push"), (form(b"", 0), {}, "0 files"),
            (form(FILE.packed(), 2), {}, "2 files"), (b"nothing", {}, "no form"),
        ):  # fmt: skip
            answer = await one.send("PUT", body=body, **fields)
            assert (answer.status, told in answer.content.decode()) == (400, True), answer.content
        for method, path in (
            ("POST", ""),
            ("GET", ""),
            ("PUT", "/acme.web/1.0"),
            ("DELETE", "/acme.web"),
            ("PATCH", "/acme.web/1.0"),
        ):
            assert (await one.send(method, path)).status == 404
        await one.client.close()


async def test_a_version_is_published_once(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        one = await publisher(ours)
        assert (await one.push(FILE.packed())).status == 201
        before = await one.entries()
        for other in (
            FILE,
            NugetFile(version="1"),
            NugetFile(version="1.0.0.0"),
            NugetFile(name="acme.WEB"),
            NugetFile(version="1.0.0+build"),
        ):
            await one.refused(other.packed(), 409, "what a version is never changes")
        assert (await one.send("DELETE", "/acme.web/1.0")).status == 204
        await one.refused(FILE.packed(), 409, "what a version is never changes")
        assert (await one.entries())["1.0.0"] == {**before["1.0.0"], "listed": False}
        assert (await one.push(changed(version="1.0.0-rc"))).status == 201
        await one.refused(changed(version="1.0-RC"), 409, "what a version is never changes")
        await one.client.close()


async def test_who_may_not_publish_is_told_so(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        store = Store(tmp_path / "registry")
        user = Account("ana", kept_password(PASSWORD), "read publish", [])
        await store.write(lambda tables: tables.put_user(user))
        await store.close()
        one = await publisher(ours)
        file = FILE.packed()
        login = f"Basic {b64encode(f'ana:{PASSWORD}'.encode()).decode()}"
        reader = await ours.token("read")
        # A key that is wrong is not mended by logging in; without one, or with any other word, a client is asked to.
        for token, status, told in (
            (reader, 403, "ana may not publish it"), (await ours.token("publish", patterns=["nuget:acme.core"]), 403, "ana may not publish it"),
            ("outrider_x", 403, "there is no such token"), ("az", 401, "there is no such token"), ("", 401, "you have to show a token"),
        ):  # fmt: skip
            one.token = token
            await one.refused(file, status, told)
        await one.refused(file, 401, "you have to show a token", authorization="Basic Og==")
        await one.refused(file, 401, "there is no such user", authorization="Basic eDp5")
        for token, shown in (
            ("az", login),
            ("", login),
            (await ours.token("publish"), f"Basic {b64encode(f'x:{reader}'.encode()).decode()}"),
        ):
            one.token = token
            await one.refused(NugetFile(name="Serilog").packed(), 403, "private", authorization=shown)
        one.token = ""
        assert (await one.push(file, authorization=login)).status == 201
        assert (await one.send("DELETE", "/acme.web/1.0.0")).status == 401
        one.token = reader
        assert (await one.send("DELETE", "/acme.web/1.0.0")).status == 403
        assert (await one.entries())["1.0.0"]["listed"] is True
        await one.client.close()
    audit = (tmp_path / "registry" / "audit.jsonl").read_text()
    assert (audit.count('"packages.registry.publish"'), audit.count('"packages.registry.yank"')) == (8, 2)


async def test_what_is_unlisted_is_not_found_and_can_be_had_and_listed_again(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        one = await publisher(ours)
        for version in ("1.0.0", "1.1.0"):
            assert (await one.push(changed(version=version))).status == 201
        assert (await one.send("DELETE", "/ACME.Web/1.1")).status == 204
        assert (await one.send("DELETE", "/acme.web/1.1.0.0")).status == 204
        assert [entry["listed"] for entry in (await one.entries()).values()] == [True, False]
        assert [found["version"] for found in (await one.json("query"))["data"]] == ["1.0.0"]
        assert (await one.json("flat/acme.web/index.json"))["versions"] == ["1.0.0", "1.1.0"]
        assert (await one.client.request("GET", "/nuget/v3/flat/acme.web/1.1.0/acme.web.1.1.0.nupkg")).status == 200
        assert (await one.send("POST", "/acme.web/1.1.0")).status == 200
        assert [found["version"] for found in (await one.json("query"))["data"]] == ["1.1.0"]
        for path in ("/acme.web/9.0", "/acme.web/x", "/acme.other/1.0"):
            assert (await one.send("DELETE", path)).status == 404
        assert (await one.send("DELETE", "/serilog/1.0")).status == 403
        for version in ("1.0.0", "1.1.0"):
            await one.send("DELETE", f"/acme.web/{version}")
        assert (await one.json("query"))["data"] == []
        await one.client.close()


async def test_whoever_runs_the_registry_takes_a_version_back_with_a_reason(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        one = await publisher(ours)
        await one.push(changed(version="1.1"))
        folder = str(tmp_path / "registry")
        params = RegistryYankParams(folder=folder, ecosystem="nuget", name="acme.Web", version="1.1", reason="it leaks")
        await registry_yank.run(params, context(tmp_path))
        entry = (await one.entries())["1.1.0"]
        assert (entry["listed"], entry["deprecation"]) == (False, {"reasons": ["Other"], "message": "it leaks"})
        # Who unlists it then says no other reason.
        await one.send("DELETE", "/acme.web/1.1")
        assert "deprecation" in (await one.entries())["1.1.0"]
        params.undo = True
        await registry_yank.run(params, context(tmp_path))
        entry = (await one.entries())["1.1.0"]
        assert (entry["listed"], "deprecation" in entry) == (True, False)
        await one.client.close()


async def test_a_token_is_for_names_however_they_are_written(tmp_path: Path) -> None:
    async with registry(tmp_path) as ours:
        params = RegistryTokenParams(
            folder=str(tmp_path / "registry"), label="ci", scopes=["read", "publish"], packages=["nuget:Acme.W*"]
        )
        one = Publisher(ours, (await registry_token.run(params, context(tmp_path))).token)
        assert (await one.push(FILE.packed())).status == 201
        await one.refused(changed(name="Acme.Core"), 403, "may not publish it")
        await one.client.close()


@given(st.data())
def test_a_package_with_other_bytes_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(FILE.packed())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        name, found = manifest_in(io.BytesIO(bytes(content)))
    except InvalidConfigError:
        return
    assert (name.lower().endswith(".nuspec"), found) == (True, NUSPEC)


@given(st.text(alphabet=st.sampled_from("<>/&;!?[]\"'= \npackagemetadataidversion1.0"), max_size=200))
def test_any_manifest_is_read_or_refused(text: str) -> None:
    for content in (text, f"<package><metadata>{text}</metadata></package>"):
        with pytest.raises(InvalidConfigError):
            read_nuspec(content.encode())


def test_a_bomb_is_not_unpacked() -> None:
    bomb = archive({"Acme.Web.nuspec": b"x" * (100 << 20)})
    assert len(bomb) < 200_000
    with pytest.raises(InvalidConfigError, match="larger than"):
        manifest_in(io.BytesIO(bomb))
    # One that says to be small is not unpacked any further than that.
    size = struct.pack("<I", 100 << 20)
    lying = bomb.replace(size, struct.pack("<I", 1_000))
    with pytest.raises(InvalidConfigError):
        manifest_in(io.BytesIO(lying))
