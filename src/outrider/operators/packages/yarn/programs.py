"""The program of Yarn 4, which has within it the patches that it makes of its own: `plugin-compat` of 4.18."""

import asyncio
import base64
import io
import re
import tarfile
import zlib
from pathlib import Path

import brotli

from outrider.core.errors import InvalidConfigError, NotFoundError, UnsupportedError
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.whole_files import read_bounded

# The last one that what is written here was compared with.
NEWEST = "4.18.1"
_PACKAGE, _FILE = "@yarnpkg/cli-dist", "package/bin/yarn.js"
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*(-[0-9A-Za-z.-]+)?")
_LARGEST = 64 << 20
# By the name of a package, the function that unpacks its patch.
_NAMED = re.compile(r"""makeIdent\(null, ?["']([\w-]+)["']\)\.identHash, ?([\w$]+)\]""")
_CONTENT = re.compile(r"""Buffer\.from\(\s*["']([A-Za-z0-9+/=]+)["'],\s*["']base64["']\s*\)""")


async def program_text(source: NpmSource, program: str) -> str:
    """Return the text of a program.

    Args:
        source: Has its package, where no file is named.
        program: Its file, or its version; empty for the last one that is known here.

    Raises:
        UnsupportedError: It is not to be had.
        OutriderError: What a registry says.
    """
    version = program or NEWEST
    if _VERSION.fullmatch(version) is None:
        return await asyncio.to_thread(_of_file, Path(program))
    package = await source.package(_PACKAGE)
    if version not in package.record.versions:
        raise _unusable(version, f"no {_PACKAGE} {version} in the registry")
    url, _ = package.distribution(package.record.versions.index(version))
    return await asyncio.to_thread(_of_tarball, await source.tarball(_PACKAGE, url), version)


def patch_within(text: str, name: str) -> str:
    """Return the patch of a package that the text of a program has.

    Raises:
        UnsupportedError: It has none, or in another way.
    """
    function = dict(_NAMED.findall(text)).get(name)
    _, _, behind = text.partition(f"function {function}()") if function is not None else ("", "", "")
    content = _CONTENT.search(behind)
    if content is None:
        raise _unusable(name, f"no patch of {name} in the program")
    try:
        unpacking = brotli.Decompressor()
        patch: bytes = unpacking.process(base64.b64decode(content[1]), output_buffer_limit=_LARGEST)
        if not unpacking.is_finished():
            raise _unusable(name, f"a patch of {name} that is not whole, or too large")
        return patch.decode()
    except (brotli.error, ValueError) as error:
        raise _unusable(name, str(error)) from error


def _of_file(path: Path) -> str:
    try:
        return read_bounded(path, _LARGEST).decode(errors="replace")
    except (NotFoundError, InvalidConfigError) as error:
        raise _unusable(str(path), error.message) from error


def _of_tarball(content: bytes, version: str) -> str:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            file = archive.extractfile(_FILE)
            return "" if file is None else file.read(_LARGEST).decode(errors="replace")
    except (tarfile.TarError, zlib.error, EOFError, OSError, KeyError) as error:
        raise _unusable(version, str(error)) from error


def _unusable(what: str, found: str) -> UnsupportedError:
    return UnsupportedError(
        f"Yarn {what}: some packages are patched by Yarn, and its own program, which has the patches, cannot be read", path="packageManager",
        found=found[:200], expected=f"a program of Yarn 4 in the project (yarnPath), or the package {_PACKAGE} in the registry",
        suggestions=["have Yarn write the lock file: yarn install"],
    )  # fmt: skip
