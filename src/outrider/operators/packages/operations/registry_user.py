"""Makes a user of a registry, who logs in with a password."""

import secrets
from collections.abc import Iterable
from typing import Literal

import msgspec

from outrider.core.operation import Change, Difference
from outrider.operators.packages.serving.accounts import check_name, kept_password
from outrider.operators.packages.serving.folders import (
    InRegistry,
    OfRegistry,
    opened_store,
    registry_notes,
    written_down,
)
from outrider.operators.packages.serving.naming import served_patterns
from outrider.operators.packages.serving.tables import Account
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class RegistryUserParams(OfRegistry, kw_only=True, forbid_unknown_fields=True):
    """Who.

    Attributes:
        name: Of the user; one who is there already gets another password and other rights.
        scopes: What they may do: `read`, `publish`.
        packages: With which packages, as `ECOSYSTEM:NAME` with `*` for any letters; with all if none is given.
    """

    name: str
    scopes: list[Literal["read", "publish"]] = msgspec.field(default_factory=lambda: ["read"])
    packages: list[str] = msgspec.field(default_factory=list)


class RegistryUserResult(InRegistry, kw_only=True):
    """The password, which is shown this once."""

    password: str


async def plan(params: RegistryUserParams, context: Context) -> Change:
    """Say what there would be.

    Raises:
        NotFoundError: There is no registry.
        InvalidConfigError: A package is not named as it should be, or there can be no such user.
    """
    del context
    check_name(params.name)
    patterns = served_patterns(params.packages, "packages")
    async with opened_store(params) as store:
        user = store.tables.user(params.name)
    before = f"{user.scopes} {', '.join(user.patterns) or 'all packages'}" if user is not None else None
    may = f"{' '.join(params.scopes)} {', '.join(patterns) or 'all packages'}"
    return Change(target=f"user/{params.name}", difference=[Difference("may", before, may)])


async def run(params: RegistryUserParams, context: Context) -> RegistryUserResult:
    """Make the user.

    Raises:
        NotFoundError: There is no registry.
        InvalidConfigError: A package is not named as it should be, or there can be no such user.
        ExecutionFailedError: The registry's folder cannot be used.
    """
    check_name(params.name)
    patterns = served_patterns(params.packages, "packages")
    password = secrets.token_urlsafe(16)
    user = Account(params.name, kept_password(password), " ".join(params.scopes), patterns)
    async with written_down(params, context, "user", f"user/{params.name}"), opened_store(params) as store:
        await store.write(lambda tables: tables.put_user(user))
    return RegistryUserResult(registry=str(store.folder), password=password)


def _text(result: RegistryUserResult) -> Iterable[str]:
    yield result.password


OPERATION = Implementation(
    params=RegistryUserParams,
    result=RegistryUserResult,
    run=run,
    plan=plan,
    notes=registry_notes,
    target=lambda params: f"user/{params.name}",
    text=_text,
)
