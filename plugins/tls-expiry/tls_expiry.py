"""Trigger: reads the certificate of a TLS server and reports when it is `ok`, `expiring`, `expired`, `untrusted` or not there."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime

from certificate import not_after
from outrider_plugin import PluginError, main, seconds
from outrider_probe import Probing, address, left

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DAY = 86400.0


class TlsExpiry(Probing):
    """One server."""

    def setup(self) -> None:
        super().setup()
        self.host, self.port = address(self.config["address"], "address")
        self.server_name = self.config.get("server_name", self.host)
        self.warn = seconds(self.config["warn"])
        self._check_ca_file()

    def _check_ca_file(self) -> None:
        if "ca_file" not in self.config:
            return
        if not self.config["verify"]:
            raise PluginError("config.verify is false, expected true where ca_file is given", code="INVALID_CONFIG")
        try:
            self._verifying()
        except OSError as error:
            raise PluginError(f"config.ca_file holds no authorities: {error}", code="INVALID_CONFIG") from error

    def report(self, found: dict[str, Any]) -> None:
        server, good = self.config["address"], found["state"] == "ok"
        data = {
            "address": server,
            "server_name": self.server_name,
            **found,
            "summary": f"{server} {found['state']}: {found['detail']}",
        }
        self.event(data, severity="low" if good else self.config["severity"], unhealthy=not good, key=server)

    def look(self, deadline: float) -> dict[str, Any]:
        try:
            return self._judge(deadline)
        except ssl.SSLError as error:
            raise ValueError(f"no TLS: {error.reason or error}") from error

    def down(self, detail: str) -> dict[str, Any]:
        return _outcome("down", detail)

    def _judge(self, deadline: float) -> dict[str, Any]:
        certificate = self._certificate(_reading(), deadline)
        end = not_after(certificate)
        remaining = (end - datetime.now(UTC)).total_seconds()
        if remaining < 0:
            return _outcome("expired", f"it ended {-remaining / DAY:.1f} days ago", end=end, seconds_left=remaining)
        distrust = self._distrust(deadline) if self.config["verify"] else ""
        if distrust:
            return _outcome("untrusted", distrust, end=end, seconds_left=remaining)
        state = "expiring" if remaining < self.warn else "ok"
        return _outcome(state, f"it ends in {remaining / DAY:.1f} days", end=end, seconds_left=remaining)

    def _distrust(self, deadline: float) -> str:
        """Return why the server is not trusted, empty where it is."""
        try:
            self._certificate(self._verifying(), deadline)
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
        return ""

    def _verifying(self) -> ssl.SSLContext:
        # Read anew each time: authorities are exchanged while a plugin runs.
        return ssl.create_default_context(cafile=self.config.get("ca_file"))

    def _certificate(self, context: ssl.SSLContext, deadline: float) -> bytes:
        with socket.create_connection((self.host, self.port), timeout=left(deadline)) as plain:
            plain.settimeout(left(deadline))  # the handshake as a whole
            with context.wrap_socket(plain, server_hostname=self.server_name) as connection:
                certificate = connection.getpeercert(binary_form=True)
        if not certificate:
            raise ValueError("the server has no certificate")
        return certificate


def _reading() -> ssl.SSLContext:
    """Return a context that takes any certificate: an expired or weak one is to be read, not trusted, and nothing is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def _outcome(
    state: str, detail: str, *, end: datetime | None = None, seconds_left: float | None = None
) -> dict[str, Any]:
    return {
        "state": state,
        "detail": detail,
        "not_after": "" if end is None else f"{end.replace(tzinfo=None).isoformat()}Z",
        "days_left": None if seconds_left is None else round(seconds_left / DAY, 1),
    }


main(TlsExpiry)
