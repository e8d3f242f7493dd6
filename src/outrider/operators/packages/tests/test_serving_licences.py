"""Licences before the registry: what documents tell of them, and what only files do."""

import gzip
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.errors import InvalidConfigError
from outrider.core.package_policies import LicencePolicy, PackagePolicySpec, Waiver
from outrider.core.timestamps import timestamp
from outrider.operators.packages.serving.service import read_registry
from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.cargo_registry import CargoAsking, CargoRegistry
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry, packed
from outrider.operators.packages.tests.python_index import PythonIndex, status
from outrider.operators.packages.tests.running_registry import RunningRegistry, run
from outrider.operators.packages.tests.test_pypi_source_metadata import archived
from outrider.operators.packages.tests.wheels import Wheel
from outrider.operators.packages.tests.wheels import packed as zipped
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.ports.http.client import Client

POLICY = PackagePolicySpec(
    licences=LicencePolicy(deny=["GPL-*"]),
    waivers=[Waiver(package="pypi:spared", rules=["licences"], until="2999-01-01", reason="ours alone")],
)
STRICT = PackagePolicySpec(licences=LicencePolicy(allow=["MIT"], unlisted="deny", unknown="deny"))
DENIED = b"is denied by licence (GPL-3.0-only is denied): licences of shop"


@asynccontextmanager
async def serving(
    folder: Path, environment: Mapping[str, str], ecosystem: str, **settings: Any
) -> AsyncIterator[tuple[RunningRegistry, Client]]:
    """Have a registry with a policy, and who asks it."""
    fields = {"policy": POLICY, "ecosystems": [ecosystem], "private": [f"{ecosystem}:acme-*"], **settings}
    async with RunningRegistry(folder, environment, **fields) as registry:
        client = Client(registry.url)
        yield registry, client
        await client.close()


async def got(client: Client, path: str) -> tuple[int, bytes]:
    response = await client.request("GET", path)
    return response.status, response.content


async def published(
    registry: RunningRegistry, client: Client, path: str, body: bytes, method: str = "POST", **headers: str
) -> None:
    fields = {"authorization": f"Bearer {await registry.token('read', 'publish')}", **headers}
    response = await client.request(method, path, headers=fields, body=body)
    assert response.status in (200, 201), response.content


async def test_npm_is_not_shown_versions_whose_licence_is_denied(tmp_path: Path) -> None:
    async with NpmRegistry() as upstream:
        upstream.add("web@1.0.0", license="MIT")
        upstream.add("web@2.0.0", license="GPL-3.0")
        upstream.add("web@3.0.0")
        environment = NpmAsking(tmp_path, upstream.url).environment
        async with serving(tmp_path, environment, "npm") as (_, client):
            document = msgspec.json.decode((await got(client, "/npm/web"))[1])
            assert ([*document["versions"]], document["dist-tags"]["latest"]) == (["1.0.0", "3.0.0"], "3.0.0")
            found, reason = await got(client, "/npm/web/-/web-2.0.0.tgz")
            assert (found, DENIED in reason) == (403, True)
            assert (await got(client, "/npm/web/-/web-3.0.0.tgz"))[0] == 200
        async with serving(tmp_path, environment, "npm", policy=STRICT) as (_, client):
            document = msgspec.json.decode((await got(client, "/npm/web"))[1])
            assert ([*document["versions"]], document["dist-tags"]["latest"]) == (["1.0.0"], "1.0.0")
            assert (await got(client, "/npm/web/-/web-3.0.0.tgz"))[0] == 403


async def test_what_is_published_for_npm_tells_its_licence(tmp_path: Path) -> None:
    async with serving(tmp_path, {"PATH": "", "HOME": str(tmp_path)}, "npm") as (registry, client):
        for version, licence in (("1.0.0", "MIT"), ("2.0.0", "GPL-3.0-only")):
            manifest = {"name": "acme-web", "version": version, "license": licence}
            data = packed({"package.json": manifest})
            attachment = {"data": b64encode(data).decode()}
            body = {
                "name": "acme-web",
                "versions": {version: manifest},
                "dist-tags": {"latest": version},
                "_attachments": {"x": attachment},
            }
            await published(registry, client, "/npm/acme-web", msgspec.json.encode(body), "PUT")
        document = msgspec.json.decode((await got(client, "/npm/acme-web"))[1])
        assert ([*document["versions"]], document["dist-tags"]["latest"]) == (["1.0.0"], "1.0.0")
        found, reason = await got(client, "/npm/acme-web/-/acme-web-2.0.0.tgz")
        assert (found, DENIED in reason) == (403, True)


