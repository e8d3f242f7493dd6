"""Output: mails each report as plain text through an SMTP server."""

from __future__ import annotations

import binascii
import contextlib
import hashlib
import re
import smtplib
import socket
import string
import threading
import uuid
from datetime import UTC, datetime
from email.charset import QP, Charset
from email.header import Header
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime

from outrider_config import config_error, host_and_port, tls_context
from outrider_delivery import TEXT, Attempt, Report, line
from outrider_plugin import Output, PluginError, Request, main, seconds

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any

FIELDS = ("rule", "state", "severity", "source", "summary")
ADDRESS = re.compile(r"[!#-'*+/-9=?A-Z^-~.-]{1,64}@[A-Za-z0-9._-]{1,255}")
REPLIES = 64 * 1024  # bytes that a server may answer in one session
SUBJECT, DATA_LINES, STEP_LINES = 250, 40, 100
REMEMBERED = 256  # mails of which some recipients are still to be served
WIRE_FORM = compat32.clone(linesep="\r\n")


class Replies:
    """The server's side of the dialogue, up to a bound: smtplib reads a reply of any number of lines."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left = REPLIES

    def readline(self, limit: int) -> bytes:
        """Return the next line, or the first `limit` bytes of it."""
        found: bytes = self._stream.readline(limit)
        self._left -= len(found)
        if self._left < 0:
            raise OSError(f"its replies are longer than {REPLIES} bytes")
        return found

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


class Session(smtplib.SMTP):
    """A session on a connection that is there already."""

    def __init__(self, connection: socket.socket) -> None:
        name = socket.gethostname()
        address = connection.getsockname()[0]
        literal = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
        super().__init__(local_hostname=name if "." in name else literal)
        self.sock = connection

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = Replies(self.sock.makefile("rb"))
        return super().getreply()

    def greet(self) -> None:
        """Take the server's greeting and answer it."""
        accepted(self.getreply(), 220)
        self.ehlo_or_helo_if_needed()

    def secure(self, attempt: Attempt, context: ssl.SSLContext, host: str) -> None:
        """Go on under TLS (RFC 3207).

        Raises:
            PluginError: The server does not offer it.
        """
        if not self.has_extn("starttls"):
            raise PluginError("the server offers no STARTTLS, which config.tls asks for")
        accepted(self.docmd("STARTTLS"), 220)
        assert self.sock is not None
        self.sock = attempt.secured(self.sock, context, host)
        # What came before TLS may be anybody's: the rest of it is dropped, and what it said is asked again.
        self.file = self.ehlo_resp = self.helo_resp = None
        self.ehlo_or_helo_if_needed()

    def offer(self, sender: str, recipients: list[str], message: bytes) -> dict[str, tuple[int, bytes]]:
        """Send a message; return the recipients that were refused, each with the reply."""
        accepted(self.mail(sender), 250)
        replies = {recipient: self.rcpt(recipient) for recipient in recipients}
        refused = {recipient: reply for recipient, reply in replies.items() if reply[0] not in {250, 251}}
        if len(refused) < len(recipients):
            accepted(self.data(message), 250)
        return refused

    def leave(self) -> None:
        """Say good-bye; the server has the mail already, so nobody waits long for the answer."""
        with contextlib.suppress(OSError):
            assert self.sock is not None
            self.sock.settimeout(1.0)
            self.quit()


def accepted(reply: tuple[int, bytes], expected: int) -> None:
    """Raise SMTPResponseException for another reply than the expected one."""
    if reply[0] != expected:
        raise smtplib.SMTPResponseException(*reply)


