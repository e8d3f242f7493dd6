"""npm and uv with empty caches, through registries that know nothing yet, through the same once more, and without one between."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import Figure
from benchmarks.registries import Registry
from benchmarks.resolving import PYTHON, PYTHON_SET
from benchmarks.system import cpu_seconds
from tests.peers.environments import PROGRAMS, install

NPM_PACKAGE = "react-scripts"
_NOBODY = Registry(pid=0)
_SECONDS = 900


class Client(NamedTuple):
    """A client, which chooses packages and installs none.

    Attributes:
        name: In the table.
        command: What to run in the folder of a project, which may be written to before; and with which variables.
        chosen: What was chosen there.
    """

    name: str
    command: Callable[[Path, Registry], tuple[Sequence[str], Mapping[str, str]]]
    chosen: Callable[[Path], Mapping[str, str]]


class Took(NamedTuple):
    """How long a client has taken, how long the registry's processors have, and what was chosen."""

    seconds: float
    cpu: float
    chosen: Mapping[str, str]


def _npm_command(project: Path, registry: Registry) -> tuple[Sequence[str], Mapping[str, str]]:
    where = ["--registry", registry.npm] if registry.npm else []
    if registry.token:
        (project / ".npmrc").write_text(f"{registry.npm.removeprefix('http:')}:_authToken={registry.token}\n")
    options = ["--package-lock-only", "--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts"]
    return ["npm", "install", NPM_PACKAGE, *options, "--cache", str(project / "cache"), *where], os.environ


def _npm_chosen(project: Path) -> Mapping[str, str]:
    packages = json.loads((project / "package-lock.json").read_text())["packages"]
    return {path: one["version"] for path, one in packages.items() if path}


def _uv_command(project: Path, registry: Registry) -> tuple[Sequence[str], Mapping[str, str]]:
    environment, where = dict(os.environ), []
    if registry.pypi:
        # Another index of this machine's settings would be asked besides.
        environment = {name: value for name, value in environment.items() if not name.startswith("UV_")}
        login = f"://__token__:{registry.token}@" if registry.token else "://"
        where = ["--default-index", registry.pypi.replace("://", login)]
    (project / "set.in").write_text("\n".join(PYTHON_SET))
    options = ["--no-config", "--cache-dir", str(project / "cache"), "--python-version", PYTHON, "--quiet"]
    form = ["--no-annotate", "--no-header", "--no-emit-index-url", "--output-file", "pins.txt"]
    program = str(install("uv", PROGRAMS["uv"]) / "uv")
    return [program, "pip", "compile", *options, *form, *where, "set.in"], environment


def _uv_chosen(project: Path) -> Mapping[str, str]:
    return dict(re.findall(r"^(\S+)==(\S+)", (project / "pins.txt").read_text(), re.MULTILINE))


NPM = Client(f"npm, lock of {NPM_PACKAGE}", _npm_command, _npm_chosen)
UV = Client(f"uv, {len(PYTHON_SET)} projects of Python", _uv_command, _uv_chosen)


def figures(client: Client, ours: Registry, rival: Registry | None) -> list[Figure]:
    """Run a client through both, each time with nothing known of before, and then with all known."""
    direct = _run(client, _NOBODY)
    cold, warm = _run(client, ours), _run(client, ours)
    cold_rival, warm_rival = _runs_of_rival(client, rival) if rival else (None, None)
    same = direct.chosen == cold.chosen == warm.chosen
    name = f"{client.name} ({len(cold.chosen)} packages)"
    return [
        *_took(f"{name}, the registry knows nothing", cold, cold_rival),
        *_took("the same, the registry knows all", warm, warm_rival),
        Figure(name="the same without a registry between", value=direct.seconds, unit="s"),
        Figure(name="the same, choices that differ from those", value=0.0 if same else 1.0, unit="", bar=0.0),
    ]


def _runs_of_rival(client: Client, rival: Registry) -> tuple[Took | None, Took | None]:
    """Run a client through a rival, twice; what it does not get through is left out, and said."""
    try:
        return _run(client, rival), _run(client, rival)
    except RuntimeError as error:
        print(f"not measured: {error}", file=sys.stderr)
        return None, None


def _run(client: Client, registry: Registry) -> Took:
    """Run it with an empty cache in an empty project."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        command, environment = client.command(project, registry)
        before, began = _cpu(registry), time.perf_counter()
        done = subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
        took, cpu = time.perf_counter() - began, _cpu(registry) - before
        if done.returncode:
            through = registry.npm or registry.pypi or "the registries of this machine"
            raise RuntimeError(
                f"{client.name}, through {through}, ended with {done.returncode}:\n{done.stderr[-2000:]}"
            )
        return Took(took, cpu, client.chosen(project))


def _cpu(registry: Registry) -> float:
    return cpu_seconds(registry.pid) if registry.pid else 0.0


def _took(name: str, ours: Took, rival: Took | None) -> list[Figure]:
    return [
        Figure(name=name, value=ours.seconds, unit="s", rival=rival and rival.seconds),
        Figure(name="the same, CPU of the registry", value=ours.cpu, unit="s", rival=rival and rival.cpu),
    ]
