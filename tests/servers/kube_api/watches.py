"""Answers to WATCH: lines that go on until somebody ends them."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Self

import msgspec

from tests.servers.kube_api.calls import Call
from tests.servers.kube_api.errors import ApiError, Document
from tests.servers.kube_api.kinds import Kind
from tests.servers.kube_api.lists import invalid_options
from tests.servers.kube_api.selectors import Selector, read_selector
from tests.servers.kube_api.store import Change, Collection, End, Item, Mark, Queue, Store, with_version

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


def event_line(kind: str, document: Document) -> bytes:
    """Return a line of a watch."""
    return msgspec.json.encode({"type": kind, "object": document}) + b"\n"


def error_line(error: ApiError) -> bytes:
    """Return the line that tells an error."""
    return event_line("ERROR", error.status)


def bookmark_line(kind: Kind, version: int, *, initial: bool = False) -> bytes:
    """Return the line that tells a version; with `initial`, the one that ends what was there before."""
    metadata: Document = {"resourceVersion": str(version)}
    if initial:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    return event_line("BOOKMARK", {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata})


class WatchLines(AsyncIterator[bytes]):
    """The lines of one watch.

    Args:
        collection: The objects of the kind.
        first: Lines to begin with.
        selector: Which objects are asked for.
        seconds: After which it ends.

    Attributes:
        bookmarks: Whether bookmarks are sent.
    """

    def __init__(
        self, collection: Collection, first: Iterable[bytes], selector: Selector, *, seconds: float, bookmarks: bool
    ) -> None:
        self._collection = collection
        self._first = list(reversed(list(first)))
        self._selector = selector
        self._end = asyncio.get_running_loop().time() + seconds if seconds else None
        self._queue: Queue = asyncio.Queue()
        self._ended = False
        self.bookmarks = bookmarks
        collection.queues.add(self._queue)

    @property
    def waits(self) -> bool:
        """Whether there is nothing to send now."""
        return not self._first and self._queue.empty()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._first:
            return self._first.pop()
        while not self._ended:
            line = self._line(await self._next())
            if line is not None:
                return line
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Watch no longer."""
        self._ended = True
        self._collection.queues.discard(self._queue)

    async def _next(self) -> Item:
        try:
            async with asyncio.timeout_at(self._end):
                return await self._queue.get()
        except TimeoutError:
            return End()

    def _line(self, item: Item) -> bytes | None:
        if isinstance(item, Change):
            return _change_line(item, self._selector)
        if isinstance(item, Mark):
            return bookmark_line(self._collection.kind, item.version) if self.bookmarks else None
        self._ended = True
        return None


def _change_line(change: Change, selector: Selector) -> bytes | None:
    """Return how a change looks to somebody who sees only selected objects: what leaves the selection is deleted."""
    before = change.before is not None and selector(change.before)
    after = change.type != "DELETED" and selector(change.object)
    if after:
        return event_line("MODIFIED" if before else "ADDED", change.object)
    if before and change.before is not None:
        gone = change.object if change.type == "DELETED" else with_version(change.before, change.version)
        return event_line("DELETED", gone)
    return None


def watch(call: Call, store: Store, collection: Collection, namespace: str) -> WatchLines:
    """Return the lines that a request asks for; what happens from now on is among them.

    Raises:
        ApiError: The request makes no sense (400, 422), or its version is forgotten (410).
    """
    selector = read_selector(call, namespace)
    initial = _wants_initial(call)
    version = call.number("resourceVersion")
    bookmarks = call.flag("allowWatchBookmarks")
    first: list[bytes] = []
    if initial or (initial is None and not version):
        found = sorted(collection.objects.items())
        first = [event_line("ADDED", one) for _, one in found if selector(one)]
        if initial and bookmarks:
            first.append(bookmark_line(collection.kind, store.version, initial=True))
    elif version:
        lines = [_change_line(change, selector) for change in collection.since(version)]
        first = [line for line in lines if line is not None]
    return WatchLines(collection, first, selector, seconds=call.number("timeoutSeconds"), bookmarks=bookmarks)


def _wants_initial(call: Call) -> bool | None:
    """Return whether what is there is asked for, marked at its end; None if the request does not say."""
    match = call.query.get("resourceVersionMatch", "")
    if "sendInitialEvents" not in call.query:
        if match:
            why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            raise invalid_options("resourceVersionMatch", why)
        return None
    if match != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise invalid_options("resourceVersionMatch", why)
    return call.flag("sendInitialEvents")
