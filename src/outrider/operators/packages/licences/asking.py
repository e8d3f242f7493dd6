"""Asks registries for the licences that nobody here tells."""

import asyncio
from collections.abc import Sequence

import msgspec

from outrider.core.errors import NotFoundError, OutriderError
from outrider.operators.packages.licences.normalising import normalised
from outrider.operators.packages.licences.sources import Told
from outrider.operators.packages.resolving.policies import AdmitAll
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.sessions import session_of

_AT_ONCE = 8
_SHOWN = 10


class _WantsLicences(AdmitAll):
    """Refuses nothing, and has registries tell licences where these stand in a longer document."""

    asks_for_licences = True


class Answers:
    """Asks, and keeps what was not answered.

    Args:
        question: With the settings and the deadline of whoever asks.

    Attributes:
        notes: What could not be had, in words.
    """

    def __init__(self, question: Question) -> None:
        self.notes: list[str] = []
        self._faults: set[str] = set()
        self._question = msgspec.structs.replace(question, policy=_WantsLicences())
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def completed(self, told: Sequence[Told]) -> list[Told]:
        """Return the same with the licences that registries tell, where none was known."""
        # No registry that is known here has what distributions have packed.
        asked = [one for one in told if not one.package.source and one.package.packed is None]
        missing = {_key(one) for one in asked if not one.licence.expression}
        keys = sorted(missing)
        found = dict(zip(keys, await asyncio.gather(*(self._licence(*key) for key in keys)), strict=True))
        faults = sorted(self._faults)
        self.notes += [
            *faults[:_SHOWN],
            *([f"{len(faults) - _SHOWN} more such answers"] if len(faults) > _SHOWN else []),
        ]
        return [_with(one, found.get(_key(one), "")) for one in told]

    async def _licence(self, ecosystem: str, name: str, version: str) -> str:
        async with self._free:
            try:
                return (await session_of(ecosystem).facts(self._question, name, version)).licence
            except NotFoundError:
                return ""
            except OutriderError as error:
                self._faults.add(f"{ecosystem}: {error}")
                return ""


def _key(one: Told) -> tuple[str, str, str]:
    return one.package.ecosystem, one.package.name, one.package.version


def _with(one: Told, raw: str) -> Told:
    licence = normalised(one.package.ecosystem, raw)
    # What somebody has said already is not replaced by what says no more.
    if not licence.raw or (one.licence.raw and not licence.expression):
        return one
    return msgspec.structs.replace(one, licence=licence, origin="registry")
