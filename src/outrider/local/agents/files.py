"""Where the files of an AI agent on this machine are."""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from outrider.core.errors import ConflictError
from outrider.local.layout import Layout, socket_folder
from outrider.ports.secrets.private_files import write_private

KEPT_RUNS = 100


class AgentFiles:
    """Files of one agent, in the state folder of its platform.

    Args:
        layout: The platform's.
        name: Of the agent.
    """

    def __init__(self, layout: Layout, name: str) -> None:
        self.name = name
        self.folder = layout.workload(name)
        self.settings = self.folder / "sidecar.json"
        self.sidecar = self.folder / "sidecar"
        self.log = self.folder / "sidecar.log"
        self.key = self.folder / "key"
        # The program reads it, and may not change it.
        self.shared = self.folder / "shared"
        # The program's own; it is empty when a task begins.
        self.work = self.folder / "work"
        self.runs = self.folder / "runs"
        self.control = socket_folder(self.folder / "control")

    def prepare(self) -> None:
        """Make the folders, and a key for the program that opens nothing but its sidecar, and that only until the next start."""
        for folder in (self.sidecar, self.shared, self.runs, self.control):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.shared.chmod(0o755)  # what lies above it is closed
        write_private(self.key, f"outrider-{secrets.token_urlsafe(24)}".encode())

    def empty_work(self) -> None:
        """Give the next task an empty folder."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(mode=0o700)

    def run(self, run_id: str) -> Path:
        """Make the folder of a run; of the oldest ones some are removed."""
        for old in sorted(self.runs.iterdir())[: -KEPT_RUNS + 1]:
            shutil.rmtree(old, ignore_errors=True)
        made = self.runs / run_id
        made.mkdir(mode=0o700)
        return made

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from running this agent for as long as the block lasts: one sidecar keeps its budget.

        Raises:
            ConflictError: Somebody else runs it.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConflictError(
                    f"agent '{self.name}' is running already", found=str(self.folder), expected="one run at a time",
                    suggestions=["wait for its end"],
                ) from error  # fmt: skip
            yield
        finally:
            os.close(descriptor)
