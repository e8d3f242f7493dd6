"""What an agent process must know before it can ask the orchestrator for its configuration."""

from pathlib import Path
from typing import Literal

import msgspec

from outrider.core.codec import decode
from outrider.core.errors import NotFoundError
from outrider.core.objects import DEFAULT_TENANT


class AgentSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The settings file of one agent (JSON, mode 0600).

    Attributes:
        name: The agent's name, unique per tenant.
        orchestrator: Its URL, or those of several with commas between them.
        authority: File with the certificate authority's certificate; checked against the token's fingerprint.
        token: One-time enrolment token; not needed once enrolled.
        folder: The platform's folder: relative paths in configurations start there, and its plugins/ is searched.
        state: The agent's own folder: certificate, outbox, journal, audit chain.
        secrets: Folder of the platform's encrypted store.
        cache: Folder for what can be found out again, such as the sandbox probe.
        supervisor: Unix socket of the supervisor of declared services.
        heartbeat: Seconds between signs of life.
    """

    name: str
    kind: Literal["sensor", "action", "worker", "agent"]
    tenant: str = DEFAULT_TENANT
    orchestrator: str
    authority: Path
    token: str = ""
    folder: Path
    state: Path
    cache: Path
    secrets: Path
    supervisor: Path | None = None
    heartbeat: float = 10.0


def read_settings(path: Path) -> AgentSettings:
    """Read a settings file.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: It does not fit.
    """
    try:
        return decode(path.read_bytes(), AgentSettings)
    except FileNotFoundError as error:
        raise NotFoundError(
            f"{path}: no such settings file", found=str(path), suggestions=["outrider up writes one for each agent"]
        ) from error
