"""Chooses versions as Yarn does: each `NAME@RANGE` has one, whoever asks for it, and nothing is placed anywhere.

That is `PackageRequest.find` of Yarn 1.22, and `Project.resolveEverything` of Yarn 4.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.npm.packages import Manifest, NpmPackage
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.npm.specs import Spec
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.yarn import classic

Entry = Mapping[str, Any]


class Rules(Protocol):
    """What one Yarn does in its own way."""

    def key(self, name: str, text: str) -> str:
        """Return how the lock file names what is asked for."""

    def spec(self, name: str, text: str) -> Spec:
        """Return what is asked for."""

    def pick(self, package: NpmPackage, text: str) -> Manifest | None:
        """Return the version for a range or a tag; None where there is none."""

    async def entry(self, source: NpmSource, manifest: Manifest) -> dict[str, Any]:
        """Return what the lock file has of a version."""

    def needs(self, entry: Entry) -> Iterable[tuple[str, str]]:
        """Return the names and ranges that an entry needs."""


class _Ask(NamedTuple):
    key: str
    spec: Spec


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
        self._source, self._question = source, question
        self._rules: Rules = classic
        self._pins = {
            (self._rules.spec(*split_name(key)).package, str(entry["version"])): entry
            for key, entry in question.pinned.items()
        }
        self._found: dict[tuple[str, str], ResolvedPackage] = {}
        self._of: dict[str, ResolvedPackage] = {}

    async def made(self) -> Resolved:
        waiting = [(self._ask(*split_name(text)), "") for text in self._question.packages]
        direct = {ask.key for ask, _ in waiting}
        while waiting:
            self._source.foresee({ask.spec.package for ask, _ in waiting} - {""})
            new = [one for ask, needer in waiting if (one := await self._take(ask, needer)) is not None]
            waiting = [each for one in await asyncio.gather(*(self._met(one) for one in new)) for each in one]
        for key, one in self._of.items():
            one.ranges.append(key)
            one.direct = one.direct or key in direct
        found = [self._found[key] for key in sorted(self._found)]
        for one in found:
            one.needed_by.sort()
        return Resolved(target="npm", packages=found)

    def _ask(self, name: str, text: str) -> _Ask:
        return _Ask(self._rules.key(name, text), self._rules.spec(name, text))

    async def _take(self, ask: _Ask, needer: str) -> Manifest | None:
        """Choose a version for what is asked for; return it where it is a new one."""
        self._question.check()
        one, manifest = self._of.get(ask.key), None
        if one is None:
            manifest = await self._picked(ask, needer)
            key = (manifest.name, manifest.version)
            if key in self._found:
                one, manifest = self._found[key], None
            else:
                one = self._found[key] = _package(manifest)
            self._of[ask.key] = one
        if needer and needer not in one.needed_by:
            one.needed_by.append(needer)
        return manifest

    async def _picked(self, ask: _Ask, needer: str) -> Manifest:
        spec = ask.spec
        if not spec.package:
            raise UnsupportedError(
                f"npm {ask.key}, which {needer} needs, comes from elsewhere than a registry", path="packages", found=spec.text[:80],
                expected="a range", suggestions=["have Yarn write the lock file"],
            )  # fmt: skip
        package = await self._source.package(spec.package)
        pinned = str(self._question.pinned.get(ask.key, {}).get("version", ""))
        if pinned in self._question.locked.get(spec.package, ()) and package.admits(pinned):
            return package.manifest(package.record.versions.index(pinned))
        manifest = self._rules.pick(package, spec.text)
        if manifest is None:
            raise package.nothing(spec.text, needer)
        return manifest

    async def _met(self, manifest: Manifest) -> list[tuple[_Ask, str]]:
        """Have what the lock file has of a version, and return what it needs."""
        key = (manifest.name, manifest.version)
        one = self._found[key]
        pinned = self._pins.get(key)
        one.entry = dict(pinned) if pinned is not None else await self._rules.entry(self._source, manifest)
        return [(self._ask(name, text), manifest.name) for name, text in self._rules.needs(one.entry)]


def _package(manifest: Manifest) -> ResolvedPackage:
    assert manifest.package is not None
    url, hashes = manifest.package.distribution(manifest.bit)
    return ResolvedPackage(name=manifest.name, version=manifest.version, url=url, hashes=hashes)
