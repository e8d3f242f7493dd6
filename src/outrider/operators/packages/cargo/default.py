"""The index that Cargo comes with. No address of it stands here: Cargo itself names it, and that is kept."""

import hashlib
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from outrider.core.errors import DeadlineExceededError, DeniedError, NotFoundError
from outrider.operators.packages.registries.record_files import read_record, write_record
from outrider.operators.packages.registries.registry import unknown_registry
from outrider.ports.process.command import run

_SECONDS = 20.0
_SHOWN = 200
_MISSING = "is not installed"
_NAMED = re.compile(r"`(https://[^`\s]+)/config\.json`")
_MANIFEST = '[package]\nname = "asked"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\nasked-for = "1"\n'
# Nobody listens there. So Cargo reaches nothing, and says what it did not reach.
_NOWHERE = "http://127.0.0.1:9"
_KEPT_VARIABLES = ("PATH", "HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN")


class _Learned(msgspec.Struct):
    url: str


async def default_index(environment: Mapping[str, str], cache: Path) -> str:
    """Return the address of the index that Cargo comes with.

    Cargo is asked once, with no settings and no network: its complaint names the address.

    Args:
        environment: Where Cargo and its toolchains are.
        cache: The folder of what is kept.

    Raises:
        MissingRequirementError: Cargo is not here, or does not say it.
        ExecutionFailedError: The address cannot be kept.
    """
    path = cache / "cargo" / f"{hashlib.sha256(environment.get('PATH', '').encode()).hexdigest()[:16]}.default"
    known = read_record(path, msgspec.msgpack.Decoder(_Learned))
    if known is not None:
        return known.url
    complaint = await _complaint(environment)
    said = _NAMED.search(complaint)
    if said is None:
        told = " ".join(complaint.split())[:_SHOWN]
        why = f"does not name its own, but says: {told or 'nothing'}" if complaint != _MISSING else complaint
        remedy = "install Cargo" if complaint == _MISSING else "see why it fails: cargo search itoa"
        looked = f"the settings of Cargo, and Cargo {why}"
        raise unknown_registry("cargo", looked, remedy, "replace the source crates-io in Cargo's config.toml")
    write_record(path, _Learned(said[1]))
    return said[1]


async def _complaint(environment: Mapping[str, str]) -> str:
    """Return what Cargo says where it reaches nothing, or why it says nothing."""
    with tempfile.TemporaryDirectory(prefix="outrider-cargo-") as name:
        folder = Path(name)
        (folder / "src").mkdir()
        (folder / "src" / "lib.rs").touch()
        (folder / "Cargo.toml").write_text(_MANIFEST)
        kept = {one: environment[one] for one in _KEPT_VARIABLES if environment.get(one)}
        settings = {"CARGO_HOME": str(folder / "home"), "CARGO_HTTP_PROXY": _NOWHERE, "CARGO_NET_RETRY": "0"}
        try:
            ended = await run(["cargo", "generate-lockfile"], timeout=_SECONDS, env=kept | settings, cwd=folder)
        except NotFoundError:
            return _MISSING
        except (DeniedError, DeadlineExceededError) as error:
            return error.message
    return ended.stderr.decode("utf-8", "replace")
