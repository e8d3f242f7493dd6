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
from outrider.operators.packages.yarn.patches import (
    PATCH,
    PATCHED,
    PLAIN,
    Patches,
    patch_of,
    refuse_other,
    refuse_patched,
    source_of,
)
from outrider.operators.packages.yarn.ranges import has_version
from outrider.operators.packages.yarn.resolutions import BerryResolutions
from outrider.operators.packages.yarn.zips import checksum_of

_PROTOCOL = "npm:"
_SAFE = "!'()*-._~"


def ask(key: str) -> Ask:
    """Return what a key of a lock file stands for."""
    name, text = split_name(key)
    source = source_of(text)
    return Ask(key, later_spec(name, source or text), PATCH if source else PLAIN)


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
        self._resolutions = BerryResolutions(NpmDetails.of(question).overrides)
        self._extensions = (*EXTENSIONS, *NpmDetails.of(question).extensions.items())
        self._patches = Patches(NpmDetails.of(question).program)
        self._question = question
        self.notes = self._resolutions.notes

    def ask(self, key: str) -> Ask:
        """Return what a key of a lock file stands for."""
        return ask(key)

    def rounds(self) -> Iterator[list[Ask]]:
        """Yield what is asked for at first: the packages of the project."""
        yield [ask(str(one.package.entry["resolution"])) for one in self.locals]

    def asks(self, package: ResolvedPackage, path: tuple[str, ...] = ()) -> Iterator[Ask]:
        """Yield what a package needs, with what Yarn adds to it; of what is patched the patch comes last, and counts."""
        del path
        needer = split_name(str(package.entry["resolution"]))
        dependencies = dict(package.entry.get("dependencies", {}))
        added = self._added(package, dependencies)
        for name, text in (*dependencies.items(), *added):
            key = f"{name}@{self._resolutions.of(needer, name, bound(text))}"
            wanted = ask(key)
            yield wanted._replace(needer=package.name)
            if name in PATCHED:
                refuse_other(name, wanted.spec.package)
                yield ask(f"{name}@{patch_of(key, name)}")._replace(needer=package.name)

    def _added(self, package: ResolvedPackage, dependencies: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield what is added to the dependencies of a package; the first that adds something by a name counts."""
        known = {*dependencies}
        own = [one.member.manifest.get("version") for one in self.locals if one.package is package]
        version = str(own[0] or "") if own else package.version
        for extended, more in self._extensions:
            name, text = split_name(extended)
            if name == package.name and (text == "*" or (version and has_version(text, version))):
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

    async def entry(self, source: NpmSource, manifest: Manifest, kind: str) -> dict[str, Any]:
        """Return what the lock file has of a version, or of its patch.

        Raises:
            UnsupportedError: Its patch is not to be had.
            OutriderError: What its registry says.
        """
        patch = await self._patches.hash(source, manifest.name, manifest.version) if kind == PATCH else ""
        said = await source.said(manifest, whole=True)
        fields = fields_of(said)
        found = {
            **fields, "version": manifest.version, "resolution": _resolution(manifest, patch), "languageName": "node", "linkType": "hard",
            "dependencies": with_builder(said, fields["dependencies"]), "conditions": conditions_of(said),
        }  # fmt: skip
        return {name: value for name, value in found.items() if value}

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
            yield from ((split_name(one.key)[0], one.key, chosen[one.key]) for one in asks(package))

        surely, own = required([one.package for one in self.locals], needed)
        packages = {id(one): one for one in chosen.values() if one.url}
        patched = {id(one) for key, one in chosen.items() if split_name(key)[0] in PATCHED}
        noted = (
            self._finish(source, one, needed=number in surely, patched=number in patched)
            for number, one in packages.items()
        )
        await asyncio.gather(*noted)
        return {**chosen, **own}

    async def _finish(self, source: NpmSource, one: ResolvedPackage, *, needed: bool, patched: bool) -> None:
        is_patch = bool(source_of(split_name(str(one.entry.get("resolution", "")))[1].partition("::")[0]))
        if one.entry.get("conditions") and not needed and (is_patch or not patched):
            one.entry.pop("checksum", None)
        elif "checksum" not in one.entry:
            patches = await self._patches.of(source, one.name, one.version) if is_patch else None
            content = await source.tarball(one.name, one.url)
            one.entry["checksum"] = await asyncio.to_thread(checksum_of, one.name, content, patches)


def _resolution(manifest: Manifest, patch: str) -> str:
    assert manifest.package is not None
    plain = f"{manifest.name}@{_PROTOCOL}{manifest.version}"
    if not manifest.package.is_regular(manifest.bit):
        url, _ = manifest.package.distribution(manifest.bit)
        plain = f"{plain}::__archiveUrl={quote(url, safe=_SAFE)}"
    if not patch:
        return plain
    rest = f"::version={manifest.version}&hash={patch}"
    return f"{manifest.name}@{patch_of(plain, manifest.name, rest)}"
