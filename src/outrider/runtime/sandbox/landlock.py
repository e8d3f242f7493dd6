"""Landlock rulesets for the version that the running kernel offers (landlock(7), linux/landlock.h).

A ruleset handles every right the version knows, so that what no rule allows is refused.
"""

from collections.abc import Iterable, Sequence
from typing import Any

_CREATE_RULESET = 444
_CREATE_RULESET_VERSION = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (1 << bit for bit in range(6, 13))
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
BIND_TCP, CONNECT_TCP = 1, 2
SCOPE_ABSTRACT_UNIX, SCOPE_SIGNAL = 1, 2

READ = READ_FILE | READ_DIR
RUN = READ | EXECUTE
# No EXECUTE: what a plugin writes it cannot start. No devices, no sockets.
WRITE = (
    READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_FIFO | MAKE_SYM | REFER | TRUNCATE
)  # fmt: skip
DEVICE = READ_FILE | WRITE_FILE | IOCTL_DEV

PORTS_ABI = 4
SCOPES_ABI = 6


def landlock_abi() -> int:
    """Return the version of Landlock that the kernel offers, 0 for none."""
    import ctypes  # noqa: PLC0415 - costs an agent memory, and a cached probe result makes it needless

    version: int = ctypes.CDLL(None).syscall(
        ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint(_CREATE_RULESET_VERSION)
    )
    return max(version, 0)


def ruleset(
    abi: int,
    *,
    paths: Iterable[tuple[str, int]],
    connect_ports: Sequence[int] = (),
    listen_ports: Sequence[int] = (),
) -> dict[str, Any]:
    """Return a ruleset as the launcher takes it.

    Args:
        abi: Version of Landlock, at least 1.
        paths: Paths and the rights below them.
        connect_ports: TCP ports to connect to; from version 4.
        listen_ports: TCP ports to bind to; from version 4.
    """
    fs = _known_fs(abi)
    ports: dict[int, int] = dict.fromkeys(connect_ports, CONNECT_TCP)
    for port in listen_ports:
        ports[port] = ports.get(port, 0) | BIND_TCP
    return {
        "fs": fs,
        "net": BIND_TCP | CONNECT_TCP if abi >= PORTS_ABI else 0,
        "scoped": SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL if abi >= SCOPES_ABI else 0,
        "size": _attribute_size(abi),
        "paths": [(path, rights & fs) for path, rights in paths],
        "ports": sorted(ports.items()) if abi >= PORTS_ABI else [],
    }


def signal_ruleset(abi: int) -> dict[str, Any] | None:
    """Return a ruleset that only scopes signals, or nothing below version 6."""
    if abi < SCOPES_ABI:
        return None
    return {"fs": 0, "net": 0, "scoped": SCOPE_SIGNAL, "size": _attribute_size(abi), "paths": [], "ports": []}


def _known_fs(abi: int) -> int:
    known = MAKE_SYM * 2 - 1
    for version, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)):
        if abi >= version:
            known |= right
    return known


def _attribute_size(abi: int) -> int:
    """Bytes of struct landlock_ruleset_attr; the kernel refuses fields that it does not know."""
    if abi >= SCOPES_ABI:
        return 24
    return 16 if abi >= PORTS_ABI else 8
