"""What a probed program tries to get at: things of the agent that it must not reach."""

import os
import secrets
import shutil
import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from outrider.runtime.sandbox.syscalls import ARCHITECTURES

# Calls that the probe makes by number.
_TRIED = (
    "ptrace", "unshare", "mount", "umount2", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "keyctl", "shmget",
    "shmctl", "prlimit64",
)  # fmt: skip


class Bait:
    """Files, sockets and ports of the agent, open to everybody but for the sandbox; a context manager.

    Attributes:
        folder: Where they lie.
        work_dir: Working folder for the program.
        granted: Port that the program is granted to connect to.
        listen: Port that it is granted to listen on.
    """

    def __init__(self, machine: str) -> None:
        self._machine = machine
        self._sockets: list[socket.socket] = []
        self.folder = Path(tempfile.mkdtemp(prefix="outrider-probe-"))
        self.work_dir = self.folder / "work"
        self.granted = self.listen = 0

    def __enter__(self) -> Self:
        # The sandbox is to refuse, not a file mode in front of it.
        self.folder.chmod(0o755)
        self.work_dir.mkdir()
        key = self.folder / "key"
        key.touch(0o600)
        key.write_text("secret", encoding="ascii")
        self._tcp, self.granted = self._listener(), self._listener()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.listen = free.getsockname()[1]
        self._udp = self._bound(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)).getsockname()[1]
        self._abstract = f"outrider-probe-{secrets.token_hex(8)}"
        self._bound(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{self._abstract}").listen()
        for name, kind in (("stream", socket.SOCK_STREAM), ("datagram", socket.SOCK_DGRAM)):
            opened = self._bound(socket.AF_UNIX, kind, str(self.folder / name))
            (self.folder / name).chmod(0o777)
            if kind is socket.SOCK_STREAM:
                opened.listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for opened in self._sockets:
            opened.close()
        shutil.rmtree(self.folder)

    def targets(self, env: dict[str, str]) -> dict[str, Any]:
        """Return what the probed program is told.

        Args:
            env: Environment that it is given; other variables in sight are those of another.
        """
        numbers = ARCHITECTURES[self._machine].numbers
        return {
            "agent": os.getpid(),
            "pid_namespace": os.readlink("/proc/self/ns/pid"),  # noqa: PTH115 - not a path of a file
            "env": [*env, "PWD"],
            "key": str(self.folder / "key"),
            "shared": tempfile.gettempdir(),
            "tcp": self._tcp,
            "udp": self._udp,
            "granted": self.granted,
            "listen": self.listen,
            "abstract": self._abstract,
            "stream": str(self.folder / "stream"),
            "datagram": str(self.folder / "datagram"),
            "calls": {name: numbers[name] for name in _TRIED},
        }

    def _listener(self) -> int:
        opened = self._bound(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 4)
        opened.listen(16)
        port: int = opened.getsockname()[1]
        return port

    def _bound(self, family: int, kind: int, address: Any) -> socket.socket:
        opened = socket.socket(family, kind)
        self._sockets.append(opened)
        opened.bind(address)
        return opened
