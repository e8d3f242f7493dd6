import asyncio
import contextlib
import email
import email.policy
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from hypothesis import given, settings
from hypothesis import strategies as st

from outrider.core.errors import OutriderError
from tests.plugins.harness import faults, module, refusal, running, until
from tests.ports.http.authority import Authority
from tests.servers.ports import free_port

REPORT: dict[str, Any] = {
    "run": "01K0RUN",
    "rule": "heal-web",
    "state": "failed",
    "message": "restart: no such service",
    "started": "2026-07-01T10:00:01.000Z",
    "finished": "2026-07-01T10:00:09.500Z",
    "event": {
        "id": "01K0EVENT",
        "source": "watch/web",
        "type": "http-probe",
        "time": "2026-07-01T10:00:00.000Z",
        "severity": "high",
        "data": {"state": "down", "url": "http://127.0.0.1/", "summary": "down: connection refused"},
        "count": 3,
    },
    "matched": [],
    "steps": [
        {
            "name": "restart",
            "state": "failed",
            "agent": "worker",
            "attempts": 2,
            "result": {"status": "failed", "error": {"code": "NOT_FOUND", "message": "no such service: grün"}},
        },
        {"name": "note", "state": "completed", "agent": None, "attempts": 1, "result": {"result": {"summary": "ok"}}},
    ],
    "trace_id": "abc",
}
TO = ["ops@example.org", "night@example.org"]


def report(**changes: Any) -> dict[str, Any]:
    return {**REPORT, **changes}


class Mailbox:
    """Takes mail; recipients and the end of the data are answered as `replies` says."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.asked: list[str] = []
        self.replies: dict[str, str] = {}
        self.secured: list[bool] = []

    async def handle_RCPT(  # noqa: N802 - a name of aiosmtpd
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        self.asked.append(address)
        reply = self.replies.get(address, "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        self.taken.append(envelope)
        self.secured.append(session.ssl is not None)
        return self.replies.get("DATA", "250 OK")

    @property
    def mails(self) -> list[EmailMessage]:
        return [read(envelope.content) for envelope in self.taken]


def read(content: Any) -> EmailMessage:
    assert isinstance(content, bytes)
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail.defects == []
    return mail


@asynccontextmanager
async def mail_server(mailbox: Mailbox, implicit: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    def factory() -> SMTP:
        return SMTP(mailbox, hostname="mail.test", loop=asyncio.get_running_loop(), **options)

    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0, ssl=implicit)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def scripted(*replies: bytes | None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Serve replies one after the other, whatever is asked; None is silence."""
    lines: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            if reply is None:
                await reader.read()
                return
            writer.write(reply)
            lines.append(await reader.readline())

    async with serving(serve) as port:
        yield port, lines


@asynccontextmanager
async def serving(serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[int]:
    handlers: list[asyncio.Task[Any] | None] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError):
            await serve(reader, writer)
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*filter(None, handlers))


def config(port: int, **changes: Any) -> dict[str, Any]:
    return {
        "server": f"127.0.0.1:{port}",
        "tls": "none",
        "from": "outrider@example.org",
        "to": TO,
        "timeout": "5s",
        **changes,
    }


async def failure(send: Awaitable[Any]) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await send
    return caught.value


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def identity(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("mail", dns=("localhost",)))
    return context


@pytest.mark.real
async def test_a_mail_for_people_arrives() -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port, running("email", config(port)) as plugin:
        result = await plugin.send(REPORT)
    [mail] = mailbox.mails
    assert mailbox.taken[0].mail_from == "outrider@example.org"
    assert mailbox.taken[0].rcpt_tos == TO
    assert mail["From"] == "outrider@example.org"
    assert mail["To"] == ", ".join(TO)
    assert mail["Subject"] == "[high] heal-web failed: down: connection refused"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime.isoformat() == "2026-07-01T10:00:09+00:00"
    assert mail["Message-ID"] == result["message_id"]
    assert result["summary"] == "mailed to 2 recipients"
    assert mail.get_content().splitlines() == [
        "Rule heal-web: failed",
        "restart: no such service",
        "",
        "Event from watch/web, http-probe, severity high (3 times)",
        "down: connection refused",
        "",
        "  state: down",
        "  url: http://127.0.0.1/",
        "",
        "Steps",
        "  restart: failed on worker after 2 attempts - no such service: grün",
        "  note: completed - ok",
        "",
        "Seen: 2026-07-01T10:00:00+00:00",
        "Started: 2026-07-01T10:00:01+00:00",
        "Finished: 2026-07-01T10:00:09.500000+00:00",
        "Run: 01K0RUN",
        "Trace: abc",
    ]


