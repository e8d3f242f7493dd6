"""What stands in Cargo.lock for the registry that Cargo comes with. It is not written here: Cargo itself writes it, and that is kept."""

import hashlib
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from outrider.core.errors import DeadlineExceededError, DeniedError, MissingRequirementError, NotFoundError
from outrider.operators.packages.registries.record_files import read_record, write_record
from outrider.ports.process.command import run

_SECONDS = 20.0
_SOURCE = re.compile(r'^source = "([^"]+)"$', re.MULTILINE)
_MANIFEST = '[package]\nname = "asked"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\nasked-for = "1"\n'
_CRATE = '[package]\nname = "asked-for"\nversion = "1.0.0"\nedition = "2021"\n'
# The registry is replaced by a folder, so that nobody is asked; what is replaced keeps its name in the lock.
_SETTINGS = '[source.crates-io]\nreplace-with = "kept"\n[source.kept]\ndirectory = "vendor"\n'
_FILES = {
    "Cargo.toml": _MANIFEST,
    "src/lib.rs": "",
    ".cargo/config.toml": _SETTINGS,
    "vendor/asked-for/Cargo.toml": _CRATE,
    "vendor/asked-for/src/lib.rs": "",
    "vendor/asked-for/.cargo-checksum.json": '{"files": {}}',
}
_KEPT_VARIABLES = ("PATH", "HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN")


class _Learned(msgspec.Struct):
    source: str


async def lock_source(environment: Mapping[str, str], cache: Path) -> str:
    """Return what stands in Cargo.lock for the registry.

    Cargo is asked once, with no network: it locks a project whose one dependency lies beside it.

    Args:
        environment: Where Cargo and its toolchains are.
        cache: The folder of what is kept.

    Raises:
        MissingRequirementError: Cargo is not here, or does not say it.
        ExecutionFailedError: It cannot be kept.
    """
    path = cache / "cargo" / f"{hashlib.sha256(environment.get('PATH', '').encode()).hexdigest()[:16]}.source"
    known = read_record(path, msgspec.msgpack.Decoder(_Learned))
    if known is not None:
        return known.source
    said = _SOURCE.search(await _locked(environment))
    if said is None:
        raise MissingRequirementError(
            "how Cargo.lock names the registry is not known here", found="Cargo is not installed, or does not say it", expected="Cargo",
            suggestions=["install Cargo"],
        )  # fmt: skip
    write_record(path, _Learned(said[1]))
    return said[1]


async def _locked(environment: Mapping[str, str]) -> str:
    """Return a lock as Cargo writes it; empty where there is no Cargo that can."""
    with tempfile.TemporaryDirectory(prefix="outrider-cargo-") as name:
        folder = Path(name)
        for path, content in _FILES.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)
        kept = {one: environment[one] for one in _KEPT_VARIABLES if environment.get(one)}
        settings = {"CARGO_HOME": str(folder / "home"), "CARGO_NET_OFFLINE": "true"}
        try:
            await run(["cargo", "generate-lockfile"], timeout=_SECONDS, env=kept | settings, cwd=folder)
        except (NotFoundError, DeniedError, DeadlineExceededError):
            return ""
        lock = folder / "Cargo.lock"
        return lock.read_text() if lock.is_file() else ""
