"""Lists the users of a registry."""

from collections.abc import Iterable

import msgspec

from outrider.operators.packages.serving.folders import InRegistry, OfRegistry, opened_store, registry_notes
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class RegistryUsersParams(OfRegistry, kw_only=True, forbid_unknown_fields=True):
    """Which registry."""


class User(msgspec.Struct, kw_only=True):
    """A user.

    Attributes:
        name: Of the user.
        scopes: What they may do.
        packages: With which packages; empty for all.
    """

    name: str
    scopes: list[str]
    packages: list[str]


class RegistryUsersResult(InRegistry, kw_only=True):
    """The users, by name."""

    users: list[User]


async def run(params: RegistryUsersParams, context: Context) -> RegistryUsersResult:
    """List them.

    Raises:
        NotFoundError: There is no registry.
        ExecutionFailedError: Its folder cannot be used.
    """
    del context
    async with opened_store(params) as store:
        users = [User(name=one.name, scopes=one.scopes.split(), packages=one.patterns) for one in store.tables.users()]
    return RegistryUsersResult(registry=str(store.folder), users=users)


def _text(result: RegistryUsersResult) -> Iterable[str]:
    if not result.users:
        return ["no users"]
    return [f"{one.name}  {' '.join(one.scopes)}  {' '.join(one.packages) or 'all packages'}" for one in result.users]


OPERATION = Implementation(
    params=RegistryUsersParams,
    result=RegistryUsersResult,
    run=run,
    notes=registry_notes,
    target=lambda _: "registry/users",
    text=_text,
)
