"""Names that no package can have: made into an address they would be another package's, or another path of the registry behind."""

from pathlib import Path

import pytest

from outrider.core.package_policies import PackagePolicySpec
from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.clients.table import ALONE
from outrider.operators.packages.tests.npm_registry import NpmAsking, NpmRegistry
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.running_registry import RunningRegistry
from outrider.ports.http.client import Client

NO_NAMES = ("..", ".%2fweb", "..%2fweb", "x%2f..%2fweb", ".%2f@acme%2fweb", "@acme%2f..", "@..%2fweb", "web%2fmore", "%zz", "web%23", "web%3fa", "web%5c..", ".web", "_web")  # fmt: skip


@pytest.mark.parametrize("name", NO_NAMES)
@pytest.mark.parametrize("rest", ["", "/-/web-1.0.0.tgz", "/1.0.0"])
async def test_nobody_is_asked_for_what_npm_cannot_have(tmp_path: Path, name: str, rest: str) -> None:
    denied = PackagePolicySpec(deny=["npm:web"])
    async with NpmRegistry() as upstream:
        upstream.add("web@1.0.0")
        environment = NpmAsking(tmp_path, upstream.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["npm"], policy=denied) as registry:
            client = Client(registry.url)
            found = await client.request("GET", f"/npm/{name}{rest}")
            await client.close()
        assert (found.status, upstream.requests) == (404, [])


@pytest.mark.parametrize("name", ["JSONStream", "@Acme/_web", "it's~(a)!*", "-", "a_b.c", "3"])
async def test_old_names_of_npm_are_asked_for(tmp_path: Path, name: str) -> None:
    async with NpmRegistry() as upstream:
        upstream.add(f"{name}@1.0.0")
        environment = NpmAsking(tmp_path, upstream.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["npm"]) as registry:
            client = Client(registry.url)
            found = await client.request("GET", f"/npm/{name.replace('/', '%2f')}")
            await client.close()
        # A hyphen alone is where the registry itself is asked.
        assert (found.status, len(upstream.requests)) == ((404, 0) if name == "-" else (200, 1))


@pytest.mark.parametrize(
    "name", ["web%23", "web%3fb", "web%2fb", "web%2f..%2fcore", "..", "%2e%2e", "w%22%3e%3cb%3e", "web%2f"]
)
async def test_nobody_is_asked_for_what_an_index_of_python_cannot_have(tmp_path: Path, name: str) -> None:
    async with PythonIndex() as index:
        index.add("web", "1.0")
        environment = Asking(tmp_path, index.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["pypi"]) as registry:
            client = Client(registry.url)
            for path in (f"/pypi/simple/{name}/", f"/pypi/files/{name}/web-1.0-py3-none-any.whl"):
                found = await client.request("GET", path)
                while found.status == 301:
                    found = await client.request("GET", f"/pypi/simple/{(found.headers.get('location') or '')[3:]}")
                assert found.status == 404
            names = await client.request("GET", "/pypi/simple/")
            await client.close()
        assert index.requests == []
        assert "href" not in names.content.decode()
        assert names.headers.get("content-security-policy") == "default-src 'none'"


@pytest.mark.parametrize(
    "path",
    [
        "cargo/index/we/b%/web%2f", "cargo/api/v1/crates/..%2fweb/1.0.0/download", "gem/info/..%2fweb", "gem/info/.web",
        "nuget/flat/..%2fweb/index.json", "nuget/flat/a_______________________________________%2f/index.json",
        "maven/org/../web/1.0/web-1.0.jar", "maven/org/..%2fweb/maven-metadata.xml", "composer/p2/acme/..%2fweb.json", "composer/p2/..%2facme/web.json",
    ],
)  # fmt: skip
async def test_names_that_lead_elsewhere_are_no_names(tmp_path: Path, path: str) -> None:
    async with RunningRegistry(tmp_path, ALONE, ecosystems=["cargo", "gem", "nuget", "maven", "composer"]) as registry:
        client = Client(registry.url)
        found = await client.request("GET", f"/{path}")
        await client.close()
    # Of a name that might be one nobody could be asked here, which is no 404.
    assert found.status == 404


async def test_a_login_that_only_we_could_show_is_not_asked_of_clients(tmp_path: Path) -> None:
    async with PythonIndex(login="ana:right") as index:
        environment = Asking(tmp_path, index.url).environment
        async with RunningRegistry(tmp_path, environment, ecosystems=["pypi"]) as registry:
            client = Client(registry.url)
            found = await client.request("GET", "/pypi/simple/web/")
            told = await client.request("GET", "/pypi/simple/web/", headers={"user-agent": "pip/26.3"})
            await client.close()
    assert (found.status, found.headers.get("www-authenticate")) == (403, None)
    assert b"this registry has asked there (tell whoever runs this registry; " in found.content
    assert "this registry has asked there" in (told.headers.get("content-type") or "")


async def test_what_nobody_can_answer_is_told_apart(tmp_path: Path) -> None:
    async with RunningRegistry(tmp_path, ALONE, ecosystems=["pypi"], private=["pypi:web"]) as registry:
        client, token = Client(registry.url), await registry.token("read", "publish")
        sent = {"authorization": f"Bearer {token}"}
        wrong = await client.request("POST", "/pypi/simple/", headers=sent)
        assert (wrong.status, b"for POST (publish with POST at /pypi/legacy/)" in wrong.content) == (404, True)
        form = {**sent, "content-type": "multipart/form-data; boundary=x"}
        body = b'--x\r\nContent-Disposition: form-data; name=":action"\r\n\r\nfile_upload\r\n--x--\r\n'
        nameless = await client.request("POST", "/pypi/legacy/", headers=form, body=body)
        assert (nameless.status, b"name: the upload does not say" in nameless.content) == (400, True)
        other = await client.request("GET", "/pypi/simple/web/", headers={"accept": "application/json"})
        assert (other.status, b"application/vnd.pypi.simple.v1+json" in other.content) == (406, True)
        await client.close()
