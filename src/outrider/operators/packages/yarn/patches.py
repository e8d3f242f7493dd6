"""Packages that Yarn 4 patches: `plugin-compat` of 4.18."""

import asyncio
from collections.abc import Iterable

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.yarn.patch_files import FilePatch, hash_of, read_patch
from outrider.operators.packages.yarn.ranges import has_version
from outrider.runtime.discovery import import_module

PATCHED = ("fsevents", "resolve", "typescript")
PATCH, PLAIN = "patch", ""
# What most projects have, and as it is for another system alone, without a checksum: that is not worth a look into Yarn's program.
_USUAL = ("fsevents", "^2.2", "df0bf1")


class Patches:
    """The patches of a Yarn.

    Args:
        program: As `programs.program_text` has it.
    """

    def __init__(self, program: str) -> None:
        self._program = program
        self._loading = asyncio.Lock()
        self._text = ""

    async def hash(self, source: NpmSource, name: str, version: str) -> str:
        """Return the hash of what is changed in a version of a package; the errors are those of `of`."""
        usual, versions, known = _USUAL
        if name == usual and has_version(versions, version):
            return known
        return hash_of(await self.of(source, name, version))

    async def of(self, source: NpmSource, name: str, version: str) -> list[FilePatch]:
        """Return what is changed in a version of a package.

        Args:
            source: Has Yarn's package, where the project has no program.
            name: Of the package.
            version: Of it.

        Raises:
            UnsupportedError: Yarn's program is not to be had, or is of another kind.
            OutriderError: What a registry says.
        """
        async with self._loading:
            # What unpacks them is loaded where there is something to unpack.
            programs = import_module("outrider.operators.packages.yarn.programs", extra="packages")
            self._text = self._text or await programs.program_text(source, self._program)
        return await asyncio.to_thread(lambda: read_patch(programs.patch_within(self._text, name), version))


def source_of(text: str) -> str:
    """Return the range that a patch of Yarn's own is for; empty where it is none."""
    before, mark, _ = text.partition("#optional!builtin<compat/")
    if not mark or not before.startswith("patch:"):
        return ""
    plain = before.removeprefix("patch:").replace("%23", "#").replace("%3A", ":").replace("%25", "%")
    return split_name(plain)[1]


def patch_of(source: str, name: str, rest: str = "") -> str:
    """Return what asks for the patch of a package.

    Args:
        source: The package: its name, and what is asked of it.
        name: Of the patch.
        rest: What stands behind it.
    """
    safe = source.replace("%", "%25").replace(":", "%3A").replace("#", "%23")
    return f"patch:{safe}#optional!builtin<compat/{name}>{rest}"


def refuse_other(name: str, package: str) -> None:
    """Refuse another package by the name of one that Yarn patches.

    Raises:
        UnsupportedError: It is another one.
    """
    if package and package != name:
        raise UnsupportedError(
            f"package.json: {package} is to go by the name {name}, and what is called so Yarn patches", path=name, found=package,
            expected=f"{name}, or another name", suggestions=["have Yarn write the lock file: yarn install"],
        )  # fmt: skip


def refuse_patched(names: Iterable[str]) -> None:
    """Refuse a project with a package that Yarn would patch.

    Raises:
        UnsupportedError: It has one.
    """
    odd = next((name for name in names if name in PATCHED), "")
    if odd:
        raise UnsupportedError(
            f"package.json: a package of the workspace is called {odd}, and what is called so Yarn patches", path="name", found=odd,
            expected="another name", suggestions=["have Yarn write the lock file: yarn install"],
        )  # fmt: skip
