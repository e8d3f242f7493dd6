"""Composer itself, asked about the repositories of tests."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

_QUIET = ("--no-interaction", "--no-plugins", "--no-scripts", "--no-ansi")
_UNSOLVABLE = 2
_SECONDS = 120

needs_composer = pytest.mark.skipif(
    shutil.which("composer") is None or shutil.which("php") is None, reason="composer or php-cli is not installed"
)


class NativeComposer:
    """Composer, with an own home.

    Args:
        folder: For that home and for projects.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        home = str(folder / "native-home")
        self._environment = {
            "PATH": os.environ["PATH"], "HOME": home, "COMPOSER_HOME": home, "COMPOSER_ALLOW_SUPERUSER": "1", "COMPOSER_CACHE_DIR": os.devnull
        }  # fmt: skip

    def project(self, *repositories: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Return what `composer.json` says where there are some repositories, and no other one."""
        said = self._run(self._folder, "config", "--global", "repositories").stdout
        (name,) = msgspec.json.decode(said)
        config = {"secure-http": False, **fields.pop("config", {})}
        return {"repositories": [*repositories, {name: False}], "config": config, **fields}

    def updated(self, project: dict[str, Any], *, optimized: bool = True) -> dict[str, str] | None:
        """Return the versions that `composer update` writes to the lock, by name; None where it finds nothing.

        Args:
            project: What `composer.json` says.
            optimized: Whether it leaves out what it takes for needless before it begins to choose.
        """
        return self._locked(project, "update", "--no-install", "--no-audit", optimized=optimized)

    def required(self, project: dict[str, Any], *packages: str) -> dict[str, str] | None:
        """Return the versions that `composer require` writes to the lock, by name; None where it finds nothing."""
        return self._locked(project, "require", "--no-install", "--no-audit", *packages)

    def written(self, project: dict[str, Any], **variables: str) -> str | None:
        """Return the lock that `composer update` writes with some variables; None where it finds nothing."""
        if self._locked(project, "update", "--no-install", "--no-audit", variables=variables) is None:
            return None
        return (self._folder / "native" / "composer.lock").read_text()

    def run(self, folder: Path, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run Composer in the folder of a project, with some variables."""
        return self._run(folder, *command, **variables)

    def _locked(
        self,
        project: dict[str, Any],
        *command: str,
        optimized: bool = True,
        variables: Mapping[str, str] | None = None,
    ) -> dict[str, str] | None:
        folder = self._folder / "native"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "composer.json").write_bytes(msgspec.json.encode(project))
        chosen = {"COMPOSER_POOL_OPTIMIZER": "1" if optimized else "0", **(variables or {})}
        ended = self._run(folder, *command, "--quiet", **chosen)
        if ended.returncode == _UNSOLVABLE:
            return None
        assert ended.returncode == 0, ended.stderr
        lock = msgspec.json.decode((folder / "composer.lock").read_bytes())
        return {one["name"]: one["version"] for one in lock["packages"]}

    def _run(self, folder: Path, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["composer", *command, *_QUIET], cwd=folder, env=self._environment | variables, capture_output=True, text=True, check=False,
            timeout=_SECONDS,
        )  # fmt: skip
