"""Resolves packages of NuGet as its restore does for a project with PackageReference."""

import asyncio
from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from outrider.core.errors import NotFoundError, OutriderError
from outrider.operators.packages.nuget.compatibility import is_compatible
from outrider.operators.packages.nuget.deciding import Decision, decide
from outrider.operators.packages.nuget.details import NugetTarget
from outrider.operators.packages.nuget.explaining import Telling
from outrider.operators.packages.nuget.flat_container import file_name
from outrider.operators.packages.nuget.frameworks import read_framework
from outrider.operators.packages.nuget.graph import Graph
from outrider.operators.packages.nuget.packages import Item, Need, NugetPackage, group_of
from outrider.operators.packages.nuget.range_texts import needed_text
from outrider.operators.packages.nuget.ranges import read_range
from outrider.operators.packages.nuget.sources import NugetSources
from outrider.operators.packages.resolving.facts import newest
from outrider.operators.packages.resolving.naming import counted
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.resolving.searching import in_thread

_REMEDIES = 3
_MOST_TRIES = 8


class Wish(NamedTuple):
    """What is asked for.

    Attributes:
        name: Of the package, as it is written.
        range: As it is written; empty for what `dotnet add package` would take.
    """

    name: str
    range: str

    @property
    def key(self) -> str:
        """The name in small letters."""
        return self.name.lower()

    def __str__(self) -> str:
        return f"{self.name}@{self.range}" if self.range else self.name


