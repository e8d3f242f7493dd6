"""Events of Kubernetes: what a controller says of an object, where `kubectl describe` shows it (events.k8s.io/v1).

The same thing said again within six minutes counts in a series of one event, and who says too much of one object is heard less.
"""

import hashlib
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal

import msgspec

from outrider.core.errors import ConflictError, NotFoundError, OutriderError
from outrider.ports.clock import Clock, SystemClock
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.objects import KubeObject
from outrider.ports.kube.resources import EVENTS, Resource
from outrider.ports.telemetry import logger

_LOG = logger(__name__)
# client-go's values: a series ends after that long; a burst, and one for each such time after it, of one object.
SERIES_SECONDS = 360.0
BURST, REFILL_SECONDS = 25, 300.0
_NOTE_BYTES = 1024
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME = 253
_MOST_KNOWN = 4096


class Subject(msgspec.Struct, frozen=True):
    """What an event is about. Its kind is not always in an object: items of a list leave it out."""

    resource: Resource
    item: KubeObject


class _Series(msgspec.Struct):
    name: str
    namespace: str
    count: int
    last: float


class _Tokens(msgspec.Struct):
    left: float
    at: float


class Recorder:
    """Writes events.

    Args:
        client: Who is asked.
        controller: Who says it, as `outrider.dev/agenttype`.
        instance: Which process of it.
        clock: For series and times.
    """

    def __init__(self, client: KubeClient, controller: str, instance: str, *, clock: Clock | None = None) -> None:
        self._client, self._controller, self._instance = client, controller, instance
        self._clock = clock or SystemClock()
        self._series: dict[tuple[str, str, str, str], _Series] = {}
        self._tokens: dict[str, _Tokens] = {}

    async def say(
        self, about: Subject, severity: Literal["Normal", "Warning"], reason: str, action: str, note: str
    ) -> None:
        """Say something of an object. That it cannot be written stops nobody.

        Args:
            about: The object.
            severity: `Normal` or `Warning`.
            reason: Why, in CamelCase.
            action: What was done, in CamelCase.
            note: For people.
        """
        now = self._clock.monotonic()
        self._forget()
        uid = about.item.metadata.uid
        key = (uid, reason, action, severity)
        series = self._series.get(key)
        try:
            if series is not None and now - series.last < SERIES_SECONDS:
                series.last = now
                series.count += 1
                await self._count(series)
                return
            if self._allowed(uid, now):
                name = await self._create(about, severity, reason, action, note)
                self._series[key] = _Series(name, about.item.metadata.namespace or "default", 1, now)
        except NotFoundError:
            self._series.pop(key, None)  # the server forgets events after an hour
        except OutriderError as error:
            _LOG.warning(
                "an event could not be written",
                extra={"object": about.item.key, "reason": reason, "error": error.message},
            )

    async def _create(self, about: Subject, severity: str, reason: str, action: str, note: str) -> str:
        moment, metadata = self._moment(), about.item.metadata
        namespace = metadata.namespace or "default"
        digest = hashlib.sha256(f"{metadata.uid}/{reason}/{action}/{moment}".encode()).hexdigest()[:16]
        name = f"{metadata.name}.{digest}"
        if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
            name = f"event.{digest}"  # not every name of an object is one of an event
        regarding = {
            "apiVersion": about.resource.api_version, "kind": about.resource.kind, "name": metadata.name, "namespace": metadata.namespace, "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        }  # fmt: skip
        content = {
            "apiVersion": EVENTS.api_version, "kind": EVENTS.kind, "metadata": {"name": name, "namespace": namespace}, "eventTime": moment,
            "reportingController": self._controller, "reportingInstance": self._instance[:128], "action": action[:128], "reason": reason[:128],
            "regarding": {field: value for field, value in regarding.items() if value}, "note": _cut(note), "type": severity,
        }  # fmt: skip
        with suppress(ConflictError):  # written already, by an attempt whose answer was lost
            await self._client.create(EVENTS, content, namespace)
        return name

    async def _count(self, series: _Series) -> None:
        change = {"series": {"count": series.count, "lastObservedTime": self._moment()}}
        await self._client.patch(EVENTS, series.name, series.namespace, change)

    def _allowed(self, uid: str, now: float) -> bool:
        tokens = self._tokens.setdefault(uid, _Tokens(BURST, now))
        tokens.left = min(float(BURST), tokens.left + (now - tokens.at) / REFILL_SECONDS)
        tokens.at = now
        if tokens.left < 1:
            return False
        tokens.left -= 1
        return True

    def _forget(self) -> None:
        """Forget the oldest, so that no object costs memory for ever."""
        while len(self._series) > _MOST_KNOWN:
            del self._series[next(iter(self._series))]
        while len(self._tokens) > _MOST_KNOWN:
            del self._tokens[next(iter(self._tokens))]

    def _moment(self) -> str:
        return datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _cut(note: str) -> str:
    return note.encode()[:_NOTE_BYTES].decode(errors="ignore")
