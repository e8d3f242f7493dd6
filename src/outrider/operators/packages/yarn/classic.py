"""What Yarn 1 takes and notes: `Install.fetchRequestFromCwd`, `npm-resolver.js` and `lockfile/index.js` of Yarn 1.22.22."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.npm.details import Member, NpmDetails
from outrider.operators.packages.npm.packages import Manifest, NpmPackage
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.npm.specs import read_spec
from outrider.operators.packages.resolving.outcomes import ResolvedPackage
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.yarn.asks import Ask, Local, asked_by_name, named
from outrider.operators.packages.yarn.manifests import KINDS, cleaned
from outrider.operators.packages.yarn.resolutions import ClassicResolutions

_NEEDED = ("dependencies", "optionalDependencies")
# The order in which it goes through a project, and through a package; what others need for development is in no entry.
_ORDER_OF_PROJECT = ("dependencies", "devDependencies", "optionalDependencies")
_ORDER = (*_NEEDED, "devDependencies")
# It has a number of chance in its name.
_AGGREGATOR = "workspace-aggregator-0"


def ask(key: str) -> Ask:
    """Return what a key of a lock file stands for."""
    return Ask(key, read_spec(*split_name(key)))


class ClassicRules:
    """Yarn 1, for one question.

    Args:
        question: What is asked for.

    Attributes:
        locals: The packages of the project.
        notes: What Yarn warns of.

    Raises:
        InvalidConfigError: Resolutions cannot be read.
        UnsupportedError: Some are not read here.
    """

    def __init__(self, question: Question) -> None:
        asked = asked_by_name(question)
        self.locals = [Local(one, _local(one, asked[one.place])) for one in NpmDetails.of(question).members]
        self._resolutions = ClassicResolutions(NpmDetails.of(question).overrides)
        self.notes = self._resolutions.notes

    def ask(self, key: str) -> Ask:
        """Return what a key of a lock file stands for."""
        return ask(key)

    def rounds(self) -> Iterator[list[Ask]]:
        """Yield what is asked for at first, one after the other: what is asked for later counts more.

        A project with a workspace asks once more for what it needs, now together with its members, and so that resolutions count.
        """
        for key in self._resolutions.keys:
            yield [ask(key)]
        root = self.locals[0]
        own = [self._own(*one) for one in _needed(root.package, _ORDER_OF_PROJECT)]
        # Without resolutions the order says nothing, and all at once is faster.
        yield from ([one] for one in own) if self._resolutions.keys else [own]
        if _has_workspace(root.member):
            needed: Mapping[str, str] = root.package.entry["dependencies"]
            members = {one.member.name: str(one.member.manifest["version"]) for one in self.locals[1:]}
            entry = {**root.package.entry, "dependencies": {**needed, **members}}
            yield list(self._asks("", entry, (_AGGREGATOR,)))

    def asks(self, package: ResolvedPackage, path: tuple[str, ...]) -> Iterator[Ask]:
        """Yield what a package needs."""
        return self._asks(package.name, package.entry, path)

    def local(self, ask: Ask) -> ResolvedPackage | None:
        """Return the member of the workspace that is what is asked for; None where none is."""
        name, text = split_name(ask.key)
        found = named(self.locals[1:], name)
        return found.package if found is not None and found.fits(text or "*") else None

    def pick(self, package: NpmPackage, ask: Ask) -> Manifest | None:
        """Return the version for what is asked for; None where there is none."""
        return package.newest(ask.spec.text, latest=True, deprecated=True, freely=ask.passing)

    def keeps(self, package: NpmPackage, text: str, bit: int) -> bool:
        """Return whether a version that the lock has for a range may stay: one that came by a resolution is not always in the range."""
        return package.allows(text, bit)

    async def entry(
        self, source: NpmSource, manifest: Manifest, ask: Ask, pinned: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Return what the lock file has of a version.

        Raises:
            OutriderError: What its registry says.
        """
        del ask
        if pinned is not None:
            return dict(pinned)
        said = await source.said(manifest)
        assert manifest.package is not None
        url, _ = manifest.package.distribution(manifest.bit)
        shasum = said.get("dist", {}).get("shasum")
        integrity = " ".join(sorted(manifest.package.integrity(manifest.bit).split()))
        needed = cleaned(said)
        found = {
            "version": manifest.version,
            "resolved": f"{url}#{shasum}" if shasum else url,
            "integrity": integrity,
            **{one: needed[one] for one in _NEEDED},
        }
        return {key: value for key, value in found.items() if value}

    async def finish(
        self, source: NpmSource, chosen: Mapping[str, ResolvedPackage], asks: Callable[[ResolvedPackage], Iterable[Ask]]
    ) -> dict[str, ResolvedPackage]:
        """Return what is noted in the end by its key: all but members of the workspace, where they are what is asked for."""
        del source, asks
        own = {id(one.package): _noted(one.package) for one in self.locals}
        return {key: own.get(id(one), one) for key, one in chosen.items() if self.local(ask(key)) is None}

    def _own(self, name: str, text: str) -> Ask:
        has_workspace = _has_workspace(self.locals[0].member)
        replaced = has_workspace and bool(self._resolutions.of(name, text, (_AGGREGATOR,)))
        return ask(f"{name}@{text}")._replace(passing=replaced)

    def _asks(self, needer: str, entry: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Ask]:
        for kind in _ORDER:
            for name, text in entry.get(kind, {}).items():
                instead = self._resolutions.of(name, text, path)
                yield ask(f"{name}@{text}")._replace(needer=needer, path=path, instead=instead)


def _local(member: Member, asked: Mapping[str, str]) -> ResolvedPackage:
    needed = {kind: {name: asked[name] for name in some} for kind, some in cleaned(member.manifest).items()}
    entry = {kind: needed[kind] for kind in KINDS}
    version = str(member.manifest.get("version") or "")
    return ResolvedPackage(name=member.name if member.place else "", version=version, place=member.place, entry=entry)


def _noted(package: ResolvedPackage) -> ResolvedPackage:
    """Return a member of the workspace as it is noted where resolutions have it be something that it is not."""
    needed = {kind: package.entry[kind] for kind in _NEEDED if package.entry[kind]}
    return ResolvedPackage(name=package.name, version=package.version, entry={"version": package.version, **needed})


def _needed(package: ResolvedPackage, kinds: Iterable[str]) -> Iterator[tuple[str, str]]:
    for kind in kinds:
        yield from package.entry[kind].items()


def _has_workspace(root: Member) -> bool:
    said = root.manifest.get("workspaces")
    return isinstance(said.get("packages") if isinstance(said, dict) else said, list)
