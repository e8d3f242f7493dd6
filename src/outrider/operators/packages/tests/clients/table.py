"""What clients that others wrote do with a registry of ours: each entry is a run, and the table in the docs lists those that there are."""

import os
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Literal

from outrider.operators.packages.serving.accounts import kept_password
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.tables import Account
from outrider.operators.packages.tests.running_registry import Ran, RunningRegistry, run

Ability = Literal["install", "publish", "search", "take back", "log in", "warn"]
ABILITIES: tuple[Ability, ...] = ("install", "publish", "search", "take back", "log in", "warn")
PASSWORD = "correct horse"
PRIVATE = [
    "cargo:acme-*",
    "composer:acme/*",
    "gem:acme-*",
    "maven:com.acme:*",
    "npm:@acme/*",
    "nuget:Acme.*",
    "pypi:acme-*",
]
# Nobody is behind it: what is published there is all that there is. Its home cannot be made either: rustup would make one.
ALONE = {"PATH": os.environ["PATH"], "HOME": "/proc/nowhere", "PIP_CONFIG_FILE": os.devnull}


class Bench:
    """A registry, and a folder with an empty home for a client.

    Args:
        folder: Of the test.
        registry: Of ours, in which names that begin with `acme` are private.
    """

    def __init__(self, folder: Path, registry: RunningRegistry) -> None:
        self.registry, self.url = registry, registry.url
        self.folder = folder / "client"
        self.folder.mkdir()

    @property
    def host(self) -> str:
        """The address without its scheme."""
        return self.url.removeprefix("http://")

    async def token(self) -> str:
        """Return a token that may read and publish."""
        return await self.registry.token("read", "publish")

    async def user(self, name: str = "ana") -> None:
        """Have a user with the password `PASSWORD`."""
        store = Store(self.registry.folder / "registry")
        user = Account(name, kept_password(PASSWORD), "read publish", [])
        await store.write(lambda tables: tables.put_user(user))
        await store.close()

    async def run(
        self, *arguments: str | Path, folder: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> Ran:
        """Run a client."""
        return await run(*arguments, folder=folder or self.folder, environment=environment)

    async def done(
        self, *arguments: str | Path, folder: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> str:
        """Run a client, which must end well, and return what it has said for programs."""
        ran = await self.run(*arguments, folder=folder, environment=environment)
        assert ran.status == 0, ran.output
        return ran.stdout


Shown = Callable[[Bench], Awaitable[None]]
RUNS: dict[tuple[str, Ability], Shown] = {}


def shows(client: str, ability: Ability) -> Callable[[Shown], Shown]:
    """Enter a run into the table."""

    def enter(shown: Shown) -> Shown:
        assert (client, ability) not in RUNS
        RUNS[client, ability] = shown
        return shown

    return enter


def all_runs() -> dict[tuple[str, Ability], Shown]:
    """Return the table, with the runs of every module beside this one."""
    for module in iter_modules([str(Path(__file__).parent)]):
        import_module(f"{__package__}.{module.name}")
    return RUNS
