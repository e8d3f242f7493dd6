"""Makes a token for a registry."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from outrider.core.operation import Change, Difference
from outrider.core.quantities import Duration
from outrider.core.timestamps import timestamp
from outrider.operators.packages.serving.accounts import new_token
from outrider.operators.packages.serving.folders import (
    InRegistry,
    OfRegistry,
    opened_store,
    registry_folder,
    registry_notes,
    written_down,
)
from outrider.operators.packages.serving.naming import served_patterns
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class RegistryTokenParams(OfRegistry, kw_only=True, forbid_unknown_fields=True):
    """What for.

    Attributes:
        label: By which people find it, such as `ci of shop`.
        scopes: What it may do: `read`, `publish`.
        packages: For which packages, as `ECOSYSTEM:NAME` with `*` for any letters; for all if none is given.
        lasts: For how long; for ever if nothing is given.
    """

    label: str
    scopes: list[Literal["read", "publish"]] = msgspec.field(default_factory=lambda: ["read"])
    packages: list[str] = msgspec.field(default_factory=list)
    lasts: Duration | None = None


class RegistryTokenResult(InRegistry, kw_only=True):
    """The token.

    Attributes:
        token: It is shown this once: what is kept of it cannot be turned back.
        until: When it ends, as RFC 3339 has it; empty for never.
    """

    token: str
    until: str = ""


async def plan(params: RegistryTokenParams, context: Context) -> Change:
    """Say what there would be.

    Raises:
        NotFoundError: There is no registry.
        InvalidConfigError: A package is not named as it should be.
    """
    del context
    registry_folder(params)
    patterns = served_patterns(params.packages, "packages")
    may = f"{' '.join(params.scopes)} {', '.join(patterns) or 'all packages'}"
    return Change(target=f"token/{params.label}", difference=[Difference("may", None, may)])


async def run(params: RegistryTokenParams, context: Context) -> RegistryTokenResult:
    """Make it.

    Raises:
        NotFoundError: There is no registry.
        InvalidConfigError: A package is not named as it should be.
        ExecutionFailedError: The registry's folder cannot be used.
    """
    patterns = served_patterns(params.packages, "packages")
    now = context.clock.now()
    until = now + params.lasts if params.lasts is not None else 0.0
    token, account = new_token(params.label, params.scopes, patterns, until)
    async with written_down(params, context, "token", f"token/{params.label}"), opened_store(params) as store:
        await store.write(lambda tables: tables.put_token(account, params.label, now))
    return RegistryTokenResult(registry=str(store.folder), token=token, until=timestamp(until) if until else "")


def _text(result: RegistryTokenResult) -> Iterable[str]:
    yield result.token


OPERATION = Implementation(
    params=RegistryTokenParams,
    result=RegistryTokenResult,
    run=run,
    plan=plan,
    notes=registry_notes,
    target=lambda params: f"token/{params.label}",
    text=_text,
)
