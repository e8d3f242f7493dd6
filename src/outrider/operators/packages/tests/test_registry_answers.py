"""What is told where a registry does not answer as it should: what was found, and what helps."""

from pathlib import Path

import pytest

from outrider.core.errors import (
    ExecutionFailedError,
    InvalidConfigError,
    LimitedError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.core.units import parse_duration
from outrider.operators.packages.cargo.client import CargoClient
from outrider.operators.packages.npm.program import NpmProgram
from outrider.operators.packages.npm.settings import NpmSettings
from outrider.operators.packages.nuget.client import NugetClient
from outrider.operators.packages.pypi.pages import read_page
from outrider.operators.packages.registries.answers import no_document
from outrider.operators.packages.registries.downloads import Document, Downloads
from outrider.operators.packages.registries.registry import Registry, registry_at
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.ports.clock import SystemClock

URL = "https://host.test/npm"


def npm(tmp_path: Path, npmrc: str, **variables: str) -> Registry:
    (tmp_path / ".npmrc").write_text(npmrc)
    return NpmSettings({"HOME": str(tmp_path / "home"), **variables}, tmp_path, NpmProgram()).registry(URL, "here")


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_not_let_in_is_told_how_to_log_in_and_where_the_address_is_from(tmp_path: Path, status: int) -> None:
    error = no_document(npm(tmp_path, ""), "shown", Response(status))
    assert isinstance(error, UnauthenticatedError)
    assert error.found == f"status {status}, asked without a login"
    assert error.suggestions == [
        "log in with npm login, or write //host.test/npm/:_authToken=TOKEN into ~/.npmrc",
        "its address is from here",
    ]


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    npmrc = "//host.test/npm/:_authToken=${NPM_TOKEN}\n"
    error = no_document(npm(tmp_path, npmrc), "shown", Response(401))
    assert error.suggestions[0] == f"set NPM_TOKEN, which {tmp_path / '.npmrc'} asks for"
    assert error.found == "status 401, asked with its login"
    error = no_document(npm(tmp_path, npmrc, NPM_TOKEN="x"), "shown", Response(401))
    assert "NPM_TOKEN" not in str(error.suggestions)


def test_too_many_requests_say_when_to_ask_again(tmp_path: Path) -> None:
    error = no_document(npm(tmp_path, ""), "shown", Response(429, Headers({"retry-after": "7"})))
    assert isinstance(error, LimitedError)
    assert (error.retry_after, error.suggestions) == (7.0, ["ask again in 7 s"])


@pytest.mark.parametrize(
    ("status", "kind"), [(500, UnavailableError), (407, UnauthenticatedError), (418, ExecutionFailedError)]
)
def test_each_answer_has_a_remedy(tmp_path: Path, status: int, kind: type[Exception]) -> None:
    error = no_document(npm(tmp_path, ""), "shown", Response(status))
    assert isinstance(error, kind)
    assert error.suggestions
    assert error.expected


@pytest.mark.parametrize("client", [NugetClient, CargoClient])
async def test_a_wrong_address_is_no_wrong_name(client: type[NugetClient] | type[CargoClient]) -> None:
    async with PythonIndex() as index:
        asking = client(registry_at(f"{index.root}/wrong/index.json", "the file", environment={}), SystemClock())
        with pytest.raises(ExecutionFailedError, match=r"there is no (source of NuGet|registry of Cargo)") as caught:
            await (asking.services() if isinstance(asking, NugetClient) else asking.config())
        await asking.close()
    assert caught.value.suggestions == ["check the address in the file"]


@pytest.mark.parametrize(
    "text",
    [
        "<html><body><form action='/login'><input type='password'></form></body></html>",
        "",
        "<html><title>Sign in</title></html>",
    ],
)
def test_a_page_to_log_in_is_no_page_of_an_index(text: str) -> None:
    with pytest.raises(ExecutionFailedError, match="no page of a Python index") as caught:
        read_page(Document(content=text.encode(), url="http://i/", content_type="text/html"))
    assert caught.value.suggestions


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html><html><head><title>Links for web</title></head><body><h1>Links for web</h1></body></html>",
        '<html><head><meta name="pypi:repository-version" content="1.0"></head></html>',
        "<h1>Links for\nweb</h1>",
    ],
)
def test_a_page_of_an_index_may_have_no_file(text: str) -> None:
    assert read_page(Document(content=text.encode(), url="http://i/", content_type="text/html")).files == []


async def test_authorities_that_are_missing_are_named(tmp_path: Path) -> None:
    path = tmp_path / "none.pem"
    downloads = Downloads(registry_at(URL, "npm's own default", authorities=str(path), environment={}), SystemClock())
    with pytest.raises(InvalidConfigError) as caught:
        await downloads.get(URL)
    assert caught.value.message == f"{path}: the authorities for {URL} cannot be read: No such file or directory"


async def test_a_package_that_is_missing_is_still_not_found() -> None:
    async with PythonIndex() as index:
        downloads = Downloads(registry_at(index.root, "here", environment={}), SystemClock())
        with pytest.raises(NotFoundError):
            await downloads.get(f"{index.root}/none")
        await downloads.close()


def test_a_duration_without_a_unit_is_told_with_the_units() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        parse_duration("7")
    assert caught.value.suggestions == ["write for example 7s, 7m, 7h or 7d"]
