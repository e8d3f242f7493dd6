"""The next changes of a kind since a version, for callers that come back: a watch that ends with the first news."""

import asyncio
from typing import Any

import msgspec

from outrider.core.errors import OutriderError
from outrider.core.http.errors import ProtocolError
from outrider.ports.clock import Clock
from outrider.ports.kube.answers import Object
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.errors import error_of, read_error
from outrider.ports.kube.lines import Lines
from outrider.ports.kube.objects import EventType
from outrider.ports.kube.reflector import Selection
from outrider.ports.kube.resources import Resource

# What comes together is told together.
_GATHER_SECONDS = 0.05
# The server has a bookmark for a watch at its end; then it says so itself.
_SLACK_SECONDS = 5.0


class Change(msgspec.Struct):
    """What happened to an object; of one that is gone it is the last state."""

    type: EventType
    object: Object


class News(msgspec.Struct):
    """What happened, in the order in which it did.

    Attributes:
        version: From which the next call goes on.
    """

    changes: list[Change]
    version: str


_CHANGES = msgspec.json.Decoder(Change)


async def next_changes(
    client: KubeClient, resource: Resource, selection: Selection, *, since: str, seconds: float, clock: Clock
) -> News:
    """Wait for changes, and return the first ones; none where nothing happens.

    Args:
        client: Who is asked.
        resource: The kind.
        selection: Which of its objects.
        since: Version after which they happened.
        seconds: How long to wait, at least one.
        clock: For the wait.

    Raises:
        ExpiredError: The version is too old: read all anew.
        OutriderError: What else the server says.
    """
    collector = _Collector(resource, since)
    parameters: dict[str, Any] = {
        "allowWatchBookmarks": True, "timeoutSeconds": max(1, round(seconds)), "resourceVersion": since,
        "labelSelector": selection.labels, "fieldSelector": selection.fields,
    }  # fmt: skip
    lines = Lines(collector.take)
    watch = asyncio.create_task(client.watch(resource, lines.feed, selection.namespace, parameters=parameters))
    heard = asyncio.create_task(collector.heard.wait())
    try:
        await asyncio.wait({watch, heard}, timeout=seconds + _SLACK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not watch.done():
            await clock.sleep(_GATHER_SECONDS)
    finally:
        watch.cancel()
        heard.cancel()
        await asyncio.wait({watch, heard})
    if collector.refusal is not None:
        raise collector.refusal
    if not watch.cancelled() and (error := watch.exception()) is not None and not collector.news.changes:
        raise error
    return collector.news


class _Collector:
    def __init__(self, resource: Resource, since: str) -> None:
        self.news = News([], since)
        self.heard = asyncio.Event()
        self.refusal: OutriderError | None = None
        self._resource = resource

    def take(self, line: bytes) -> None:
        change = _CHANGES.decode(line)
        if change.type == "ERROR":
            status = read_error(line)
            self.refusal = error_of(status.code, status, f"watch {self._resource.kind}")
            raise ProtocolError(400, "the server ended the watch")
        self.news.version = str(change.object["metadata"]["resourceVersion"])
        if change.type != "BOOKMARK":
            self.news.changes.append(change)
            self.heard.set()
