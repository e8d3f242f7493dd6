"""What must hold before a platform starts, or takes over changed files."""

import socket

from outrider.core.errors import ConflictError
from outrider.core.schema import describe
from outrider.kinds.platform.model import PlatformSpec


def check_live(before: tuple[str, PlatformSpec], after: tuple[str, PlatformSpec]) -> None:
    """Refuse what only a new start can take over.

    Raises:
        ConflictError: Naming the field.
    """
    for field, old, new in (
        ("metadata.name", before[0], after[0]),
        ("spec.orchestrators", before[1].orchestrators, after[1].orchestrators),
        ("spec.listen", before[1].listen, after[1].listen),
        ("spec.secrets", before[1].secrets, after[1].secrets),
        ("spec.store", before[1].store, after[1].store),
    ):
        if old != new:
            raise ConflictError(
                f"Platform {field} cannot be changed while it runs", path=field, found=describe(new), expected=describe(old),
                suggestions=["stop the platform and start it again: outrider down, outrider up"],
            )  # fmt: skip


def free_port(host: str, port: int) -> int:
    """Return the port to listen on; 0 takes any free one.

    Raises:
        ConflictError: Another program listens on it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConflictError(
                f"spec.listen: {host}:{port} cannot be used: {error.strerror}",
                path="spec.listen",
                found=f"{host}:{port}",
                expected="an address of this machine with a free port",
                suggestions=[
                    "choose another port, or remove `listen` to get a free one",
                    f"see who has it: ss -ltnp 'sport = {port}'",
                ],
            ) from error
        return int(probe.getsockname()[1])