class NugetResolver:
    """Resolves packages.

    Args:
        sources: Where packages come from.
        target: The framework that it is for, and what is needed for it besides.
        question: How long a search may take, and whether all is to be told that a lock has.
    """

    def __init__(self, sources: NugetSources, target: NugetTarget, question: Question) -> None:
        self._sources, self._target, self._question = sources, target, question

    async def resolve(self, asked: Sequence[Wish]) -> Resolved | Impossible:
        """Choose versions for what is asked for; each name may be asked for once.

        Raises:
            NotFoundError: No source has a package that was asked for.
            OutriderError: What a source says.
        """
        await self._sources.load(wish.key for wish in asked)
        for wish in asked:
            if not self._sources.packages[wish.key].table.versions:
                raise NotFoundError(
                    f"nuget {wish.name}: there is none",
                    found=wish.name,
                    suggestions=["check the name, and the sources"],
                )
        decision = await self._decided(asked)
        telling = Telling(self._sources.packages, {wish.key: str(wish) for wish in asked})
        notes = await self._sources.notes()
        if decision.is_sound:
            direct = {wish.key for wish in asked}
            names = sorted(decision.accepted.keys() - self._sources.projects)
            packages = await asyncio.gather(*(self._package(decision, name, direct) for name in names))
            return Resolved(
                target=self._target.framework, packages=packages, notes=[*notes, *telling.remarks(decision)]
            )
        return Impossible(
            asked=[str(wish) for wish in asked], reasons=telling.reasons(decision), remedies=await self._remedies(asked, decision),
            notes=[*notes, *(note for name in sorted(_involved(decision)) for note in self._notes(name))],
        )  # fmt: skip

    async def _decided(self, asked: Iterable[Wish]) -> Decision:
        """Decide what counts; what is pinned is asked for too, as long as something else needs it."""
        wishes = [*asked, *(Wish(name, "") for name in self._target.needed)]
        pinned: dict[str, str] = {}
        for _ in range(_MOST_TRIES):
            decision = await self._decided_once([*wishes, *(Wish(name, text) for name, text in pinned.items())])
            needed = _needed(decision, {wish.key for wish in wishes})
            pins = {name: text for name, text in self._target.pinned.items() if name in needed}
            if pins == pinned:
                break
            pinned = pins
        return decision

    async def _decided_once(self, wishes: Sequence[Wish]) -> Decision:
        await self._sources.load(wish.key for wish in wishes)
        graph = Graph(self._sources.packages, [self._need(wish) for wish in wishes])
        check = self._question.check
        while waiting := await in_thread(graph.expand, check):
            await self._sources.load(name for name, bit in waiting if bit < 0)
            await self._sources.complete((name, bit) for name, bit in waiting if bit >= 0)
        return await in_thread(lambda check: decide(graph.top, check), check)

    def _need(self, wish: Wish) -> Need:
        package = self._sources.packages[wish.key]
        return Need(wish.key, read_range(wish.range or package.table.versions[latest(package)]))

    async def _package(self, decision: Decision, name: str, direct: Collection[str]) -> ResolvedPackage:
        item = decision.accepted[name].item
        by = {other for other, node in decision.accepted.items() if name in node.item.by_name}
        return ResolvedPackage(
            name=name, version=item.version, needed_by=sorted(by), file=file_name(name, item.version), url=await self._sources.address(item),
            direct=name in direct, entry=await self._entry(item) if self._question.files else {},
        )  # fmt: skip

    async def _entry(self, item: Item) -> dict[str, Any]:
        """Return what a lock has of a version besides what was asked for."""
        release, file = self._sources.packages[item.name].release(item.bit), await self._sources.file(item)
        assert release is not None
        target = self._sources.target
        group, _ = group_of(release, target)
        needs = {name: needed_text(text) for name, text in group}
        return {
            "name": file.name,
            "contentHash": b64encode(bytes.fromhex(file.content_hash)).decode(),
            "dependencies": needs,
            "runtimes": file.has_runtimes,
            "machines": any(not one or is_compatible(target, read_framework(one)) for one in file.machines),
        }

    def _notes(self, name: str) -> Iterator[str]:
        """Yield what is to be said of the versions of a package that cannot be chosen."""
        package = self._sources.packages[name]
        for why, count in sorted(package.refusals.items()):
            yield f"{package.shown}: {counted(count, why)}"
        if package.left_out:
            yield f"{package.shown}: versions in a form that cannot be read: {package.left_out}"

    async def _remedies(self, asked: Sequence[Wish], decision: Decision) -> list[str]:
        """Return changes of what is asked for, each of which was tried."""
        found: list[str] = []
        # What there is to say is known: that no more can be learned now does not take it back.
        with suppress(OutriderError):
            found += await self._overriding(asked, decision)
            clashing = {clash.taken.item.name for clash in (*decision.lowered, *decision.conflicts)}
            for position, wish in enumerate(asked[:_MOST_TRIES]):
                if not wish.range or wish.key in clashing or len(found) == _REMEDIES:
                    continue
                changed = [*asked[:position], wish._replace(range=""), *asked[position + 1 :]]
                if (await self._decided(changed)).is_sound:
                    version = self._need(changed[position]).range.text
                    found.append(f"allow {wish.name} {version}: you ask for {wish}")
        return found

    async def _overriding(self, asked: Sequence[Wish], decision: Decision) -> list[str]:
        """Return what may be asked for besides, or in place of something, so that it overrides what clashes, if that helps."""
        wishes, changes = {wish.key: wish for wish in asked}, dict[str, Item]()
        for _ in range(_MOST_TRIES):
            before = dict(changes)
            for item in self._overriders(decision):
                if item.name not in changes or changes[item.name].key < item.key:
                    changes[item.name] = item
            if changes == before:
                break
            made = {name: Wish(item.shown, item.version) for name, item in changes.items()}
            decision = await self._decided({**wishes, **made}.values())
            if decision.is_sound:
                said = [
                    f"{one} in place of {wishes[name]}" if name in wishes else f"{one} too"
                    for name, one in made.items()
                ]
                return [f"ask for {' and for '.join(said)}"]
        return []

    def _overriders(self, decision: Decision) -> Iterator[Item]:
        """Yield the versions that would override what clashes."""
        yield from (clash.taken.item for clash in decision.conflicts)
        for clash in decision.lowered:
            item = self._sources.packages[clash.taken.item.name].item(clash.other.need.range)
            if isinstance(item, Item) and item.is_there:
                yield item


def latest(package: NugetPackage) -> int:
    """Return the bit of the version that `dotnet add package` takes: the newest one that is listed and no prerelease, if there is one."""
    return newest(package.usable or package.table.everything, package.listed, package.table.releases)


def _needed(decision: Decision, asked: Collection[str]) -> set[str]:
    """Return the packages that something needs which is needed itself, beginning with some; these are among them only if others need them."""
    found, waiting = set[str](), list(asked)
    while waiting:
        node = decision.accepted.get(waiting.pop())
        more = node.item.by_name.keys() - found - set(asked) if node is not None else set()
        found |= more
        waiting += more
    return found


def _involved(decision: Decision) -> set[str]:
    """Return the packages that clash, and those that lead there."""
    clashes = (*decision.lowered, *decision.conflicts)
    places = [*decision.missing, *decision.cycles, *(clash.other for clash in clashes)]
    nodes = [*(place.node for place in places), *(clash.taken for clash in clashes), *decision.undecided]
    return {place.need.name for place in places} | {step.item.name for node in nodes for step in node.path()}