@pytest.mark.parametrize("beside", [True, False])
async def test_a_wheel_is_judged_by_its_metadata_before_it_is_fetched(tmp_path: Path, beside: bool) -> None:
    async with PythonIndex(metadata=beside) as index:
        fine, bad = index.add("web", "1.0", licence="MIT"), index.add("web", "2.0", licence="GPL-3.0-only")
        spared = index.add("spared", "1.0", licence="GPL-3.0-only")
        named = index.add(
            "web", "3.0", classifiers=["License :: OSI Approved :: GNU General Public License v3 (GPLv3)"]
        )
        environment = Asking(tmp_path, index.url).environment
        async with serving(tmp_path, environment, "pypi") as (_, client):
            # The pages do not tell it.
            assert b"denied" not in (await got(client, "/pypi/simple/web/"))[1]
            for wheel in (bad, named):
                for ending in ("", ".metadata", ""):
                    found, reason = await got(client, f"/pypi/files/web/{wheel.name}{ending}")
                    assert (found, DENIED in reason) == (403, True)
            if beside:
                assert index.paths(f"{bad.name}") == [f"/files/{bad.name}.metadata"]
            assert await got(client, f"/pypi/files/web/{fine.name}.metadata") == (200, fine.metadata.encode())
            assert await got(client, f"/pypi/files/web/{fine.name}") == (200, fine.packed())
            assert (await got(client, f"/pypi/files/spared/{spared.name}"))[0] == 200
            assert (await got(client, "/pypi/files/web/web-9.0-py3-none-any.whl"))[0] == 404


async def test_source_distributions_are_judged_by_what_is_in_them(tmp_path: Path) -> None:
    async with PythonIndex() as index:
        for version, licence in (("1.0", "MIT"), ("2.0", "GPL-3.0-only")):
            info = Wheel(project="web", version=version, licence=licence).metadata.encode()
            index.add_source("web", version, gzip.compress(archived({f"web-{version}/PKG-INFO": info})))
            index.add_source("web", version, zipped({}, {f"web-{version}/PKG-INFO": info}), ".zip")
        index.add_source("web", "3.0")
        environment = Asking(tmp_path, index.url).environment
        async with serving(tmp_path, environment, "pypi") as (_, client):
            for ending in (".tar.gz", ".zip"):
                assert (await got(client, f"/pypi/files/web/web-1.0{ending}"))[0] == 200
                found, reason = await got(client, f"/pypi/files/web/web-2.0{ending}")
                assert (found, DENIED in reason) == (403, True)
            found, reason = await got(client, "/pypi/files/web/web-3.0.tar.gz")
            assert (found, b"its metadata cannot be had" in reason) == (403, True)


async def test_what_cannot_be_judged_is_not_served(tmp_path: Path) -> None:
    async with PythonIndex() as index:
        wheel, broken = index.add("web", "1.0", licence="MIT"), index.add("web", "2.0", content=b"no zip file")
        index.answers[f"/files/{broken.name}.metadata"] = status(404)
        environment = Asking(tmp_path, index.url).environment
        async with serving(tmp_path, environment, "pypi", policy=None) as (_, client):
            assert (await got(client, f"/pypi/files/web/{wheel.name}"))[0] == 200
        # It is here; what it says of itself is not.
        async with serving(tmp_path, environment, "pypi", cache_only=True) as (_, client):
            found, reason = await got(client, f"/pypi/files/web/{wheel.name}")
            assert (found, b"its metadata cannot be had" in reason) == (403, True)
        index.answers[f"/files/{wheel.name}.metadata"] = status(503)
        async with serving(tmp_path, environment, "pypi") as (_, client):
            assert (await got(client, f"/pypi/files/web/{wheel.name}"))[0] == 503
            assert (await got(client, f"/pypi/files/web/{broken.name}"))[0] == 403
            del index.answers[f"/files/{wheel.name}.metadata"]
            assert (await got(client, f"/pypi/files/web/{wheel.name}"))[0] == 200
        # By then it is kept.
        async with serving(tmp_path, environment, "pypi", cache_only=True) as (_, client):
            assert (await got(client, f"/pypi/files/web/{wheel.name}"))[0] == 200
        async with serving(tmp_path, environment, "pypi", anonymous="none") as (_, client):
            before = len(index.requests)
            assert (await got(client, f"/pypi/files/web/{wheel.name}.metadata"))[0] == 401
            assert len(index.requests) == before


