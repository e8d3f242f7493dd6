"""What `outrider demo incident-triage` needs besides Outrider, looked for before anything is started."""

import importlib.util
import os
import shutil
import sqlite3
import sys
from pathlib import Path

from outrider.core.errors import MissingRequirementError
from outrider.ports.process import run
from outrider.runtime.sandbox.program import find_program

SDK = "openai"
ASK_SECONDS = 30.0
_ASK = f"import importlib.util, sys; sys.exit(importlib.util.find_spec('{SDK}') is None)"
# Extras of Outrider by the modules that they bring.
_EXTRAS = {"sidecar": ["httptools", "uvloop"], "memory": ["sqlite_vec"]}


def require_extras() -> None:
    """Look whether the extras of Outrider are installed.

    Raises:
        MissingRequirementError: One is not.
    """
    extras = _missing_extras()
    if extras:
        raise _missing(extras, sdk=importlib.util.find_spec(SDK) is not None)


async def search_path(python: str) -> str:
    """Return a PATH on which a Python with the SDK of the agent's program is found first.

    Args:
        python: Its name in the command of the agent.

    Raises:
        MissingRequirementError: There is none, or an extra of Outrider is not installed.
    """
    path = os.environ.get("PATH", os.defpath)
    beside = Path(sys.executable).parent  # what was installed together with Outrider is found, too
    candidates = [path, f"{beside}{os.pathsep}{path}"]
    found = [one for one in candidates if await _has_sdk(python, one)]
    extras = _missing_extras()
    if extras or not found:
        raise _missing(extras, sdk=bool(found))
    return found[0]


async def _has_sdk(python: str, path: str) -> bool:
    if shutil.which(python, path=path) is None:
        return False
    program = await find_program([python], Path.cwd(), path, field="spec.agent.command")
    return (await run([*program.argv, "-c", _ASK], timeout=ASK_SECONDS)).exit_code == 0


def _missing_extras() -> list[str]:
    wanted = {name: [*modules] for name, modules in _EXTRAS.items()}
    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        wanted["memory"].append("pysqlite3")
    return [name for name, modules in wanted.items() if any(importlib.util.find_spec(one) is None for one in modules)]


def _missing(extras: list[str], *, sdk: bool) -> MissingRequirementError:
    packages = [f"'outrider[{','.join(extras)}]'"] if extras else []
    what = [f"the extra{'s' if len(extras) > 1 else ''} {' and '.join(extras)} of Outrider"] if extras else []
    if not sdk:
        packages.append(SDK)
        what.append(f"the Python package {SDK}, on whose SDK the agent's program is written")
    return MissingRequirementError(
        f"this demo needs {', and '.join(what)}", found="not installed",
        expected=f"beside Outrider, or on PATH a Python that has {SDK}" if not sdk else "beside Outrider",
        suggestions=[f"install: {sys.executable} -m pip install {' '.join(packages)}"],
    )  # fmt: skip
