"""Fixes of the lock files of npm's other clients: a project that all of them lock, and how a client judges what comes out."""

import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from subprocess import CompletedProcess
from typing import Any, NamedTuple

from outrider.operators.packages.fixing.fixes import FixParams
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.operations import fix
from outrider.operators.packages.operations.fix import FixResult
from outrider.operators.packages.operations.lock import LockResult
from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_audit import context, imported
from outrider.operators.packages.tests.test_fix_npm import bad
from outrider.operators.packages.tests.test_lock_writing_npm import NAMES, drawn, project
from outrider.operators.packages.tests.world import variables

SEEDS = (1, 2, 5, 8, 10)


class Client(NamedTuple):
    """A client of npm's registries.

    Attributes:
        lock: The name of its lock file.
        settings: Returns the variables with which it and ours ask a registry.
        locked: Locks a project with ours.
        run: Runs it in a folder.
        later: What a registry tells later of the version of `web` that is locked.
    """

    lock: str
    settings: Callable[[Path, NpmRegistry], dict[str, str]]
    locked: Callable[..., Awaitable[LockResult]]
    run: Callable[..., Awaitable[CompletedProcess[str]]]
    later: Mapping[str, Any]

    async def fixed(self, folder: Path, **params: Any) -> FixResult:
        """Fix the project of a folder."""
        return await fix.run(FixParams(path=str(folder / "shop" / self.lock), **params), context(folder))

    def packages(self, path: Path) -> list[str]:
        """Return the packages of a lock as `name@version`."""
        return sorted(f"{one.name}@{one.version}" for one in read_lock(self.lock, path.read_text()).packages)

    async def started(self, registry: NpmRegistry, folder: Path, **fields: Any) -> Path:
        """Have a project with a lock of the oldest versions."""
        registry.add("web@1.0.0", "core@^1 !side@^1", deprecated="old")
        registry.add("core@1.0.0", bin="core.js")
        for spec in ("other@1.0.0", "side@1.0.0"):
            registry.add(spec)
        path = project(folder, **(fields or {"dependencies": {"web": "^1"}, "devDependencies": {"other": "^1"}}))
        await self.locked(folder)
        for spec, needs in (("web@2.0.0", "core@^2"), ("core@1.1.0", ""), ("core@1.2.0", "more@1"), ("core@2.0.0", "")):
            registry.add(spec, needs)
        for spec in ("other@1.5.0", "more@1.0.0", "side@1.5.0"):
            registry.add(spec)
        registry.documents["web"]["versions"]["1.0.0"] |= self.later
        shutil.rmtree(folder / "cache")
        return path.with_name(self.lock)

    async def judged(
        self, folder: Path, seed: int, command: Sequence[str], again: Sequence[Sequence[str]]
    ) -> tuple[int, int]:
        """Fix a lock that the client has made, and let it look at what comes out; return how many versions are fixed and are not.

        Args:
            folder: For a drawn project.
            seed: Of that.
            command: With which the client makes a lock.
            again: Commands that have to leave what was fixed as it is.
        """
        folder.mkdir()
        async with NpmRegistry() as registry:
            with variables(self.settings(folder, registry)):
                path = project(folder, **drawn(Random(seed), registry)).with_name(self.lock)
                before = await self.run(path.parent, *command)
                if before.returncode != 0 or not path.exists():
                    return 0, 0
                events = ("introduced", "1.10.0"), ("fixed", "2.0.0"), ("introduced", "2.0.1"), ("fixed", "3.0.0")
                await imported(folder, *(bad(f"X-{name}", name, *events) for name in NAMES))
                result = await self.fixed(folder)
                text = path.read_text()
                for one in again:
                    ended = await self.run(path.parent, *one)
                    assert (ended.returncode, path.read_text()) == (0, text), ended.stdout + ended.stderr
                return result.fixed, result.unfixed
