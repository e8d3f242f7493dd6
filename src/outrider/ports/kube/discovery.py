"""Which kinds an API server serves, and under which paths (aggregated or not: the resource lists of each group and version)."""

import asyncio

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import InvalidConfigError, NotFoundError, did_you_mean
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.errors import KindGoneError
from outrider.ports.kube.resources import Resource

_POLL = 0.2


class _Listed(msgspec.Struct):
    name: str
    kind: str
    namespaced: bool = True


class _Resources(msgspec.Struct):
    resources: list[_Listed] = []


async def find_resource(client: KubeClient, api_version: str, kind: str, *, patience: float = 0.0) -> Resource:
    """Return a kind as the server serves it.

    Args:
        client: Who is asked.
        api_version: `GROUP/VERSION`, or `v1`.
        kind: As in objects, such as `Deployment`.
        patience: Seconds to wait for a kind that is just being defined.

    Raises:
        NotFoundError: The server has no such kind.
        InvalidConfigError: The API version is none.
        OutriderError: What else the server says.
    """
    group, _, version = api_version.rpartition("/")
    if not version or "/" in group:
        raise InvalidConfigError(
            f"{api_version!r} is no API version", found=api_version, expected="GROUP/VERSION, or v1"
        )
    end = asyncio.get_running_loop().time() + patience
    while True:
        try:
            return await _find(client, group, version, kind)
        except NotFoundError:
            if asyncio.get_running_loop().time() >= end:
                raise
        await asyncio.sleep(_POLL)


async def _find(client: KubeClient, group: str, version: str, kind: str) -> Resource:
    path = f"/apis/{group}/{version}" if group else f"/api/{version}"
    try:
        listed = decode(await client.raw(path, shown=f"discover {path}"), _Resources).resources
    except KindGoneError as error:
        raise NotFoundError(
            f"the server has no {path.removeprefix('/apis/')}", found=path, expected="a group and version that it serves",
            suggestions=["kubectl api-versions", "install its CustomResourceDefinition"],
        ) from error  # fmt: skip
    for one in listed:
        if one.kind == kind and "/" not in one.name:
            return Resource(group, version, one.name, kind, one.namespaced)
    kinds = sorted({one.kind for one in listed if "/" not in one.name})
    raise NotFoundError(
        f"{path} has no kind '{kind}'", found=kind, expected=", ".join(kinds), suggestions=did_you_mean(kind, kinds)
    )
