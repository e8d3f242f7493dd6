"""What a registry is started with, and why it does not start."""

import asyncio
from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.core.package_registries import PackageRegistrySpec
from outrider.operators.packages.serving.service import RegistryService, run
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
