"""What a registry is started with, and why it does not start."""

import argparse
import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from outrider.core.errors import ExecutionFailedError, InvalidConfigError
from outrider.core.package_registries import PackageRegistrySpec
from outrider.operators.packages.serving.service import RegistryService, run, service_of
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.tests.key_files import P256, openssl


def certified(folder: Path) -> Path:
    """Write a certificate with its key into one file."""
    file = folder / "hub.pem"
    made = openssl(
        "req", "-x509", "-newkey", *P256[1:], "-nodes", "-subj", "/CN=hub.test", "-keyout", file, "-out", folder / "c"
    )
    assert made.returncode == 0, made.stderr
    file.write_bytes(file.read_bytes() + (folder / "c").read_bytes())
    return file


def service(folder: Path, **settings: str) -> RegistryService:
    return RegistryService(name="hub", spec=PackageRegistrySpec(**settings), folder=folder / "packages")  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
async def test_one_that_listens_on_all_addresses_has_to_be_told_its_own(tmp_path: Path, host: str) -> None:
    certificate = str(certified(tmp_path))
    with pytest.raises(InvalidConfigError, match="means all addresses") as caught:
        await run(service(tmp_path, listen=f"{host}:0", tls_certificate=certificate), asyncio.Event())
    assert caught.value.path == "spec.url"
    assert not (tmp_path / "packages").exists()


async def test_it_says_the_address_that_it_was_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stopping = asyncio.Event()
    stopping.set()
    known = service(tmp_path, listen="0.0.0.0:0", tls_certificate=str(certified(tmp_path)), url="https://hub.test:7/")
    await run(known, stopping)
    assert capsys.readouterr().err.startswith("serving packages at https://hub.test:7, kept in ")


@pytest.mark.parametrize(
    "text", ["banana", ":7090", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:٣", "127.0.0.1:99999999"]
)
def test_what_is_no_address_is_refused_as_such(text: str) -> None:
    options = argparse.Namespace(file=None, listen=text, private=None, cache_only=None, folder=None)
    with pytest.raises(InvalidConfigError, match="is no address"):
        service_of(options)


@pytest.mark.parametrize("missing", ["tls_certificate", "tls_key"])
async def test_a_file_of_tls_that_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    there = str(certified(tmp_path))
    settings = {"tls_certificate": there, "tls_key": there, missing: str(tmp_path / "none.pem")}
    with pytest.raises(InvalidConfigError, match=r"there is no file .*none\.pem") as caught:
        await run(service(tmp_path, listen="127.0.0.1:0", **settings), asyncio.Event())
    assert caught.value.path == {"tls_certificate": "spec.tlsCertificate", "tls_key": "spec.tlsKey"}[missing]


async def test_a_damaged_registry_is_told_as_such(tmp_path: Path) -> None:
    await Store(tmp_path).close()
    (tmp_path / "registry.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(ExecutionFailedError, match="it is damaged") as caught:
        Store(tmp_path)
    assert "room" not in " ".join(caught.value.suggestions)


def test_people_read_errors_as_text_without_a_terminal_too() -> None:
    command = [sys.executable, "-m", "outrider", "packages", "serve", "--listen", "banana"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr.splitlines()[0]) == (
        2,
        "error[INVALID_CONFIG] --listen: 'banana' is no address",
    )
