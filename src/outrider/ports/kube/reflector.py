"""Keeps a cache as the API server has it: fills it, follows what happens, and comes back after whatever goes wrong.

    fill --end mark, or last page--> watch --ended or failed--> watch, from the version seen last
      ^                                |
      +---- version too old (410) -----+

The rules are those of client-go's reflector, with what KEP-3157 (watch-list) adds; what is left open there is bounded here.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping

import msgspec

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.http.errors import ProtocolError
from outrider.ports.clock import Clock, SystemClock
from outrider.ports.kube.cache import Change, ObjectCache
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.errors import ExpiredError, KindGoneError, error_of, read_error
from outrider.ports.kube.lines import Lines
from outrider.ports.kube.objects import INITIAL_EVENTS_END, UNREADABLE, KubeObject, WatchEvent, read_event
from outrider.ports.kube.resources import Resource
from outrider.ports.telemetry import logger

_LOG = logger(__name__)
Parameters = Mapping[str, str | int | bool | None]


class Pace(msgspec.Struct, frozen=True):
    """How a reflector waits; all times in seconds.

    Attributes:
        fill: For the end mark of a watch-list; then pages are asked for instead.
        watch: For which a watch is asked to live, at least; up to twice as long, so that not all end at once.
        silence: After which a watch is given up: the server sends a bookmark about once a minute.
        steady: A watch that ends sooner counts as a failure, whatever it gave.
        first: Pause after a failure; doubled by each further one.
        longest: Pause at most.
        calm: After that long without a failure they are counted from none again.
    """

    fill: float = 60.0
    watch: float = 300.0
    silence: float = 90.0
    steady: float = 5.0
    first: float = 0.8
    longest: float = 30.0
    calm: float = 120.0


class Selection(msgspec.Struct, frozen=True):
    """Which objects of a kind.

    Attributes:
        namespace: Empty for all.
        labels: A label selector.
        fields: A field selector.
    """

    namespace: str = ""
    labels: str = ""
    fields: str = ""


class Reflector:
    """Follows the objects of one kind.

    Args:
        client: Who is asked.
        resource: The kind.
        cache: What is kept.
        changed: Is told of each change, after the cache has it. It must not wait.
        selection: Which of its objects.
        pace: How it waits.
        clock: For the pauses.

    Attributes:
        synced: Set once the cache has been filled.
        problem: Why the cache may be behind now; None where it follows.
        restarts: How often a watch began anew, by the reason.
        relists: How often all was asked for again.
        skipped: Events whose objects could not be read.
    """

    def __init__(
        self,
        client: KubeClient,
        resource: Resource,
        cache: ObjectCache,
        changed: Callable[[Change], None],
        *,
        selection: Selection | None = None,
        pace: Pace | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.resource, self.cache = resource, cache
        self.synced = asyncio.Event()
        self.problem: OutriderError | None = None
        self.restarts: dict[str, int] = {}
        self.relists = 0
        self.skipped = 0
        self._client, self._changed = client, changed
        self._selection, self._pace = selection or Selection(), pace or Pace()
        self._clock = clock or SystemClock()
        self._version = ""
        # What a watch-list has told so far, by key; None once the cache has it.
        self._filling: dict[str, KubeObject] | None = None
        self._pages = False
        self._heard = 0.0
        self._refusal: OutriderError | None = None
        self._failures = 0
        self._failed_at = 0.0

    async def run(self) -> None:
        """Follow until this is cancelled."""
        while True:
            began = self._clock.monotonic()
            reason = await self._once()
            self.restarts[reason] = self.restarts.get(reason, 0) + 1
            lived = self._clock.monotonic() - began
            if reason in ("ended", "expired") and lived >= self._pace.steady:
                continue
            await self._clock.sleep(self._pause())

    async def _once(self) -> str:
        """Fill the cache if need be and follow once, and return in one word why that ended."""
        try:
            if not self._version and self._pages:
                await self._fill_by_pages()
            await self._follow()
        except ExpiredError as error:
            self._version, self.problem = "", error
            return "expired"
        except KindGoneError as error:
            # Whoever took the kind away did not delete its objects one by one: nobody is told that they are gone.
            self._version, self.problem = "", error
            return "no kind"
        except InvalidConfigError as error:
            self.problem = error
            if self._version or self._pages or "status" not in error.context:
                return "refused"
            self._pages = True  # a server before watch-lists
            return "no watch-list"
        except OutriderError as error:
            self.problem = error
            return "failed"
        return "ended"

    async def _fill_by_pages(self) -> None:
        found: list[KubeObject] = []
        selection = self._selection
        version = ""
        async for page in self._client.pages(
            self.resource, selection.namespace, labels=selection.labels, fields=selection.fields
        ):
            found += page.objects()
            version = page.metadata.resource_version
        self._filled(found, version)

    async def _follow(self) -> None:
        """Watch until the server ends it, or nothing is heard of it for too long.

        Raises:
            OutriderError: The watch failed, or the server says that it cannot go on.
        """
        self._filling = None if self._version else {}
        self._refusal = None
        self._heard = began = self._clock.monotonic()
        lines, namespace = Lines(self._line), self._selection.namespace
        watch = asyncio.create_task(
            self._client.watch(self.resource, lines.feed, namespace, parameters=self._parameters())
        )
        try:
            while (left := self._patience(began)) > 0 and not watch.done():
                await asyncio.wait((watch,), timeout=min(left, self._pace.steady))
                if not watch.done() and self._filling is None:
                    self.problem = None
            if watch.done():
                self._ended(watch)
            elif self._filling is not None:
                self._pages = True
        finally:
            watch.cancel()
            await asyncio.wait((watch,))

    def _patience(self, began: float) -> float:
        """Return for how many seconds more the watch is waited for."""
        end = self._heard + self._pace.silence
        if self._filling is not None:
            end = min(end, began + self._pace.fill)
        return end - self._clock.monotonic()

    def _ended(self, watch: "asyncio.Task[None]") -> None:
        error = watch.exception()
        if self._refusal is not None:
            raise self._refusal
        if error is not None:
            raise error
        if self._filling is not None:
            # It ended before all was told: an old server, or one that goes down.
            self._pages = True

    def _parameters(self) -> Parameters:
        selection = self._selection
        seconds = int(self._pace.watch * random.uniform(1.0, 2.0))  # noqa: S311 - spreads load
        common: dict[str, str | int | bool | None] = {
            "allowWatchBookmarks": True, "timeoutSeconds": max(seconds, 1), "labelSelector": selection.labels, "fieldSelector": selection.fields,
        }  # fmt: skip
        if self._version:
            return {**common, "resourceVersion": self._version}
        return {**common, "sendInitialEvents": True, "resourceVersionMatch": "NotOlderThan"}

    def _line(self, line: bytes) -> None:
        """Take a line of the watch."""
        self._heard = self._clock.monotonic()
        try:
            event = read_event(line)
        except UNREADABLE as error:
            self._skip(line, error)
            return
        if event.type == "ERROR":
            status = read_error(line)
            self._refusal = error_of(status.code, status, f"watch {self.resource.kind}")
            raise ProtocolError(400, "the server ended the watch")
        version = event.object.metadata.resource_version
        if self._filling is not None:
            self._take_first(event, self._filling)
            return
        if event.type != "BOOKMARK":
            for change in self.cache.observe(event.object, gone=event.type == "DELETED"):
                self._changed(change)
        # After the event is in the cache: what is not there yet is asked for again.
        self._version = version
        self.problem = None

    def _skip(self, line: bytes, error: Exception) -> None:
        """Leave out an object that cannot be read: to begin anew would only bring it again.

        Raises:
            ProtocolError: The line is no event at all.
        """
        if not line.lstrip().startswith(b"{") or not line.rstrip().endswith(b"}"):
            raise ProtocolError(400, f"a line of the watch is no event: {error}") from error
        self.skipped += 1
        _LOG.error(
            "an object cannot be read and is left out",
            extra={"resource": self.resource.title, "error": str(error)[:200]},
        )

    def _take_first(self, event: WatchEvent, filling: dict[str, KubeObject]) -> None:
        if event.type in ("ADDED", "MODIFIED"):
            filling[event.object.key] = event.object.kept()
        elif event.type == "DELETED":
            # Real events may come before the end mark, which waits until the server's own cache has caught up.
            filling.pop(event.object.key, None)
        elif INITIAL_EVENTS_END in event.object.metadata.annotations:
            self._filled(filling.values(), event.object.metadata.resource_version)

    def _filled(self, items: Iterable[KubeObject], version: str) -> None:
        self._filling = None
        if self.synced.is_set():
            self.relists += 1
        for change in self.cache.replace(items):
            self._changed(change)
        self._version = version
        self.problem = None
        self.synced.set()

    def _pause(self) -> float:
        now = self._clock.monotonic()
        if now - self._failed_at > self._pace.calm:
            self._failures = 0
        self._failed_at = now
        self._failures += 1
        most = min(self._pace.first * 2.0 ** min(self._failures - 1, 30), self._pace.longest)
        return most * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load
