"""A certificate authority for one test. It certifies what the platform's own would not, such as what has ended already."""

import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from outrider.ports.certificates.builder import Leaf, authority_certificate, leaf_certificate
from outrider.ports.certificates.pem import certificate_pem, key_pem

HOUR = 3600.0
SPIFFE = "spiffe://outrider.test/agent/eyes"
_NAMES = [x509.DNSName("localhost"), *(x509.UniformResourceIdentifier(host) for host in ("outrider.test", "a.test"))]


class Authority:
    """Issues identities into a folder.

    Args:
        folder: Where files go.
        name: Name of its file.
        common_name: Name in its certificate.
    """

    def __init__(self, folder: Path, name: str = "ca", common_name: str = "test authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        now = time.time()
        self._certificate = authority_certificate(
            self._key, _NAMES, title=common_name, start=now - 2 * HOUR, end=now + HOUR
        )
        self.pem = certificate_pem(self._certificate)
        self.file = folder / f"{name}.pem"
        self.file.write_text(self.pem)

    def issue(self, name: str, *, uris: tuple[str, ...] = (), dns: tuple[str, ...] = (), ends: float = HOUR) -> Path:
        """Return a file with a certificate and its key; it began two hours ago and ends so many seconds from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [*(x509.UniformResourceIdentifier(uri) for uri in uris), *(x509.DNSName(host) for host in dns)]
        usage = ExtendedKeyUsageOID.SERVER_AUTH if dns else ExtendedKeyUsageOID.CLIENT_AUTH
        now = time.time()
        certificate = leaf_certificate(
            Leaf(key.public_key(), names, usage), self._certificate, self._key, start=now - 2 * HOUR, end=now + ends
        )
        identity = self._folder / f"{name}-identity.pem"
        identity.write_text(certificate_pem(certificate) + key_pem(key).decode())
        return identity


def serial_number(identity: Path) -> int:
    """Serial number of a certificate in a file."""
    return x509.load_pem_x509_certificate(identity.read_bytes()).serial_number
