"""The npm registries behind this one."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.npm.client import NpmClient
from outrider.operators.packages.npm.serving.documents import tarball_name
from outrider.operators.packages.registries.downloads import Document
from outrider.operators.packages.serving.upstreams import FileSource


class _Dist(msgspec.Struct):
    tarball: str
    integrity: Any = None
    shasum: Any = None


class _Release(msgspec.Struct):
    dist: _Dist


class _Packument(msgspec.Struct):
    versions: dict[str, msgspec.Raw] = {}


_PACKUMENT, _RELEASE = msgspec.json.Decoder(_Packument), msgspec.json.Decoder(_Release)


class NpmUpstream:
    """Asks the registries that npm uses on this machine.

    Args:
        client: With npm's settings.
    """

    def __init__(self, client: NpmClient) -> None:
        self._client = client

    async def fetch(self, name: str, known: Document | None) -> tuple[bytes | None, Document]:
        document = await self._client.packument(name, known, whole=True)
        if document.content is not None:
            try:
                _PACKUMENT.decode(document.content)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise ExecutionFailedError(
                    f"{document.url}: no document of npm: {error}", found=str(error)[:200], expected="a document with versions",
                    suggestions=["check the address of the registry: npm config get registry"],
                ) from error  # fmt: skip
        return document.content, document

    def sources(self, name: str, raw: bytes) -> Mapping[str, FileSource]:
        found: dict[str, FileSource] = {}
        for version, one in _PACKUMENT.decode(raw).versions.items():
            try:
                dist = _RELEASE.decode(one).dist
            except msgspec.DecodeError:
                continue
            fetch = partial(self._client.stream, name, dist.tarball)
            found[tarball_name(name, version)] = FileSource(version, _hashes(dist), fetch)
        return found

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()


def _hashes(dist: _Dist) -> dict[str, str]:
    """Return what the hashes of a tarball must be: those of its integrity, else its SHA-1."""
    found: dict[str, str] = {}
    for one in dist.integrity.split() if isinstance(dist.integrity, str) else ():
        algorithm, _, value = one.partition("-")
        try:
            # Of several of one kind any may hold, which nobody uses: the first one counts.
            found.setdefault(algorithm, b64decode(value.partition("?")[0], validate=True).hex())
        except (binascii.Error, ValueError):
            continue
    if not found and isinstance(dist.shasum, str):
        found["sha1"] = dist.shasum
    return found
