"""What the orchestrator must know before it can read any object."""

from pathlib import Path

import msgspec

from outrider.core.secrets import SecretRef
from outrider.ports.secrets import SecretSource

# The authority's certificate, for clients on this machine.
AUTHORITY_FILE = "ca.pem"


class QueueAccess(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where the queue is and how it is entered: as the Platform says it, or as the embedded one was started.

    Attributes:
        prefix: Of its subjects; a platform in the store that has another one is an older one.
    """

    servers: list[str]
    prefix: str
    user: str = ""
    password: SecretRef | None = None
    token: SecretRef | None = None
    credentials: SecretRef | None = None
    ca: Path | None = None


class OrchestratorSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The settings file of the orchestrator (JSON, mode 0600).

    Attributes:
        listen: `host:port`.
        state: Its folder: store, certificates, audit chain.
        folder: The platform's folder, whose plugins/ is searched.
        token_file: File with the token that makes its holder the owner.
        name: Of several orchestrators on one store.
        authority: Folder of the platform's certificate authority, which all of them share; in `state` if absent.
        database: Address of a PostgreSQL database; an SQLite file in `state` where it is empty.
        password: Of the database.
        queue: Where events and runs are published, and where the inbox is.
        secret_sources: Where passwords come from, if the encrypted store does not have them.
        secrets: Folder of the encrypted store.
    """

    listen: str
    state: Path
    folder: Path
    token_file: Path
    name: str = "orchestrator"
    authority: Path | None = None
    database: str = ""
    password: SecretRef | None = None
    queue: QueueAccess | None = None
    secret_sources: dict[str, SecretSource] = {}
    secrets: Path | None = None
