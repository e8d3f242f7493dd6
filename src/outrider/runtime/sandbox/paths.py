"""What a program sees of the file system besides its own folders and its grants, at every level the same."""

import os
import sys
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError, OutriderError, collected
from outrider.runtime.sandbox.landlock import DEVICE, READ, READ_DIR, RUN, WRITE
from outrider.runtime.sandbox.model import Grants

GUEST = Path(__file__).resolve().parent / "guest"
# Programs and libraries. Where one is a link to another, it stays a link inside.
PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
# Without its own settings a program linked with OpenSSL, such as node, does not start.
_SETTINGS = (
    "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/mime.types", "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/openssl.cnf", "/etc/crypto-policies/back-ends",
)  # fmt: skip
# What name resolution and certificate checks read; no private keys lie there.
_NETWORK_SETTINGS = (
    "/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services",
    "/etc/protocols", "/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ca-certificates/extracted", "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem", "/etc/pki/ca-trust/extracted",
)  # fmt: skip


class View(NamedTuple):
    """Existing absolute paths, by what is allowed with them."""

    programs: list[str]
    settings: list[str]
    devices: list[str]
    own: list[str]
    readable: list[str]
    writable: list[str]
    listed: list[str]

    def rights(self) -> list[tuple[str, int]]:
        """Return every path with its Landlock rights."""
        groups = (
            (self.programs, RUN),
            (self.settings, READ),
            (self.devices, DEVICE),
            (self.own, RUN),
            (self.readable, READ),
            (self.writable, WRITE),
            (self.listed, READ_DIR),
        )
        return [(path, rights) for paths, rights in groups for path in paths]


def interpreter() -> str:
    """Return the interpreter behind a virtual environment, if there is one; it needs no site-packages."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def view(grants: Grants, *, work_dir: Path, read_only: Iterable[Path], listed: Iterable[Path] = ()) -> View:
    """Return what a program sees.

    Raises:
        InvalidConfigError: A granted path is not absolute, does not exist, or is the root.
    """
    faults = [
        fault
        for field in ("read_paths", "write_paths")
        for index, path in enumerate(getattr(grants, field))
        if (fault := _fault(path, f"grants.{field}[{index}]")) is not None
    ]
    if faults:
        raise collected(faults)
    library = Path(sys.base_prefix)
    own = [interpreter(), str(library / "lib"), str(library / "lib64"), str(GUEST), *map(str, read_only)]
    return View(
        programs=_existing(PROGRAMS),
        settings=_existing(_SETTINGS + (_NETWORK_SETTINGS if grants.network or grants.door else ())),
        devices=_existing(DEVICES),
        own=_existing(own),
        readable=[os.path.normpath(path) for path in grants.read_paths],
        writable=[str(work_dir), *(os.path.normpath(path) for path in grants.write_paths)],
        listed=[str(path) for path in listed],
    )


def covered(path: str, folders: Container[str]) -> bool:
    """Return whether the path is one of the folders or lies below one."""
    return path in folders or any(above in folders for above in folders_above(path))


def folders_above(path: str) -> Iterator[str]:
    """Yield the folders that a path lies in, the uppermost first, without the root."""
    parts = path.split("/")[1:-1]
    return ("/" + "/".join(parts[:end]) for end in range(1, len(parts) + 1))


def _existing(paths: Iterable[str]) -> list[str]:
    return [path for path in paths if os.path.exists(path)]  # noqa: PTH110 - texts, on the way to the launcher


def _fault(path: str, field: str) -> OutriderError | None:
    expected = ""
    if not path.startswith("/") or "\0" in path:
        expected = "an absolute path"
    elif os.path.normpath(path).strip("/") == "":
        expected = "less than the whole file system"
    elif not os.path.exists(path):  # noqa: PTH110 - as above
        expected = "a path that exists"
    if not expected:
        return None
    return InvalidConfigError(
        f"{field}: {expected} is needed",
        path=field,
        found=repr(path),
        expected=expected,
        suggestions=[f"make {path}, or grant the folder that will hold it"] if path.startswith("/") else (),
    )
