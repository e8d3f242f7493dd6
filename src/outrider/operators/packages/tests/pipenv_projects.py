"""Projects of Pipenv, drawn by chance, and Pipenv itself."""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

from outrider.operators.packages.pypi.settings import pypi_registries
from tests.peers.environments import PROGRAMS, install

_MOST_SECONDS = 200
RANGES = ("*", "*", "*", ">=0.5", "!=1.2.1", ">=1", ">=1,<3", "<3.0,>=0.9", "~=1.2", "==1.*")
# Of these some hold on no machine of the tests.
MACHINES = (
    'markers = "sys_platform == \'win32\'"', "sys_platform = \"== 'win32'\"", "sys_platform = \"!= 'win32'\"",
    'markers = "python_version >= \'3.9\' or os_name == \'nt\'"', "platform_machine = \"!= 'riscv64'\", markers = \"python_version < '4'\"",
    "python_version = \">= '3.8'\"",
)  # fmt: skip


def index_of_everybody() -> str:
    """Return the address of PyPI, as pip comes with it."""
    return pypi_registries({"PIP_CONFIG_FILE": os.devnull, "HOME": "/nowhere", "XDG_CONFIG_DIRS": ""}, Path("/"))[0].url


def pipenv(folder: Path, mirror: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Pipenv with nothing of its user; what it fetches is kept beside the folder.

    Args:
        folder: Of the project.
        mirror: What stands for PyPI; empty for PyPI itself.
        arguments: Of the command.
        variables: Further ones of the environment.
    """
    program = install("pipenv", PROGRAMS["pipenv"]) / "pipenv"
    machine = _environment(folder.parent / "machine")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PIPENV_"))}
    environment |= {name: os.environ[name] for name in ("PIP_CERT",) if name in os.environ}
    environment |= {
        "VIRTUAL_ENV": str(machine), "PIPENV_VERBOSITY": "-1", "PIPENV_CACHE_DIR": str(folder.parent / "pipenv"), "PIPENV_NOSPIN": "1",
        "HOME": str(folder.parent), "PIPENV_DONT_LOAD_ENV": "1", **variables,
    }  # fmt: skip
    if mirror:
        environment["PIPENV_PYPI_MIRROR"] = mirror
    command = [str(program), *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=_MOST_SECONDS
    )


def _environment(folder: Path) -> Path:
    if not folder.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


def project(folder: Path, text: str, sources: str = "") -> Path:
    """Have a project, and return where its lock is to be.

    Args:
        folder: Of it.
        text: Of its Pipfile, but for the sources.
        sources: These; PyPI where none are given.
    """
    usual = f'[[source]]\nurl = "{index_of_everybody()}"\nverify_ssl = true\nname = "pypi"\n'
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pipfile").write_text(f"{sources or usual}\n{text}")
    return folder / "Pipfile.lock"


def drawn(random: Random, names: list[str], folder: Path) -> Path:
    """Have a project, and return where its lock is to be."""

    def some(most: int) -> list[str]:
        return [_line(random, name) for name in random.sample(names, random.randint(0, most))]

    lines = ["[packages]", *some(5)]
    if random.random() < 0.6:
        lines += ["[dev-packages]", *some(3)]
    if random.random() < 0.3:
        lines += ["[docs]", *some(2)]
    if random.random() < 0.2:
        lines += ["[pipenv]", "use_default_constraints = false"]
    if random.random() < 0.4:
        lines += ["[requires]", f'python_version = "{sys.version_info[0]}.{sys.version_info[1]}"']
    return project(folder, "\n".join([*lines, ""]))


def _line(random: Random, name: str) -> str:
    name = random.choice((name, name.upper(), name.replace(".", "_")))
    kind, text = random.random(), random.choice(RANGES)
    if kind < 0.6:
        return f'"{name}" = "{text}"'
    more = [f'version = "{text}"']
    if kind < 0.8:
        more.append('extras = ["fast"]')
    else:
        more[0] = f'version = "{random.choice(("*", "*", "*", "==1.2.1"))}"'
        more.append(random.choice(MACHINES))
    if random.random() < 0.2:
        more.append('index = "pypi"')
    return f'"{name}" = {{{", ".join(more)}}}'
