"""All kinds that an API server serves, and which of them a person means by a word such as `pods`, `deploy` or `widget.example.org`.

Read with two requests where the server answers with all groups at once (KEP-3352); older ones are asked group by group.
"""

import asyncio
from collections.abc import Iterable, Iterator

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError, did_you_mean
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import Resource

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;q=0.5"
_SHOWN_KINDS = 60


class ServedKind(msgspec.Struct, frozen=True):
    """A kind in the version that the server prefers.

    Attributes:
        resource: Its paths.
        short_names: Such as `deploy`.
        verbs: What may be done to it at all.
        parts: Subresources, such as `scale`.
    """

    resource: Resource
    short_names: frozenset[str]
    verbs: frozenset[str]
    parts: frozenset[str]


class Catalogue:
    """The kinds of one server.

    Args:
        kinds: In the server's order; of two that share a name the first one is meant.

    Attributes:
        unreachable: Groups whose server, an aggregated one, does not answer.
    """

    def __init__(self, kinds: Iterable[ServedKind], *, unreachable: Iterable[str] = ()) -> None:
        self.kinds = list(kinds)
        self.unreachable = sorted(unreachable)
        self._by_name: dict[str, ServedKind] = {}
        for kind in self.kinds:
            for name in _names(kind):
                self._by_name.setdefault(name, kind)

    def find(self, word: str) -> ServedKind:
        """Return the kind that a word means: plural, singular or short name, with or without `.GROUP`.

        Raises:
            NotFoundError: The server has none.
        """
        found = self._by_name.get(word.lower())
        if found is not None:
            return found
        known = sorted({kind.resource.kind.lower() for kind in self.kinds})
        if self.unreachable:
            suggestions = [f"the servers of these groups do not answer: {', '.join(self.unreachable)}"]
        else:
            suggestions = [*did_you_mean(word, list(self._by_name)), "install its CustomResourceDefinition"]
        raise NotFoundError(
            f"the cluster has no kind '{word}'", found=word, expected=", ".join(known[:_SHOWN_KINDS]), suggestions=suggestions
        )  # fmt: skip

    def of_object(self, api_version: str, kind: str) -> Resource:
        """Return a kind by what objects say of themselves, in that version.

        Raises:
            NotFoundError: The server has none.
            InvalidConfigError: The API version is none.
        """
        group, _, version = api_version.rpartition("/")
        if not version or "/" in group:
            raise InvalidConfigError(
                f"{api_version!r} is no API version", path="apiVersion", found=api_version, expected="GROUP/VERSION, or v1"
            )  # fmt: skip
        for served in self.kinds:
            resource = served.resource
            if (resource.group, resource.kind) == (group, kind):
                return msgspec.structs.replace(resource, version=version)
        self.find(f"{kind}.{group}" if group else kind)
        raise NotFoundError(f"the cluster has no {kind} of {api_version}", found=f"{api_version} {kind}")


def _names(kind: ServedKind) -> Iterator[str]:
    resource = kind.resource
    for name in (resource.plural, resource.kind.lower(), *kind.short_names):
        yield name
        if resource.group:
            yield f"{name}.{resource.group}"


async def read_catalogue(client: KubeClient) -> Catalogue:
    """Ask a server for its kinds.

    Raises:
        OutriderError: What the server says.
    """
    core, others = await asyncio.gather(
        client.raw("/api", shown="discover the kinds of the core", accept=_AGGREGATED),
        client.raw("/apis", shown="discover the kinds", accept=_AGGREGATED),
    )
    answers = [decode(answer, _Groups) for answer in (core, others)]
    if any(answer.kind != "APIGroupDiscoveryList" for answer in answers):
        return await _group_by_group(client, answers[1])
    kinds = [served for answer in answers for group in answer.items for served in _aggregated(group)]
    silent = {
        group.metadata.name for answer in answers for group in answer.items
        if group.versions and all(version.freshness == "Stale" for version in group.versions)
    }  # fmt: skip
    return Catalogue(kinds, unreachable=silent)


class _Named(msgspec.Struct, frozen=True):
    name: str = ""


class _ServedKindName(msgspec.Struct, frozen=True):
    kind: str = ""


class _Part(msgspec.Struct):
    subresource: str


class _ServedResource(msgspec.Struct, rename="camel"):
    resource: str
    response_kind: _ServedKindName = _ServedKindName()
    scope: str = "Namespaced"
    short_names: list[str] = []
    verbs: list[str] = []
    subresources: list[_Part] = []


class _Version(msgspec.Struct):
    version: str
    resources: list[_ServedResource] = []
    freshness: str = ""


class _ServedGroup(msgspec.Struct):
    metadata: _Named = _Named()
    versions: list[_Version] = []


class _VersionName(msgspec.Struct, frozen=True, rename="camel"):
    group_version: str = ""


class _PlainGroup(msgspec.Struct, rename="camel"):
    name: str
    preferred_version: _VersionName = _VersionName()


class _Groups(msgspec.Struct):
    kind: str = ""
    items: list[_ServedGroup] = []
    groups: list[_PlainGroup] = []


def _aggregated(group: _ServedGroup) -> Iterator[ServedKind]:
    """Yield the kinds of a group, each in the first version that has it: the server names the preferred ones first."""
    seen: set[str] = set()
    for version in group.versions:
        for one in version.resources:
            if one.resource in seen:
                continue
            seen.add(one.resource)
            resource = Resource(
                group.metadata.name, version.version, one.resource, one.response_kind.kind, one.scope == "Namespaced"
            )
            parts = frozenset(part.subresource for part in one.subresources)
            yield ServedKind(resource, frozenset(one.short_names), frozenset(one.verbs), parts)


class _ListedResource(msgspec.Struct, rename="camel"):
    name: str
    kind: str
    namespaced: bool = True
    short_names: list[str] = []
    verbs: list[str] = []


class _ListedResources(msgspec.Struct):
    resources: list[_ListedResource] = []


async def _group_by_group(client: KubeClient, groups: _Groups) -> Catalogue:
    versions = ["v1", *(group.preferred_version.group_version for group in groups.groups)]
    found = await asyncio.gather(*(_listed(client, version) for version in versions))
    silent = [version.partition("/")[0] for version, kinds in zip(versions, found, strict=True) if kinds is None]
    return Catalogue((served for kinds in found for served in kinds or ()), unreachable=silent)


async def _listed(client: KubeClient, api_version: str) -> list[ServedKind] | None:
    """Return the kinds of a version of a group; None where its server does not answer."""
    group, _, version = api_version.rpartition("/")
    path = f"/apis/{api_version}" if group else f"/api/{api_version}"
    try:
        listed = decode(await client.raw(path, shown=f"discover {path}"), _ListedResources).resources
    except OutriderError:
        if not group:
            raise
        return None
    parts: dict[str, set[str]] = {}
    for one in listed:
        plural, slash, part = one.name.partition("/")
        if slash:
            parts.setdefault(plural, set()).add(part)
    return [
        ServedKind(
            Resource(group, version, one.name, one.kind, one.namespaced), frozenset(one.short_names),
            frozenset(one.verbs), frozenset(parts.get(one.name, ())),
        )
        for one in listed
        if "/" not in one.name
    ]  # fmt: skip