def form(wheel: Wheel) -> tuple[bytes, str]:
    """Return what publishing clients send, and its media type."""
    fields = {":action": "file_upload", "name": wheel.project, "version": wheel.version}
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    head = f'--x\r\nContent-Disposition: form-data; name="content"; filename="{wheel.name}"\r\n\r\n'
    return "".join([*parts, head]).encode() + wheel.packed() + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


async def test_what_is_published_for_python_tells_its_licence(tmp_path: Path) -> None:
    async with serving(tmp_path, Asking(tmp_path, "http://127.0.0.1:9").environment, "pypi") as (registry, client):
        for version, licence in (("1.0", "MIT"), ("2.0", "GPL-3.0-only")):
            body, media = form(Wheel(project="acme-web", version=version, licence=licence))
            await published(registry, client, "/pypi/legacy/", body, **{"content-type": media})
        page = (await got(client, "/pypi/simple/acme-web/"))[1]
        assert b'data-yanked="version 2.0 is denied by licence (GPL-3.0-only is denied): licences of shop"' in page
        for ending in ("", ".metadata"):
            path = "/pypi/files/acme-web/acme_web-{}-py3-none-any.whl" + ending
            assert (await got(client, path.format("1.0")))[0] == 200
            found, reason = await got(client, path.format("2.0"))
            assert (found, DENIED in reason) == (403, True)


async def test_of_crates_the_rule_for_what_is_not_known_decides(tmp_path: Path) -> None:
    async with CargoRegistry() as upstream:
        upstream.add("web@1.0.0", cksum="")
        environment = CargoAsking(tmp_path, upstream.url).environment
        path = "/cargo/api/v1/crates/web/1.0.0/download"
        async with serving(tmp_path, environment, "cargo") as (_, client):
            assert b'"yanked":false' in (await got(client, "/cargo/index/3/w/web"))[1]
        async with serving(tmp_path, environment, "cargo", policy=STRICT) as (_, client):
            assert b'"yanked":true' in (await got(client, "/cargo/index/3/w/web"))[1]
            found, reason = await got(client, path)
            assert (found, b"is denied by licence (no licence is told): licences of shop" in reason) == (403, True)


async def test_what_was_waived_is_refused_once_the_waiver_has_ended(tmp_path: Path) -> None:
    clock = ManualClock(SystemClock().now())
    today = Waiver(package="pypi:acme-*", rules=["licences"], until=timestamp(clock.now())[:10], reason="for a day")
    policy = PackagePolicySpec(licences=LicencePolicy(deny=["GPL-*"]), waivers=[today])
    environment = Asking(tmp_path, "http://127.0.0.1:9").environment
    async with serving(tmp_path, environment, "pypi", policy=policy, clock=clock) as (registry, client):
        wheel = Wheel(project="acme-web", version="2.0", licence="GPL-3.0-only")
        body, media = form(wheel)
        await published(registry, client, "/pypi/legacy/", body, **{"content-type": media})
        path = f"/pypi/files/acme-web/{wheel.name}"
        assert (await got(client, path))[0] == 200
        clock.advance(86_400.0)
        registry.application._gate.look()
        found, reason = await got(client, path)
        assert (found, b"its waiver ended on" in reason) == (403, True)


@pytest.mark.real
async def test_pip_is_told_why_it_gets_no_file(tmp_path: Path) -> None:
    async with PythonIndex() as index:
        index.add("web", "1.0", licence="MIT")
        index.add("web", "2.0", licence="GPL-3.0-only")
        environment = Asking(tmp_path, index.url).environment
        async with serving(tmp_path, environment, "pypi") as (registry, _):
            client = tmp_path / "client"
            where = ["--disable-pip-version-check", "--no-cache-dir", "--index-url", f"{registry.url}/pypi/simple/"]
            pip = [sys.executable, "-m", "pip", "install", *where, "--target", "t"]
            refused = await run(*pip, "web", folder=client)
            assert refused.status != 0
            assert f"403 Client Error: pypi web 2.0 {DENIED.decode()}" in refused.output
            assert (await run(*pip, "web<2", folder=client)).status == 0


def test_a_registry_with_a_licence_that_is_none_does_not_start(tmp_path: Path) -> None:
    file = tmp_path / "registry.yaml"
    file.write_text(
        "apiVersion: outrider.dev/v1alpha1\nkind: PackageRegistry\nmetadata: {name: hub}\n"
        "spec:\n  policy:\n    licences: {allow: [MIT, Apach-2.0]}\n"
    )
    with pytest.raises(InvalidConfigError, match=r"Apach-2\.0") as caught:
        read_registry(file)
    assert (caught.value.path, caught.value.source) == ("spec.policy.licences.allow[1]", f"{file}:6:29")
