from typing import Annotated, Literal

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.objects import Name
from outrider.core.quantities import Duration, duration
from outrider.core.secrets import SecretRef
from outrider.kinds.platform.queue import Queue
from outrider.ports.secrets import SecretSource

SHORTEST_RETENTION = 3600.0
Argv = Annotated[list[str], msgspec.Meta(min_length=1)]


class Postgresql(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A PostgreSQL database, version 15 or newer, with the extra `postgresql`.

    Attributes:
        url: `postgresql://USER@HOST:PORT/DATABASE`, with the options of libpq, such as `?sslmode=verify-full`.
        password: Where it is not in libpq's password file.
    """

    url: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^postgres(ql)?://[^:@/]+@[^/]+/[^/?]+", examples=["postgresql://outrider@db.internal/outrider"]
        ),
    ]
    password: SecretRef | None = None


class Sqlite(msgspec.Struct, forbid_unknown_fields=True):
    """The embedded store: one file in the platform's state folder."""


class Store(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Where events, runs and leases are kept: in an SQLite file, unless a database is named."""

    sqlite: Sqlite | None = None
    postgresql: Postgresql | None = None

    def __post_init__(self) -> None:
        if self.sqlite is not None and self.postgresql is not None:
            raise InvalidConfigError(
                "a platform has one store", found="sqlite and postgresql", expected="one of the two",
                suggestions=["remove sqlite"],
            )  # fmt: skip


class Retention(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How long what happened is kept.

    Attributes:
        events: Events. One that is delivered again after that time counts as a new one.
        runs: Runs with their steps and logs, counted from their end.
        audit: Records of the audit chains; what is left still verifies.
    """

    events: Duration = duration("30d")
    runs: Duration = duration("90d")
    audit: Duration = duration("400d")

    def __post_init__(self) -> None:
        for name, value in (("events", self.events), ("runs", self.runs), ("audit", self.audit)):
            if value < SHORTEST_RETENTION:
                raise InvalidConfigError(
                    f"{name}: kept for too short a time to be of use", path=name, found=str(value), expected="at least 1h",
                    suggestions=[f"write {name}: 1h or more"],
                )  # fmt: skip


class Service(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A program that the platform runs; `host.service_restart` and its plugin act on it by name.

    Attributes:
        command: Program and arguments; no shell is involved.
        log: File for its output, relative to the platform's folder.
        environment: Variables added to the platform's own.
        restart: `never` leaves the restart to rules, `always` restarts with a growing delay.
        stop_grace: Time between SIGTERM and SIGKILL.
    """

    name: Name
    command: Argv
    log: str = ""
    environment: dict[str, str] = {}
    restart: Literal["never", "always"] = "never"
    stop_grace: Duration = duration("5s")


class Command(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A command that `host.command_run` may start under this name.

    `arguments` are patterns (regular expressions) for the arguments that a caller may add, in order.
    """

    argv: Argv
    arguments: list[str] = []


class PlatformSpec(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The platform itself; at most one per folder.

    Attributes:
        queue: NATS with JetStream, for what is published and taken through it.
        listen: Address of the API; port 0 takes a free one, so that platforms side by side do not collide.
        orchestrators: How many share the store, which must be a database then; each listens on a port of its own.
        groups: Names of people by group, for approvals.
        commands: What `host.command_run` may start, by name.
    """

    store: Store = msgspec.field(default_factory=Store)
    retention: Retention = msgspec.field(default_factory=Retention)
    queue: Queue | None = None
    listen: Annotated[str, msgspec.Meta(pattern=r"^[^:]+:\d{1,5}$", examples=["127.0.0.1:7070"])] = "127.0.0.1:0"
    orchestrators: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    secrets: dict[str, SecretSource] = {}
    groups: dict[str, list[str]] = {}
    services: list[Service] = []
    commands: dict[str, Command] = {}
