"""TLS to servers that want to know who calls, and of which some are known by their SPIFFE IDs.

Rules: SPIFFE X.509-SVID, section 2 (exactly one URI) and 5.2 (the chain leads to the trust domain's authorities; leaf names in
the address mean nothing).
"""

import ssl
from pathlib import Path
from typing import Any, Self

from outrider.core.errors import InvalidConfigError
from outrider.core.mutual_tls import IdentityFiles, MutualTlsSettings

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
    try:
        return _Fresh(mutual.identity, mutual.server, trusted)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise InvalidConfigError(
            f"{path}: the agent's certificate cannot be used: {error}", path=path,
            found=", ".join(str(one) for one in (files.certificate, files.key, trusted) if one is not None),
            expected="a certificate, its key and its authorities, in PEM form",
            suggestions=["is the certificate there, and do certificate and key fit?"],
        ) from error  # fmt: skip


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
    """Settings by what files said at one time."""

    sslobject_class = _Verified
    server: str


class _Fresh(ssl.SSLContext):
    """Settings that look at their files before each connection: certificates of workloads last an hour or a day.

    A changed file makes new settings, as what was trusted once cannot be taken back from old ones.
    """

    _files: IdentityFiles
    _server: str
    _trusted: Path | None
    _mark: Mark
    _now: _Context

    def __new__(cls, *_: Any) -> Self:
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, files: IdentityFiles, server: str, trusted: Path | None) -> None:
        self._files, self._server, self._trusted = files, server, trusted
        self._mark = self._look()
        self._now = self._made()

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        try:
            mark = self._look()
            if mark != self._mark:
                self._now, self._mark = self._made(), mark
        except (OSError, ValueError):
            # Whoever writes the files may be at it: those before hold until it is done, and until they expire.
            self._mark = ()
        return self._now.wrap_bio(*arguments, **named)

    def _look(self) -> Mark:
        """Return what is another one when a file is.

        Raises:
            OSError: One is not there.
        """
        named = (self._files.certificate, self._files.key, self._trusted)
        found = [one.stat() for one in named if one is not None]
        return tuple(number for one in found for number in (one.st_mtime_ns, one.st_ino, one.st_size))

    def _made(self) -> _Context:
        """Return settings by what the files say now.

        Raises:
            OSError: One cannot be used.
            ValueError: Likewise.
        """
        context = _Context(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.hostname_checks_common_name = False
        context.check_hostname = not self._server
        context.server = self._server
        if self._trusted is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(cafile=self._trusted)
        context.load_cert_chain(self._files.certificate, self._files.key, password="")  # never ask on a terminal
        return context
