"""What OpenSSL reads from files only, without a file: keys that never lie on a disk."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from outrider.core.errors import InvalidConfigError
from outrider.ports.certificates.key_pair import KeyPair


@contextmanager
def named(content: bytes) -> Iterator[str]:
    """Give a path to content; in memory where the system can do that."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("identity")
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name


def serving_context() -> ssl.SSLContext:
    """Return the settings of a server whose clients show no certificate; it has none itself until one is loaded."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def load_chain(context: ssl.SSLContext, path: str | Path) -> None:
    """Use key and certificates of a file for new connections.

    Raises:
        OSError, ValueError: They cannot be used; the old ones stay in use.
    """
    # A failed load leaves a context without its key, so another one tries first; no password: never ask on a terminal.
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, password="")
    context.load_cert_chain(path, password="")


def load_pair(context: ssl.SSLContext, pair: KeyPair) -> None:
    """Show a certificate on new connections from now on.

    Raises:
        InvalidConfigError: It cannot be used; the old one stays in use.
    """
    try:
        with named(f"{pair.certificate}\n{pair.key}".encode()) as path:
            load_chain(context, path)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise InvalidConfigError(
            f"a certificate cannot be used: {error}", found=str(error), expected="a certificate and its key, in PEM form",
            suggestions=["remove it: another one is issued"],
        ) from error  # fmt: skip
