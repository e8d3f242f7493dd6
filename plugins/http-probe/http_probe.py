"""Trigger: asks an HTTP server again and again and reports `up` and `down` when they change."""

import socket
import time

from outrider_plugin import Trigger, main, seconds

READ_LIMIT = 4096
HTTPS_PORT, HTTP_PORT = 443, 80


class HttpProbe(Trigger):
    """One server."""

    def setup(self) -> None:
        scheme, _, rest = self.config["url"].partition("://")
        authority, slash, path = rest.partition("/")
        host, colon, port = authority.rpartition(":")
        self.host = (host if colon else authority).strip("[]")
        self.port = int(port) if colon else (HTTPS_PORT if scheme == "https" else HTTP_PORT)
        self.secure = scheme == "https"
        self.request = self._request(authority, slash + path or "/")
        self.every = seconds(self.config["every"])
        self.timeout = seconds(self.config["timeout"])

    def _request(self, authority: str, path: str) -> bytes:
        headers = {
            "Host": authority,
            "User-Agent": "outrider-http-probe",
            "Connection": "close",
            **self.config["headers"],
        }
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{self.config['method']} {path} HTTP/1.1\r\n{fields}\r\n".encode()

    def run(self) -> None:
        last = None
        due = time.monotonic()
        while not self.wait(max(0.0, due - time.monotonic())):
            due = max(due + self.every, time.monotonic())
            began = time.monotonic()
            state, detail = self._probe()
            if state != last:
                self._report(state, detail, (time.monotonic() - began) * 1000)
                last = state

    def _report(self, state: str, detail: str, latency: float) -> None:
        timing = f" in {latency:.0f} ms" if state == "up" else ""
        data = {
            "state": state,
            "url": self.config["url"],
            "detail": detail,
            "latency_ms": round(latency, 1),
            "summary": f"{state}: {detail}{timing}",
        }
        self.event(
            data, severity="high" if state == "down" else "low", unhealthy=state == "down", key=self.config["url"]
        )

    def _probe(self) -> tuple[str, str]:
        try:
            status = self._ask()
        except TimeoutError:
            return "down", f"no answer within {self.config['timeout']}"
        except ConnectionRefusedError:
            return "down", "connection refused"
        except (OSError, ValueError) as error:
            return "down", str(error)
        good = status in self.config["expect"] if self.config["expect"] else 200 <= status < 400
        return ("up" if good else "down"), str(status)

    def _ask(self) -> int:
        with socket.create_connection((self.host, self.port), timeout=self.timeout) as plain:
            connection = self._secured(plain) if self.secure else plain
            connection.sendall(self.request)
            head = b""
            deadline = time.monotonic() + self.timeout
            while b"\r\n" not in head and len(head) < READ_LIMIT:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                connection.settimeout(left)
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
