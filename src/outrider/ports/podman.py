"""The `podman` of this machine, by its command line."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from outrider.core.errors import ExecutionFailedError, MissingRequirementError
from outrider.ports.process import ProcessGroup, run

SECONDS, PULL_SECONDS = 60.0, 900.0
_SHOWN = 400


class Podman:
    """Runs it.

    Raises:
        MissingRequirementError: It is not there.
    """

    def __init__(self) -> None:
        program = shutil.which("podman")
        if program is None:
            raise MissingRequirementError(
                "images run in podman, which is not there", found="no podman on PATH", expected="podman 4 or later",
                suggestions=["install podman", "leave image out, and name a command: it then runs as a process"],
            )  # fmt: skip
        self._program = program

    async def run(self, *arguments: str, timeout: float = SECONDS, env: Mapping[str, str] | None = None) -> str:
        """Run a command of it and return what that prints.

        Args:
            arguments: Of the command.
            timeout: Seconds.
            env: Further variables of podman itself.

        Raises:
            ExecutionFailedError: It failed; with what it said.
            DeadlineExceededError: It took too long.
        """
        done = await run([self._program, *arguments], timeout=timeout, env={**os.environ, **(env or {})})
        if done.exit_code != 0:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise ExecutionFailedError(
                f"podman {arguments[0]} failed", found=said[-_SHOWN:] or f"exit code {done.exit_code}",
                suggestions=[f"try it by hand: podman {arguments[0]}"],
            )  # fmt: skip
        return done.stdout.decode("utf-8", "replace").strip()

    async def image(self, name: str) -> dict[str, Any]:
        """Return the configuration of an image; one that is not there is pulled.

        Raises:
            ExecutionFailedError: It cannot be had.
        """
        found = await run([self._program, "image", "exists", "--", name], timeout=SECONDS, env=os.environ)
        if found.exit_code != 0:
            await self.run("pull", "--quiet", "--", name, timeout=PULL_SECONDS)
        text = await self.run("image", "inspect", "--format", "json", "--", name)
        config: dict[str, Any] = json.loads(text)[0].get("Config") or {}
        return config

    async def attach(self, name: str) -> ProcessGroup:
        """Start a container that was created, with its streams as those of the returned program.

        Raises:
            OutriderError: podman could not be started.
        """
        command: Sequence[str] = [self._program, "start", "--attach", "--interactive", "--sig-proxy=false", name]
        return await ProcessGroup.start(command, env=os.environ)