@pytest.mark.real
async def test_an_empty_report_is_a_mail_too() -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port, running("email", config(port)) as plugin:
        await plugin.send({"event": 7, "steps": [3, {}], "started": 5, "finished": "2026-07-01"})
    [mail] = mailbox.mails
    assert mail["Subject"] == "[medium] unknown unknown: unknown unknown"
    assert mail.get_content().splitlines()[-2:] == ["  step: unknown", "  step: unknown"]


@pytest.mark.real
async def test_every_attempt_has_the_same_message_id_and_another_report_another_one() -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port, running("email", config(port)) as plugin:
        for attempt, key in enumerate(["one", "one", "two"], 1):
            await plugin.send(REPORT, idempotency_key=key, attempt=attempt)
    first, again, other = (mail["Message-ID"] for mail in mailbox.mails)
    assert first == again != other
    assert first.endswith("@example.org>")
    assert mailbox.taken[0].content == mailbox.taken[1].content


INJECTION = "a\r\nBcc: x@example.org\r\n\r\n.\r\nMAIL FROM:<x>\u2028\x85\x0b\x00 From b"


@pytest.mark.real
async def test_nothing_of_an_event_becomes_a_header_a_command_or_another_line() -> None:
    mailbox = Mailbox()
    event = {**REPORT["event"], "data": {"summary": INJECTION, INJECTION: INJECTION}, "source": INJECTION}
    steps = [{"name": INJECTION, "state": INJECTION, "result": {"error": {"message": INJECTION}}}]
    async with (
        mail_server(mailbox) as port,
        running("email", config(port, subject="{source}\r\nBcc: y@example.org\n{summary}")) as plugin,
    ):
        await plugin.send({"rule": INJECTION, "state": INJECTION, "message": INJECTION, "event": event, "steps": steps})
    [mail] = mailbox.mails
    assert mailbox.asked == TO
    flat = "a Bcc: x@example.org . MAIL FROM:<x> From b"
    assert mail["Subject"] == f"{flat} Bcc: y@example.org {flat}"
    assert sorted(mail.keys()) == sorted(
        ["Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
         "Content-Transfer-Encoding"]
    )  # fmt: skip
    lines = mail.get_content().splitlines()
    assert not [line for line in lines if line.startswith(("Bcc", "MAIL", "."))]
    assert f"  {flat}: {flat}" in lines


TEXTS = (
    st.text(max_size=120)
    | st.text("\r\n=?utf-8?q?ü€😀 \u2028.From", max_size=200)
    | st.sampled_from(["=?utf-8?q?hello?=", "From here on", ".", "x" * 400, "ü" * 400, "word " * 100])
)


