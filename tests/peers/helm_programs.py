"""Helm, of both major versions, built once from the modules that are pinned beside this, into the user's cache folder."""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from outrider.runtime.contexts import cache_folder

MODULES = Path(__file__).parent / "helm"
MAJORS = ("3", "4")
_PATH = re.compile(r"^tool (?P<package>(?P<module>helm\.sh/helm/v\d)/\S+)$", re.MULTILINE)


def folder(major: str) -> Path:
    """Return the folder of a program, by what it is built from."""
    files = [(MODULES / major / name).read_bytes() for name in ("go.mod", "go.sum")]
    return cache_folder() / "helm" / hashlib.sha256(b"".join([platform.machine().encode(), *files])).hexdigest()[:16]


def helm_folder(major: str) -> Path:
    """Return the folder of a program that is built.

    Raises:
        pytest.skip.Exception: It is not.
    """
    found = folder(major)
    if not (found / "helm").exists():
        pytest.skip("helm is not built: run `make test`")
    return found


def missing(majors: Sequence[str] = MAJORS) -> list[str]:
    """Return the versions that are not built."""
    return [major for major in majors if not (folder(major) / "helm").exists()]


def install(majors: Sequence[str] = MAJORS) -> None:
    """Build what is not built yet; some minutes, once. Where Go is missing, the tests of it are skipped."""
    wanted, go = missing(majors), shutil.which("go")
    if wanted and go is None:
        print("helm cannot be built: go is missing (apt-get install golang-go)", flush=True)
    elif wanted and go is not None:
        # They share most packages. Nobody needs that gigabyte again.
        with tempfile.TemporaryDirectory(prefix="outrider-build-") as cache:
            for major in wanted:
                print(f"builds helm {major}", flush=True)
                _build(go, major, cache)


def _build(go: str, major: str, cache: str) -> None:
    text = (MODULES / major / "go.mod").read_text()
    named = _PATH.search(text)
    assert named is not None
    version = re.search(rf"{re.escape(named['module'])} (v\S+)", text)
    assert version is not None
    target = folder(major)
    target.mkdir(parents=True, exist_ok=True)
    environment = {
        "CGO_ENABLED": "0", "GOCACHE": cache, "GOFLAGS": "-buildvcs=false -mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off",
    }  # fmt: skip
    stamp = f"-s -w -X {named['module']}/internal/version.version={version[1]}"
    part = target / "helm.part"
    command = [go, "build", "-trimpath", "-ldflags", stamp, "-o", str(part), named["package"]]
    done = subprocess.run(command, cwd=MODULES / major, env={**os.environ, **environment}, check=False)
    if done.returncode != 0:
        print(f"helm {major} cannot be built (exit code {done.returncode})", file=sys.stderr, flush=True)
        return
    part.replace(target / "helm")
