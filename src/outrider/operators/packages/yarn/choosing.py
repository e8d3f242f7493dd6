"""Chooses versions as Yarn does: each `NAME@RANGE` has one, whoever asks for it, and nothing is placed anywhere.

That is `PackageRequest.find` of Yarn 1.22, and `Project.resolveEverything` of Yarn 4.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.npm.details import NpmDetails
from outrider.operators.packages.npm.packages import Manifest, NpmPackage
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.yarn.asks import Ask, Local
from outrider.operators.packages.yarn.berry import BerryRules
from outrider.operators.packages.yarn.classic import ClassicRules
from outrider.operators.packages.yarn.keys import Keys


class Rules(Protocol):
    """What one Yarn does in its own way.

    Attributes:
        locals: The packages of the project.
        notes: What it warns of.
    """

    locals: list[Local]
    notes: list[str]

    def ask(self, key: str) -> Ask:
        """Return what a key of a lock file stands for."""

    def rounds(self) -> Iterable[list[Ask]]:
        """Yield what is asked for at first, one after the other."""

    def asks(self, package: ResolvedPackage, path: tuple[str, ...]) -> Iterable[Ask]:
        """Yield what a package needs."""

    def local(self, ask: Ask) -> ResolvedPackage | None:
        """Return the package of the project that is what is asked for; None where none is."""

    def pick(self, package: NpmPackage, ask: Ask) -> Manifest | None:
        """Return the version for what is asked for; None where there is none."""

    def keeps(self, package: NpmPackage, text: str, bit: int) -> bool:
        """Return whether a version that the lock has for a range may stay."""

    async def entry(
        self, source: NpmSource, manifest: Manifest, ask: Ask, pinned: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Return what the lock file has of a version, where one is pinned with what that has of it."""

    async def finish(
        self, source: NpmSource, chosen: Mapping[str, ResolvedPackage], asks: Callable[[ResolvedPackage], Iterable[Ask]]
    ) -> dict[str, ResolvedPackage]:
        """Have what the lock file tells of packages once all are chosen, and return these by its keys."""


_RULES: Mapping[str, Callable[[Question], Rules]] = {"yarn1": ClassicRules, "yarn4": BerryRules}


class _Key(NamedTuple):
    package: str
    version: str
    kind: str


class _New(NamedTuple):
    package: ResolvedPackage
    ask: Ask
    manifest: Manifest | None


async def chosen(source: NpmSource, question: Question) -> Resolved:
    """Choose versions for a project.

    Args:
        source: Where packages come from.
        question: What is asked for; `client` says by which Yarn.

    Raises:
        NotFoundError: There is no package or no version of it that is needed, or no member of the workspace.
        DeniedError: Policy admits none.
        UnsupportedError: A package needs what comes from no registry.
        InvalidConfigError: Resolutions cannot be read.
        OutriderError: What a registry says.
    """
    return await _Choice(source, question).made()


def _pinned(question: Question, rules: Rules) -> Iterator[tuple[Ask, Mapping[str, Any]]]:
    """Yield what a lock has, by what it is asked for as."""
    first: dict[int, Ask] = {}
    for key, entry in NpmDetails.of(question).pinned.items():
        ask = rules.ask(key)
        other = first.setdefault(id(entry), ask)
        if other.spec.package != ask.spec.package:
            # Yarn 1 tells those apart by name and version alone.
            raise UnsupportedError(
                f"yarn.lock: it has one entry for {other.key} and {key}, which are two packages", path=key, found=key, expected="an entry for each",
                suggestions=["take what goes by the name of another package out of resolutions", "use Yarn itself: yarn install"],
            )  # fmt: skip
        if ask.spec.package:
            yield ask, entry


def _package(manifest: Manifest) -> ResolvedPackage:
    assert manifest.package is not None
    url, hashes = manifest.package.distribution(manifest.bit)
    return ResolvedPackage(name=manifest.name, version=manifest.version, url=url, hashes=hashes)


