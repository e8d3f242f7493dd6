"""The resolver of the Maven that is installed here, asked by a small program of ours: it says what is right."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from tests.peers.environments import CHECKOUT

_PROGRAM = Path(__file__).parent / "resolvers" / "maven" / "Resolver.java"
_BUILT = CHECKOUT / ".cache" / "resolvers" / "maven"
_SECONDS = 600
# Of these the rules are ours; where others are installed, what they answer says nothing.
MAVEN = "3.8.7"


def answers(questions: Iterable[Iterable[str]]) -> list[str]:
    """Return what the resolver says to each question; the program tells which there are.

    Args:
        questions: Words.

    Raises:
        pytest.skip.Exception: This machine lacks it.
    """
    lines = "".join("\t".join(words) + "\n" for words in questions)
    command = ["java", "-cp", f"{_built()}:{_home()}/lib/*", "Resolver"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True, timeout=_SECONDS)
    return done.stdout.removesuffix("\n").split("\n")


@cache
def _home() -> str:
    """Return the folder of Maven."""
    for program, package in (("mvn", "maven"), ("javac", "default-jdk-headless")):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: apt-get install {package}")
    said = subprocess.run(
        ["mvn", "--batch-mode", "--version"], capture_output=True, text=True, check=True, timeout=_SECONDS
    )
    home = re.search(r"^Maven home: (.+)$", said.stdout, re.MULTILINE)
    if home is None or f"Apache Maven {MAVEN}" not in said.stdout:
        pytest.skip(f"another Maven is installed than {MAVEN}")
    return home[1]


@cache
def _built() -> Path:
    """Return the folder of the program, which is built where that is not done yet."""
    source = _BUILT / _PROGRAM.name
    if not source.is_file() or source.read_bytes() != _PROGRAM.read_bytes():
        _BUILT.mkdir(parents=True, exist_ok=True)
        command = ["javac", "-cp", f"{_home()}/lib/*", "-d", str(_BUILT), str(_PROGRAM)]
        subprocess.run(command, check=True, timeout=_SECONDS)
        shutil.copyfile(_PROGRAM, source)
    return _BUILT
