"""One cache for all who are interested in a kind, and whoever is told of its changes."""

from collections.abc import Callable, Mapping

from outrider.ports.clock import Clock
from outrider.ports.kube.cache import Change, IndexFunction, ObjectCache
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.reflector import Pace, Reflector, Selection
from outrider.ports.kube.resources import Resource
from outrider.ports.telemetry import logger

_LOG = logger(__name__)


class Informer:
    """A cache that is kept as the API server has it.

    Args:
        client: Who is asked.
        resource: The kind.
        selection: Which of its objects.
        indexes: Of the cache.
        pace: How the reflector waits.
        clock: For its pauses.

    Attributes:
        failures: How often a handler failed.
    """

    def __init__(
        self,
        client: KubeClient,
        resource: Resource,
        *,
        selection: Selection | None = None,
        indexes: Mapping[str, IndexFunction] | None = None,
        pace: Pace | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.resource = resource
        self.cache = ObjectCache(indexes)
        self.reflector = Reflector(
            client, resource, self.cache, self._changed, selection=selection, pace=pace, clock=clock
        )
        self.failures = 0
        self._handlers: list[Callable[[Change, bool], None]] = []

    def on_change(self, handler: Callable[[Change, bool], None]) -> None:
        """Have a function told of each change, and whether that is of the first filling. It must not wait."""
        self._handlers.append(handler)

    async def run(self) -> None:
        """Follow until this is cancelled."""
        await self.reflector.run()

    def _changed(self, change: Change) -> None:
        first = not self.reflector.synced.is_set()
        for handler in self._handlers:
            try:
                handler(change, first)
            except Exception:  # noqa: BLE001 - the boundary: a fault in one handler keeps no other from hearing of it
                self.failures += 1
                _LOG.exception(
                    "a handler of changes failed", extra={"resource": self.resource.title, "key": change.key}
                )
