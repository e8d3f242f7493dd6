"""Chooses versions as Yarn does: each `NAME@RANGE` has one, whoever asks for it, and nothing is placed anywhere.

That is `PackageRequest.find` of Yarn 1.22, and `Project.resolveEverything` of Yarn 4.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol, cast

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.npm.details import NpmDetails
from outrider.operators.packages.npm.packages import Manifest, NpmPackage
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.npm.specs import Spec
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.yarn import berry, classic

Entry = Mapping[str, Any]


class Rules(Protocol):
    """What one Yarn does in its own way."""

    def key(self, name: str, text: str) -> str:
        """Return how the lock file names what is asked for."""

    def spec(self, name: str, text: str) -> Spec:
        """Return what is asked for."""

    def kind(self, text: str) -> str:
        """Return what a text asks for: a package where that is empty, else something that is made of it."""

    def pick(self, package: NpmPackage, text: str) -> Manifest | None:
        """Return the version for a range or a tag; None where there is none."""

    async def entry(self, source: NpmSource, manifest: Manifest, kind: str) -> dict[str, Any]:
        """Return what the lock file has of a version."""

    def needs(self, name: str, entry: Entry) -> Iterable[tuple[str, str]]:
        """Return the names and ranges that the entry of a package needs."""

    async def finish(
        self, source: NpmSource, root: Entry, chosen: Mapping[str, ResolvedPackage]
    ) -> dict[str, ResolvedPackage]:
        """Have what the lock file tells of packages once all are chosen, and return what it names beside what is asked for."""


_RULES = {"yarn1": classic, "yarn4": berry}


class _Ask(NamedTuple):
    key: str
    spec: Spec
    kind: str


class _Key(NamedTuple):
    package: str
    version: str
    kind: str


async def chosen(source: NpmSource, question: Question) -> Resolved:
    """Choose versions for a project.

    Args:
        source: Where packages come from.
        question: What is asked for; `client` says by which Yarn.

    Raises:
        NotFoundError: There is no package or no version of it that is needed.
        DeniedError: Policy admits none.
        UnsupportedError: A package needs what comes from no registry.
        OutriderError: What a registry says.
    """
    return await _Choice(source, question).made()


class _Choice:
    def __init__(self, source: NpmSource, question: Question) -> None:
        self._source, self._question, self._details = source, question, NpmDetails.of(question)
        self._rules: Rules = cast("Rules", _RULES[question.client])
        self._pins = {
            _Key(ask.spec.package, str(entry.get("version")), ask.kind): entry
            for key, entry in self._details.pinned.items()
            if (ask := self._ask(*split_name(key))).spec.package
        }
        self._found: dict[_Key, ResolvedPackage] = {}
        self._of: dict[str, ResolvedPackage] = {}

    async def made(self) -> Resolved:
        wishes = dict(split_name(text) for text in self._question.packages)
        meta = {name: {"optional": True} for name in self._details.optional}
        root = {"version": "", "dependencies": wishes, "dependenciesMeta": meta}
        waiting = [("", ask) for ask in self._needs("", root)]
        direct = {ask.key for _, ask in waiting}
        while waiting:
            self._source.foresee({ask.spec.package for _, ask in waiting} - {""})
            new = [each for needer, ask in waiting if (each := await self._take(ask, needer)) is not None]
            waiting = [each for some in await asyncio.gather(*(self._met(*each) for each in new)) for each in some]
        self._of |= await self._rules.finish(self._source, root, self._of)
        for key, one in self._of.items():
            one.ranges.append(key)
            one.direct = one.direct or key in direct
        found = [self._found[key] for key in sorted(self._found)]
        for one in found:
            one.needed_by.sort()
        return Resolved(target="npm", packages=found)

    def _ask(self, name: str, text: str) -> _Ask:
        return _Ask(self._rules.key(name, text), self._rules.spec(name, text), self._rules.kind(text))

    def _needs(self, name: str, entry: Entry) -> list[_Ask]:
        return [self._ask(one, text) for one, text in self._rules.needs(name, entry)]

    async def _take(self, ask: _Ask, needer: str) -> tuple[_Key, Manifest] | None:
        """Choose a version for what is asked for; return it where it is a new one."""
        self._question.check()
        new = None
        if ask.key not in self._of:
            manifest = await self._picked(ask, needer)
            key = _Key(manifest.name, manifest.version, ask.kind)
            if key not in self._found:
                self._found[key], new = _package(manifest), (key, manifest)
            self._of[ask.key] = self._found[key]
        one = self._of[ask.key]
        if needer and needer not in one.needed_by:
            one.needed_by.append(needer)
        return new

    async def _picked(self, ask: _Ask, needer: str) -> Manifest:
        spec = ask.spec
        if not spec.package:
            raise UnsupportedError(
                f"npm {ask.key}, which {needer} needs, comes from elsewhere than a registry", path="packages", found=spec.text[:80],
                expected="a range", suggestions=["have Yarn write the lock file: yarn install"],
            )  # fmt: skip
        package = await self._source.package(spec.package)
        pinned = str(self._details.pinned.get(ask.key, {}).get("version", ""))
        if pinned in self._question.locked.get(spec.package, ()) and package.admits(pinned):
            return package.manifest(package.record.versions.index(pinned))
        manifest = self._rules.pick(package, spec.text)
        if manifest is None:
            raise package.nothing(spec.text, needer)
        return manifest

    async def _met(self, key: _Key, manifest: Manifest) -> list[tuple[str, _Ask]]:
        """Have what the lock file has of a version, and return what it needs."""
        pinned = self._pins.get(key)
        entry = dict(pinned) if pinned is not None else await self._rules.entry(self._source, manifest, key.kind)
        self._found[key].entry = entry
        return [(manifest.name, ask) for ask in self._needs(manifest.name, entry)]


def _package(manifest: Manifest) -> ResolvedPackage:
    assert manifest.package is not None
    url, hashes = manifest.package.distribution(manifest.bit)
    return ResolvedPackage(name=manifest.name, version=manifest.version, url=url, hashes=hashes)
