"""Where the files of an AI agent on this machine are."""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from outrider.core.errors import ConflictError, ExecutionFailedError, OutriderError
from outrider.local.layout import Layout, socket_folder
from outrider.ports.process import run
from outrider.ports.secrets.private_files import write_private

KEPT_RUNS = 100
REMOVAL_SECONDS = 60.0


class AgentFiles:
    """Files of one agent, in the state folder of its platform.

    Args:
        layout: The platform's.
        name: Of the agent.
    """

    def __init__(self, layout: Layout, name: str) -> None:
        self.name = name
        self.state = layout.state
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
        with _made(self.folder):
            for folder in (self.sidecar, self.shared, self.runs, self.control):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            check_own(self.control)
            self.shared.chmod(0o755)  # what lies above it is closed
            write_private(self.key, f"outrider-{secrets.token_urlsafe(24)}".encode())

    async def empty_work(self) -> None:
        """Give the next task an empty folder; what is in the old one may be in the way of its removal, and not of this."""
        trash = self.folder / "trash"
        trash.mkdir(mode=0o700, exist_ok=True)
        if self.work.exists():
            self.work.rename(trash / secrets.token_hex(8))
        self.work.mkdir(mode=0o700)
        # However deep it is, and whatever its modes: the tools of the system get it away.
        for command in (["chmod", "-R", "u+rwX", str(trash)], ["rm", "-rf", str(trash)]):
            with contextlib.suppress(OutriderError):
                await run(command, timeout=REMOVAL_SECONDS)

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
        with _made(self.folder):
            for folder in (self.state, self.folder.parent, self.folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
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


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExecutionFailedError(
            f"the state of the agent cannot be written: {error.strerror or error}", found=str(error.filename or folder),
            expected="a folder that this user may write, on a disk that is not full", suggestions=[f"look at {folder}"],
        ) from error  # fmt: skip


def check_own(folder: Path) -> None:
    """Refuse a folder that others may write, as one below the temporary folder may be.

    Raises:
        ConflictError: It belongs to somebody else, or is open to others.
    """
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or not folder.is_dir() or folder.is_symlink():
        raise ConflictError(
            f"{folder} is not for this user alone", found=f"owner {status.st_uid}, mode {status.st_mode & 0o777:o}",
            expected=f"owner {os.getuid()}, mode 700", suggestions=["remove it, or use a state folder with a shorter path"],
        )  # fmt: skip