class _Choice:
    def __init__(self, source: NpmSource, question: Question) -> None:
        self._source, self._question = source, question
        self._rules = _RULES[question.client](question)
        self._pins = {
            _Key(ask.spec.package, str(entry.get("version")), ask.kind): entry
            for ask, entry in _pinned(question, self._rules)
        }
        self._found: dict[_Key, ResolvedPackage] = {}
        self._needs: dict[int, list[Ask]] = {}
        self._keys = Keys(by_version=question.client == "yarn1")

    async def made(self) -> Resolved:
        rounds = list(self._rules.rounds())
        self._source.foresee({ask.spec.package for waiting in rounds for ask in waiting} - {""})
        for waiting in rounds:
            await self._go_through(waiting)
        noted = await self._rules.finish(self._source, self._keys.settled(), lambda package: self._needs[id(package)])
        notes = [
            f"yarn.lock: {key} is asked for both where resolutions count and where they do not. Yarn 1 takes what it downloads last; here it is {noted[key].version}."
            for key in self._keys.by_chance()
            if key in noted
        ]
        own = [self._needs.get(id(one.package), []) for one in self._rules.locals]
        direct = {ask.key for waiting in (*rounds, *own) for ask in waiting}
        for key, one in noted.items():
            one.ranges.append(key)
            one.direct = one.direct or key in direct
        found = {id(one): one for one in noted.values()}.values()
        for one in found:
            one.needed_by.sort()
        packages = sorted(found, key=lambda one: (one.name, one.version, str(one.entry.get("resolution", ""))))
        return Resolved(target="npm", packages=packages, notes=[*self._rules.notes, *notes])

    async def _go_through(self, waiting: list[Ask]) -> None:
        while waiting:
            self._source.foresee({ask.spec.package for ask in waiting} - {""})
            # What is taken in place of something else is there at once, and what comes from a registry after it.
            waiting = [ask for ask in waiting if not self._keys.replaced(ask)]
            new = [each for ask in waiting if (each := await self._take(ask)) is not None]
            await asyncio.gather(*(self._met(*each) for each in new))
            waiting = [below for one, ask, _ in new for below in self._below(one, ask)]

    async def _take(self, ask: Ask) -> _New | None:
        """Choose a version for what is asked for; return it where it is a new one."""
        self._question.check()
        one, manifest = self._keys.known(ask.key), None
        if one is None:
            one = self._rules.local(ask)
        if one is None:
            manifest = await self._picked(ask)
            key = _Key(manifest.name, manifest.version, ask.kind)
            one = self._found.setdefault(key, _package(manifest))
        if ask.needer and ask.needer not in one.needed_by:
            one.needed_by.append(ask.needer)
        return _New(one, ask, manifest) if self._keys.take(ask.key, one) else None

    async def _met(self, one: ResolvedPackage, ask: Ask, manifest: Manifest | None) -> None:
        """Have what the lock file has of a version."""
        if manifest is not None and not one.entry:
            key = _Key(one.name, one.version, ask.kind)
            pinned = self._pins.get(key)
            if pinned is None and ask.source:
                # What is patched has all else of what it is made from.
                pinned = self._pins.get(key._replace(kind=self._rules.ask(ask.source).kind))
            one.entry = await self._rules.entry(self._source, manifest, ask, pinned)

    def _below(self, one: ResolvedPackage, ask: Ask) -> list[Ask]:
        """Return what a version needs."""
        found = self._needs[id(one)] = list(self._rules.asks(one, (*ask.path, split_name(ask.key)[0])))
        return found

    async def _picked(self, ask: Ask) -> Manifest:
        spec = ask.spec
        if not spec.package:
            raise UnsupportedError(
                f"npm {ask.key}, which {ask.needer or 'the project'} needs, comes from elsewhere than a registry", path="packages",
                found=spec.text[:80], expected="a range", suggestions=["have Yarn write the lock file: yarn install"],
            )  # fmt: skip
        package = await self._source.package(spec.package)
        if ask.source:
            return package.manifest(package.record.versions.index(self._made_from(ask).version))
        pinned = str(NpmDetails.of(self._question).pinned.get(ask.key, {}).get("version", ""))
        if pinned in self._question.locked.get(spec.package, ()) and package.admits(pinned):
            bit = package.record.versions.index(pinned)
            if self._rules.keeps(package, spec.text, bit):
                return package.manifest(bit)
        manifest = self._rules.pick(package, ask)
        if manifest is None:
            raise package.nothing(spec.text, ask.needer)
        return manifest

    def _made_from(self, ask: Ask) -> ResolvedPackage:
        """Return what a patch is made from, which is asked for before it."""
        one = self._keys.known(ask.source)
        if one is None or not one.url:
            raise UnsupportedError(
                f"npm {ask.source}, which is to be patched, is in the workspace", path="packages", found=ask.source[:80],
                expected="a package of a registry", suggestions=["change the package itself", "have Yarn write the lock file: yarn install"],
            )  # fmt: skip
        return one
