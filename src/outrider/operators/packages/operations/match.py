"""Which versions a range allows, and in which order they are."""

from collections.abc import Iterable

import msgspec

from outrider.operators.packages.versions.ecosystems import Ecosystem, scheme_of
from outrider.operators.packages.versions.tables import VersionTable
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class MatchParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A range, and versions.

    Attributes:
        ecosystem: Whose rules count.
        range: As it stands in a manifest of the ecosystem.
        versions: In any order.
    """

    ecosystem: Ecosystem
    range: str
    versions: list[str]


class Matched(msgspec.Struct, kw_only=True):
    """One version; `prerelease` is as its ecosystem says."""

    version: str
    allowed: bool
    prerelease: bool


class MatchResult(msgspec.Struct, kw_only=True):
    """The versions, oldest first.

    Attributes:
        versions: That were given.
        newest: The newest one that is allowed, a prerelease where nothing else is; empty where none is. Which one is chosen `resolve` says:
            NuGet, whose `1.*` allows 2.0 as well, takes the newest 1.x, and else the lowest one.
        unreadable: Texts that are no versions of the ecosystem.
    """

    versions: list[Matched]
    newest: str = ""
    unreadable: list[str] = []


async def run(params: MatchParams, context: Context) -> MatchResult:
    """Match versions.

    Raises:
        InvalidConfigError: The range is none of its ecosystem.
    """
    del context
    table = VersionTable(scheme_of(params.ecosystem), params.versions)
    allowed = table.mask(params.range)
    best = allowed & table.releases or allowed
    versions = [
        Matched(version=version, allowed=bool(allowed >> bit & 1), prerelease=not table.releases >> bit & 1)
        for bit, version in enumerate(table.versions)
    ]
    return MatchResult(
        versions=versions, newest=table.versions[best.bit_length() - 1] if best else "", unreadable=table.unsorted
    )


def _text(result: MatchResult) -> Iterable[str]:
    for one in result.versions:
        yield f"{'yes' if one.allowed else 'no ':<4}{one.version}{'  (prerelease)' if one.prerelease else ''}"
    for text in result.unreadable:
        yield f"?   {text}  (no version)"


OPERATION = Implementation(
    params=MatchParams, result=MatchResult, run=run, target=lambda params: f"ecosystem/{params.ecosystem}", text=_text
)
