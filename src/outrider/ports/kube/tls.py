"""TLS to API servers of others: whatever authority and certificate their kubeconfig names, in memory as often as in files."""

import ssl

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.ports.certificates.in_memory import named


class Identity(msgspec.Struct, frozen=True):
    """A certificate with its chain, and its key, in PEM; the key may stand in the same text."""

    certificate: bytes
    key: bytes = b""


def client_tls(ca_pem: str | None, identity: Identity | None, *, insecure: bool) -> ssl.SSLContext:
    """Return the settings of a client.

    Args:
        ca_pem: Whom to trust; None for the authorities of the machine.
        identity: What is shown.
        insecure: Trust anybody, as insecure-skip-tls-verify says.

    Raises:
        InvalidConfigError: A certificate or key cannot be used.
    """
    try:
        context = ssl.create_default_context(cadata=ca_pem)
        # Authorities that kubeadm, k3s and others made are not always as strict as RFC 5280 wants them.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if identity is not None:
            with named(identity.certificate + b"\n" + identity.key) as path:
                context.load_cert_chain(path, password="")  # never ask on a terminal
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise InvalidConfigError(
            f"certificates of the kubeconfig cannot be used: {error}", found=str(error),
            expected="an authority, a certificate and its key, in PEM form",
            suggestions=["kubectl config view --minify --raw", "have the credentials renewed"],
        ) from error  # fmt: skip
    return context
