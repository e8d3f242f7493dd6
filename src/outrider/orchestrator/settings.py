"""What the orchestrator must know before it can read any object."""

from pathlib import Path

import msgspec

# The authority's certificate, for clients on this machine.
AUTHORITY_FILE = "ca.pem"


class OrchestratorSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The settings file of the orchestrator (JSON, mode 0600).

    Attributes:
        listen: `host:port`.
        state: Its folder: store, certificates, audit chain.
        folder: The platform's folder, whose plugins/ is searched.
        token_file: File with the token that makes its holder the owner.
    """

    listen: str
    state: Path
    folder: Path
    token_file: Path
