"""Where servers of tools are."""

import ssl
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.http.urls import PORTS, request_target
from outrider.core.mutual_tls import MutualTlsSettings, check_mutual_tls
from outrider.ports.certificates.tls import trusting


class ServerAddress(msgspec.Struct, frozen=True):
    """Where a server is.

    Attributes:
        base: As the HTTP client takes it.
        target: Path and query.
        tls: Whom it must be; None without TLS.
    """

    base: str
    target: str
    tls: ssl.SSLContext | None


def read_address(
    server: str, url: str, ca: Path | None, mutual_tls: MutualTlsSettings | None = None
) -> ServerAddress:  # fmt: skip
    """Return where a server is.

    Args:
        server: Its name, for errors.
        url: Its address.
        ca: File with the authorities to trust; None for those of the machine.
        mutual_tls: What is shown to it.

    Raises:
        InvalidConfigError: The address or the file cannot be used.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.netloc:
        raise InvalidConfigError(
            f"server '{server}': not an address", path="url", found=url, expected="http:// or https://",
        )  # fmt: skip
    check_mutual_tls(mutual_tls, url)
    tls = trusting(ca, path=f"server {server}: ca", mutual=mutual_tls) if parts.scheme == "https" else None
    return ServerAddress(f"{parts.scheme}://{parts.netloc}", request_target(url), tls)
