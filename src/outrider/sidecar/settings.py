"""What a sidecar is told."""

from pathlib import Path

import msgspec

from outrider.core.secrets import SecretRef
from outrider.ports.secrets import SecretSource
from outrider.sidecar.llm.settings import LlmSettings


class SidecarSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The settings file of a sidecar (JSON, mode 0600).

    Attributes:
        agent: Name of the agent beside it.
        listen: `host:port`; port 0 takes a free one.
        state: Its folder: the ledger, and the address at which it listens.
        keys: Secrets that the agent calls with; without one everybody who reaches the address may call.
        llm: The gateway to the models.
        secret_sources: Where secrets come from, if the encrypted store does not have them.
        secrets: Folder of the encrypted store.
        folder: Where relative paths of secrets start.
    """

    agent: str
    listen: str = "127.0.0.1:0"
    state: Path
    keys: list[SecretRef] = []
    llm: LlmSettings
    secret_sources: dict[str, SecretSource] = {}
    secrets: Path | None = None
    folder: Path = Path()
