"""Trigger: asks an HTTP server again and again and reports `up` and `down` when they change."""

from __future__ import annotations

import socket

from outrider_plugin import main
from outrider_probe import Probing, left

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

READ_LIMIT = 4096
HTTPS_PORT, HTTP_PORT = 443, 80


class HttpProbe(Probing):
    """One server."""

    def setup(self) -> None:
        super().setup()
        scheme, _, rest = self.config["url"].partition("://")
        authority, slash, path = rest.partition("/")
        host, colon, port = authority.rpartition(":")
        self.host = (host if colon else authority).strip("[]")
        self.port = int(port) if colon else (HTTPS_PORT if scheme == "https" else HTTP_PORT)
        self.secure = scheme == "https"
        self.request = self._request(authority, slash + path or "/")

    def _request(self, authority: str, path: str) -> bytes:
        headers = {
            "Host": authority,
            "User-Agent": "outrider-http-probe",
            "Connection": "close",
            **self.config["headers"],
        }
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{self.config['method']} {path} HTTP/1.1\r\n{fields}\r\n".encode()

    def report(self, found: dict[str, Any]) -> None:
        url, down = self.config["url"], found["state"] == "down"
        timing = "" if down else f" in {found['latency_ms']:.0f} ms"
        data = {"url": url, **found, "summary": f"{found['state']}: {found['detail']}{timing}"}
        self.event(data, severity="high" if down else "low", unhealthy=down, key=url)

    def look(self, deadline: float) -> dict[str, Any]:
        status = self._ask(deadline)
        good = status in self.config["expect"] if self.config["expect"] else 200 <= status < 400
        return {"state": "up" if good else "down", "detail": str(status)}

    def down(self, detail: str) -> dict[str, Any]:
        return {"state": "down", "detail": detail}

    def _ask(self, deadline: float) -> int:
        with socket.create_connection((self.host, self.port), timeout=left(deadline)) as plain:
            plain.settimeout(left(deadline))  # for the handshake as a whole
            connection = self._secured(plain) if self.secure else plain
            connection.settimeout(left(deadline))
            connection.sendall(self.request)
            head = b""
            while b"\r\n" not in head and len(head) < READ_LIMIT:
                connection.settimeout(left(deadline))
                chunk = connection.recv(READ_LIMIT)
                if not chunk:
                    break
                head += chunk
        words = head.split(b"\r\n", 1)[0].split()
        if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
            raise ValueError("the answer is not HTTP")
        return int(words[1])

    def _secured(self, plain: socket.socket) -> socket.socket:
        import ssl  # noqa: PLC0415 - 4 MB that a plain HTTP probe does not need

        return ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)


main(HttpProbe)
