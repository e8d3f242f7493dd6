"""Trigger: watches a Redis server, the length of a list or a key, or reports the messages of a channel or a stream."""

from __future__ import annotations

import asyncio
import time

from outrider_config import config_error, host_and_port, tls_context
from outrider_connected import Connected
from outrider_delivery import line
from outrider_plugin import main
from redis_looks import LOOKS
from redis_messages import Channel, Stream
from resp import ServerError, connected

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from resp import Connection

TOLD = 300
# Fields that one mode has and others would leave without a use.
FIELDS = {
    "key": {"list-length", "key-exists", "stream"},
    "above": {"list-length"},
    "below": {"list-length"},
    "channel": {"channel"},
    "group": {"stream"},
    "consumer": {"stream"},
}


class Redis(Connected):
    """One server."""

    def setup(self) -> None:
        super().setup()
        self.host, self.port = host_and_port("server", self.config["server"])
        self.mode = self.config["mode"]
        for field, modes in FIELDS.items():
            if field in self.config and self.mode not in modes:
                raise config_error(field, "given", f"only with the mode {' or '.join(sorted(modes))}")
        self.login = self._login()
        if "ca_file" in self.config and not self.config["tls"]:
            raise config_error("tls", "false", "true where there is a ca_file")
        self.context = tls_context(self.config.get("ca_file")) if self.config["tls"] else None
        self.messages: Channel | Stream | None = None
        if self.mode in {"channel", "stream"}:
            self.messages = Channel(self) if self.mode == "channel" else Stream(self)
        self.server: tuple[str, ...] = ()
        self.bad: bool | None = None

    def _login(self) -> list[list[str | int]]:
        user, password = self.config.get("username"), self.config.get("password")
        if user is not None and password is None:
            raise config_error("password", "missing", "one where there is a username")
        commands: list[list[str | int]] = []
        if password is not None:
            commands.append(["AUTH", password] if user is None else ["AUTH", user, password])
        if self.config["db"]:
            commands.append(["SELECT", self.config["db"]])
        return commands

    async def attend(self) -> None:
        try:
            async with connected(
                self.host, self.port, tls=self.context, timeout=self.timeout, login=self.login
            ) as connection:
                await (self.messages.watch(connection) if self.messages else self._look_on(connection))
        except (OSError, ServerError, UnicodeError) as error:
            self.down(self._reason(error))

    def _reason(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within {self.config['timeout']}"
        if isinstance(error, ConnectionRefusedError):
            return "connection refused"
        return line(getattr(error, "strerror", None) or str(error) or type(error).__name__, TOLD)

    async def _look_on(self, connection: Connection) -> None:
        look = LOOKS[self.mode]
        due = time.monotonic()
        while not self.stopping:
            due = max(due + self.every, time.monotonic())
            await look(self, connection)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def up(self, **found: Any) -> None:
        """Report that the server answers, if that is new."""
        self._server("up", f"role {found['role']}" if found.get("role") else "", found)

    def unlinked(self, **found: Any) -> None:
        """Report that the server, a replica, has no link to its master, if that is new."""
        self._server("unlinked", f"no link to the master {found['master']}", found)

    def down(self, detail: str) -> None:
        """Report that the server cannot be asked, if that is new."""
        self._server("down", detail, {})

    def _server(self, state: str, detail: str, found: dict[str, Any]) -> None:
        # A server that takes another role is reported, too.
        now = (state, str(found.get("role", "")))
        if now == self.server or self.stopping:
            return
        self.server = now
        about = {"role": "", "master": "", "replicas": 0, **found} if self.mode == "ping" else {}
        self._state(state, detail, about, key=self.config["server"])

    def judge(self, detail: str, *, bad: bool, **found: Any) -> None:
        """Report that a list or key is bad or good, if that is new."""
        if bad != self.bad:
            self.bad = bad
            self._state(
                "bad" if bad else "good", detail, {"key": self.config["key"], **found}, key=f"key:{self.config['key']}"
            )

    def _state(self, state: str, detail: str, found: dict[str, Any], *, key: str) -> None:
        data = {
            "state": state,
            "server": self.config["server"],
            **found,
            "detail": detail,
            "summary": f"{state}: {detail}" if detail else state,
        }
        unhealthy = state in {"bad", "unlinked", "down"}
        self.event(data, severity=self.config["severity"] if unhealthy else "low", unhealthy=unhealthy, key=key)


main(Redis)
