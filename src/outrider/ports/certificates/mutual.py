"""TLS to servers that want to know who calls, and of which some are known by their SPIFFE IDs.

Rules: SPIFFE X.509-SVID, section 2 (exactly one URI) and 5.2 (the chain leads to the trust domain's authorities; leaf names in
the address mean nothing).
"""

import ssl
from pathlib import Path
from typing import Any

from outrider.core.errors import InvalidConfigError
from outrider.core.mutual_tls import MutualTlsSettings

Mark = tuple[int, ...]


def showing(mutual: MutualTlsSettings, ca: Path | None, *, path: str) -> ssl.SSLContext:
    """Return the settings of a client that shows a certificate. What is in its files counts for each new connection.

    Args:
        mutual: What is shown, and who the server must be.
        ca: File with the authorities to trust; None for those of the identity where the server has a SPIFFE ID, else those of the
            machine.
        path: The field that wants it, for the error.

    Raises:
        InvalidConfigError: A file cannot be used.
    """
    files, own = mutual.identity, mutual.identity.authorities
    trusted = ca or (own if mutual.server else None)
    if mutual.server and trusted is None:
        raise InvalidConfigError(
            f"{path}: nobody says whose certificates are those of {mutual.server}", path=path, found="no authorities",
            expected="ca, or authorities of the agent's identity", suggestions=["name the trust bundle: identity.authorities"],
        )  # fmt: skip
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.server, context.trusted, context.certificate, context.key = (
        mutual.server,
        trusted,
        files.certificate,
        files.key,
    )
    if mutual.server:
        context.check_hostname = False
    if trusted is None:
        context.load_default_certs()
    try:
        context.refresh()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise InvalidConfigError(
            f"{path}: the agent's certificate cannot be used: {error}", path=path,
            found=", ".join(str(one) for one in (files.certificate, files.key, trusted) if one is not None),
            expected="a certificate, its key and its authorities, in PEM form",
            suggestions=["is the certificate there, and do certificate and key fit?"],
        ) from error  # fmt: skip
    return context


class _Verified(ssl.SSLObject):
    """One end of a connection that goes on only with the server that is meant."""

    def do_handshake(self) -> None:
        super().do_handshake()
        context: Any = self.context
        if context.server:
            certificate: dict[str, Any] = self.getpeercert() or {}
            names = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI"]
            if names != [context.server]:
                found = " and ".join(map(str, names)) or "no SPIFFE ID"
                raise _refusal(f"it is {found}, and must be {context.server}")


def _refusal(text: str) -> ssl.SSLCertVerificationError:
    """Return an error as OpenSSL's own are: clients tell its `verify_message`."""
    error = ssl.SSLCertVerificationError(f"certificate verify failed: {text}")
    error.verify_message = text
    return error


class _Context(ssl.SSLContext):
    """Settings that look at their files before each connection: certificates of workloads last an hour or a day."""

    sslobject_class = _Verified
    server: str
    trusted: Path | None
    certificate: Path
    key: Path | None
    _mark: Mark = ()

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        try:
            self.refresh()
        except (OSError, ValueError):
            # Whoever writes the files may be at it: those before hold until it is done, and until they expire.
            self._mark = ()
        return super().wrap_bio(*arguments, **named)

    def refresh(self) -> None:
        """Read files that have changed.

        Raises:
            OSError: One cannot be used; the old ones stay in use.
            ValueError: Likewise.
        """
        mark = tuple(number for one in (self.certificate, self.key, self.trusted) if one for number in _mark(one))
        if mark == self._mark:
            return
        # A failed load leaves a context without its key, so another one tries first; no password: never ask on a terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(self.certificate, self.key, password="")
        if self.trusted is not None:
            self.load_verify_locations(cafile=self.trusted)
        self.load_cert_chain(self.certificate, self.key, password="")
        self._mark = mark


def _mark(path: Path) -> Mark:
    found = path.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size
