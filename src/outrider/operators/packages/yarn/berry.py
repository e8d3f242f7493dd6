"""What Yarn 4 takes and notes of a package: `NpmSemverResolver.ts`, `Project.ts` and `plugin-compat` of Yarn 4.18."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.npm_names import split_name
from outrider.operators.packages.npm.packages import Manifest, NpmPackage
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.npm.specs import Spec
from outrider.operators.packages.resolving.outcomes import ResolvedPackage
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable
from outrider.operators.packages.yarn.conditions import required
from outrider.operators.packages.yarn.extensions import EXTENSIONS
from outrider.operators.packages.yarn.fields import bound, conditions_of, fields_of, with_builder
from outrider.operators.packages.yarn.manifests import later_spec
from outrider.operators.packages.yarn.zips import checksum_of

# Packages that Yarn patches, with the hash of the patch; empty where a lock has a checksum of what comes out, which Yarn alone can make.
_PATCHED = {"fsevents": "df0bf1", "resolve": "", "typescript": ""}
_PATCH, _PLAIN = "patch", ""
_PROTOCOL = "npm:"
_SAFE = "!'()*-._~"


def key(name: str, text: str) -> str:
    """Return how the lock file names what is asked for."""
    return f"{name}@{bound(text)}"


def spec(name: str, text: str) -> Spec:
    """Return what is asked for."""
    return later_spec(name, _source(text) or text)


def kind(text: str) -> str:
    """Return what a text asks for: a package, or its patch."""
    return _PATCH if _source(text) else _PLAIN


def pick(package: NpmPackage, text: str) -> Manifest | None:
    """Return the version for a range or a tag; None where there is none."""
    return package.newest(text, latest=False, deprecated=False)


async def entry(source: NpmSource, manifest: Manifest, kind: str) -> dict[str, Any]:
    """Return what the lock file has of a version, or of its patch.

    Raises:
        UnsupportedError: Its patch is part of Yarn.
        OutriderError: What its registry says.
    """
    if kind == _PATCH and not _PATCHED[manifest.name]:
        raise _patched(manifest.name, manifest.version)
    said = await source.said(manifest, whole=True)
    fields = fields_of(said)
    found = {
        **fields, "version": manifest.version, "resolution": _resolution(manifest, kind), "languageName": "node", "linkType": "hard",
        "dependencies": with_builder(said, fields["dependencies"]), "conditions": conditions_of(said),
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


async def finish(
    source: NpmSource, root: Mapping[str, Any], chosen: Mapping[str, ResolvedPackage]
) -> dict[str, ResolvedPackage]:
    """Have the checksums of all that is chosen, and return what Yarn notes beside what is asked for.

    Args:
        source: Where packages come from.
        root: The entry of the project.
        chosen: By the key of what was asked for.

    Raises:
        UnsupportedError: A package that is needed in any case is patched by Yarn.
        OutriderError: What a registry says.
    """

    def needed(name: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, ResolvedPackage]]:
        # Of what is patched the patch comes last, and counts.
        yield from ((one, key(one, text), chosen[key(one, text)]) for one, text in needs(name, entry))

    surely, own = required(root, needed)
    packages = {id(one): one for one in chosen.values()}
    await asyncio.gather(*(_finish(source, one, number in surely) for number, one in packages.items()))
    return own


async def _finish(source: NpmSource, one: ResolvedPackage, needed: bool) -> None:
    is_patch = bool(_source(split_name(str(one.entry["resolution"]))[1].partition("::")[0]))
    if one.entry.get("conditions") and not needed and (is_patch or one.name not in _PATCHED):
        one.entry.pop("checksum", None)
    elif "checksum" not in one.entry and is_patch:
        raise _patched(one.name, one.version)
    elif "checksum" not in one.entry:
        content = await source.tarball(one.name, one.url)
        one.entry["checksum"] = await asyncio.to_thread(checksum_of, one.name, content)


def needs(name: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names and ranges that an entry needs, with what Yarn adds to it."""
    dependencies = dict(entry.get("dependencies", {}))
    for one, text in (*dependencies.items(), *_added(name, str(entry["version"]), dependencies)):
        yield one, bound(text)
        if one in _PATCHED:
            yield one, _patch(f"{one}@{bound(text)}", one)


def _source(text: str) -> str:
    """Return the range that a patch of Yarn's own is for; empty where it is none."""
    before, mark, _ = text.partition("#optional!builtin<compat/")
    if not mark or not before.startswith("patch:"):
        return ""
    plain = before.removeprefix("patch:").replace("%23", "#").replace("%3A", ":").replace("%25", "%")
    return split_name(plain)[1]


def _patch(source: str, name: str, rest: str = "") -> str:
    safe = source.replace("%", "%25").replace(":", "%3A").replace("#", "%23")
    return f"patch:{safe}#optional!builtin<compat/{name}>{rest}"


def _resolution(manifest: Manifest, kind: str) -> str:
    assert manifest.package is not None
    plain = f"{manifest.name}@{_PROTOCOL}{manifest.version}"
    if not manifest.package.is_regular(manifest.bit):
        url, _ = manifest.package.distribution(manifest.bit)
        plain = f"{plain}::__archiveUrl={quote(url, safe=_SAFE)}"
    if kind == _PLAIN:
        return plain
    rest = f"::version={manifest.version}&hash={_PATCHED[manifest.name]}"
    return f"{manifest.name}@{_patch(plain, manifest.name, rest)}"


def _added(name: str, version: str, dependencies: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for extended, more in EXTENSIONS:
        package, text = split_name(extended)
        if package == name and (text == "*" or VersionTable(scheme_of("npm"), [version]).mask(text)):
            yield from ((one, wanted) for one, wanted in more.items() if one not in dependencies)


def _patched(name: str, version: str) -> UnsupportedError:
    return UnsupportedError(
        f"npm {name} {version}: Yarn patches it, and the checksum of what comes out is known to Yarn alone",
        found=name, expected="packages that Yarn does not patch", suggestions=["have Yarn write the lock file: yarn install"],
    )  # fmt: skip
