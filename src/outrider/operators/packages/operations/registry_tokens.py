"""Lists the tokens of a registry."""

from collections.abc import Iterable

import msgspec

from outrider.core.timestamps import timestamp
from outrider.operators.packages.serving.folders import InRegistry, OfRegistry, opened_store, registry_notes
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class RegistryTokensParams(OfRegistry, kw_only=True, forbid_unknown_fields=True):
    """Which registry."""


class Token(msgspec.Struct, kw_only=True):
    """A token.

    Attributes:
        id: By which it is revoked.
        label: By which people find it.
        owner: Who it is for.
        scopes: What it may do.
        packages: For which packages; empty for all.
        made: When, as RFC 3339 has it.
        until: When it ends; empty for never.
        ended: Whether it has.
    """

    id: str
    label: str
    owner: str
    scopes: list[str]
    packages: list[str]
    made: str
    until: str
    ended: bool = False


class RegistryTokensResult(InRegistry, kw_only=True):
    """The tokens, by label."""

    tokens: list[Token]


async def run(params: RegistryTokensParams, context: Context) -> RegistryTokensResult:
    """List them.

    Raises:
        NotFoundError: There is no registry.
        ExecutionFailedError: Its folder cannot be used.
    """
    now = context.clock.now()
    async with opened_store(params) as store:
        rows = store.tables.tokens()
    return RegistryTokensResult(
        registry=str(store.folder), tokens=[
            Token(
                id=one.id, label=one.label, owner=one.owner, scopes=one.scopes.split(), packages=one.patterns,
                made=timestamp(one.made), until=timestamp(one.until) if one.until else "", ended=0 < one.until <= now,
            )
            for one in rows
        ]
    )  # fmt: skip


def _text(result: RegistryTokensResult) -> Iterable[str]:
    if not result.tokens:
        return ["no tokens"]
    rows = [("ID", "LABEL", "MAY", "PACKAGES", "UNTIL")]
    rows += [
        (one.id, one.label, " ".join(one.scopes), " ".join(one.packages) or "all", _until(one)) for one in result.tokens
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _until(token: Token) -> str:
    return f"{'ended ' if token.ended else ''}{token.until.partition('T')[0]}" if token.until else "for ever"


OPERATION = Implementation(
    params=RegistryTokensParams,
    result=RegistryTokensResult,
    run=run,
    target=lambda _: "registry/tokens",
    text=_text,
    notes=registry_notes,
)
