"""What must hold before a platform starts, or takes over changed files."""

import socket

import msgspec

from outrider.core.errors import ConflictError
from outrider.core.quantities import Size
from outrider.core.schema import describe
from outrider.kinds.platform.model import PlatformSpec
from outrider.kinds.platform.queue import Queue


def check_live(
    before: tuple[str, PlatformSpec], after: tuple[str, PlatformSpec], *, queue: Queue | None
) -> None:  # fmt: skip
    """Refuse what only a new start can take over.

    Args:
        before: Name and spec of the platform.
        after: Those that come in their place.
        queue: The one that the platform was started with; that it is not needed any more changes nothing.

    Raises:
        ConflictError: Naming the field.
    """
    for field, old, new in (
        ("metadata.name", before[0], after[0]),
        ("spec.orchestrators", before[1].orchestrators, after[1].orchestrators),
        ("spec.listen", before[1].listen, after[1].listen),
        ("spec.secrets", before[1].secrets, after[1].secrets),
        ("spec.store", before[1].store, after[1].store),
        ("spec.queue", _access(queue), _access(after[1].queue or queue)),
    ):
        if old != new:
            raise ConflictError(
                f"Platform {field} cannot be changed while it runs", path=field, found=describe(new), expected=describe(old),
                suggestions=["stop the platform and start it again: outrider down, outrider up"],
            )  # fmt: skip


def _access(queue: Queue | None) -> Queue | None:
    """Return a queue without what orchestrators take over while they run."""
    if queue is None:
        return None
    return msgspec.structs.replace(queue, publish=[], inbox=None, storage=Size(0))


def free_port(host: str, port: int, field: str = "spec.listen") -> int:
    """Return the port to listen on; 0 takes any free one. `field` is the one that names it.

    Raises:
        ConflictError: Another program listens on it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConflictError(
                f"{field}: {host}:{port} cannot be used: {error.strerror}",
                path=field,
                found=f"{host}:{port}",
                expected="an address of this machine with a free port",
                suggestions=[
                    "choose another port, or remove `listen` to get a free one",
                    f"see who has it: ss -ltnp 'sport = {port}'",
                ],
            ) from error
        return int(probe.getsockname()[1])
