"""Projects of Poetry, drawn by chance, and Poetry itself."""

import json
import os
import re
import subprocess
from pathlib import Path
from random import Random

from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.operators.packages.tests.uv_projects import MARKERS
from tests.peers.environments import PROGRAMS, install

CLIENT = Path(__file__).parents[5] / "tests" / "peers" / "programs" / "poetry_client.py"
# Poetry joins some markers for many minutes.
_MOST_SECONDS = 100
LATE = 124
PYTHONS = (">=3.11", ">=3.9,<4", "^3.11", ">=3.11,<3.14", "~3.11", ">=3.10.2,!=3.12.1")
RANGES = ("", "", "", ">=0.5", "!=1.2.1", ">=1", ">=1,<3", "<3.0,>=0.9", "!=1.0", "~=1.2", ">=1.0,!=2.*", "==1.*")
OWN_RANGES = ("*", "*", ">=0.5", "!=1.2.1", "^1.0", "~1.2", ">=1,<3", "^0.9 || ^2", "1.*", ">=1.0,!=2.0")


def poetry(folder: Path, root: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Poetry with one index, and nothing of its user; what it fetches is kept beside the folder.

    Args:
        folder: Of the project.
        root: Of what stands for PyPI; empty for PyPI itself.
        arguments: Of the command.
    """
    program = install("poetry", PROGRAMS["poetry"]) / "python"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("POETRY_", "VIRTUAL"))}
    environment |= {
        "INDEX_ROOT": f"{root}/" if root else "", "POETRY_CACHE_DIR": str(folder.parent / "poetry"), "HOME": str(folder.parent),
        "POETRY_CONFIG_DIR": str(folder.parent / "config"), "POETRY_KEYRING_ENABLED": "false", "POETRY_VIRTUALENVS_IN_PROJECT": "true",
    }  # fmt: skip
    command = [str(program), str(CLIENT), *arguments, "--no-interaction"]
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=_MOST_SECONDS
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, LATE)


def project(folder: Path, text: str) -> Path:
    """Have a project, and return where its lock is to be."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(text)
    return folder / "poetry.lock"


def fill_more(index: PythonIndex) -> list[str]:
    """Add projects that need others in different versions on different machines, and such as have prereleases; return their names."""
    windows = "sys_platform == 'win32'"
    below, above = "python_version < '3.12'", "python_version >= '3.12'"
    for version in ("0.9", "1.2.1", "2.0"):
        index.add("split", version, f"alpha<2; {below}", f"alpha>=1; {above}", "eta>=0.9")
        index.add(
            "Twice_told",
            version,
            f"gamma<2; {windows}",
            f"gamma>=1; {windows} and python_version < '3.13'",
            "eta[fast]",
            "split>=1",
        )
        index.add("early", f"{version}rc1", "theta")
        index.add("newer", version, "early>=1.0a1; os_name == 'posix'")
    others = (f"beta[fast]>=1; {windows}", "beta<2; sys_platform != 'win32'", "eta; extra == 'fast'")
    index.add("split", "2.1", *others, extras=["fast"])
    index.add("early", "1.2.1", "theta")
    index.add("early", "1.2.2", yanked="broken")
    index.add("newer", "2.1", "early", python=">=3.12")
    return ["split", "Twice_told", "early", "newer"]


def drawn(random: Random, names: list[str], folder: Path) -> Path:
    """Have a project, and return where its lock is to be."""
    draw = _own if random.random() < 0.4 else _standard
    return project(folder, "\n".join(draw(random, names)) + "\n")


def _standard(random: Random, names: list[str]) -> list[str]:
    def some(most: int) -> str:
        found = [_requirement(random, name) for name in random.sample(names, random.randint(0, most))]
        if found and random.random() < 0.2:
            # The same once more, with other versions or on other machines.
            found.append(_requirement(random, re.split(r"[^\w.]", found[0])[0]))
        return json.dumps(found)

    pythons = random.choice([one for one in PYTHONS if one[0] in "=><"])
    lines = ["[project]", 'name = "shop"', 'version = "1.0"', f'requires-python = "{pythons}"']
    lines += [f"dependencies = {some(4)}"]
    if random.random() < 0.5:
        lines += ["[project.optional-dependencies]", f"docs = {some(2)}", f"Web_all = {some(2)}"]
    if random.random() < 0.5:
        lines += ["[dependency-groups]", f"dev = {some(2)}", f'lint = [{{ include-group = "dev" }}, {some(1)[1:]}']
    if random.random() < 0.3:
        lines += ["[tool.poetry.group.test]", "optional = true", "[tool.poetry.group.test.dependencies]"]
        lines += [_line(random, name) for name in random.sample(names, 1)]
    return lines


def _own(random: Random, names: list[str]) -> list[str]:
    def some(most: int) -> list[str]:
        return [_line(random, name) for name in random.sample(names, random.randint(0, most))]

    lines = ["[tool.poetry]", 'name = "shop"', 'version = "1.0"', 'description = ""', 'authors = ["A <a@b.test>"]']
    lines += ["[tool.poetry.dependencies]", f'python = "{random.choice(PYTHONS)}"', *some(3)]
    if random.random() < 0.5:
        name = random.choice(names)
        lines = [one for one in lines if not one.startswith(f'"{name}"')]
        lines += [f'"{name}" = {{ version = "*", optional = true }}', "[tool.poetry.extras]", f'more = ["{name}"]']
    if random.random() < 0.6:
        lines += ["[tool.poetry.group.dev.dependencies]", *some(2)]
    if random.random() < 0.4:
        lines += ["[tool.poetry.group.docs]", "optional = true", "[tool.poetry.group.docs.dependencies]", *some(2)]
    return lines


def _requirement(random: Random, name: str) -> str:
    marker = random.choice(("", "", f" ; {random.choice(MARKERS)}"))
    return f"{name}{random.choice(('', '', '[fast]'))}{random.choice(RANGES)}{marker}"


def _line(random: Random, name: str) -> str:
    def one() -> str:
        parts = [f'version = "{random.choice(OWN_RANGES)}"']
        parts += [random.choice(('extras = ["fast"]', f'markers = "{random.choice(MARKERS)}"', 'python = "^3.12"'))]
        return f"{{ {', '.join(parts)} }}"

    kind = random.random()
    if kind < 0.5:
        return f'"{name}" = "{random.choice(OWN_RANGES)}"'
    if kind < 0.85:
        return f'"{name}" = {one()}'
    below, above = (
        f'{{ version = "{each}", python = "{python}" }}' for each, python in (("<2", "<3.12"), (">=1", ">=3.12"))
    )
    return f'"{name}" = [{below}, {above}]'
