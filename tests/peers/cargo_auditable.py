"""cargo auditable, which builds programs that tell their crates."""

import shutil
import subprocess
from pathlib import Path

from tests.peers.environments import CHECKOUT, PeerError

_VERSION = "0.7.7"


def cargo_auditable() -> Path:
    """Install it where it is not yet, which takes minutes, and return the folder of its program.

    Raises:
        PeerError: There is no Cargo, or the installation failed.
    """
    folder = CHECKOUT / ".cache" / f"cargo-auditable-{_VERSION}"
    cargo = shutil.which("cargo")
    if cargo is None:
        raise PeerError("cargo is missing: apt-get install cargo")
    command = [cargo, "install", "--quiet", "--locked", "--version", _VERSION, "--root", str(folder), "cargo-auditable"]
    if not (folder / "bin" / "cargo-auditable").is_file() and subprocess.run(command, check=False).returncode:
        raise PeerError("cargo-auditable could not be installed")
    return folder / "bin"
