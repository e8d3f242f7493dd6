"""The native tools of the ecosystems, asked about versions: they say what is right.

Each reads lines of three words between tabs, `order A B` or `range RANGE VERSION`, and answers each with one character:
`<`, `=` or `>`, `y` or `n`, `!` where a word is none of its ecosystem,
and `?` where it knows no order.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.peers.environments import CHECKOUT

PROGRAMS = Path(__file__).parent / "versions"
_BUILT = CHECKOUT / ".cache" / "version-oracles"
_SECONDS = 300


class Question(NamedTuple):
    """What a native tool is asked."""

    kind: str
    one: str
    two: str


class Oracle(NamedTuple):
    """A native tool that is there.

    Attributes:
        version: Its name and version.
        command: Starts it.
    """

    version: str
    command: list[str]

    def answers(self, questions: Iterable[Question]) -> str:
        """Return one character for each question."""
        lines = "".join("\t".join(question) + "\n" for question in questions)
        done = subprocess.run(
            self.command, input=lines, capture_output=True, text=True, check=True, timeout=_SECONDS
        )  # fmt: skip
        return done.stdout.replace("\n", "")


def oracle(ecosystem: str) -> Oracle:
    """Return the native tool of an ecosystem; it is built or installed where that is not done yet.

    Raises:
        pytest.skip.Exception: This machine lacks what runs it.
    """
    return _ORACLES[ecosystem]()


def _program(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is missing: apt-get install {package}")
    return found


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS).stdout


def _copied(ecosystem: str) -> Path:
    """Return a folder with the sources of an oracle; what was built of other sources is gone."""
    folder, source = _BUILT / ecosystem, PROGRAMS / ecosystem
    files = [path for path in sorted(source.rglob("*")) if path.is_file()]
    same = all(
        (folder / path.relative_to(source)).is_file() and (folder / path.relative_to(source)).read_bytes() == path.read_bytes()
        for path in files
    )  # fmt: skip
    if not same:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
    return folder


def _npm() -> Oracle:
    node, npm = _program("node", "nodejs"), _program("npm", "npm")
    folder = _copied("npm")
    if not (folder / "node_modules" / "semver").is_dir():
        subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True, timeout=_SECONDS)
    return Oracle("semver 7.8.6", [node, str(folder / "oracle.cjs")])


def _cargo() -> Oracle:
    cargo = _program("cargo", "cargo")
    folder = _copied("cargo")
    program = folder / "target" / "release" / "oracle"
    if not program.is_file():
        subprocess.run([cargo, "build", "--release", "--quiet"], cwd=folder, check=True, timeout=_SECONDS)
    return Oracle("crate semver 1.0.28", [str(program)])


def _pypi() -> Oracle:
    return Oracle(f"packaging {metadata.version('packaging')}", [sys.executable, str(PROGRAMS / "pypi" / "oracle.py")])


def _gem() -> Oracle:
    ruby = _program("ruby", "ruby")
    return Oracle(f"RubyGems {_said(ruby, '-e', 'print Gem::VERSION')}", [ruby, str(PROGRAMS / "gem" / "oracle.rb")])


def _composer() -> Oracle:
    php = _program("php", "php-cli")
    if not Path("/usr/share/php/Composer/Semver").is_dir():
        pytest.skip("Composer\\Semver is missing: apt-get install php-composer-semver")
    version = _said("dpkg-query", "--show", "--showformat", "${Version}", "php-composer-semver").partition("-")[0]
    return Oracle(f"Composer\\Semver {version}", [php, str(PROGRAMS / "composer" / "oracle.php")])


def _maven() -> Oracle:
    mvn, java = _program("mvn", "maven"), _program("java", "default-jdk-headless")
    folder = _copied("maven")
    classes = folder / "target" / "classes"
    if not (folder / "target" / "built").is_file():
        goals = ["compile", "dependency:copy-dependencies"]
        subprocess.run([mvn, "--batch-mode", "--quiet", *goals], cwd=folder, check=True, timeout=_SECONDS)
        (folder / "target" / "built").touch()
    return Oracle("maven-artifact 3.9.16", [java, "-cp", f"{classes}:{folder}/target/dependency/*", "Oracle"])


def _dpkg() -> Oracle:
    compiler, config = _program("cc", "gcc"), _program("pkg-config", "pkg-config")
    if subprocess.run([config, "--exists", "libdpkg"], check=False).returncode != 0:
        pytest.skip("libdpkg is missing: apt-get install libdpkg-dev")
    folder = _copied("deb")
    program = folder / "oracle"
    if not program.is_file():
        command = [compiler, "-o", str(program), str(folder / "oracle.c"), "-ldpkg", "-lmd"]
        subprocess.run(command, check=True, timeout=_SECONDS)
    return Oracle(f"libdpkg {_said(config, '--modversion', 'libdpkg').strip()}", [str(program)])


def _rpm() -> Oracle:
    rpm = _program("rpm", "rpm")
    macro = f'%{{lua: dofile("{PROGRAMS / "rpm" / "oracle.lua"}")}}'
    return Oracle(f"RPM {_said(rpm, '--version').split()[-1]}", [rpm, "--eval", macro])


_ORACLES: dict[str, Callable[[], Oracle]] = {
    "cargo": _cargo, "composer": _composer, "gem": _gem, "maven": _maven, "npm": _npm, "pypi": _pypi
}  # fmt: skip
ECOSYSTEMS = sorted(_ORACLES)
# Of what distributions pack; they are asked about the order alone.
_ORACLES |= {"deb": _dpkg, "rpm": _rpm}
PACKED = sorted(_ORACLES.keys() - set(ECOSYSTEMS))
