"""The places of the clusters of one machine, whoever started them: each has a number, and with it addresses and names of its own.

A place belongs to the keeper that holds its lock, which the kernel lets go of with it: so nothing of a cluster that lives is ever
taken for something that a dead one has left.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from outrider.local.cluster.layout import PLACES

REGISTER = Path("/run/outrider/clusters")
# There while packets are forwarded only because a cluster wants that.
FORWARDING_MARK = "forwarding"


class Place(msgspec.Struct, frozen=True):
    """A place that this process holds.

    Attributes:
        number: 0 to 15.
        descriptor: By which it is held; whoever inherits it holds it too.
    """

    number: int
    descriptor: int

    def release(self) -> None:
        """Let go of it; another process that has inherited it holds it still."""
        os.close(self.descriptor)


def take(number: int) -> Place | None:
    """Return a place, held by this process; None where somebody else holds it."""
    REGISTER.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(REGISTER / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Place(number, descriptor)


def free() -> Iterator[Place]:
    """Yield the places that nobody holds, each held by this process as long as it is not released."""
    for number in range(PLACES):
        if (place := take(number)) is not None:
            yield place


def anybody() -> bool:
    """Return whether any cluster of this machine lives."""
    for number in range(PLACES):
        place = take(number)
        if place is None:
            return True
        place.release()
    return False


def forwarding_mark() -> Path:
    """Return the file that says that the machine is to forward nothing once the last cluster has gone."""
    return REGISTER / FORWARDING_MARK


@contextmanager
def changing() -> Iterator[None]:
    """Let one process of the machine at a time start or end clusters."""
    REGISTER.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(REGISTER / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