class Email(Output):
    """One server, one sender, one list of recipients."""

    def setup(self) -> None:
        self.host, self.port = host_and_port("server", self.config["server"])
        self.timeout = seconds(self.config["timeout"])
        self._check_addresses()
        self._check_login()
        check_subject(self.config["subject"])
        self.context = None if self.config["tls"] == "none" else tls_context(self.config.get("ca_file"))
        self.served: dict[str, set[str]] = {}
        self.lock = threading.Lock()

    def _check_addresses(self) -> None:
        # The schema does not see what a secret holds.
        for field, given in (("from", [self.config["from"]]), ("to", self.config["to"])):
            for address in given:
                if not isinstance(address, str) or not ADDRESS.fullmatch(address):
                    raise config_error(field, repr(address), "a plain ASCII address such as ops@example.org")

    def _check_login(self) -> None:
        username, password = self.config.get("username"), self.config.get("password")
        if (username is None) != (password is None):
            raise config_error("password" if password is None else "username", "missing", "both or none of the two")
        for field, text in (("username", username), ("password", password)):
            if text is not None and (not text or not text.isascii() or re.search(r"[\x00\r\n]", text)):
                raise config_error(field, "no text that SMTP can send", "ASCII characters on one line")
        if username is not None and self.config["tls"] == "none":
            raise config_error("tls", "none", "starttls or implicit where there is a password")

    def execute(self, request: Request) -> dict[str, Any]:
        report = Report(request.input)
        key = request.idempotency_key or report.run or uuid.uuid4().hex
        served = self.served.get(key, set())
        waiting = [recipient for recipient in self.config["to"] if recipient not in served]
        message_id = self.message_id(key)
        message = self.message(report, message_id)
        with Attempt(self, request, server=self.config["server"], timeout=self.timeout) as attempt:
            refused = self._deliver(attempt, waiting, message)
        self._remember(key, served.union(waiting).difference(refused) if refused else set())
        if refused:
            raise self._refusal(refused)
        total = len(self.config["to"])
        return {"message_id": message_id, "summary": f"mailed to {total} recipient{'s' if total > 1 else ''}"}

    def _deliver(self, attempt: Attempt, recipients: list[str], message: bytes) -> dict[str, tuple[int, bytes]]:
        connection = attempt.connect(self.host, self.port)
        if self.config["tls"] == "implicit" and self.context is not None:
            connection = attempt.secured(connection, self.context, self.host)
        with contextlib.closing(Session(connection)) as session:
            try:
                session.greet()
                if self.config["tls"] == "starttls" and self.context is not None:
                    session.secure(attempt, self.context, self.host)
                if "username" in self.config:
                    session.login(self.config["username"], self.config["password"])
                refused = session.offer(self.config["from"], recipients, message)
            except smtplib.SMTPServerDisconnected:
                raise
            except smtplib.SMTPResponseException as error:
                login = isinstance(error, smtplib.SMTPAuthenticationError)
                raise failure(error.smtp_code, error.smtp_error, login=login) from error
            except binascii.Error as error:
                raise failure(-1, "a challenge of the login is not base64") from error
            except smtplib.SMTPException as error:  # no AUTH, or no method of it that is known here
                raise PluginError(f"no login: {line(str(error), 200)}", code="UNAUTHENTICATED") from error
            session.leave()
        return refused

    def _remember(self, key: str, served: set[str]) -> None:
        """Keep who of several has the mail, so that the next attempt asks for the others alone."""
        with self.lock:
            self.served.pop(key, None)
            if served:
                self.served[key] = served
            while len(self.served) > REMEMBERED:
                del self.served[next(iter(self.served))]

    def _refusal(self, refused: dict[str, tuple[int, bytes]]) -> PluginError:
        """Return the error for recipients that were refused; it is worth another attempt if one was for now only."""
        code, reply = min(refused.values())
        error = failure(code, reply)
        told = "; ".join(f"{recipient}: {said(*reply)}" for recipient, reply in list(refused.items())[:5])
        message = f"{len(refused)} of {len(self.config['to'])} recipients were refused: {told}"
        partial = len(refused) < len(self.config["to"]) and not error.body["retryable"]
        return PluginError(
            message, code="PARTIAL" if partial else str(error.body["code"]), retryable=bool(error.body["retryable"])
        )

    def message_id(self, key: str) -> str:
        """Return the same identifier for every attempt of a report."""
        digest = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:40]
        return f"<{digest}@{self.config['from'].partition('@')[2]}>"

    def message(self, report: Report, message_id: str) -> bytes:
        """Return the mail as it goes over the wire."""
        quoted = Charset("utf-8")
        quoted.body_encoding = QP
        mail: Message[Any, Any] = Message()
        mail.set_payload(body(report), quoted)
        subject = line(self.config["subject"].format_map({name: getattr(report, name) for name in FIELDS}), SUBJECT)
        # A text with =? could be read as an encoded word, and then say anything.
        plain = subject.isascii() and "=?" not in subject
        mail["Subject"] = Header(subject, "us-ascii" if plain else "utf-8", header_name="Subject")
        mail["From"] = self.config["from"]
        mail["To"] = ", ".join(self.config["to"])
        mail["Date"] = format_datetime(report.finished or datetime.now(UTC))
        mail["Message-ID"] = message_id
        mail["Auto-Submitted"] = "auto-generated"
        return mail.as_bytes(policy=WIRE_FORM)


def check_subject(template: str) -> None:
    """Refuse all but plain fields: a format such as {rule:>999999999} or {rule.x} could do anything.

    Raises:
        PluginError: The template has another field, or is none.
    """
    expected = f"text with fields of {', '.join(f'{{{name}}}' for name in FIELDS)}"
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise config_error("subject", f"no template ({error})", expected) from error
    for _, field, form, conversion in parts:
        if field is not None and (field not in FIELDS or form or conversion):
            raise config_error("subject", f"a template with {{{field}}}", expected)


def failure(code: int, reply: bytes | str, *, login: bool = False) -> PluginError:
    """Return the error for a reply: RFC 5321, 4.2.1, calls 4xx transient and 5xx permanent."""
    message = f"the server answered {said(code, reply)}"
    if 400 <= code < 500:
        return PluginError(message, code="UNAVAILABLE", retryable=True)
    if 500 <= code < 600:
        return PluginError(message, code="UNAUTHENTICATED" if login else "EXECUTION_FAILED")
    return PluginError(f"the answer is not SMTP: {said(code, reply)}", code="CONNECTION_FAILED", retryable=True)


def said(code: int, reply: bytes | str) -> str:
    """Return a reply on one line."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return line(f"{code} {text}", 200)


def body(report: Report) -> str:
    """Return the report for people."""
    times = f" ({report.count} times)" if report.count not in {"", "1"} else ""
    measured = [(name, value) for name, value in report.data.items() if name != "summary"]
    parts = [
        [f"Rule {report.rule}: {report.state}", *([report.message] if report.message else ())],
        [
            f"Event from {report.source}{f', {report.kind}' if report.kind else ''}, severity {report.severity}{times}",
            report.summary,
        ],
        [f"  {line(name, 100)}: {line(value, TEXT)}" for name, value in measured[:DATA_LINES]],
        ["Steps", *(f"  {step}" for step in report.steps[:STEP_LINES])] if report.steps else [],
        [f"{name}: {text}" for name, text in footer(report) if text],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def footer(report: Report) -> list[tuple[str, str]]:
    """Return when it was, and by which names it is found again."""
    return [
        ("Seen", report.seen.isoformat() if report.seen else ""),
        ("Started", report.started.isoformat() if report.started else ""),
        ("Finished", report.finished.isoformat() if report.finished else ""),
        ("Run", report.run),
        ("Trace", report.trace),
    ]


main(Email)
