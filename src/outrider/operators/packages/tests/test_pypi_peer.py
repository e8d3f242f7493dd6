"""The same questions for uv, which we did not write: the same answers."""

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from outrider.operators.packages.pypi import session as pypi_session
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.tests.asking import PYTHON, Asking, pins
from outrider.operators.packages.tests.python_index import PythonIndex
from outrider.ports.clock import SystemClock
from tests.peers.environments import PROGRAMS, install

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
WELL_KNOWN = [
    "jupyter", "pandas", "scikit-learn", "matplotlib", "fastapi", "sqlalchemy", "requests", "pytest", "mypy", "black",
]  # fmt: skip


async def uv_pins(packages: list[str], *options: str, python: str = PYTHON) -> list[str] | None:
    """Return what uv chooses, as `name==version`; None where it says that there is no solution."""
    program = install("uv", PROGRAMS["uv"]) / "uv"
    command = [
        str(program), "pip", "compile", "-", "--quiet", "--no-annotate", "--no-header", "--no-config", "--no-cache", "--strip-extras",
        "--only-binary", ":all:", "--python", sys.executable, "--python-version", python, *options,
    ]  # fmt: skip
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_", "VIRTUAL_ENV"))
    }
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        input="\n".join(packages),
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    if done.returncode == 1 and "No solution found" in done.stderr:
        return None
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def filled(index: PythonIndex) -> None:
    index.add("web", "1.0", "core<2")
    index.add(
        "web",
        "2.0",
        "core<2",
        "tools[fast]; python_version>='3.8'",
        "web[extra]; extra == 'all'",
        "late; extra == 'extra'",
        extras=["all", "extra"],
    )
    index.add("web", "3.0", "core>=2,<3", python=">=3.13")
    index.add("web", "4.0", yanked="broken")
    index.add("web", "5.0rc1")
    index.add("core", "1.9", "zlib==1.0; sys_platform == 'win32'")
    index.add("core", "2.0", "missing")
    index.add("core", "2.5", tag="cp312-cp312-win_amd64")
    index.add("tools", "1.0", "speed; extra == 'fast'", 'never; extra == "slow"', extras=["fast", "slow"])
    index.add("tools", "2.0", "core>=2", extras=["fast"])
    index.add("speed", "0.1a1", "web")
    index.add("speed", "0.1a2", "web", "core!=1.9.5rc1")
    index.add("late", "2024.1", "tools>=1,!=2.*")
    index.add("needs-early", "1.0", "web")
    index.add("dashed-name", "1.0.0", "Web>=1")
    index.add_source("dashed-name", "2.0.0")


@pytest.mark.parametrize(
    "asked",
    ["web", "web[all]", "tools", "tools[fast,slow]", "web<2 tools", "tools>=2", "core>=2", "dashed-name", "dashed-name>=2", "web==4.0", "web==5.0rc1 needs-early", "web>=4", "speed", "late[nothing]", "web<2 web>=2", "core==1.* late", "web~=1.0,!=2.0"],
)  # fmt: skip
@pytest.mark.parametrize("python", ["3.12", "3.13"])
async def test_on_our_own_index(tmp_path: Path, asked: str, python: str) -> None:
    async with PythonIndex() as index:
        filled(index)
        answer = await Asking(tmp_path, index.url).answer(*asked.split(), python=python)
        expected = await uv_pins(asked.split(), "--index-url", index.url, python=python)
    assert expected == (pins(answer) if isinstance(answer, Resolved) else None)


@pytest.mark.parametrize("seed", range(12))
async def test_whether_there_is_a_solution_at_all(tmp_path: Path, seed: int) -> None:
    """Of many projects that need each other in few versions, the two may choose others, and what we choose has to do for uv."""
    choice = random.Random(seed)
    names = [f"p{number}" for number in range(8)]
    async with PythonIndex(json=bool(seed % 2), metadata=bool(seed % 3)) as index:
        for name in names:
            for version in range(1, 5):
                needs = [_need(choice, other) for other in choice.sample(names, 3) if other != name]
                index.add(name, f"{version}.0", *needs, extras=["x"])
        asked = [_need(choice, name).partition(";")[0] for name in choice.sample(names, 2)]
        answer = await Asking(tmp_path, index.url).answer(*asked)
        expected = await uv_pins(asked, "--index-url", index.url)
        if isinstance(answer, Impossible):
            assert expected is None, (asked, expected)
        else:
            assert await uv_pins([*asked, *pins(answer)], "--index-url", index.url) == pins(answer)


def _need(choice: random.Random, name: str) -> str:
    version = choice.randint(1, 4)
    extra = choice.choice(["", "", "[x]"])
    marker = choice.choice(["", "", " ; extra == 'x'"])
    return f"{name}{extra}{choice.choice(['>=', '<=', '==', '!=', '<', '~='])}{version}.0{marker}"


async def test_on_the_index_of_everybody(tmp_path: Path) -> None:
    clock = SystemClock()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_INDEX", "PIP_EXTRA"))
    }
    answer = await pypi_session.resolve(
        Question(
            packages=WELL_KNOWN,
            target=PYTHON,
            cache=tmp_path,
            folder=tmp_path,
            environment=environment,
            clock=clock,
            deadline=clock.monotonic() + 100,
        )
    )
    assert isinstance(answer, Resolved)
    assert pins(answer) == await uv_pins(WELL_KNOWN)
