"""Packages that were taken in by a bundle, where no other registry is asked."""

from pathlib import Path

from outrider.operators.packages.serving.bundles import chosen, take_bundle, write_bundle
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.operators.packages.tests.test_serving_faults import form, login, npm
from outrider.ports.http.client import Client

FILE = "/pypi/files/acme-web/acme_web-1.0-py3-none-any.whl"
PAGE = "/pypi/simple/acme-web/"


async def bundle_of_own(folder: Path) -> Path:
    """Publish a wheel in a registry and return a bundle of that."""
    async with RunningRegistry(folder, {}, ecosystems=["pypi"], private=["pypi:acme-*"]) as registry:
        client = Client(registry.url)
        token = await registry.token("read", "publish")
        assert (await client.request("POST", "/pypi/legacy/", headers=login(token), body=form("1.0"))).status == 200
        await client.close()
    store = Store(folder / "registry")
    write_bundle(folder / "b.tar", chosen(store.tables, ["pypi"], []), store.blobs)
    await store.close()
    return folder / "b.tar"


async def taken(bundle: Path, folder: Path) -> None:
    store = Store(folder / "registry")
    await take_bundle(bundle, store)
    await store.close()


async def test_own_packages_are_served_where_nobody_else_is_asked(tmp_path: Path) -> None:
    bundle, offline = await bundle_of_own(tmp_path), tmp_path / "offline"
    await taken(bundle, offline)
    async with RunningRegistry(offline, {}, ecosystems=["pypi"], cache_only=True) as registry:
        client = Client(registry.url)
        assert b"acme_web-1.0-py3-none-any.whl" in (await client.request("GET", PAGE)).content
        assert (await client.request("GET", FILE)).status == 200
        for blob in (offline / "registry" / "blobs").glob("??/*"):
            if blob.read_bytes().startswith(b"<!DOCTYPE"):
                blob.unlink()
        assert (await client.request("GET", PAGE)).status == 200
        token = await registry.token("read", "publish")
        denied = await client.request("POST", "/pypi/legacy/", headers=login(token), body=form("2.0"))
        assert (denied.status, b"not among those that are private" in denied.content) == (403, True)
        await client.close()


async def test_names_that_others_may_have_are_asked_of_them(tmp_path: Path) -> None:
    bundle, online = await bundle_of_own(tmp_path), tmp_path / "online"
    await taken(bundle, online)
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple/"}
    async with RunningRegistry(online, nowhere, ecosystems=["pypi"]) as registry:
        client = Client(registry.url)
        assert (await client.request("GET", PAGE)).status == 502
        await client.close()


async def test_a_file_that_is_not_kept_is_told_as_such(tmp_path: Path) -> None:
    async with npm(tmp_path) as (_, _, client):
        await client.request("GET", "/npm/web")
    async with npm(tmp_path, cache_only=True) as (_, _, client):
        answer = await client.request("GET", "/npm/web/-/web-1.0.0.tgz")
        assert (answer.status, b"web-1.0.0.tgz is not kept here" in answer.content) == (404, True)
