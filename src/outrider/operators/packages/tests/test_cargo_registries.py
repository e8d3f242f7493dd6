import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outrider.core.errors import (
    ExecutionFailedError,
    InvalidConfigError,
    MissingRequirementError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.cargo.client import download_url, prefix
from outrider.operators.packages.cargo.default import default_index
from outrider.operators.packages.cargo.lines import read_lines
from outrider.operators.packages.cargo.records import compiled
from outrider.operators.packages.cargo.settings import CargoSettings
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.tests.cargo_registry import CargoAsking, CargoRegistry, need
from outrider.ports.clock.manual import ManualClock

TOKEN = "secret-token"
SOURCE = '[source.crates-io]\nreplace-with = "own"\n'
OWN = SOURCE + '[source.own]\nregistry = "sparse+https://own.test/index/"\n'


@pytest.fixture
async def registry() -> AsyncIterator[CargoRegistry]:
    async with CargoRegistry() as registry:
        yield registry


@pytest.fixture
def ask(registry: CargoRegistry, tmp_path: Path) -> CargoAsking:
    return CargoAsking(tmp_path, registry.url)


def replacement(folder: Path, files: dict[str, str], **environment: str) -> Registry | None:
    """Return what stands in for crates.io where some files are there."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    return CargoSettings({"CARGO_HOME": str(folder / "home"), **environment}, folder / "a" / "b").replacement()


def test_where_nothing_is_said(tmp_path: Path) -> None:
    assert replacement(tmp_path, {}) is None
    assert replacement(tmp_path, {"home/config.toml": "[build]\njobs = 2\n"}) is None


@pytest.mark.parametrize(
    "path", ["home/config.toml", "home/config", "a/b/.cargo/config.toml", "a/.cargo/config.toml", ".cargo/config"]
)
def test_where_a_source_is_read(path: str, tmp_path: Path) -> None:
    found = replacement(tmp_path, {path: OWN})
    assert found is not None
    assert (found.url, found.source, found.authorization) == ("https://own.test/index", str(tmp_path / path), None)


def test_the_nearest_file_counts_most(tmp_path: Path) -> None:
    files = {
        "home/config.toml": '[source.own]\nregistry = "sparse+https://far.test"\n',
        ".cargo/config.toml": SOURCE,
        "a/.cargo/config.toml": '[source.own]\nregistry = "sparse+https://near.test"\n',
        "a/.cargo/config": '[source.own]\nregistry = "sparse+https://nearest.test"\n',
    }
    found = replacement(tmp_path, files)
    assert found is not None
    assert found.url == "https://nearest.test"


def test_a_source_that_is_replaced_in_turn(tmp_path: Path) -> None:
    more = '[source.own]\nreplace-with = "other-one"\n[registries.other-one]\nindex = "sparse+https://other.test/"\n'
    found = replacement(tmp_path, {"home/config.toml": SOURCE + more})
    assert found is not None
    assert found.url == "https://other.test"


def test_a_registry_that_a_variable_names(tmp_path: Path) -> None:
    variables = {"CARGO_REGISTRIES_OWN_INDEX": "sparse+https://own.test/", "CARGO_REGISTRIES_OWN_TOKEN": TOKEN}
    found = replacement(tmp_path, {"home/config.toml": SOURCE}, **variables)
    assert found is not None
    assert found.url == "https://own.test"
    assert found.authorization is not None
    assert found.authorization.reveal() == TOKEN


@pytest.mark.parametrize("path", ["home/credentials.toml", "home/credentials", "home/config.toml"])
def test_a_token_of_the_registry_at_that_address(path: str, tmp_path: Path) -> None:
    files = {
        ".cargo/config.toml": OWN + '[registries.mine]\nindex = "sparse+https://own.test/index"\n',
        path: f'[registries.mine]\ntoken = "{TOKEN}"\n[registries.theirs]\ntoken = "other"\n[registry]\ntoken = "crates"\n',
    }
    found = replacement(tmp_path, files)
    assert found is not None
    assert found.authorization is not None
    assert found.authorization.reveal() == TOKEN
    assert TOKEN not in repr(found)


def test_the_way_to_it(tmp_path: Path) -> None:
    http = '[http]\nproxy = "proxy.test:3128"\ncainfo = "certificates/own.pem"\n'
    found = replacement(tmp_path, {"a/.cargo/config.toml": OWN + http})
    assert found is not None
    assert found.proxy == "http://proxy.test:3128"
    assert found.authorities == tmp_path / "a" / "certificates" / "own.pem"
    variables = {"CARGO_HTTP_PROXY": "http://nearer.test:1", "CARGO_HTTP_CAINFO": "/own.pem"}
    found = replacement(tmp_path, {}, **variables)
    assert found is not None
    assert (found.proxy, found.authorities) == ("http://nearer.test:1", Path("/own.pem"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[source", "cannot be read"),
        (SOURCE, "there is no source 'own'"),
        (SOURCE + '[source.own]\nreplace-with = "crates-io"\n', "in a circle"),
        ("[source.crates-io]\nreplace-with = 3\n", "is no text"),
        (SOURCE + '[source.own]\nregistry = "sparse+nothing"\n', "cannot be used"),
    ],
)
def test_settings_that_cannot_be_used(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match=message) as caught:
        replacement(tmp_path, {"home/config.toml": content})
    assert caught.value.suggestions


@pytest.mark.parametrize(
    "line",
    [
        'registry = "https://user:pass@git.test/index"',
        'git = "https://git.test/"',
        'local-registry = "vendor"',
        'directory = "vendor"',
    ],
)
def test_sources_that_cannot_be_asked(line: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="cannot be asked") as caught:
        replacement(tmp_path, {"home/config.toml": f"{SOURCE}[source.own]\n{line}\n"})
    assert "pass" not in str(caught.value.found)


def test_a_proxy_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="socks5"):
        replacement(tmp_path, {"home/config.toml": OWN + '[http]\nproxy = "socks5://proxy.test:1080"\n'})


@pytest.mark.parametrize(
    ("name", "folder"), [("a", "1"), ("ab", "2"), ("abc", "3/a"), ("abcd", "ab/cd"), ("serde_json", "se/rd")]
)
def test_folders_of_an_index(name: str, folder: str) -> None:
    assert prefix(name) == folder


@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("https://files.test/crates", "https://files.test/crates/Serde/1.0.0/download"),
        ("https://files.test/{crate}-{version}.crate", "https://files.test/Serde-1.0.0.crate"),
        ("https://files.test/{prefix}/{lowerprefix}/{sha256-checksum}", "https://files.test/Se/rd/se/rd/abc"),
    ],
)
def test_where_files_are(template: str, url: str) -> None:
    assert download_url(template, "Serde", "1.0.0", "abc") == url


async def test_what_is_asked_of_a_registry(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("Web@1.0.0", "abc@1")
    registry.add("abc@1.0.0")
    await ask.pins("Web")
    assert [one.path for one in registry.requests] == ["/index/config.json", "/index/3/w/web", "/index/3/a/abc"]
    assert all(one.headers.get("authorization") is None for one in registry.requests)


async def test_it_is_asked_again_later_and_only_for_what_has_changed(registry: CargoRegistry, ask: CargoAsking) -> None:
    clock = ManualClock()
    registry.add("web@1.0.0")
    assert await ask.pins("web", clock=clock) == ["web@1.0.0"]
    asked = len(registry.requests)
    assert await ask.pins("web", clock=clock) == ["web@1.0.0"]
    assert len(registry.requests) == asked
    clock.advance(601)
    assert await ask.pins("web", clock=clock) == ["web@1.0.0"]
    assert registry.requests[-1].headers.get("if-none-match")
    clock.advance(601)
    registry.add("web@1.1.0")
    assert await ask.pins("web", clock=clock) == ["web@1.1.0"]


async def test_a_registry_that_tells_nothing_of_changes(tmp_path: Path) -> None:
    clock = ManualClock()
    async with CargoRegistry(etags=False) as registry:
        ask = CargoAsking(tmp_path, registry.url)
        registry.add("web@1.0.0")
        await ask.answer("web", clock=clock)
        clock.advance(601)
        registry.lines["web"].clear()
        registry.add("web@1.0.1")
        assert await ask.pins("web", clock=clock) == ["web@1.0.1"]


async def test_offline(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0")
    with pytest.raises(UnavailableError, match="nothing is kept"):
        await ask.answer("web", offline=True)
    await ask.answer("web")
    asked = len(registry.requests)
    assert await ask.pins("web", offline=True) == ["web@1.0.0"]
    assert len(registry.requests) == asked


async def test_a_registry_that_tells_nothing_without_a_token(tmp_path: Path) -> None:
    async with CargoRegistry(token=TOKEN) as registry:
        ask = CargoAsking(tmp_path, registry.url)
        registry.add("web@1.0.0")
        with pytest.raises(UnauthenticatedError):
            await ask.answer("web")
        ask.write("project/.cargo/config.toml", f'[registries.own]\nindex = "sparse+{registry.url}/"\n')
        ask.write("home/credentials.toml", f'[registries.own]\ntoken = "{TOKEN}"\n')
        assert await ask.pins("web") == ["web@1.0.0"]
        assert registry.requests[-1].headers.get("authorization") == TOKEN


async def test_a_login_in_the_address(tmp_path: Path) -> None:
    async with CargoRegistry(token="Basic dXNlcjpwYXNz", says_so=False) as registry:
        ask = CargoAsking(tmp_path, registry.url.replace("//", "//user:pass@"))
        registry.add("web@1.0.0")
        assert await ask.pins("web") == ["web@1.0.0"]


async def test_a_token_is_shown_to_nobody_who_does_not_demand_it(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0")
    ask.environment |= {"CARGO_REGISTRIES_OWN_INDEX": f"sparse+{registry.url}", "CARGO_REGISTRIES_OWN_TOKEN": TOKEN}
    await ask.answer("web")
    assert all(one.headers.get("authorization") is None for one in registry.requests)


async def test_redirects(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("tool@1.0.0")
    registry.answers["/3/w/web"] = lambda _: Response(302, Headers({"location": "/index/moved"}))
    registry.answers["/moved"] = lambda _: Response(200, body=registry.lines["tool"][0].replace(b"tool", b"web"))
    assert await ask.pins("web") == ["web@1.0.0"]


@pytest.mark.parametrize("status", [404, 410, 451])
async def test_answers_that_mean_absent(status: int, registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.answers["/3/w/web"] = lambda _: Response(status)
    with pytest.raises(NotFoundError):
        await ask.answer("web")


async def test_an_answer_that_means_nothing(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.answers["/3/w/web"] = lambda _: Response(500)
    with pytest.raises(UnavailableError):
        await ask.answer("web")


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b'{"dl": 1}', b'{"dl": "' + b"\xff" + b'"}', b"[" * 100_000]
)
async def test_a_configuration_that_is_none(content: bytes, registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.answers["/config.json"] = lambda _: Response(200, body=content)
    with pytest.raises(ExecutionFailedError, match="no configuration"):
        await ask.answer("web")


GOOD = b'{"name":"web","vers":"1.0.0","deps":[],"cksum":"00","features":{}}'
BAD = [
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"x":' * 100_000,
    GOOD[:-1] + b',"x":' + b"[" * 100_000,
    GOOD.replace(b"1.0.0", b"1.2"),
    GOOD.replace(b"1.0.0", b"9" * 30 + b".0.0"),
    GOOD.replace(b"web", b"other"),
    GOOD.replace(b'"00"', b"3"),
    GOOD.replace(b"[]", b'[{"name":"core"}]'),
    GOOD.replace(b"{}", b'{"a":["b",1]}'),
    GOOD.replace(b"{}", b'{"a":"b"}'),
    GOOD[:-1] + b',"v":3}',
    GOOD[:-1] + b',"v":-1}',
]


@pytest.mark.parametrize("line", BAD, ids=range(len(BAD)))
def test_a_line_that_cannot_be_read_leaves_out_that_version(line: bytes) -> None:
    record = compiled("web", b"\n".join([line.replace(b'"1.0.0"', b'"1.1.0"'), b"", GOOD, b" \r"]))
    assert (record.versions, record.left_out) == (["1.0.0"], 1)


def test_a_later_line_for_the_same_version_counts() -> None:
    record = compiled("web", GOOD[:-1] + b',"yanked":true}\n' + GOOD)
    assert (record.versions, record.yanked) == (["1.0.0"], b"\0")


async def test_versions_that_differ_in_their_build_alone(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0+a", "core@2")
    registry.add("web@1.0.0+b", "core@2")
    registry.add("core@1.0.0")
    answer = await ask.impossible("web@1")
    assert answer.reasons


async def test_an_index_in_git_is_refused(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0", need("core@1", registry="https://other.test/index"))
    registry.add("web@0.9.0", need("core@1", registry="https://other.test/index", kind="dev"))
    assert not compiled("web", registry.lines["web"][1]).abroad
    ask.environment["HOME"] = os.environ["HOME"]
    with pytest.raises(UnsupportedError, match="index in git") as caught:
        await ask.pins("web")
    assert caught.value.found == "https://other.test/index"
    assert await ask.pins("web@0.9") == ["web@0.9.0"]


def test_no_more_lines_than_there_may_be() -> None:
    assert sum(1 for _ in read_lines("web", GOOD + b"\n" + b"{}\n" * 100_000)) == 20_000


async def test_a_requirement_that_cannot_be_read_allows_nothing(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0", "core@one")
    registry.add("web@0.9.0", "?core@one")
    registry.add("core@1.0.0")
    assert await ask.pins("web@>=0.9") == ["web@0.9.0"]


async def test_no_path_comes_out_of_a_name(registry: CargoRegistry, ask: CargoAsking) -> None:
    registry.add("web@1.0.0", "../../etc/passwd@1")
    registry.add("web@0.9.0")
    assert await ask.pins("web@>=0.9") == ["web@0.9.0"]
    assert registry.names() == ["config.json", "web"]


def fake_cargo(folder: Path, script: str) -> dict[str, str]:
    """Return the environment with a program `cargo` of a test."""
    folder.mkdir()
    (folder / "cargo").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "cargo").chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"}


async def test_cargo_names_its_own_index_once(tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    complaint = (
        f"echo x >> {counted}; echo 'failed to download from `https://own.test/index/config.json`' >&2; exit 101"
    )
    environment = fake_cargo(tmp_path / "bin", complaint)
    for _ in range(2):
        assert await default_index(environment, tmp_path / "cache") == "https://own.test/index"
    assert counted.read_text() == "x\n"


async def test_cargo_is_asked_without_settings_of_its_user(tmp_path: Path) -> None:
    environment = fake_cargo(tmp_path / "bin", f"env > {tmp_path}/seen; pwd >> {tmp_path}/seen")
    variables = {"CARGO_REGISTRY_TOKEN": TOKEN, "CARGO_HOME": "/elsewhere", "no_proxy": "*"}
    with pytest.raises(MissingRequirementError, match="no registry of cargo"):
        await default_index(environment | variables, tmp_path / "cache")
    seen = (tmp_path / "seen").read_text()
    assert TOKEN not in seen
    assert "elsewhere" not in seen
    assert "no_proxy" not in seen


async def test_where_there_is_no_cargo(tmp_path: Path) -> None:
    with pytest.raises(MissingRequirementError) as caught:
        await default_index({"PATH": str(tmp_path)}, tmp_path / "cache")
    assert caught.value.suggestions[0] == "install Cargo"


@pytest.mark.parametrize(
    ("script", "told"),
    [("echo 'error: no default toolchain' >&2; exit 1", "says: error: no default"), ("exit 1", "says: nothing")],
)
async def test_where_cargo_fails(tmp_path: Path, script: str, told: str) -> None:
    with pytest.raises(MissingRequirementError) as caught:
        await default_index(fake_cargo(tmp_path / "bin", script), tmp_path / "cache")
    assert told in caught.value.found
    assert "install Cargo" not in caught.value.suggestions


@pytest.mark.real
@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")
async def test_what_cargo_names(tmp_path: Path) -> None:
    url = await default_index(os.environ, tmp_path)
    assert url.startswith("https://")
    assert not url.endswith("config.json")
