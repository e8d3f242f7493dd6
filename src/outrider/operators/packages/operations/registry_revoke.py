"""Takes tokens of a registry back."""

from outrider.core.errors import NotFoundError
from outrider.core.operation import Change, Difference
from outrider.operators.packages.serving.folders import (
    InRegistry,
    OfRegistry,
    opened_store,
    registry_notes,
    written_down,
)
from outrider.operators.packages.serving.store import Store
from outrider.operators.packages.serving.tables import Tables, TokenRow
from outrider.operators.packages.texts import number_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class RegistryRevokeParams(OfRegistry, kw_only=True, forbid_unknown_fields=True):
    """Which tokens.

    Attributes:
        token: The id of one, as `registry_tokens` tells it, or a label: then all tokens that have it.
    """

    token: str


class RegistryRevokeResult(InRegistry, kw_only=True):
    """How many were taken back."""

    revoked: int


async def plan(params: RegistryRevokeParams, context: Context) -> Change:
    """Say which tokens would end.

    Raises:
        NotFoundError: There is none.
    """
    del context
    async with opened_store(params) as store:
        found = _found(params, store)
    return Change(target=f"token/{params.token}", difference=[Difference(one.label, one.scopes, None) for one in found])


async def run(params: RegistryRevokeParams, context: Context) -> RegistryRevokeResult:
    """Take them back; from now on they are refused.

    Raises:
        NotFoundError: There is none.
        ExecutionFailedError: The registry's folder cannot be used.
    """
    target = f"token/{params.token}"
    async with written_down(params, context, "revoke", target), opened_store(params) as store:
        found = _found(params, store)

        def work(tables: Tables) -> int:
            return sum(tables.remove_token(one.digest) for one in found)

        return RegistryRevokeResult(registry=str(store.folder), revoked=await store.write(work))


def _found(params: RegistryRevokeParams, store: Store) -> list[TokenRow]:
    found = [one for one in store.tables.tokens() if params.token in (one.label, one.id, one.digest)]
    if not found:
        raise NotFoundError(
            f"there is no token {params.token!r}", path="token", found=params.token, expected="an id or a label",
            suggestions=["outrider packages registry_tokens"],
        )  # fmt: skip
    return found


OPERATION = Implementation(
    params=RegistryRevokeParams,
    result=RegistryRevokeResult,
    run=run,
    plan=plan,
    notes=registry_notes,
    target=lambda params: f"token/{params.token}",
    text=lambda result: [f"{number_of(result.revoked, 'token')} taken back"],
)
