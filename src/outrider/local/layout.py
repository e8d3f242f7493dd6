"""Where the files of one platform on this machine are: everything under one state folder, mode 0700."""

import hashlib
import os
import tempfile
from pathlib import Path

from outrider.core.errors import ExecutionFailedError
from outrider.orchestrator.settings import AUTHORITY_FILE
from outrider.runtime.contexts import STATE_FOLDER

_SOCKET_PATH_LIMIT = 100
_LONGEST_NAME = len("/supervisor.sock")


def socket_folder(folder: Path) -> Path:
    """Return the folder itself, or another one where its path is too long for that of a unix socket (108 bytes)."""
    if len(os.fsencode(folder)) + _LONGEST_NAME <= _SOCKET_PATH_LIMIT:
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"outrider-{os.getuid()}-{name}"


class Layout:
    """Paths of a platform.

    Args:
        folder: Where its objects are declared.
        state: Its state folder; `.outrider` inside the folder if absent.
        overlay: The overlay that is merged over its objects, if any.
    """

    def __init__(self, folder: Path, state: Path | None = None, overlay: str = "") -> None:
        self.folder = folder.resolve()
        self.overlay = overlay
        self.state = (state or self.folder / STATE_FOLDER).resolve()
        self.endpoint = self.state / "endpoint.json"
        self.token = self.state / "token"
        self.lock = self.state / "lock"
        self.logs = self.state / "logs"
        self.orchestrator = self.state / "orchestrator"
        self.authority = self.orchestrator / AUTHORITY_FILE
        self.orchestrator_settings = self.state / "orchestrator-orchestrator.json"
        self.secrets = self.state / "secrets"
        self.queue = self.state / "queue"
        self.queue_password = self.queue / "password"
        self.supervisor_log = self.logs / "supervisor.log"

    def agent(self, name: str) -> Path:
        """Return the state folder of an agent."""
        return self.state / "agents" / name

    def log(self, part: str) -> Path:
        """Return the log file of a part."""
        return self.logs / f"{part}.log"

    def workload(self, name: str) -> Path:
        """Return the state folder of an AI agent."""
        return self.state / "workloads" / name

    @property
    def socket(self) -> Path:
        """The supervisor's unix socket."""
        return socket_folder(self.state) / "supervisor.sock"

    def create(self) -> None:
        """Make the folders.

        Raises:
            ExecutionFailedError: They cannot be made.
        """
        try:
            for folder in (self.state, self.logs, self.orchestrator, self.socket.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ExecutionFailedError(
                f"the state folder cannot be made: {error.strerror}",
                found=str(self.state),
                expected="a folder that may be written",
                suggestions=[
                    "name another one: outrider up DIR --state FOLDER",
                    f"check the mode of {self.state.parent}",
                ],
            ) from error
