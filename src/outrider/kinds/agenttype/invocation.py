from typing import Annotated, Literal

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.quantities import Duration, duration

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Delivery = Literal["job", "http", "a2a"]
# What NATS takes for the name of a stream, and for a subject in which a consumer may leave parts open.
_STREAM = r"^[A-Za-z0-9_-]{1,64}$"
_SUBJECT = r"^(?!\$)[^\s.]+(\.[^\s.]+)*$"


class TaskQueue(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A stream that is there already, in place of the platform's own for tasks.

    Attributes:
        stream: Its name, on the server of the platform's queue.
        subject: Which messages of it are tasks.
    """

    stream: Annotated[str, msgspec.Meta(pattern=_STREAM, examples=["ORDERS"])]
    subject: Annotated[str, msgspec.Meta(pattern=_SUBJECT, max_length=256, examples=["orders.*.created"])]


class Invocation(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """How the program gets its work.

    Attributes:
        mode: `job` starts it for each task, with the input as JSON on its standard input and in the file OUTRIDER_INPUT;
            what it prints is the result. `http` starts it once, as a server, and posts each task to it as JSON; what it
            answers is the result. `a2a` starts it once, too, and sends each task as a message of A2A (1.0, or 0.3). `queue`
            takes tasks from the platform's queue, too: with a port each is posted as with `http`, else it is a job.
        port: TCP port of 127.0.0.1 on which a server listens; it finds it in PORT.
        path: To which tasks are posted; of `a2a` the one before which its card lies.
        ready: A path that answers with a status of 2xx once it takes work; without one any answer will do.
        timeout: For a task.
        queue: Where tasks come from, if not from `PREFIX.TENANT.tasks.NAME`.
    """

    mode: Literal["job", "http", "a2a", "queue"] = "job"
    port: Port | None = None
    path: Annotated[str, msgspec.Meta(pattern=r"^/[^\s#]*$", examples=["/run"])] = "/"
    ready: Annotated[str, msgspec.Meta(pattern=r"^(/[^\s#]*)?$")] = ""
    timeout: Duration = duration("10m")
    queue: TaskQueue | None = None

    def __post_init__(self) -> None:
        if self.mode != "queue" and (self.mode != "job") is not (self.port is not None):
            raise InvalidConfigError(
                "a server has a port, and a job has none", path="port", found=f"mode {self.mode}, port {self.port}",
                expected="mode: http or a2a with a port, or mode: job without",
                suggestions=["write for example {mode: http, port: 8000, path: /run}"],
            )  # fmt: skip
        if self.mode == "a2a" and self.ready:
            raise InvalidConfigError(
                "an agent of A2A is ready when it has a card", path="ready", found=self.ready, expected="none",
                suggestions=["remove ready"],
            )  # fmt: skip
        if self.queue is not None and self.mode != "queue":
            raise InvalidConfigError(
                "only mode queue takes tasks from one", path="queue", found=f"mode {self.mode}", expected="mode: queue",
                suggestions=["write mode: queue, or remove queue"],
            )  # fmt: skip

    @property
    def delivery(self) -> Delivery:
        """How a task gets to the program, wherever it comes from."""
        if self.mode == "queue":
            return "http" if self.port is not None else "job"
        return self.mode
