"""Controllers of one's own kinds, in a few lines: a function that looks at one object, and does what is missing.

from outrider import After, Operator

operator = Operator("widgets")

@operator.controller("example.org/v1", "Widget", owns=["v1/ConfigMap"])
async def widget(item, kube):
    await kube.own({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": item.name}, "data": {"size": str(item.spec["size"])}})
    await kube.status({"size": item.spec["size"]})

operator.run()
"""

import asyncio
import inspect
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Literal, TypeVar

import msgspec

from outrider.controller.children import Children, wanted
from outrider.core.errors import InvalidConfigError
from outrider.ports.kube.cache import Change, by_owner
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.controller import After, Controller, Work, generation_changed, owner_keys
from outrider.ports.kube.discovery import find_resource
from outrider.ports.kube.events import Recorder, Subject
from outrider.ports.kube.finalizers import add_finalizer, remove_finalizer
from outrider.ports.kube.informer import Informer
from outrider.ports.kube.kubeconfig import find_target
from outrider.ports.kube.lease import Election
from outrider.ports.kube.manager import Manager
from outrider.ports.kube.objects import KubeObject, plain
from outrider.ports.kube.reflector import Pace, Selection
from outrider.ports.kube.resources import Resource

T = TypeVar("T")
# With `async`, of a Kube; without, of a BlockingKube.
Reconcile = Callable[["Item", Any], Awaitable[After | None] | After | None]
# For a kind whose definition is applied beside the operator.
PATIENCE_SECONDS = 30.0
_INDEXES = {"owner": by_owner}


class Item:
    """An object as it was seen last.

    Attributes:
        name: Its name.
        namespace: Its namespace; empty where its kind has none.
        uid: What tells it from every other one of its name.
        labels: Its labels.
        annotations: Its annotations.
        generation: Counts the changes of its spec.
        deleting: Whether somebody wants it away; it stays until its finalizer is removed.
    """

    def __init__(self, seen: KubeObject) -> None:
        metadata = seen.metadata
        self.seen = seen
        self.name, self.namespace, self.uid = metadata.name, metadata.namespace, metadata.uid
        self.labels, self.annotations = metadata.labels, metadata.annotations
        self.generation, self.deleting = metadata.generation, bool(metadata.deletion_timestamp)

    @property
    def spec(self) -> dict[str, Any]:
        """What is wanted."""
        return plain(self.seen.spec)

    @property
    def status(self) -> dict[str, Any]:
        """What was said of it last."""
        return plain(self.seen.status)

    @property
    def data(self) -> dict[str, Any]:
        """The data of a ConfigMap."""
        return plain(self.seen.data)


class Kube:
    """What a function may do on behalf of one object.

    Attributes:
        client: For all other requests.
        epoch: What tells this leadership from every other one.
    """

    def __init__(self, watched: "_Watched", seen: KubeObject, client: KubeClient, epoch: str) -> None:
        self.client, self.epoch = client, epoch
        self._watched, self._seen = watched, seen
        self._kept: dict[Resource, list[str]] = {}
        self._said, self._version = plain(seen.status), seen.metadata.resource_version

    async def own(self, content: Mapping[str, Any]) -> bool:
        """Have an object of its own be as wanted, and return whether anything was written. It goes with its owner.

        Args:
            content: With apiVersion, kind and metadata.name; only the fields that are wanted.

        Raises:
            InvalidConfigError: Its kind is none of those that the controller owns.
            ConflictError: There is another one of its name that belongs to somebody else.
            OutriderError: What else the server says.
        """
        children = self._watched.children_of(content)
        place = self._seen.metadata.namespace
        metadata = {**({"namespace": place} if place else {}), **content.get("metadata", {})}
        if place and (metadata["namespace"] != place or not children.resource.namespaced):
            raise InvalidConfigError(
                f"{children.resource.kind} {metadata.get('name')}: an object in a namespace owns what is in the same one alone",
                path="metadata.namespace", found=str(metadata["namespace"]), expected=place,
                suggestions=["make it with kube.client, and remove it with a finalizer"],
            )  # fmt: skip
        one = wanted(children.resource, {**content, "metadata": metadata}, self._seen, self._watched.resource)
        self._kept.setdefault(children.resource, []).append(metadata["name"])
        return await children.keep(one, self._seen)

    async def disown_others(self) -> None:
        """Remove the objects of its own that were not wanted in this run."""
        for resource, children in self._watched.children.items():
            await children.remove_others(self._seen, self._kept.get(resource, ()))

    async def status(self, content: Mapping[str, Any]) -> None:
        """Say how it does: all of it, as what was said before and is not now goes away. What is said already is not written again.

        Raises:
            ConflictError: It has changed since it was seen; it is looked at again.
            OutriderError: What else the server says.
        """
        if self._said == content:
            return
        metadata = self._seen.metadata
        place = {"name": metadata.name, "namespace": metadata.namespace, "resourceVersion": self._version}
        said, manager = {"metadata": place, "status": dict(content)}, f"{self.client.manager}-status"
        written = await self.client.apply(self._watched.resource, said, part="status", manager=manager, force=True)
        self._said, self._version = dict(content), str(written.object["metadata"]["resourceVersion"])

    async def say(
        self, severity: Literal["Normal", "Warning"], reason: str, note: str, *, action: str = "Reconcile"
    ) -> None:
        """Write an event, which `kubectl describe` shows."""
        await self._watched.recorder.say(Subject(self._watched.resource, self._seen), severity, reason, action, note)


