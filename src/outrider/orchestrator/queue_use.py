"""What goes through the queue of a platform, and that it has one where an object needs one."""

from collections.abc import Iterable

import msgspec

from outrider.core.objects import Object
from outrider.kinds.agenttype.invocation import TaskQueue
from outrider.kinds.agenttype.model import AgentTypeSpec
from outrider.kinds.platform.model import PlatformSpec
from outrider.kinds.platform.queue import EmbeddedQueue, Queue


class QueueUse(msgspec.Struct, kw_only=True, frozen=True):
    """A queue and what goes through it.

    Attributes:
        tasks: The AI agents that take their tasks from it by name, and from which stream, if not from the platform's own.
    """

    queue: Queue
    tasks: dict[str, TaskQueue | None]

    @property
    def any(self) -> bool:
        """Whether anything does."""
        return self.queue.used or bool(self.tasks)

    @property
    def taken(self) -> bool:
        """Whether anything is taken from it."""
        return self.queue.inbox is not None or bool(self.tasks)


def queue_use(platform: PlatformSpec, objects: Iterable[Object]) -> QueueUse | None:
    """Return what goes through the queue; None where there is none, and nothing needs one.

    Args:
        platform: Its own spec.
        objects: All of the platform.
    """
    tasks: dict[str, TaskQueue | None] = {}
    for item in objects:
        spec = item.spec
        if isinstance(spec, AgentTypeSpec) and spec.invocation.mode == "queue":
            tasks[item.name] = spec.invocation.queue
    if platform.queue is None and not tasks:
        return None
    return QueueUse(queue=platform.queue or Queue(embedded=EmbeddedQueue()), tasks=tasks)


def with_queue(platform: PlatformSpec, use: QueueUse | None) -> PlatformSpec:
    """Return a platform's spec with the queue that its objects need."""
    return platform if use is None else msgspec.structs.replace(platform, queue=use.queue)
