"""Trigger: reports the messages of a NATS subject, or of a stream of JetStream."""

from __future__ import annotations

import asyncio
import functools
import re
from concurrent.futures import ThreadPoolExecutor

from nats_messages import Stream, Subject
from nats_session import Session
from outrider_config import config_error, host_and_port, tls_context
from outrider_connected import Connected
from outrider_delivery import line
from outrider_nats import FAULTS, connected
from outrider_plugin import PluginError, main

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TOLD = 300


class NatsSubject(Connected):
    """One subject."""

    def setup(self) -> None:
        super().setup()
        for server in self.config["servers"]:
            host_and_port("servers", server.removeprefix("nats://"))
        self._check_subject()
        self.options = self._login() | {"ping_interval": self.every, "max_outstanding_pings": 1}
        if "ca_file" in self.config and not self.config["tls"]:
            raise config_error("tls", "false", "true where there is a ca_file")
        self.context = tls_context(self.config.get("ca_file")) if self.config["tls"] else None
        self.messages: Stream | Subject = Stream(self) if "stream" in self.config else Subject(self)
        # Reporting waits for the agent, meanwhile the connection is kept alive. One thread keeps the order.
        self.reporter = ThreadPoolExecutor(1)
        self.state = ""

    def _check_subject(self) -> None:
        subject = self.config["subject"]
        # The schema does not see what a secret holds, nor where a wildcard stands.
        *parts, last = subject.split(".")
        named = all(re.fullmatch(r"\*|[^\s*>]+", part) for part in parts) and re.fullmatch(r"\*|>|[^\s*>]+", last)
        if not named:
            raise config_error(
                "subject", repr(subject), "parts between dots, each a name or *, and the last one perhaps >"
            )
        if "queue" in self.config and "stream" in self.config:
            raise config_error("queue", "given", "none with a stream, whose durable consumer shares messages out")

    def _login(self) -> dict[str, str]:
        given: dict[str, str] = {
            field: self.config[field] for field in ("user", "password", "token") if field in self.config
        }
        if "token" in given and "user" in given:
            raise config_error("token", "given", "either a token or a user")
        return given

    async def attend(self) -> None:
        session: Session | None = None
        try:
            begun = functools.partial(Session, self.context)
            async with connected(self.config["servers"], begun, timeout=self.timeout, options=self.options) as session:
                await self.messages.watch(session)
        except FAULTS as error:
            await self.down(self._reason(error, session))

    def _reason(self, error: Exception, session: Session | None) -> str:
        if session is not None:  # what ended the connection says more than that it is closed
            error = session.fault or session.last_error or error
        if isinstance(error, TimeoutError):
            return f"no answer within {self.config['timeout']}"
        if isinstance(error, ConnectionRefusedError):
            return "connection refused"
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return line(text.removeprefix("nats: "), TOLD)

    async def up(self, session: Session) -> None:
        """Report that messages can come, if that is new."""
        url = session.connected_url
        await self._server("up", f"connected to {url.netloc}" if url else "")

    async def down(self, detail: str) -> None:
        """Report that no messages can come, if that is new."""
        await self._server("down", detail)

    async def _server(self, state: str, detail: str) -> None:
        if state == self.state or self.stopping:
            return
        self.state = state
        data = {
            "state": state,
            "servers": self.config["servers"],
            "subject": self.config["subject"],
            "detail": detail,
            "summary": f"{state}: {detail}",
        }
        severity = self.config["severity"] if state == "down" else "low"
        await self.hand_over(data, severity=severity, unhealthy=state == "down", key=self.config["servers"][0])

    def hand_over(self, data: dict[str, Any], **how: Any) -> asyncio.Future[bool]:
        """Report an event after those before it; what cannot be reported is left out, as if it was."""
        return self.loop.run_in_executor(self.reporter, functools.partial(self._hand_over, data, how))

    def _hand_over(self, data: dict[str, Any], how: dict[str, Any]) -> bool:
        try:
            return self.event(data, **how)
        except PluginError as error:
            self.log(f"an event was left out: {error}")
            return True


main(NatsSubject)