@settings(max_examples=150, deadline=None)
@given(summary=TEXTS)
def test_any_summary_is_one_subject_and_one_body(summary: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        loaded = module("email", "email_output", patch)
        plugin = loaded.Email.__new__(loaded.Email)
    plugin.config = config(1, subject="{summary}")
    seen = loaded.Report(report(event={"data": {"summary": summary}}))
    raw = plugin.message(seen, "<1@example.org>")
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    mail = read(raw)
    assert len(mail.keys()) == 9
    assert " ".join(str(mail["Subject"]).split()) == loaded.line(seen.summary, loaded.SUBJECT)
    assert mail.get_content().replace("\r\n", "\n") == loaded.body(seen)


@pytest.mark.real
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_it_logs_in_under_tls_with_a_private_authority(
    authority: Authority, identity: ssl.SSLContext, tls: str
) -> None:
    mailbox = Mailbox()
    seen: list[Any] = []

    def check(_: SMTP, __: Session, ___: Envelope, ____: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        seen.append((data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=False)

    start = {"tls_context": identity, "require_starttls": True, "auth_required": True}
    if tls == "implicit":
        start = {"auth_require_tls": False}  # aiosmtpd knows of no other TLS than that of STARTTLS
    implicit = identity if tls == "implicit" else None
    async with mail_server(mailbox, implicit, authenticator=check, **start) as port:
        options = config(port, server=f"localhost:{port}", tls=tls, ca_file=str(authority.file), username="me")
        async with running("email", {**options, "password": "right"}) as plugin:
            await plugin.send(REPORT)
        async with running("email", {**options, "password": "wrong"}) as plugin:
            error = await failure(plugin.send(REPORT))
    assert seen[0] == (b"me", b"right")
    assert len(mailbox.taken) == 1
    assert mailbox.secured == [tls == "starttls"]
    assert (error.code, error.body().retryable) == ("UNAUTHENTICATED", False)
    assert "wrong" not in error.message


@pytest.mark.real
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_server_that_nobody_vouches_for_gets_nothing(identity: ssl.SSLContext, tls: str) -> None:
    mailbox = Mailbox()
    start = {"tls_context": identity} if tls == "starttls" else {}
    async with (
        mail_server(mailbox, identity if tls == "implicit" else None, **start) as port,
        running("email", config(port, server=f"localhost:{port}", tls=tls)) as plugin,
    ):
        error = await failure(plugin.send(REPORT))
    assert error.code == "CONNECTION_FAILED"
    assert "certificate" in error.message.lower()
    assert mailbox.asked == []


@pytest.mark.real
async def test_without_starttls_nothing_is_sent_in_the_clear() -> None:
    mailbox = Mailbox()
    async with mail_server(mailbox) as port, running("email", config(port, tls="starttls")) as plugin:
        error = await failure(plugin.send(REPORT))
    assert (error.code, error.body().retryable) == ("EXECUTION_FAILED", False)
    assert "STARTTLS" in error.message
    assert mailbox.asked == []


def talk_before_tls(listener: socket.socket, identity: ssl.SSLContext, asked: list[bytes]) -> None:
    """Be a server to whose reply somebody in the middle adds others, and what the server says under TLS."""
    plain, _ = listener.accept()
    with plain:
        for reply in (b"220 hi\r\n", b"250-mail\r\n250 STARTTLS\r\n", b"220 go\r\n250-mail\r\n250 AUTH PLAIN\r\n"):
            plain.sendall(reply)
            asked += plain.recv(100).splitlines() if b"go" not in reply else []
        with identity.wrap_socket(plain, server_side=True) as secured:
            asked += secured.recv(100).splitlines()
            secured.sendall(b"250 mail\r\n")
            asked += secured.recv(100).splitlines()


@pytest.mark.real
async def test_words_from_before_tls_are_not_believed(authority: Authority, identity: ssl.SSLContext) -> None:
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        options = config(port, server=f"localhost:{port}", tls="starttls", ca_file=str(authority.file))
        async with running("email", {**options, "username": "me", "password": "right"}) as plugin:
            talk = asyncio.get_running_loop().run_in_executor(None, talk_before_tls, listener, identity, asked)
            error = await failure(plugin.send(REPORT))
            await talk
    assert error.code == "UNAUTHENTICATED"
    assert [line.split()[0].upper() for line in asked] == [b"EHLO", b"STARTTLS", b"EHLO"]


@pytest.mark.real
@pytest.mark.parametrize(
    ("replies", "code", "retryable"),
    [
        ({"DATA": "451 later"}, "UNAVAILABLE", True),
        ({"DATA": "552 too large"}, "EXECUTION_FAILED", False),
        (dict.fromkeys(TO, "450 greylisted"), "UNAVAILABLE", True),
        (dict.fromkeys(TO, "550 no such user"), "EXECUTION_FAILED", False),
        ({TO[0]: "550 no", TO[1]: "450 later"}, "UNAVAILABLE", True),
        ({TO[0]: "550 no such user"}, "PARTIAL", False),
    ],
)
async def test_replies_say_whether_to_try_again(replies: dict[str, str], code: str, retryable: bool) -> None:
    mailbox = Mailbox()
    mailbox.replies = replies
    async with mail_server(mailbox) as port, running("email", config(port)) as plugin:
        error = await failure(plugin.send(REPORT))
    assert (error.code, error.body().retryable) == (code, retryable)
    assert next(iter(replies.values()))[:3] in error.message
    assert len(mailbox.taken) == (1 if "DATA" in replies or code == "PARTIAL" else 0)


@pytest.mark.real
async def test_the_next_attempt_asks_only_for_those_who_have_no_mail() -> None:
    mailbox = Mailbox()
    mailbox.replies = {TO[1]: "450 greylisted"}
    async with mail_server(mailbox) as port, running("email", config(port)) as plugin:
        error = await failure(plugin.send(REPORT))
        assert (error.code, error.body().retryable) == ("UNAVAILABLE", True)
        assert f"1 of 2 recipients were refused: {TO[1]}: 450 greylisted" in error.message
        mailbox.replies = {}
        await plugin.send(REPORT, attempt=2)
        await plugin.send(REPORT, idempotency_key="key-2")
    assert [envelope.rcpt_tos for envelope in mailbox.taken] == [TO[:1], TO[1:], TO]


GREETED = (b"220 hi\r\n", b"250 mail\r\n")


@pytest.mark.real
@pytest.mark.parametrize(
    ("replies", "code", "retryable"),
    [
        ((), "CONNECTION_FAILED", True),
        ((b"HTTP/1.1 400 Bad Request\r\n",), "CONNECTION_FAILED", True),
        ((b"\xff\xfe\r\n",), "CONNECTION_FAILED", True),
        ((b"421 busy\r\n",), "UNAVAILABLE", True),
        ((b"554 go away\r\n",), "EXECUTION_FAILED", False),
        ((b"220 hi\r\n", b"502 no\r\n", b"502 no\r\n"), "EXECUTION_FAILED", False),
        ((*GREETED, b"451 later\r\n"), "UNAVAILABLE", True),
        ((*GREETED, b"553 bad sender\r\n"), "EXECUTION_FAILED", False),
        ((*GREETED, b"250 OK\r\n", b"421 closing\r\n"), "CONNECTION_FAILED", True),
        ((*GREETED, *[b"250 OK\r\n"] * 3, b"451 later\r\n"), "UNAVAILABLE", True),
        ((*GREETED, *[b"250 OK\r\n"] * 3, b"554 no data\r\n"), "EXECUTION_FAILED", False),
        ((b"220-x\r\n" * 20_000,), "CONNECTION_FAILED", True),
    ],
)
async def test_a_server_that_misbehaves(replies: tuple[bytes, ...], code: str, retryable: bool) -> None:
    async with scripted(*replies) as (port, _), running("email", config(port)) as plugin:
        error = await failure(plugin.send(REPORT))
        assert (error.code, error.body().retryable) == (code, retryable)
        assert error.message.isprintable()
        assert plugin.host.fault is None


@pytest.mark.real
async def test_nobody_listens_and_then_somebody_does() -> None:
    port = free_port()
    mailbox = Mailbox()
    async with running("email", config(port)) as plugin:
        error = await failure(plugin.send(REPORT))
        assert (error.code, error.body().retryable) == ("CONNECTION_FAILED", True)
        assert "refused" in error.message.lower()

        def factory() -> SMTP:
            return SMTP(mailbox, loop=asyncio.get_running_loop())

        async with await asyncio.get_running_loop().create_server(factory, "127.0.0.1", port):
            assert await plugin.send(REPORT, attempt=2)


@pytest.mark.real
@pytest.mark.parametrize("replies", [(None,), (*GREETED, None), (*GREETED, b"250 OK\r\n", None)])
async def test_a_silent_server_costs_the_timeout(replies: tuple[bytes | None, ...]) -> None:
    async with scripted(*replies) as (port, _), running("email", config(port, timeout="200ms")) as plugin:
        error = await failure(plugin.send(REPORT))
    assert (error.code, error.body().retryable) == ("TIMEOUT", True)
    assert "0.2 s" in error.message


@pytest.mark.real
async def test_a_server_that_drips_costs_the_timeout_once() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"220-x\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(serve) as port, running("email", config(port, timeout="300ms")) as plugin:
        assert (await failure(plugin.send(REPORT, timeout=5))).code == "TIMEOUT"
        assert plugin.host.fault is None


@pytest.mark.real
async def test_cancellation_ends_the_session_and_the_plugin_lives() -> None:
    async with scripted(b"220 hi\r\n", None) as (port, lines), running("email", config(port)) as plugin:
        number, answer = plugin.host.execute("send", {"input": REPORT}, 30)
        await until(lambda: len(lines) == 1)
        await plugin.host.cancel(number, answer)
        assert (await failure(answer)).code == "CANCELLED"
        assert (await failure(plugin.send(REPORT, timeout=0.5))).code == "TIMEOUT"


@pytest.mark.real
async def test_several_at_a_time_and_stop_while_busy() -> None:
    async with scripted(b"220 hi\r\n", None) as (port, lines), running("email", config(port)) as plugin:
        answers = [plugin.host.execute("send", {"input": REPORT}, 30)[1] for _ in range(4)]
        await until(lambda: len(lines) == 4)
    assert all(answer.exception() is not None for answer in answers)


@pytest.mark.real
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject": "{nothing}"}, "subject"),
        ({"subject": "{rule.state}"}, "subject"),
        ({"subject": "{rule[0]}"}, "subject"),
        ({"subject": "{rule!r}"}, "subject"),
        ({"subject": "{rule:>999999999}"}, "subject"),
        ({"subject": "{0}"}, "subject"),
        ({"subject": "{"}, "subject"),
        ({"username": "me", "tls": "starttls"}, "password"),
        ({"password": "x", "tls": "starttls"}, "username"),
        ({"username": "me", "password": "x"}, "tls"),
        ({"username": "me", "password": "grün", "tls": "implicit"}, "password"),
        ({"username": "me\r\nx", "password": "x", "tls": "implicit"}, "username"),
        ({"from": "a@example.org\n"}, "from"),
        ({"to": ["a@example.org\n"]}, "to"),
        ({"server": "mail.example.org:0"}, "server"),
        ({"server": "mail.example.org:65536"}, "server"),
        ({"tls": "implicit", "ca_file": "/dev/null"}, "ca_file"),
        ({"tls": "implicit", "ca_file": "/nothing/here"}, "ca_file"),
    ],
)
async def test_a_configuration_that_cannot_work_is_refused(changes: dict[str, Any], field: str) -> None:
    error = await refusal("email", config(25, **changes))
    assert error.code == "INVALID_CONFIG"
    assert f"config.{field} is" in error.message


@pytest.mark.parametrize(
    "changes",
    [
        {"server": "mail.example.org"},
        {"server": "smtp://mail:25"},
        {"to": []},
        {"to": ["a"]},
        {"to": "a@b"},
        {"from": "Me <a@example.org>"},
        {"from": "a@b\r\nBcc: c@d"},
        {"tls": "ssl"},
        {"subject": ""},
        {"timeout": 3},
        {"bcc": []},
    ],
)
def test_wrong_configurations(changes: dict[str, Any]) -> None:
    assert faults("email", config(25, **changes))


def test_braces_may_be_written_twice() -> None:
    with pytest.MonkeyPatch.context() as patch:
        loaded = module("email", "email_output", patch)
    loaded.check_subject("{{{rule}}} {summary}")
