"""Registries that answer in their own ways to what is published."""

import asyncio
from pathlib import Path

import pytest

from outrider.core.errors import ExecutionFailedError, OutcomeUnknownError, UnsupportedError
from outrider.operators.packages.tests.canned_registry import CannedRegistry
from outrider.operators.packages.tests.nuget_feed import config
from outrider.operators.packages.tests.publishing import Publishing


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def test_crates_where_none_are_taken_and_where_errors_have_the_status_200(tmp_path: Path) -> None:
    async with CannedRegistry() as registry:
        it = Publishing(tmp_path, "cargo", registry.url, "a-token")
        registry.documents = {"/cargo/index/config.json": {"dl": "$URL/dl"}}
        with pytest.raises(UnsupportedError, match="takes no crates"):
            await it.run(it.built())
        registry.documents["/cargo/index/config.json"] = {"dl": "$URL/dl", "api": "$URL/web"}
        registry.documents["PUT /web/api/v1/crates/new"] = {"errors": [{"detail": "the name is not allowed"}]}
        with pytest.raises(ExecutionFailedError, match="the name is not allowed"):
            await it.run(it.built())
        assert registry.requests[-1].headers.get("authorization") == "a-token"
        # What is told of a crate that was taken is no error.
        registry.documents["PUT /web/api/v1/crates/new"] = {"warnings": {"other": ["errors"]}}
        assert [one.state for one in (await it.run(it.built())).files] == ["published"]


async def test_packages_of_nuget_go_wherever_the_source_says_and_its_password_does_not(tmp_path: Path) -> None:
    async with CannedRegistry() as source, CannedRegistry() as other:
        it = Publishing(tmp_path, "nuget", source.url, "secret")
        index = "/nuget/v3/index.json"
        source.documents[index] = {"version": "3.0.0", "resources": []}
        with pytest.raises(UnsupportedError, match="takes no packages"):
            await it.run(it.built())
        source.documents[index] = {
            "version": "3.0.0", "resources": [{"@id": f"{other.url}/push/", "@type": "PackagePublish/2.0.0"}, {"@id": "$URL/flat", "@type": "PackageBaseAddress/3.0.0"}],
        }  # fmt: skip
        other.documents["PUT /push"] = {}
        assert [one.state for one in (await it.run(it.built())).files] == ["published"]
        [sent] = other.requests
        assert (sent.headers.get("authorization"), sent.headers.get("x-nuget-apikey")) == (None, "secret")
        # A key that is encrypted is none, and an address alone has no password.
        keys = f'<apikeys><add key="{source.url}{index}" value="AQ" /></apikeys>'
        it.write({".nuget/NuGet/NuGet.Config": config(more=keys)})
        with pytest.raises(UnsupportedError, match="is encrypted"):
            await it.plan(it.built(), registry=f"{source.url}{index}")


async def test_a_one_time_password_of_gems_is_sent(tmp_path: Path) -> None:
    async with CannedRegistry() as registry:
        it = Publishing(tmp_path, "gem", registry.url, "a-key")
        registry.documents["POST /gem/api/v1/gems"] = {}
        it.variables["GEM_HOST_OTP_CODE"] = "123456"
        await it.run(it.built())
        [sent] = [one for one in registry.requests if one.method == "POST"]
        assert (sent.headers.get("otp"), sent.headers.get("authorization")) == ("123456", "a-key")


async def test_a_connection_that_ends_before_an_answer_leaves_it_open(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET"):
            writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        it = Publishing(tmp_path, "npm", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "a-token")
        with pytest.raises(OutcomeUnknownError, match="before the registry has answered") as caught:
            await it.run(it.built())
    assert caught.value.suggestions
