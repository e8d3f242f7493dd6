"""TLS 1.3 settings for both ends of our own connections (RFC 8446; verification as RFC 5280 has it, strictly), and whom to trust in
those to others.
"""

import ssl
from pathlib import Path

from outrider.core.errors import InvalidConfigError
from outrider.core.mutual_tls import MutualTlsSettings
from outrider.ports.certificates.authorities import context_for
from outrider.ports.certificates.in_memory import load_chain
from outrider.ports.certificates.mutual import showing


def server_context(identity_file: Path, ca_pem: str, *, require_client: bool) -> ssl.SSLContext:
    """Return the settings of a server.

    Sessions are not resumed: each connection shows its certificate, and its expiry is looked at.

    Args:
        identity_file: Key and certificate, as `issue_server` writes them.
        ca_pem: The authority of the clients.
        require_client: Refuse clients without a certificate; otherwise the one who reads the request must
            (`read_peer`), as for enrolment.

    Raises:
        InvalidConfigError: A file or certificate cannot be used.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, ca_pem)
    context.verify_mode = ssl.CERT_REQUIRED if require_client else ssl.CERT_OPTIONAL
    context.num_tickets = 0
    load_identity(context, identity_file)
    return context


def client_context(ca_pem: str, identity_file: Path | None = None) -> ssl.SSLContext:
    """Return the settings of a client that trusts this authority only.

    Args:
        ca_pem: The authority of the server.
        identity_file: The client's own key and certificate in one file; none before it is enrolled.

    Raises:
        InvalidConfigError: A file or certificate cannot be used.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT, ca_pem)
    context.hostname_checks_common_name = False
    if identity_file is not None:
        load_identity(context, identity_file)
    return context


def trusting(ca: Path | None, *, path: str, mutual: MutualTlsSettings | None = None) -> ssl.SSLContext:
    """Return the settings of a client of other people's servers; they are shared, and must not be changed.

    Args:
        ca: File with the authorities to trust; None for those of the machine.
        path: The field that names it, for the error.
        mutual: What the client shows of itself; None for nothing.

    Raises:
        InvalidConfigError: A file cannot be used.
    """
    if mutual is not None:
        return showing(mutual, ca, path=path)
    try:
        return context_for(ca)
    except (OSError, ValueError) as error:
        raise InvalidConfigError(
            f"{path}: {ca} cannot be used: {error}", path=path, found=str(ca), expected="a file with certificates (PEM)",
            suggestions=["name the file with the authority's certificate"],
        ) from error  # fmt: skip


def load_identity(context: ssl.SSLContext, identity_file: Path) -> None:
    """Use the file's key and certificate for new connections; on a live server this is the reload.

    Raises:
        InvalidConfigError: The file is absent or damaged, or key and certificate do not fit; the old ones stay in use.
    """
    try:
        load_chain(context, identity_file)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise InvalidConfigError(
            f"{identity_file} cannot be used as identity: {error}",
            found=str(identity_file),
            expected="a private key and its certificate, in PEM form",
            suggestions=["issue the certificate again"],
        ) from error


def _context(protocol: int, ca_pem: str) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        context.load_verify_locations(cadata=ca_pem)
    except (OSError, ValueError) as error:
        raise InvalidConfigError(f"the authority's certificate cannot be used: {error}", expected="PEM form") from error
    return context
