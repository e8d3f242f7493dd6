from typing import Annotated, Literal

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.quantities import Size, size
from outrider.core.secrets import SecretRef

# What dead letters may take; beyond that the oldest go.
DEAD_BYTES = 64 * 1024 * 1024
_ADDRESS = r"^(nats|tls)://[^@/,\s]+(:\d{1,5})?(,(nats|tls)://[^@/,\s]+(:\d{1,5})?)*$"


class EmbeddedQueue(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A nats-server of the platform's own, with its files in the state folder. Needs the extra `nats-server`.

    Attributes:
        listen: An address of this machine only; port 0 takes a free one.
        storage: What all streams together may take on disk.
    """

    listen: Annotated[
        str, msgspec.Meta(pattern=r"^(127\.\d+\.\d+\.\d+|localhost):\d{1,5}$", examples=["127.0.0.1:4222"])
    ] = "127.0.0.1:0"
    storage: Size = size("1GiB")


class Inbox(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Takes events from the queue: whoever may publish to the inbox may report them in the name of any trigger.

    Attributes:
        deliveries: How often an event is tried before it becomes a dead letter.
        concurrency: How many are taken at once.
        storage: What may wait; beyond that the server refuses new ones.
    """

    deliveries: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 64
    storage: Size = size("128MiB")


class Queue(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """NATS with JetStream: of the platform's own, or at a URL. Needs the extra `nats`.

    Attributes:
        url: One or several servers of one cluster, with commas between them; `tls://` demands TLS.
        user: With `password`.
        token: In place of a user.
        credentials: A `.creds` file as a secret, in place of both.
        ca: File with the certificates to trust, relative to the platform's folder; makes every connection one under TLS.
        prefix: Begins every subject, and in upper case the name of every stream.
        replicas: On how many servers of a cluster each stream is kept.
        publish: What is published; nothing unless it is named.
        storage: What each published stream may take; its oldest messages go first.
    """

    embedded: EmbeddedQueue | None = None
    url: Annotated[str, msgspec.Meta(pattern=_ADDRESS, examples=["tls://nats.internal:4222"])] | None = None
    user: str = ""
    password: SecretRef | None = None
    token: SecretRef | None = None
    credentials: SecretRef | None = None
    ca: str = ""
    prefix: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,29}$")] = "outrider"
    replicas: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    publish: list[Literal["events", "runs"]] = []
    storage: Size = size("256MiB")
    inbox: Inbox | None = None

    def __post_init__(self) -> None:
        if (self.embedded is None) == (self.url is None):
            raise InvalidConfigError(
                "a queue is embedded or has a url", found="both" if self.url else "neither", expected="one of the two",
                suggestions=["write embedded: {}, or url: nats://HOST:4222"],
            )  # fmt: skip
        named = self._logins()
        if self.embedded is not None and (named or self.ca or self.replicas > 1):
            raise InvalidConfigError(
                "the embedded queue makes its own login and is one server", found=", ".join(named) or "ca or replicas",
                expected="none of user, password, token, credentials, ca, replicas",
                suggestions=["remove them, or name a server: url"],
            )  # fmt: skip
        if len(named) > 1:
            raise InvalidConfigError(
                "a queue has one login", found=" and ".join(named), expected="user with password, token, or credentials",
                suggestions=["keep one of them"],
            )  # fmt: skip
        if bool(self.user) != (self.password is not None):
            raise InvalidConfigError(
                "user and password belong together", found="user" if self.user else "password", expected="both",
                suggestions=["name the other one too"],
            )  # fmt: skip

    def _logins(self) -> list[str]:
        given = {"user": self.user or self.password, "token": self.token, "credentials": self.credentials}
        return [name for name, value in given.items() if value]

    def secrets(self) -> list[SecretRef]:
        """Return the secrets with which it logs in."""
        return [one for one in (self.password, self.token, self.credentials) if one is not None]

    @property
    def used(self) -> bool:
        """Whether anything goes through it."""
        return bool(self.publish) or self.inbox is not None

    def needed_bytes(self, *, tasks: bool) -> int:
        """Return what its streams may take together; `tasks` says whether AI agents take theirs from it."""
        named = len(set(self.publish)) + (2 if tasks else 0)  # tasks, and their results
        inbox = int(self.inbox.storage) if self.inbox is not None else 0
        dead = DEAD_BYTES if tasks or self.inbox is not None else 0
        return named * int(self.storage) + inbox + dead

    def stream(self, name: str) -> str:
        """Return the full name of one of its streams."""
        return f"{self.prefix}_{name}".upper().replace("-", "_")