class BlockingKube:
    """The same for a function without `async`, which runs in a thread of its own: each call waits until it is done.

    Args:
        kube: The other one.
        loop: In which its requests run.
    """

    def __init__(self, kube: Kube, loop: asyncio.AbstractEventLoop) -> None:
        self.client, self.epoch = kube.client, kube.epoch
        self._kube, self._loop = kube, loop

    def own(self, content: Mapping[str, Any]) -> bool:
        """See `Kube.own`."""
        return self._wait(self._kube.own(content))

    def disown_others(self) -> None:
        """See `Kube.disown_others`."""
        self._wait(self._kube.disown_others())

    def status(self, content: Mapping[str, Any]) -> None:
        """See `Kube.status`."""
        self._wait(self._kube.status(content))

    def say(self, severity: Literal["Normal", "Warning"], reason: str, note: str, *, action: str = "Reconcile") -> None:
        """See `Kube.say`."""
        self._wait(self._kube.say(severity, reason, note, action=action))

    def _wait(self, asked: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()


class _Declared(msgspec.Struct):
    """A controller as its decorator says."""

    api_version: str
    kind: str
    function: Reconcile
    owns: Sequence[str]
    finalizer: str
    workers: int
    selection: Selection


class _Watched:
    """A controller that runs."""

    def __init__(self, declared: _Declared, resource: Resource, informer: Informer, recorder: Recorder) -> None:
        self.declared, self.resource, self.informer, self.recorder = declared, resource, informer, recorder
        self.children: dict[Resource, Children] = {}

    def children_of(self, content: Mapping[str, Any]) -> Children:
        for resource, children in self.children.items():
            if (resource.api_version, resource.kind) == (content.get("apiVersion"), content.get("kind")):
                return children
        found = f"{content.get('apiVersion')}/{content.get('kind')}"
        raise InvalidConfigError(
            f"this controller owns no {found}", found=found, expected=", ".join(self.declared.owns) or "owns=[...]",
            suggestions=[f'write owns=["{found}"]'],
        )  # fmt: skip


class Operator:
    """Runs controllers in one process.

    Args:
        name: Field manager, and name of the Lease.
        namespace: Whose objects are looked at; all if empty.
        lease_namespace: Where a Lease says which of several processes acts; none if empty.
        cluster: Context of the kubeconfig; the current one, or in a pod its own cluster.
        pace: How caches wait for a server that is away.
    """

    def __init__(
        self, name: str, *, namespace: str = "", lease_namespace: str = "", cluster: str = "", pace: Pace | None = None
    ) -> None:
        self.name = name
        self._namespace, self._lease_namespace, self._cluster, self._pace = namespace, lease_namespace, cluster, pace
        self._declared: list[_Declared] = []

    def controller(
        self,
        api_version: str,
        kind: str,
        *,
        owns: Sequence[str] = (),
        finalizer: str = "",
        workers: int = 16,
        labels: str = "",
    ) -> Callable[[Reconcile], Reconcile]:
        """Have a function look at each object of a kind when it, or an object of its own, changes.

        It is called again after a failure, and may be called any number of times: it looks at what is so, and does what is
        missing. `After(60)` has it called again then; `TerminalError` not until the object changes.

        Args:
            api_version: Of the kind.
            kind: As in objects.
            owns: Kinds of its own objects, as `apps/v1/Deployment`.
            finalizer: `GROUP/PURPOSE`; with one the function is called for an object that is being deleted too
                (`item.deleting`), and lets it go by coming to its end.
            workers: Objects at a time.
            labels: A label selector.

        Raises:
            InvalidConfigError: There are a label selector and a finalizer.
        """
        if labels and finalizer:
            raise InvalidConfigError(
                "an object that loses its label would be seen no more, and its finalizer hold it for ever", found="labels and finalizer",
                expected="one of the two", suggestions=["watch all, and look at item.labels"],
            )  # fmt: skip

        def decorated(function: Reconcile) -> Reconcile:
            selection = Selection(self._namespace, labels)
            self._declared.append(_Declared(api_version, kind, function, owns, finalizer, workers, selection))
            return function

        return decorated

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        asyncio.run(self._until_asked())

    async def serve(self, client: KubeClient | None = None) -> None:
        """Run until this is cancelled.

        Raises:
            OutriderError: The cluster cannot be found, or has no such kind.
        """
        if client is None:
            async with KubeClient(find_target(self._cluster), component=self.name) as own:
                await self.serve(own)
            return
        identity = f"{socket.gethostname()}_{secrets.token_hex(4)}"
        election = Election(client, self.name, self._lease_namespace, identity) if self._lease_namespace else None
        manager = Manager(client, election=election, pace=self._pace)
        for declared in self._declared:
            await self._add(declared, client, manager, Recorder(client, self.name, identity))
        await manager.run()

    async def _until_asked(self) -> None:
        task = asyncio.create_task(self.serve())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await asyncio.wait((task,))
        if not task.cancelled():
            task.result()

    async def _add(self, declared: _Declared, client: KubeClient, manager: Manager, recorder: Recorder) -> None:
        resource = await find_resource(client, declared.api_version, declared.kind, patience=PATIENCE_SECONDS)
        watched = _Watched(
            declared, resource, manager.informer(resource, selection=declared.selection, indexes=_INDEXES), recorder
        )
        controller = Controller(
            f"{self.name}/{resource.title}", lambda work: _reconcile(watched, client, work), workers=declared.workers
        )
        controller.follow(watched.informer, when=what_is_wanted_changed)
        for kind in declared.owns:
            api_version, _, name = kind.rpartition("/")
            owned = await find_resource(client, api_version, name)
            informer = manager.informer(owned, selection=Selection(self._namespace), indexes=_INDEXES)
            watched.children[owned] = Children(client, owned, informer.cache)
            informer.on_change(watched.children[owned].hear)
            controller.follow(informer, owner_keys(resource))
        manager.add(controller)


def what_is_wanted_changed(change: Change) -> bool:
    """Return whether more than the status of an object has changed; of a kind that does not count its changes, whether anything has."""
    counted = change.after is not None and change.after.metadata.generation > 0
    return generation_changed(change) if counted else True


async def _reconcile(watched: _Watched, client: KubeClient, work: Work) -> After | None:
    seen = watched.informer.cache.get(work.key)
    declared = watched.declared
    if seen is None or (seen.metadata.deletion_timestamp and declared.finalizer not in seen.metadata.finalizers):
        return None
    wants_finalizer = declared.finalizer and not seen.metadata.deletion_timestamp
    if wants_finalizer and await add_finalizer(client, watched.resource, seen, declared.finalizer):
        return None  # its change is seen, and looked at
    after = await _called(declared.function, Item(seen), Kube(watched, seen, client, work.epoch))
    if seen.metadata.deletion_timestamp and after is None:
        await remove_finalizer(client, watched.resource, seen, declared.finalizer)
    return after


async def _called(function: Reconcile, item: Item, kube: Kube) -> After | None:
    """Call a function; one that waits in the usual way of Python in a thread, so that nothing else waits with it."""
    if inspect.iscoroutinefunction(function):
        found = await function(item, kube)
    else:
        blocking = BlockingKube(kube, asyncio.get_running_loop())
        thread = asyncio.ensure_future(asyncio.to_thread(function, item, blocking))
        try:
            found = await asyncio.shield(thread)
        except asyncio.CancelledError:
            # A thread cannot be stopped; nobody else looks at this object as long as it works.
            await asyncio.wait((thread,))
            raise
        if inspect.isawaitable(found):
            found = await found
    return found if isinstance(found, After) else None
