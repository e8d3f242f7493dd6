"""Patches of packages: those of Yarn 4 itself, `plugin-compat` of 4.18, and those of a project, `plugin-patch`."""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError, NotFoundError, UnsupportedError
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.whole_files import read_bounded
from outrider.operators.packages.yarn.patch_files import Effect, PatchError, hash_of, read_patch
from outrider.operators.packages.yarn.patch_ranges import HOME, Layer, builtin_of, is_optional, plain_path, written
from outrider.operators.packages.yarn.ranges import has_version
from outrider.runtime.discovery import import_module

PATCHED = ("fsevents", "resolve", "typescript")
_OWN = "compat/"
# What most projects have, and as it is for another system alone, without a checksum: that is not worth a look into Yarn's program.
_USUAL = ("fsevents", "^2.2", "df0bf1")
_LARGEST = 64 << 20
_FILE = "package.json"
_PRERELEASE = re.compile(r"\d-[0-9A-Za-z]")


class Patch(NamedTuple):
    """A patch, as far as it is for one version.

    Attributes:
        path: Of it, as it is written.
        effects: What it does.
        is_optional: Whether it is passed over where it does not fit.
    """

    path: str
    effects: Sequence[Effect]
    is_optional: bool


class PatchLayer(NamedTuple):
    """Patches of one package.

    Attributes:
        name: By which what comes out goes.
        patches: One after the other.
    """

    name: str
    patches: Sequence[Patch]


class Patches:
    """The patches of a project and of its Yarn.

    Args:
        folder: Of the project.
        members: The folders of its packages, by what the lock file has of them.
        program: As `programs.program_text` has it.
    """

    def __init__(self, folder: Path, members: Mapping[str, str], program: str) -> None:
        self._folder, self._members, self._program = folder, members, program
        self._loading = asyncio.Lock()
        self._text = ""
        self._own: dict[str, Sequence[Effect]] = {}

    async def hash(self, source: NpmSource, layer: Layer, version: str) -> str:
        """Return the hash of what is changed in a version of a package; the errors are those of `of`."""
        usual, versions, known = _USUAL
        if [builtin_of(one) for one in layer.paths] == [_OWN + usual] and has_version(versions, version):
            return known
        found = await self.of(source, layer, version)
        return hash_of(effect for one in found.patches for effect in one.effects)

    async def of(self, source: NpmSource, layer: Layer, version: str) -> PatchLayer:
        """Return what is changed in a version of a package.

        Args:
            source: Has Yarn's package, where the project has no program.
            layer: The patches.
            version: Of the package.

        Raises:
            UnsupportedError: Yarn's program is not to be had, or is of another kind, or a patch is where none is read.
            NotFoundError: A patch is not there.
            InvalidConfigError: One cannot be read.
            OutriderError: What a registry says.
        """
        found = []
        for path in layer.paths:
            name = builtin_of(path)
            effects = await self._builtin(source, name) if name else await asyncio.to_thread(self._effects, path, layer)
            found.append(Patch(path, [one for one in effects if one.is_for(version)], is_optional(path)))
        return PatchLayer(layer.name, found)

    async def _builtin(self, source: NpmSource, name: str) -> Sequence[Effect]:
        package = name.removeprefix(_OWN)
        if name == package or package not in PATCHED:
            raise UnsupportedError(
                f"{_FILE}: Yarn has no patch {name} of its own", path="dependencies", found=name[:80], expected=" or ".join(_OWN + one for one in PATCHED),
                suggestions=["leave it out"],
            )  # fmt: skip
        async with self._loading:
            # What unpacks them is loaded where there is something to unpack.
            programs = import_module("outrider.operators.packages.yarn.programs", extra="packages")
            self._text = self._text or await programs.program_text(source, self._program)
            if name not in self._own:
                text = await asyncio.to_thread(programs.patch_within, self._text, package)
                self._own[name] = await asyncio.to_thread(_read, name, text)
        return self._own[name]

    def _effects(self, path: str, layer: Layer) -> Sequence[Effect]:
        effects = _read(path, self._text_of(path, layer))
        _refuse_prereleases(path, effects)
        return effects

    def _text_of(self, path: str, layer: Layer) -> str:
        file = file_of(path, layer.locator, self._folder, self._members)
        try:
            return read_bounded(file, _LARGEST).decode(errors="replace")
        except NotFoundError as error:
            raise NotFoundError(
                f"{_FILE}: the patch {path} of {layer.name} is not there", path=path[:200], found=error.message[:200], expected="a patch",
                suggestions=[f"make it anew: yarn patch {layer.name}", "take it out of package.json"],
            ) from error  # fmt: skip


