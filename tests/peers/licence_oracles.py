"""What native tools take for a licence expression: each reads a JSON list of texts, and says of each whether it is one."""

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

PROGRAMS = Path(__file__).parent / "licences"
_SECONDS = 50


def takes(tool: str, texts: Sequence[str]) -> list[bool]:
    """Return what a tool says of each text.

    Raises:
        pytest.skip.Exception: This machine lacks it.
    """
    if tool == "packaging":
        return [_packaging(text) for text in texts]
    done = subprocess.run(
        _COMMANDS[tool](), input=json.dumps(texts), capture_output=True, text=True, check=True, timeout=_SECONDS
    )
    answers: list[bool] = json.loads(done.stdout)
    return answers


def _packaging(text: str) -> bool:
    try:
        canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return False
    return True


def _program(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is missing: apt-get install {package}")
    return found


def _npm() -> list[str]:
    # The link npm leads into its own code, which has what it reads licences with.
    folder = Path(_program("npm", "npm")).resolve().parents[1]
    return [_program("node", "nodejs"), str(PROGRAMS / "npm.cjs"), str(folder)]


def _gem() -> list[str]:
    return [_program("ruby", "ruby"), str(PROGRAMS / "gem.rb")]


def _composer() -> list[str]:
    if not Path("/usr/share/php/Composer/Spdx").is_dir():
        pytest.skip("Composer\\Spdx is missing: apt-get install composer")
    return [_program("php", "php-cli"), str(PROGRAMS / "composer.php")]


_COMMANDS: dict[str, Callable[[], list[str]]] = {"composer": _composer, "gem": _gem, "npm": _npm}
