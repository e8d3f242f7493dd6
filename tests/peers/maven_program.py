"""A newer Maven than that of this machine, which the latter fetches and unpacks: its resolver knows checksums that are demanded."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.peers.environments import CHECKOUT

_VERSION = "3.9.11"
_PLACE = CHECKOUT / ".cache" / "maven-3.9"
_UNPACK = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack"
_SECONDS = 300


def newer_maven(local: Path) -> Path:
    """Return the program; it is fetched once.

    Args:
        local: Where Maven keeps what it fetches for this.

    Raises:
        pytest.skip.Exception: This machine lacks a Maven.
    """
    program = _PLACE / f"apache-maven-{_VERSION}" / "bin" / "mvn"
    if program.is_file():
        return program
    if shutil.which("mvn") is None:
        pytest.skip("mvn is missing: apt-get install maven")
    _PLACE.mkdir(parents=True, exist_ok=True)
    asked = [f"-Dartifact=org.apache.maven:apache-maven:{_VERSION}:zip:bin", f"-DoutputDirectory={_PLACE}"]
    command = ["mvn", "--batch-mode", "--quiet", _UNPACK, f"-Dmaven.repo.local={local}", *asked]
    subprocess.run(command, cwd=_PLACE, check=True, timeout=_SECONDS, capture_output=True)
    return program
