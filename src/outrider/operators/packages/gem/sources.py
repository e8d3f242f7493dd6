"""Gems for a resolution: from what is kept on disk, else from the sources."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence

from outrider.core.errors import NotFoundError, OutriderError, UnavailableError, near_names
from outrider.operators.packages.gem.client import GemClient, Known
from outrider.operators.packages.gem.gems import Gem
from outrider.operators.packages.gem.lines import is_name
from outrider.operators.packages.gem.records import GemRecord, compiled
from outrider.operators.packages.gem.store import GemStore
from outrider.operators.packages.gem.targets import GemTarget, is_here
from outrider.operators.packages.resolving.policies import Policy, of_licences
from outrider.ports.clock import Clock

# Bundler asks anew each time; those who resolve often would wait for that.
FRESH_SECONDS = 600.0
_AT_A_TIME = 32
# By which a name may be longer or shorter than one that was meant.
_MOST_LETTERS = 2


class GemSource:
    """Has gems.

    Args:
        client: Who is asked.
        store: What is kept.
        target: For what gems are meant.
        policy: Which of them may be chosen.
        clock: For the age of what is kept.
        offline: Whether to do with what is kept.
        platforms: By name, for which platforms gems are wanted; by the empty name, for which all others are.
        asked: The names of those that are asked for.
        whole: Whether a version is as old as the newest of all of its variants.

    Attributes:
        gems: Those that were loaded, by name.
        target: For what they are meant.
    """

    def __init__(
        self,
        client: GemClient,
        store: GemStore,
        target: GemTarget,
        *,
        policy: Policy,
        clock: Clock,
        offline: bool = False,
        platforms: Mapping[str, Sequence[str]] | None = None,
        asked: Collection[str] = (),
        whole: bool = False,
    ) -> None:
        self._client, self._store, self._policy, self._clock = client, store, policy, clock
        self._offline, self._platforms, self._asked, self._whole = offline, platforms or {}, asked, whole
        self._limit = asyncio.Semaphore(_AT_A_TIME)
        self._learned: dict[str, bytes | None] = {}
        self.target = target
        self.gems: dict[str, Gem] = {}

    async def load(self, names: Iterable[str]) -> None:
        """Have gems among `gems`; one that no source has is there without versions.

        Raises:
            UnavailableError: Nothing is kept of one, and nobody is to be asked.
            OutriderError: What a source says.
        """
        unknown: list[tuple[str, GemRecord | None]] = []
        for name in sorted({name for name in names if not is_here(name)} - self.gems.keys()):
            record = self._store.record(name)
            if record is not None and (self._offline or self._clock.now() - record.fetched <= FRESH_SECONDS):
                self._have(name, record)
            else:
                unknown.append((name, record))
        await asyncio.gather(*(self._fetch(name, record) for name, record in unknown))

    async def _fetch(self, name: str, record: GemRecord | None) -> None:
        if self._offline:
            raise UnavailableError(
                f"gem {name}: nothing is kept of it, and nobody is to be asked", found="offline", expected="what a source says",
                suggestions=["ask without offline, once"],
            )  # fmt: skip
        known = None
        # Where the document itself was lost, all of it is asked for.
        if record is not None and (document := self._store.document(name)):
            known = Known(document, record.index, record.etag, record.checked)
        async with self._limit:
            try:
                fetched = await self._client.info(name, known)
            except NotFoundError:
                self._have(name, GemRecord())
                return
        if fetched is not None:
            record = compiled(fetched.content)
            record.index, record.etag, record.checked = fetched.index, fetched.etag, fetched.checked
        assert record is not None
        record.fetched = self._clock.now()
        self._learned[name] = None if fetched is None else fetched.content
        self._have(name, record)

    async def near(self, name: str) -> list[str]:
        """Return what gems of the first source are called that resembles a name; none where it does not tell."""
        if self._offline:
            return []
        try:
            names = await self._client.names()
        except OutriderError:
            return []
        # There are very many of them, and a closer look at each would take its time.
        alike = [one for one in names if one[:1] == name[:1] and abs(len(one) - len(name)) <= _MOST_LETTERS]
        return [one for one in near_names(name, alike) if is_name(one)]

    def _have(self, name: str, record: GemRecord) -> None:
        platforms = self._platforms.get(name) or self._platforms.get("", ())
        gem = Gem(name, record, self.target, platforms, everywhere=name in self._asked)
        published = gem.published(whole=self._whole) if self._policy.asks_for_times else []
        refusals = self._policy.refusals(name, gem.table, published if any(published) else [])
        # An index tells no licences.
        gem.refuse([*refusals, *of_licences(self._policy, name, gem.table.versions, ())])
        self.gems[name] = gem

    def keep(self) -> None:
        """Write what was learned to disk.

        Raises:
            ExecutionFailedError: It cannot be written.
        """
        for name in sorted(self._learned):
            self._store.keep(name, self.gems[name].record, self._learned[name])
        self._learned.clear()
