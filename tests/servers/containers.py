"""A podman with storage of its own, and an image that holds a Python and nothing else."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PYTHON = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
_LEFT_OUT = frozenset(
    {"test", "tests", "site-packages", "idlelib", "tkinter", "__pycache__", "ensurepip", "lib2to3", "turtledemo"}
)
SECONDS = 120


class PodmanStore:
    """Storage, and the variables by which podman finds it.

    Args:
        folder: An empty one with a short path.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        runtime = 'runtime = "runc"\n' if shutil.which("runc", path=f"{os.environ['PATH']}:/usr/sbin") else ""
        (folder / "containers.conf").write_text(
            f'[engine]\n{runtime}cgroup_manager = "cgroupfs"\nevents_logger = "none"\n'
            f'tmp_dir = "{folder}/tmp"\n[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
        )
        (folder / "storage.conf").write_text(
            f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/root"\nrunroot = "{folder}/run"\n'
        )
        self.environment = {
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        }

    def podman(self, *arguments: str) -> str:
        """Run podman and return what it prints."""
        done = subprocess.run(
            ["podman", *arguments], env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=SECONDS,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def build(self, name: str, *changes: str) -> None:
        """Make an image with a Python; changes are instructions as in a Containerfile."""
        tar = self._folder / "python.tar"
        if not tar.exists():
            _pack(tar)
        self.podman("import", "--quiet", *(f"--change={one}" for one in changes), str(tar), f"localhost/{name}")

    def refuses(self) -> str:
        """Return why this machine runs no container, such as one that is a container itself; empty where it does."""
        command = ["podman", "run", "--rm", "--network=none", "localhost/plain", PYTHON, "-c", ""]
        done = subprocess.run(
            command,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.stderr.strip()[-300:] if done.returncode else ""

    def names(self) -> list[str]:
        """Return the containers that there are."""
        return [
            str(name)
            for one in json.loads(self.podman("ps", "--all", "--format=json") or "[]")
            for name in one["Names"]
        ]

    def close(self) -> None:
        """Remove all of it."""
        self.podman("rm", "--all", "--force", "--time=0")
        self.podman("system", "reset", "--force")


@contextmanager
def usable_store() -> Iterator[PodmanStore]:
    """Return a storage with the image `plain`; the test is skipped where this machine runs no container."""
    # A short path: those of podman's sockets have at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="p-", ignore_cleanup_errors=True) as folder:
        made = PodmanStore(Path(folder))
        made.build("plain")
        if reason := made.refuses():
            pytest.skip(f"podman cannot run a container on this machine: {reason}")
        try:
            yield made
        finally:
            made.close()


def _pack(target: Path) -> None:
    """Write the interpreter of this process, its library, and what these are linked with, under the same paths."""
    library = Path(sysconfig.get_path("stdlib"))
    with tarfile.open(target, "w") as tar:
        tar.add(PYTHON)
        for one in sorted(_linked([Path(PYTHON), *(library / "lib-dynload").iterdir()])):
            tar.add(os.path.realpath(one), one)
        tar.add(library, filter=lambda info: None if _LEFT_OUT & set(info.name.split("/")) else info)


def _linked(programs: Iterable[Path]) -> set[str]:
    found = set()
    for program in programs:
        done = subprocess.run(["ldd", str(program)], capture_output=True, text=True, timeout=SECONDS, check=False)
        found |= {word for word in done.stdout.split() if word.startswith("/")}
    return found
