"""Removes a user of a registry."""

from outrider.core.errors import NotFoundError
from outrider.core.operation import Change, Difference
from outrider.operators.packages.serving.folders import (
    InRegistry,
    OfRegistry,
    opened_store,
    registry_notes,
    written_down,
)
from outrider.operators.packages.serving.tables import Account, Tables
from outrider.operators.packages.texts import number_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class RegistryRemoveUserParams(OfRegistry, kw_only=True, forbid_unknown_fields=True):
    """Which user.

    Attributes:
        name: Of the user.
    """

    name: str


class RegistryRemoveUserResult(InRegistry, kw_only=True):
    """How many tokens went too, that the user got by logging in."""

    tokens: int


async def plan(params: RegistryRemoveUserParams, context: Context) -> Change:
    """Say who would be removed.

    Raises:
        NotFoundError: There is no registry, or no such user.
    """
    del context
    async with opened_store(params) as store:
        user = _found(params, store.tables)
    may = f"{user.scopes} {', '.join(user.patterns) or 'all packages'}"
    return Change(target=f"user/{params.name}", difference=[Difference("may", may, None)])


async def run(params: RegistryRemoveUserParams, context: Context) -> RegistryRemoveUserResult:
    """Remove the user; from now on the password is refused, and so are tokens that it was shown for.

    Raises:
        NotFoundError: There is no registry, or no such user.
        ExecutionFailedError: The registry's folder cannot be used.
    """

    def work(tables: Tables) -> int:
        return tables.remove_user(_found(params, tables).name)

    target = f"user/{params.name}"
    async with written_down(params, context, "remove_user", target), opened_store(params) as store:
        return RegistryRemoveUserResult(registry=str(store.folder), tokens=await store.write(work))


def _found(params: RegistryRemoveUserParams, tables: Tables) -> Account:
    user = tables.user(params.name)
    if user is None:
        raise NotFoundError(
            f"there is no user {params.name!r}", path="name", found=params.name, expected="the name of a user",
            suggestions=["outrider packages registry_users"],
        )  # fmt: skip
    return user


OPERATION = Implementation(
    params=RegistryRemoveUserParams,
    result=RegistryRemoveUserResult,
    run=run,
    plan=plan,
    notes=registry_notes,
    target=lambda params: f"user/{params.name}",
    text=lambda result: [f"user removed, and {number_of(result.tokens, 'token')}"],
)
