"""What Yarn 4 takes and notes: `NpmSemverResolver.ts`, `WorkspaceResolver.ts`, `Project.ts` and `plugin-compat` of Yarn 4.18."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.npm.details import NpmDetails
from outrider.operators.packages.npm.packages import Manifest, NpmPackage
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.resolving.outcomes import ResolvedPackage
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.yarn.asks import Ask, asked_by_name
from outrider.operators.packages.yarn.berry_locals import found_local, local_of
from outrider.operators.packages.yarn.conditions import required
from outrider.operators.packages.yarn.extensions import EXTENSIONS
from outrider.operators.packages.yarn.fields import bound, conditions_of, fields_of, with_builder
from outrider.operators.packages.yarn.manifests import later_spec
from outrider.operators.packages.yarn.patch_ranges import (
    SAFE,
    Patched,
    bound_to,
    read_patched,
    source_of,
    written,
)
from outrider.operators.packages.yarn.patches import PATCHED, Patches, patch_of, refuse_patched
from outrider.operators.packages.yarn.ranges import has_version
from outrider.operators.packages.yarn.resolutions import BerryResolutions
from outrider.operators.packages.yarn.zips import checksum_of

_PROTOCOL = "npm:"


def ask(key: str) -> Ask:
    """Return what a key of a lock file stands for."""
    name, text = split_name(key)
    source = source_of(name, text)
    made_from = f"{source[0]}@{bound(source[1])}" if source is not None else ""
    return Ask(key, later_spec(name, text), read_patched(name, text).kind, source=made_from)


class BerryRules:
    """Yarn 4, for one question.

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
        self.locals = [local_of(one, asked[one.place]) for one in NpmDetails.of(question).members]
        refuse_patched(one.member.name for one in self.locals)
        self._root = str(self.locals[0].package.entry["resolution"])
        self._resolutions = BerryResolutions(NpmDetails.of(question).overrides, self._root)
        self._extensions = (*EXTENSIONS, *NpmDetails.of(question).extensions.items())
        places = {str(one.package.entry["resolution"]): one.member.place for one in self.locals}
        self._patches = Patches(question.folder, places, NpmDetails.of(question).program)
        self._question = question
        self.notes = self._resolutions.notes

    def ask(self, key: str) -> Ask:
        """Return what a key of a lock file stands for."""
        return ask(key)

    def rounds(self) -> Iterator[list[Ask]]:
        """Yield what is asked for at first: the packages of the project."""
        yield [ask(str(one.package.entry["resolution"])) for one in self.locals]

    def asks(self, package: ResolvedPackage, path: tuple[str, ...] = ()) -> Iterator[Ask]:
        """Yield what a package needs, with what Yarn adds to it; before what is patched comes what the patch is made from."""
        del path
        resolution = str(package.entry["resolution"])
        needer = split_name(resolution)
        dependencies = dict(package.entry.get("dependencies", {}))
        added = self._added(package, dependencies)
        for name, text in (*dependencies.items(), *added):
            wanted = self._resolutions.of(needer, name, bound(text))
            if name in PATCHED:
                wanted = patch_of(f"{name}@{wanted}", name)
            for one in self._with_sources(f"{name}@{bound_to(name, wanted, resolution)}"):
                yield one._replace(needer=package.name)

    def _with_sources(self, key: str) -> Iterator[Ask]:
        wanted = ask(key)
        if wanted.source:
            name, text = split_name(wanted.source)
            # A patch of what is a patch itself is looked for from the project, whoever asks.
            source = f"{name}@{bound_to(name, text, self._root)}"
            yield from (one._replace(is_source=True) for one in self._with_sources(source))
            wanted = wanted._replace(source=source)
        yield wanted

    def _added(self, package: ResolvedPackage, dependencies: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield what is added to the dependencies of a package; the first that adds something by a name counts."""
        known = {*dependencies}
        own = [one.member.manifest.get("version") for one in self.locals if one.package is package]
        version = str(own[0] or "") if own else package.version
        own_name = split_name(str(package.entry["resolution"]))[0]
        for extended, more in self._extensions:
            name, text = split_name(extended)
            if name == own_name and (text == "*" or (version and has_version(text, version))):
                yield from ((one, wanted) for one, wanted in more.items() if one not in known)
                known |= more.keys()

    def local(self, ask: Ask) -> ResolvedPackage | None:
        """Return the package of the project that is what is asked for; None where none is, or the lock has another one for it.

        Raises:
            NotFoundError: It should be one.
        """
        pinned = NpmDetails.of(self._question).pinned.get(ask.key)
        if pinned is not None and str(pinned.get("version")) in self._question.locked.get(ask.spec.package, ()):
            return None
        return found_local(self.locals, ask, self._question.environment)

    def pick(self, package: NpmPackage, ask: Ask) -> Manifest | None:
        """Return the version for what is asked for; None where there is none."""
        return package.newest(ask.spec.text, latest=False, deprecated=False)

    def keeps(self, package: NpmPackage, text: str, bit: int) -> bool:
        """Return whether a version that the lock has for a range may stay: each may."""
        del package, text, bit
        return True

    async def entry(
        self, source: NpmSource, manifest: Manifest, ask: Ask, pinned: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Return what the lock file has of a version, or of its patch.

        Raises:
            UnsupportedError: Its patch is not to be had, or is not read.
            NotFoundError: It is not there.
            InvalidConfigError: It cannot be read.
            OutriderError: What its registry says.
        """
        resolution = await self._resolution(source, manifest, ask, pinned)
        if pinned is not None:
            # A patch may be another one by now.
            is_same = pinned.get("resolution") == resolution
            kept = {name: value for name, value in pinned.items() if is_same or name != "checksum"}
            return {**kept, "resolution": resolution}
        said = await source.said(manifest, whole=True)
        fields = fields_of(said)
        found = {
            **fields, "version": manifest.version, "resolution": resolution, "languageName": "node", "linkType": "hard",
            "dependencies": with_builder(said, fields["dependencies"]), "conditions": conditions_of(said),
        }  # fmt: skip
        return {name: value for name, value in found.items() if value}

    async def _resolution(
        self, source: NpmSource, manifest: Manifest, ask: Ask, pinned: Mapping[str, Any] | None
    ) -> str:
        known = _patched(pinned) if pinned is not None else None
        found = f"{known.name}@{known.text}" if known is not None else _plain(manifest)
        # That of what is patched twice tells the same as what it is made from, which may be bound to the project.
        keys = (split_name(one.key) for one in self._with_sources(ask.key))
        for number, layer in enumerate(layer for key in keys for layer in read_patched(*key).layers[-1:]):
            if known is not None and layer.is_builtin and number < len(known.layers):
                patch = known.layers[number].hash
            else:
                patch = await self._patches.hash(source, layer, manifest.version)
            params = {"version": manifest.version, "hash": patch, "locator": layer.locator}
            found = f"{layer.name}@{written(found, layer.paths, {key: one for key, one in params.items() if one})}"
        return found

    async def finish(
        self, source: NpmSource, chosen: Mapping[str, ResolvedPackage], asks: Callable[[ResolvedPackage], Iterable[Ask]]
    ) -> dict[str, ResolvedPackage]:
        """Have the checksums of all that is chosen, and return what is noted in the end by its key.

        Args:
            source: Where packages come from.
            chosen: By the key of what was asked for.
            asks: Returns what a package needs.

        Raises:
            UnsupportedError: Of a package that Yarn patches the patch is not to be had.
            OutriderError: What a registry says.
        """

        def needed(package: ResolvedPackage) -> Iterator[tuple[str, str, ResolvedPackage]]:
            own = (one for one in asks(package) if not one.is_source)
            yield from ((split_name(one.key)[0], one.key, chosen[one.key]) for one in own)

        surely, own = required([one.package for one in self.locals], needed)
        packages = {id(one): one for one in chosen.values() if one.url}
        everyone = {id(one): one for one in chosen.values()}.values()
        sources = {id(chosen[each.key]) for one in everyone for each in asks(one) if each.is_source}
        noted = (
            self._finish(source, one, needed=number in surely or number in sources) for number, one in packages.items()
        )
        await asyncio.gather(*noted)
        return {**chosen, **own}

    async def _finish(self, source: NpmSource, one: ResolvedPackage, *, needed: bool) -> None:
        if one.entry.get("conditions") and not needed:
            one.entry.pop("checksum", None)
        elif "checksum" not in one.entry:
            layers = [await self._patches.of(source, each, one.version) for each in _patched(one.entry).layers]
            content = await source.tarball(one.name, one.url)
            one.entry["checksum"] = await asyncio.to_thread(checksum_of, one.name, one.version, content, layers)


def _patched(entry: Mapping[str, Any]) -> Patched:
    return read_patched(*split_name(str(entry.get("resolution", ""))))


def _plain(manifest: Manifest) -> str:
    assert manifest.package is not None
    plain = f"{manifest.name}@{_PROTOCOL}{manifest.version}"
    if manifest.package.is_regular(manifest.bit):
        return plain
    url, _ = manifest.package.distribution(manifest.bit)
    return f"{plain}::__archiveUrl={quote(url, safe=SAFE)}"
