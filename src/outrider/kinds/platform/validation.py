import re
from collections.abc import Iterator
from pathlib import PurePath

from outrider.core.errors import InvalidConfigError
from outrider.core.objects import Object
from outrider.kinds.platform.model import PlatformSpec
from outrider.kinds.platform.queue import Queue
from outrider.runtime.objects import Fault, ObjectSet

MAX_PORT = 65535
SMALLEST_STREAM = 1024 * 1024


def validate(item: Object, objects: ObjectSet) -> Iterator[Fault]:
    """Check the platform's address, services and commands."""
    spec: PlatformSpec = item.spec
    if len(objects.of_kind("Platform")) > 1:
        yield (
            ("metadata", "name"),
            InvalidConfigError("a folder holds one Platform", found=item.ref, suggestions=["keep one"]),
        )
    if int(spec.listen.rpartition(":")[2]) > MAX_PORT:
        yield (
            ("spec", "listen"),
            InvalidConfigError("spec.listen: no such port", found=spec.listen, expected=f"a port up to {MAX_PORT}"),
        )
    if spec.orchestrators > 1 and spec.store.postgresql is None:
        yield (
            ("spec", "orchestrators"),
            InvalidConfigError(
                "spec.orchestrators: several share a database, not a file", found=str(spec.orchestrators), expected="1",
                suggestions=["name a database: spec.store.postgresql"],
            ),
        )  # fmt: skip
    yield from _service_faults(spec)
    tasks = any(one.spec.invocation.mode == "queue" for one in objects.of_kind("AgentType"))
    yield from _queue_faults(spec.queue, tasks=tasks)
    for name, command in spec.commands.items():
        for index, pattern in enumerate(command.arguments):
            yield from _pattern_faults(("spec", "commands", name, "arguments", index), pattern)


def _queue_faults(queue: Queue | None, *, tasks: bool) -> Iterator[Fault]:
    if queue is None:
        return
    sizes = [queue.storage] if queue.publish or tasks else []
    sizes += [queue.inbox.storage] if queue.inbox is not None else []
    if any(size < SMALLEST_STREAM for size in sizes):
        yield (
            ("spec", "queue"),
            InvalidConfigError("spec.queue: a stream is too small", found=str(min(sizes)), expected="at least 1MiB"),
        )
    needed = queue.needed_bytes(tasks=tasks)
    if queue.embedded is not None and needed > queue.embedded.storage:
        yield (
            ("spec", "queue", "embedded"),
            InvalidConfigError(
                "spec.queue.embedded.storage: its streams do not fit", found=str(queue.embedded.storage),
                expected=f"at least {needed}B, for what is published and taken, and dead letters",
                suggestions=["raise embedded.storage, or lower storage and inbox.storage"],
            ),
        )  # fmt: skip


def _service_faults(spec: PlatformSpec) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, service in enumerate(spec.services):
        path = ("spec", "services", index)
        if service.name in seen:
            yield (
                (*path, "name"),
                InvalidConfigError(
                    f"two services are called '{service.name}'", found=service.name, suggestions=["rename one of them"]
                ),
            )
        seen.add(service.name)
        if ".." in PurePath(service.log).parts:
            yield (
                (*path, "log"),
                InvalidConfigError(
                    "a log file stays inside the platform's folder", found=service.log, suggestions=["remove '..'"]
                ),
            )


def _pattern_faults(path: tuple[str | int, ...], pattern: str) -> Iterator[Fault]:
    try:
        re.compile(pattern)
    except re.error as error:
        yield (
            path,
            InvalidConfigError(
                f"not a regular expression: {error}", found=pattern, suggestions=["correct the pattern"]
            ),
        )
