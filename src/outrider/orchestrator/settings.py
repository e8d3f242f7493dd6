"""What the orchestrator must know before it can read any object."""

from pathlib import Path

import msgspec

from outrider.core.secrets import SecretRef
from outrider.ports.secrets import SecretSource

# The authority's certificate, for clients on this machine.
AUTHORITY_FILE = "ca.pem"


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
        secret_sources: Where the password comes from, if the encrypted store does not have it.
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
    secret_sources: dict[str, SecretSource] = {}
    secrets: Path | None = None
