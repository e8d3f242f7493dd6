"""TLS contexts: 1.3 or newer, both sides verified against one CA.

A live context takes a renewed certificate with `load_cert_chain`: connections made after that show it.
"""

import ssl
from pathlib import Path

from outrider.core.errors import InvalidConfigError

_ALPN = ["http/1.1"]


def server_context(cert_file: Path, key_file: Path, ca_file: Path, *, require_client: bool) -> ssl.SSLContext:
    """Return a context for a server that verifies the certificates of its clients.

    Args:
        cert_file: Own certificate and intermediates, PEM.
        key_file: Its key, PEM, not encrypted.
        ca_file: Certificates that sign those of clients, PEM.
        require_client: Refuse clients without a certificate in the handshake; otherwise they are let in without identity.

    Raises:
        InvalidConfigError: A file is missing, unreadable or not what it should be.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, ca_file)
    context.verify_mode = ssl.CERT_REQUIRED if require_client else ssl.CERT_OPTIONAL
    # Without tickets no session is resumed, so that every connection is verified as of its own time.
    context.num_tickets = 0
    _load_chain(context, cert_file, key_file)
    return context


def client_context(ca_file: Path, cert_file: Path | None = None, key_file: Path | None = None) -> ssl.SSLContext:
    """Return a context for a client that trusts this CA alone and checks the host name.

    Args:
        ca_file: Certificates that sign those of servers, PEM.
        cert_file: Own certificate and intermediates, PEM.
        key_file: Its key, PEM, not encrypted; may be in `cert_file`.

    Raises:
        InvalidConfigError: A file is missing, unreadable or not what it should be.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT, ca_file)
    if cert_file is not None:
        _load_chain(context, cert_file, key_file)
    return context


def _context(protocol: int, ca_file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(_ALPN)
    try:
        context.load_verify_locations(cafile=str(ca_file))
    except OSError as error:  # ssl.SSLError is one
        raise _unusable(f"the CA file {ca_file}", error, "certificates in PEM form") from error
    return context


def _load_chain(context: ssl.SSLContext, cert_file: Path, key_file: Path | None) -> None:
    try:
        # Without a password callback OpenSSL would ask on the terminal.
        context.load_cert_chain(str(cert_file), str(key_file) if key_file else None, password="")
    except OSError as error:
        files = f"the certificate {cert_file} with the key {key_file or cert_file}"
        raise _unusable(files, error, "a certificate and its unencrypted key in PEM form") from error


def _unusable(files: str, error: OSError, expected: str) -> InvalidConfigError:
    reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    return InvalidConfigError(
        f"{files} cannot be used: {reason}",
        found=str(reason),
        expected=expected,
        suggestions=["check the paths, the permissions and that key and certificate belong together"],
    )
