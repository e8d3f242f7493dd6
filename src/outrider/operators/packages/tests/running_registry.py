"""A registry of ours that runs within a test, and clients that others wrote, each with an empty home."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from outrider.core.http.limits import Limits
from outrider.core.package_registries import PackageRegistrySpec
from outrider.operators.packages.serving.accounts import NOBODY, Scope, new_token
from outrider.operators.packages.serving.application import Application
from outrider.operators.packages.serving.opening import Surroundings, opened_registry
from outrider.operators.packages.serving.store import Store
from outrider.ports.clock import Clock, SystemClock
from outrider.ports.http.server import Server

BODY = Limits(body=64 << 20)
SYSTEM_CLOCK = SystemClock()


class Ran(NamedTuple):
    """What a client has said.

    Attributes:
        status: It ended with.
        output: All of it.
        stdout: What of it was for programs.
    """

    status: int
    output: str
    stdout: str = ""


class RunningRegistry:
    """A registry on a free port.

    Args:
        folder: Of the test.
        environment: Variables, which name the registries behind this one.
        clock: For ages.
        settings: Fields of PackageRegistrySpec.
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str], *, clock: Clock = SYSTEM_CLOCK, **settings: Any
    ) -> None:
        self.folder, self._environment, self._clock, self._settings = folder, environment, clock, settings
        self._stack = AsyncExitStack()
        self.application: Application
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = Server(self._answer, limits=BODY)
        self.url = f"http://127.0.0.1:{await self._server.start_tcp('127.0.0.1', 0)}"
        surroundings = Surroundings(
            environment=self._environment, folder=self.folder, cache=self.folder / "cache", base=self.url,
            clock=self._clock,
        )  # fmt: skip
        spec = PackageRegistrySpec(**self._settings)
        self.application = await self._stack.enter_async_context(
            opened_registry(spec, self.folder / "registry", surroundings, {"shop": spec.policy} if spec.policy else {})
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.stop(1.0)
        await self._stack.aclose()

    async def _answer(self, request: Any) -> Any:
        return await self.application(request)

    def close_to_nobody(self) -> None:
        """Have those who show no token do nothing from now on; the index of crates still says that it is open."""
        self.application.accounts.anonymous = NOBODY

    async def token(self, *scopes: Scope, patterns: Sequence[str] = (), until: float = 0.0) -> str:
        """Return a new token."""
        token, account = new_token("ana", scopes, patterns, until)
        store = Store(self.folder / "registry")
        await store.write(lambda tables: tables.put_token(account, "a test", 0.0))
        await store.close()
        return token


async def run(*arguments: str | Path, folder: Path, environment: Mapping[str, str] | None = None) -> Ran:
    """Run a client in a folder, with an empty home in it, and return what it has said."""
    process = await asyncio.create_subprocess_exec(
        *arguments, cwd=folder, env=_variables(folder, environment), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    stdout, stderr = (part.decode("utf-8", "replace") for part in await process.communicate())
    return Ran(process.returncode or 0, f"{stdout}{stderr}", stdout)


async def run_at_terminal(*arguments: str, folder: Path, answers: Mapping[bytes, str]) -> Ran:
    """Run a client at a terminal, and answer what it asks."""
    ours, theirs = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *arguments, cwd=folder, env=_variables(folder, {}), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    output, left = b"", dict(answers)
    try:
        while piece := await asyncio.to_thread(_read, ours):
            output += piece
            for prompt in [one for one in left if one in output]:
                os.write(ours, f"{left.pop(prompt)}\n".encode())
    finally:
        os.close(ours)
    return Ran(await process.wait(), output.decode("utf-8", "replace"))


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # nobody has it open any more
        return b""


def _variables(folder: Path, environment: Mapping[str, str] | None) -> dict[str, str]:
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "NO_COLOR": "1", "CI": "1", "COLUMNS": "400",
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME") or str(Path.home() / ".rustup"), **(environment or {}),
    }  # fmt: skip
