"""Clusters and namespaces of a call: connections to them, and the same work done in each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Any, TypeVar

import msgspec

from outrider.core.errors import InvalidConfigError, OutriderError, PartialError, collected
from outrider.operators.kubernetes.kinds import OptionalTargetWord, TargetWord, served_kind, target_name
from outrider.ports.kube.catalogue import Catalogue, ServedKind, read_catalogue
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.kubeconfig import find_target
from outrider.runtime.context import Context

T = TypeVar("T")
ALL = "*"
_AT_ONCE = 8
_NAMESPACE = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
ClusterNames = Annotated[str, msgspec.Meta(max_length=2000, examples=["staging", "staging,production"])]
ClusterName = Annotated[str, msgspec.Meta(pattern=r"^[^,]{0,500}$", examples=["staging"])]
NamespaceNames = Annotated[
    str,
    msgspec.Meta(pattern=rf"^(\*|{_NAMESPACE}(,{_NAMESPACE})*)?(?!\n)$", examples=["shop", "shop,checkout", "*"]),
]
NamespaceName = Annotated[str, msgspec.Meta(pattern=rf"^({_NAMESPACE})?(?!\n)$", examples=["shop"])]


class OnePlace(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One cluster and one of its namespaces.

    Attributes:
        cluster: Context of the kubeconfig; the current one if empty.
        namespace: That of the context if empty; means nothing for a kind that has no namespaces.
    """

    cluster: ClusterName = ""
    namespace: NamespaceName = ""


