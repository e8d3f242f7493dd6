"""A real one-node Kubernetes for tests, or the one that KUBECONFIG names."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from outrider.local.cluster.programs import missing_programs, programs_folder
from outrider.ports.kube.kubeconfig import Target, read_kubeconfig

START_SECONDS = 120.0


def why_not() -> str:
    """Return why no cluster can be started here; empty where one can."""
    if os.environ.get("KUBECONFIG"):
        return ""
    if os.geteuid() != 0:
        return "a cluster needs root: run the tests as root, or name a cluster in KUBECONFIG"
    if missing := missing_programs(programs_folder()):
        return f"the programs of a cluster are not built ({len(missing)} missing): run `make test`"
    return ""


_shared: "list[RealCluster]" = []


def shared_cluster() -> "RealCluster":
    """Return the cluster of this run of the tests, started when it is asked for the first time.

    Raises:
        pytest.skip.Exception: None can be started here.
    """
    if reason := why_not() if not _shared else "":
        pytest.skip(reason)
    if not _shared:
        _shared.append(RealCluster().__enter__())
    return _shared[0]


def end_shared_cluster() -> None:
    """End it, where it was started."""
    while _shared:
        _shared.pop().__exit__(None, None, None)


def shared_processes() -> set[int]:
    """Return the processes that this one has started for it."""
    return {one.pid for one in _shared if one.pid}


class RealCluster:
    """A cluster that ends with this process; used within `with`.

    Args:
        options: Of `outrider cluster up`, besides those that every test has.

    Attributes:
        name: Of the cluster.
        kubeconfig: File by which it is reached.
        environment: For commands that are to find it.
    """

    def __init__(self, *options: str) -> None:
        self._options = options
        self.name = f"tests-{secrets.token_hex(3)}"
        self.kubeconfig = Path()
        self.report: dict[str, Any] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="outrider-cluster-"))
        self.environment = {**os.environ, "XDG_STATE_HOME": str(self._folder)}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        if given := os.environ.get("KUBECONFIG"):
            self.kubeconfig = Path(given)
            return self
        command = [
            sys.executable,
            "-m",
            "outrider",
            "cluster",
            "up",
            self.name,
            "--ephemeral",
            "--no-context",
            "--no-egress",
            "-o",
            "json",
            *self._options,
        ]
        self._process = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True)
        text = ""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            text += line
            if line.rstrip() == "}" or (line.startswith("{") and line.rstrip().endswith("}")):
                break
        if not text:
            self._end()
            pytest.fail(f"no cluster came up: exit code {self._process.returncode}")
        self.report = json.loads(text)
        self.kubeconfig = Path(self.report["kubeconfig"])
        self.environment["KUBECONFIG"] = str(self.kubeconfig)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def pid(self) -> int:
        """The process that keeps it; 0 where it is somebody else's."""
        return self._process.pid if self._process is not None else 0

    def target(self) -> Target:
        """Return whom requests go to."""
        return read_kubeconfig([self.kubeconfig]).target()

    def kubectl(self, *arguments: str, input: str = "", check: bool = True) -> str:  # noqa: A002 - as subprocess has it
        """Run kubectl and return its output."""
        done = subprocess.run(
            [str(programs_folder() / "kubectl"), *arguments], env={**os.environ, "KUBECONFIG": str(self.kubeconfig)}, input=input,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def outrider(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of Outrider that finds this cluster."""
        command = [sys.executable, "-m", "outrider", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)
            if self._process.stdout is not None:
                self._process.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)