def file_of(path: str, locator: str, folder: Path, members: Mapping[str, str]) -> Path:
    """Return the file of a patch.

    Args:
        path: As it is written.
        locator: As `Layer` has it.
        folder: Of the project.
        members: The folders of its packages, by what the lock file has of them.

    Raises:
        UnsupportedError: It is outside of the project, or within another package.
    """
    plain = plain_path(path)
    start, rest = (folder, plain.removeprefix(HOME)) if plain.startswith(HOME) else (None, plain)
    if start is None and locator in members:
        start = folder / members[locator]
    try:
        file = (start / rest).resolve() if start is not None else None
    except (OSError, ValueError):
        file = None
    if file is None or not file.is_relative_to(folder.resolve()):
        raise UnsupportedError(
            f"{_FILE}: a patch is not read from {plain}", path=path[:200], found=plain[:200] if not locator else f"{plain[:100]} of {locator[:100]}",
            expected="a file of the project", suggestions=["have it there: yarn patch-commit -s", "use Yarn itself: yarn install"],
        )  # fmt: skip
    return file


def _read(path: str, text: str) -> Sequence[Effect]:
    try:
        return read_patch(text)
    except PatchError as error:
        raise InvalidConfigError(
            f"{path}: Yarn cannot read this patch", path=path[:200], found=str(error)[:200], expected="what git diff writes",
            suggestions=["make it anew: yarn patch"],
        ) from error  # fmt: skip


def _refuse_prereleases(path: str, effects: Iterable[Effect]) -> None:
    """Refuse ranges with which it hangs on what Yarn has looked at before whether a version is in them."""
    odd = next((one.versions for one in effects if one.versions and _PRERELEASE.search(one.versions)), "")
    if odd:
        raise UnsupportedError(
            f"{path}: its semver exclusivity {odd} has a prerelease", path=path[:200], found=odd[:200], expected="a range of releases",
            suggestions=["write a range without prereleases"],
        )  # fmt: skip


def unfit(patch: Patch, shown: str, found: str) -> UnsupportedError:
    """Return the error for a patch with which Yarn fails.

    Args:
        patch: This.
        shown: The package and its version.
        found: Why.
    """
    return UnsupportedError(
        f"{patch.path}: this patch cannot be applied to {shown}: {found[:120]}", path=patch.path[:200], found=found[:200], expected="a patch of that version",
        suggestions=["make it anew: yarn patch", "ask for the version that it is made from"],
    )  # fmt: skip


def patch_of(source: str, name: str) -> str:
    """Return what asks for Yarn's own patch of a package.

    Args:
        source: The package: its name, and what is asked of it.
        name: By which it goes.
    """
    return written(source, [f"optional!builtin<{_OWN}{name}>"])


def refuse_patched(names: Iterable[str]) -> None:
    """Refuse a project with a package that Yarn would patch.

    Raises:
        UnsupportedError: It has one.
    """
    odd = next((name for name in names if name in PATCHED), "")
    if odd:
        raise UnsupportedError(
            f"{_FILE}: a package of the workspace is called {odd}, and what is called so Yarn patches", path="name", found=odd,
            expected="another name", suggestions=["have Yarn write the lock file: yarn install"],
        )  # fmt: skip
