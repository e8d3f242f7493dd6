"""Projects of uv and an index for them, drawn by chance, and uv itself."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random

from outrider.operators.packages.tests.python_index import PythonIndex
from tests.peers.environments import PROGRAMS, install

PYTHONS = (">=3.11", ">=3.9,<4", ">=3.11,<3.14", "==3.11.*", "~=3.11", ">=3.10.2,!=3.12.1")
VERSIONS = ("0.9", "1.0", "1.2.1", "1.10", "2.0", "3.0")
RANGES = ("", "", ">=1", ">=1,<3", "<3.0,>=0.9", "!=1.0", "~=1.2", ">=1.0,!=2.*")
TAGS = (
    "cp311-cp311-win_amd64", "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp312-cp312-macosx_11_0_arm64", "cp39-cp39-win32",
    "cp311-cp311-musllinux_1_2_aarch64", "pp311-pypy311_pp73-win_amd64", "cp310-abi3-macosx_10_12_universal2", "py2.py3-none-any",
    "graalpy311-graalpy242_311_native-manylinux_2_17_aarch64", "cp313-cp313t-win_arm64",
)  # fmt: skip
MARKERS = (
    "sys_platform == 'win32'", "sys_platform != 'win32'", "python_version < '3.12'", "python_version >= '3.12'", "python_version < '3.9'",
    "python_full_version == '3.11.*' and os_name == 'posix'", "platform_machine == 'x86_64' or platform_machine == 'arm64'",
    "platform_system == 'Linux' and platform_python_implementation == 'CPython'", "implementation_name != 'pypy'",
    "python_version >= '3.12' or sys_platform == 'darwin'", "python_version in '3.11 3.13'", "'linux' in sys_platform",
    "sys_platform == 'linux' and (platform_machine == 'x86_64' or python_version < '3.13')", "python_version != '3.12'",
)  # fmt: skip


def uv(folder: Path, index: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run uv with one index, and nothing of its user; what it fetches is kept beside the folder."""
    program = install("uv", PROGRAMS["uv"]) / "uv"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_", "VIRTUAL"))}
    options = ["--no-config", "--quiet", "--cache-dir", str(folder.parent / "uv"), "--python", sys.executable]
    options += ["--default-index", index] if index else []
    return subprocess.run(
        [str(program), *arguments, *options], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=200
    )  # fmt: skip


def project(
    folder: Path,
    dependencies: Iterable[str],
    *,
    extras: Mapping[str, list[str]] | None = None,
    groups: Mapping[str, list[str]] | None = None,
    pythons: str = ">=3.11",
    more: str = "",
) -> Path:
    """Have a project, and return where its lock is to be."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["[project]", 'name = "shop"', 'version = "1.0"', f'requires-python = "{pythons}"']
    lines += [f"dependencies = {json.dumps(list(dependencies))}"]
    for table, entries in (("project.optional-dependencies", extras), ("dependency-groups", groups)):
        lines += [f"[{table}]", *(f"{name} = {json.dumps(needs)}" for name, needs in (entries or {}).items())]
    (folder / "pyproject.toml").write_text("\n".join([*lines, more, ""]))
    return folder / "uv.lock"


def fill(random: Random, index: PythonIndex) -> list[str]:
    """Fill an index with projects that need others further on, and return their names."""
    names = ["alpha", "beta", "gamma", "Delta.x", "epsilon", "zeta", "eta", "theta"]
    for at, name in enumerate(names):
        for version in random.sample(VERSIONS, random.randint(4, 6)):
            others = random.sample(names[at + 1 :], min(len(names) - at - 1, random.randint(0, 3)))
            needs = [need(random, one, "" if random.random() < 0.7 else " and extra == 'fast'") for one in others]
            time = f"2026-0{random.randint(1, 9)}-11T10:20:30{random.choice(('', '.120000', '.123456', '.5'))}Z"
            more = {"extras": ["fast"], "uploaded": time, "python": random.choice(("", ">=3.8", ">=3.9,<4"))}
            index.add(name, version, *needs, **more)
            for tag in random.sample(TAGS, random.randint(0, 4)):
                index.add(name, version, *needs, tag=tag, **more)
            if random.random() < 0.5:
                index.add_source(name.replace(".", "_").lower(), version)
    return names


def need(random: Random, name: str, extra: str = "") -> str:
    """Return a requirement; with another marker behind its own."""
    marker = random.choice(MARKERS) if random.random() < 0.5 else ""
    both = f"({marker}){extra}" if marker and extra else marker or extra.removeprefix(" and ")
    asked = f"{name}{random.choice(('', '', '[fast]'))}{random.choice(('', '', '>=0.9', '<=3', '!=1.0'))}"
    return f"{asked}; {both}" if both else asked


def drawn(random: Random, names: list[str], folder: Path) -> Path:
    """Have a project, and return where its lock is to be."""

    def some(most: int) -> list[str]:
        return [
            f"{name}{random.choice(('', '[fast]'))}{random.choice(RANGES)}{random.choice(('', f' ; {random.choice(MARKERS)}'))}"
            for name in random.sample(names, random.randint(0, most))
        ]

    extras = {"docs": some(2), "Web_all": [*some(1), "shop[docs]"]} if random.random() < 0.5 else {}
    groups = {"dev": some(2), "lint": some(1)} if random.random() < 0.5 else {}
    build = "[build-system]\nrequires = []\nbuild-backend = 'backend'" if random.random() < 0.3 else ""
    return project(folder, some(4), extras=extras, groups=groups, pythons=random.choice(PYTHONS), more=build)
