"""What servers that a test starts for itself have in common."""

import shutil
import signal
import subprocess
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self


class OwnServer(ABC):
    """A server with a folder of its own; its files go when the context ends.

    Attributes:
        process: It, from `start` on.
    """

    name: str
    start_seconds = 20.0
    end = signal.SIGKILL
    process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix=f"outrider-{self.name}-"))
        self.prepare()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def prepare(self) -> None:  # noqa: B027 - some need nothing
        """Write what the server needs before its first start."""

    @abstractmethod
    def start(self) -> None:
        """Start it and wait until it can be used."""

    def stop(self, how: signal.Signals | None = None) -> None:
        """End it, by default at once and without a word to its clients."""
        if self.process.poll() is None:
            self.process.send_signal(how or self.end)
        self.process.wait(self.start_seconds)
