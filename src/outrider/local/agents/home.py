"""Where an agent is at home on this machine."""

from pathlib import Path
from typing import Any

import msgspec

from outrider.core.mutual_tls import IdentityFiles
from outrider.local.agents.files import AgentFiles
from outrider.local.agents.operations import OperationDesk


class Home(msgspec.Struct, kw_only=True, frozen=True):
    """Where an agent is at home on this machine.

    Attributes:
        files: Its own.
        folder: Where relative paths of its object begin.
        sources: Where secrets come from, as `Platform.spec.secrets` declares them.
        store: Folder of the encrypted store of secrets.
        protected: Files and folders that hold secrets.
        cache: Folder with what is known of this machine's sandboxes.
        desk: Runs the operations that it is granted.
        asks: Whether the desk also asks who must approve.
        identity: The certificate that a platform gives the agent.
    """

    files: AgentFiles
    folder: Path
    sources: dict[str, dict[str, Any]]
    store: Path
    protected: list[Path]
    cache: Path
    desk: OperationDesk
    asks: bool = False
    identity: IdentityFiles | None = None

    @property
    def hidden(self) -> list[Path]:
        """What no program may see."""
        return [self.files.folder, *self.protected]
