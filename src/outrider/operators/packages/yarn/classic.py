"""What Yarn 1 takes and notes of a package: `npm-resolver.js` and `lockfile/index.js` of Yarn 1.22.22."""

from collections.abc import Iterator, Mapping
from typing import Any

from outrider.operators.packages.npm.packages import Manifest, NpmPackage
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.npm.specs import Spec, read_spec
from outrider.operators.packages.resolving.outcomes import ResolvedPackage
from outrider.operators.packages.yarn.manifests import cleaned

_NEEDED = ("dependencies", "optionalDependencies")


def key(name: str, text: str) -> str:
    """Return how the lock file names what is asked for: as it is written."""
    return f"{name}@{text}"


def spec(name: str, text: str) -> Spec:
    """Return what is asked for."""
    return read_spec(name, text)


def pick(package: NpmPackage, text: str) -> Manifest | None:
    """Return the version for a range or a tag; None where there is none."""
    return package.newest(text, latest=True, deprecated=True)


def kind(text: str) -> str:
    """Return what a text asks for: a package."""
    del text
    return ""


async def entry(source: NpmSource, manifest: Manifest, kind: str) -> dict[str, Any]:
    """Return what the lock file has of a version.

    Raises:
        OutriderError: What its registry says.
    """
    del kind
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
    source: NpmSource, root: Mapping[str, Any], chosen: Mapping[str, ResolvedPackage]
) -> dict[str, ResolvedPackage]:
    """Return what is noted beside what is asked for: nothing."""
    del source, root, chosen
    return {}


def needs(name: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names and ranges that an entry needs."""
    del name
    for one in _NEEDED:
        yield from entry.get(one, {}).items()
