"""Packages that Yarn 4 patches: `plugin-compat` of 4.18."""

import asyncio
from collections.abc import Iterable

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.yarn.patch_files import FilePatch, hash_of, read_patch
from outrider.runtime.discovery import import_module

PATCHED = ("fsevents", "resolve", "typescript")
PATCH, PLAIN = "patch", ""
# What is for another system alone has no checksum, so that what is patched in it does not matter; the hash is that since Yarn 3.
_ELSEWHERE = {"fsevents": "df0bf1"}


class Patches:
    """The patches of a Yarn.

    Args:
        program: As `programs.program_text` has it.
    """

    def __init__(self, program: str) -> None:
        self._program = program
        self._loading = asyncio.Lock()
        self._texts: dict[str, str] = {}

    async def hash(self, source: NpmSource, name: str, version: str) -> str:
        """Return the hash of what is changed in a version of a package; the errors are those of `of`."""
        return _ELSEWHERE.get(name) or hash_of(await self.of(source, name, version))

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
            if name not in self._texts:
                # What unpacks them is loaded where there is something to unpack.
                programs = import_module("outrider.operators.packages.yarn.programs", extra="packages")
                text = await programs.program_text(source, self._program)
                self._texts = {one: programs.patch_within(text, one) for one in PATCHED if one not in _ELSEWHERE}
        return await asyncio.to_thread(read_patch, self._texts[name], version)


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
