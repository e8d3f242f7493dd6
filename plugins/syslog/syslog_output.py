"""Output: sends each report as a message of RFC 5424 to a syslog server."""

from __future__ import annotations

import contextlib
import re
import socket
from datetime import UTC, datetime

from outrider_config import config_error, host_and_port, tls_context
from outrider_delivery import TEXT, Attempt, Report, line
from outrider_plugin import Output, Request, main, seconds

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any

FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit",
    "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
# Informational, warning, error and critical of RFC 5424, table 2.
SEVERITY = {"low": 6, "medium": 4, "high": 3, "critical": 2}
BOM = b"\xef\xbb\xbf"
ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\", "]": "\\]"})
VALUE_BYTES, MESSAGE_ID, HOSTNAME = 200, 32, 255
FAREWELL = 1.0  # seconds for the other end to close
READ, LAST_WORDS = 16 * 1024, 64 * 1024


class Syslog(Output):
    """One server."""

    def setup(self) -> None:
        self.host, self.port = host_and_port("server", self.config["server"])
        self.timeout = seconds(self.config["timeout"])
        # The schema does not see what a secret holds.
        for field, form in (("app_name", r"[!-~]{1,48}"), ("sd_id", r"[A-Za-z0-9._-]{1,20}@[0-9]{1,11}")):
            if not re.fullmatch(form, self.config[field]):
                raise config_error(field, repr(self.config[field]), f"text that fits {form}")
        self.context = tls_context(self.config.get("ca_file")) if self.config["transport"] == "tls" else None
        self.hostname = visible(self.config.get("hostname") or socket.gethostname(), HOSTNAME)

    def execute(self, request: Request) -> dict[str, Any]:
        message = self.message(Report(request.input))
        with Attempt(self, request, server=self.config["server"], timeout=self.timeout) as attempt:
            if self.config["transport"] == "udp":
                self._send_datagram(attempt, message)
            else:
                self._send_frame(attempt, b"%d %s" % (len(message), message))
        return {"bytes": len(message), "summary": f"sent to {self.config['server']} over {self.config['transport']}"}

    def message(self, report: Report) -> bytes:
        """Return the message, at most as long as the configuration says; its text is what is cut."""
        priority = FACILITIES.index(self.config["facility"]) * 8 + SEVERITY[report.severity]
        head = (
            f"<{priority}>1 {timestamp(report.finished)} {self.hostname} {self.config['app_name']} -"
            f" {visible(report.state, MESSAGE_ID)} {self.structured_data(report)} "
        ).encode() + BOM
        told = f"{report.rule} {report.state}: {report.summary}"
        text = line(f"{told} - {report.message}" if report.message else told, 3 * TEXT)
        return head + clipped(text, self.config["max_size"] - len(head))

    def structured_data(self, report: Report) -> str:
        """Return one element with what programs look for."""
        facts = {
            "run": report.run,
            "rule": report.rule,
            "state": report.state,
            "severity": report.severity,
            "source": report.source,
        }
        parameters = "".join(f' {name}="{escaped(value)}"' for name, value in facts.items() if value)
        return f"[{self.config['sd_id']}{parameters}]"

    def _send_datagram(self, attempt: Attempt, message: bytes) -> None:
        with contextlib.closing(attempt.connect(self.host, self.port, kind=socket.SOCK_DGRAM)) as connection:
            connection.send(message)
            # On this machine the kernel knows at once that nobody listens; from elsewhere it is not told in time.
            failed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            raise OSError(failed, "Connection refused")

    def _send_frame(self, attempt: Attempt, frame: bytes) -> None:
        """Send a message with its length before it (RFC 6587, 3.4.1 and RFC 5425, 4.3)."""
        with contextlib.closing(attempt.connect(self.host, self.port)) as connection:
            if self.context is None:
                connection.sendall(frame)
                part(connection, attempt)
            else:
                channel = Channel(connection, self.context, self.host)
                channel.send(frame)
                channel.end(part(connection, attempt))


class Channel:
    """TLS over a connection, with its two directions apart: they end one after the other.

    An SSLSocket can only end both at once, and then does not tell that the other end refused: under TLS 1.3 a server may look
    at the certificate of a client, or miss it, when the client has sent its message already.
    """

    def __init__(self, connection: socket.socket, context: ssl.SSLContext, host: str) -> None:
        import ssl  # noqa: PLC0415 - 4 MB that a plain connection does not need

        self._ssl = ssl
        self._connection = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def send(self, data: bytes) -> None:
        """Shake hands, send, and say that nothing follows."""
        try:
            while not self._shaken():
                received = self._connection.recv(READ)
                if not received:
                    raise ConnectionResetError("the connection ended in the handshake of TLS")
                self._incoming.write(received)
        except self._ssl.SSLError:
            with contextlib.suppress(OSError):
                self._flush()  # the other end is told of it too
            raise
        self._tls.write(data)
        with contextlib.suppress(self._ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()

    def end(self, received: bytes) -> None:
        """Take the last that came, and raise what the other end refuses with."""
        self._incoming.write(received)
        self._incoming.write_eof()
        try:
            while self._tls.read(READ):
                continue
        except self._ssl.SSLError as error:
            if "ALERT" in (error.reason or ""):
                raise

    def _shaken(self) -> bool:
        try:
            self._tls.do_handshake()
        except self._ssl.SSLWantReadError:
            self._flush()
            return False
        return True

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._connection.sendall(self._outgoing.read())


def part(connection: socket.socket, attempt: Attempt) -> bytes:
    """End our direction, and return what comes until the other end closes too, or for a moment.

    Raises:
        OSError: The other end had no ear for the message and reset the connection.
    """
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(min(FAREWELL, attempt.left()))
    received = b""
    with contextlib.suppress(TimeoutError):
        while len(received) < LAST_WORDS and (more := connection.recv(READ)):
            received += more
    return received


def timestamp(time: datetime | None) -> str:
    """Return a time as RFC 5424, 6.2.3, has it; now for one that is not known."""
    try:
        moment = (time or datetime.now(UTC)).astimezone(UTC)
    except OverflowError:
        moment = datetime.now(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def visible(text: str, limit: int) -> str:
    """Return the printable ASCII of a text without spaces, as fields of the header have it, or `-`."""
    return re.sub(r"[^!-~]", "", text)[:limit] or "-"


def escaped(value: str) -> str:
    """Return a value of structured data (RFC 5424, 6.3.3), cut between two characters."""
    kept, used = [], 0
    for character in value:
        piece = character.translate(ESCAPES)
        used += len(piece.encode("utf-8", "replace"))
        if used > VALUE_BYTES:
            break
        kept.append(piece)
    return "".join(kept)


def clipped(text: str, limit: int) -> bytes:
    """Return a text in UTF-8 with at most `limit` bytes, cut between two characters."""
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore").encode()


main(Syslog)