class Places(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One or several clusters and namespaces; in each the same is done, with a result of its own.

    Attributes:
        cluster: Contexts of the kubeconfig with commas between them; the current one if empty.
        namespace: Namespaces with commas between them, `*` for all; that of the context if empty.
    """

    cluster: ClusterNames = ""
    namespace: NamespaceNames = ""


class TargetInOnePlace(OnePlace, kw_only=True):
    """An object in one cluster and namespace.

    Attributes:
        target: `KIND/NAME`, such as deployment/web.
    """

    target: TargetWord

    def __post_init__(self) -> None:
        """Bring the target into its one form.

        Raises:
            InvalidConfigError: Its kind is none.
        """
        self.target = target_name(self.target)


class TargetInPlaces(Places, kw_only=True):
    """An object in each of the places.

    Attributes:
        target: `KIND/NAME`, such as deployment/web.
    """

    target: TargetWord

    def __post_init__(self) -> None:
        """Bring the target into its one form.

        Raises:
            InvalidConfigError: Its kind is none.
        """
        self.target = target_name(self.target)


class PlacesOrTarget(Places, kw_only=True):
    """Places, or one object in each of them.

    Attributes:
        target: `KIND/NAME`, such as deployment/web; none if empty.
    """

    target: OptionalTargetWord = ""

    def __post_init__(self) -> None:
        """Bring the target into its one form.

        Raises:
            InvalidConfigError: Its kind is none.
        """
        if self.target:
            self.target = target_name(self.target)


class Cluster:
    """A cluster during one call.

    Attributes:
        name: Of its context.
        namespace: The one that is meant where none is named.
    """

    def __init__(self, name: str, context: Context) -> None:
        target = find_target(name)
        self.name, self.namespace = target.name, target.namespace
        self.client = KubeClient(target, component="kubernetes", clock=context.clock)
        self._catalogue: asyncio.Task[Catalogue] | None = None

    async def catalogue(self) -> Catalogue:
        """Return its kinds, which are asked for once in a call."""
        if self._catalogue is None:
            self._catalogue = asyncio.create_task(read_catalogue(self.client))
        return await asyncio.shield(self._catalogue)

    async def kind(self, name: str) -> ServedKind:
        """Return what it serves under a kind in its one form.

        Raises:
            NotFoundError: It serves no such kind.
        """
        return served_kind(await self.catalogue(), name)

    async def close(self) -> None:
        """Drop its connections."""
        if self._catalogue is not None:
            self._catalogue.cancel()
            await asyncio.gather(self._catalogue, return_exceptions=True)
        await self.client.close()


class Place(msgspec.Struct, frozen=True):
    """A namespace of a cluster, or all of them where it is `*`."""

    cluster: Cluster
    namespace: str

    @property
    def client(self) -> KubeClient:
        """Who asks the cluster."""
        return self.cluster.client

    @property
    def searched(self) -> str:
        """The namespace as lists want it: empty for all."""
        return "" if self.namespace == ALL else self.namespace

    @property
    def title(self) -> str:
        """`CLUSTER/NAMESPACE`."""
        return f"{self.cluster.name}/{self.namespace}"


class Failure(msgspec.Struct, kw_only=True):
    """A place where it could not be done."""

    cluster: str
    namespace: str
    code: str
    message: str


@asynccontextmanager
async def connected(params: OnePlace, context: Context) -> AsyncIterator[Place]:
    """Yield the place of a call that has one.

    Raises:
        NotFoundError: No context has this name.
    """
    cluster = Cluster(params.cluster, context)
    try:
        yield Place(cluster, params.namespace or cluster.namespace)
    finally:
        await cluster.close()


@asynccontextmanager
async def places(params: Places, context: Context, *, every: bool = False) -> AsyncIterator[list[Place]]:
    """Yield the places of a call.

    Args:
        params: Which.
        context: The call.
        every: Whether `*` may be given: one place with all namespaces, as lists have it.

    Raises:
        NotFoundError: No context has this name.
        InvalidConfigError: A context is named twice, or `*` where single namespaces are wanted.
    """
    if params.namespace == ALL and not every:
        raise InvalidConfigError(
            "namespace: '*' is for reading alone", path="namespace", found=ALL, expected="namespaces with commas between them",
            suggestions=["name each: --namespace shop,checkout"],
        )  # fmt: skip
    names = [name.strip() for name in params.cluster.split(",")] if params.cluster else [""]
    if len(set(names)) < len(names) or (len(names) > 1 and "" in names):
        raise InvalidConfigError(
            "cluster: a name is empty or stands twice", path="cluster", found=params.cluster, expected="different contexts with commas between them"
        )  # fmt: skip
    async with AsyncExitStack() as stack:
        found = []
        for name in names:
            cluster = Cluster(name, context)
            stack.push_async_callback(cluster.close)
            found += [Place(cluster, one) for one in _namespaces(params.namespace, cluster)]
        yield found


def _namespaces(named: str, cluster: Cluster) -> list[str]:
    return list(dict.fromkeys(named.split(","))) if named else [cluster.namespace]


async def in_each(here: list[Place], work: Callable[[Place], Awaitable[T]]) -> tuple[list[T], list[Failure]]:
    """Do the same in every place, and return what came of it and where it failed.

    Raises:
        OutriderError: It failed in every place; the first one's error, with all others as causes.
    """
    done, errors = await _attempted(here, work)
    if not done:
        raise _first(errors)
    return done, [_failure(place, error) for place, error in errors]


async def changed_in_each(here: list[Place], work: Callable[[Place], Awaitable[T]]) -> list[T]:
    """Change something in every place.

    Raises:
        OutriderError: It failed in every place.
        PartialError: It failed in some; `context` has what came of the others.
    """
    done, errors = await _attempted(here, work)
    if not errors:
        return done
    if not done:
        raise _first(errors)
    failed = ", ".join(place.title for place, _ in errors)
    raise PartialError(
        f"done in {len(done)} of {len(here)} places; not in {failed}", found=failed, expected="the change in every place",
        context={"done": msgspec.to_builtins(done), "failed": msgspec.to_builtins([_failure(*one) for one in errors])},
        suggestions=["mend the cause and call it again for those places alone"], causes=[error for _, error in errors],
    )  # fmt: skip


async def _attempted(
    here: list[Place], work: Callable[[Place], Awaitable[T]]
) -> tuple[list[T], list[tuple[Place, OutriderError]]]:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def attempt(place: Place) -> T | OutriderError:
        async with slots:
            try:
                return await work(place)
            except OutriderError as error:
                return error

    outcomes = await asyncio.gather(*(attempt(place) for place in here))
    done = [outcome for outcome in outcomes if not isinstance(outcome, OutriderError)]
    errors = [(place, one) for place, one in zip(here, outcomes, strict=True) if isinstance(one, OutriderError)]
    return done, errors


def _first(errors: list[tuple[Place, OutriderError]]) -> OutriderError:
    first = collected([error for _, error in errors])
    if len(errors) > 1:
        first.context = {**first.context, "places": [place.title for place, _ in errors]}
    return first


def _failure(place: Place, error: OutriderError) -> Failure:
    return Failure(cluster=place.cluster.name, namespace=place.namespace, code=error.code, message=error.message)


def where(place: Place, metadata: dict[str, Any]) -> dict[str, Any]:
    """Return cluster and namespace of an object, for results."""
    return {"cluster": place.cluster.name, "namespace": str(metadata.get("namespace") or "")}
