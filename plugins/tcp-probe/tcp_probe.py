"""Trigger: connects to a TCP address again and again and reports `up` and `down` when they change."""

from __future__ import annotations

import re
import socket

from outrider_plugin import PluginError, main
from outrider_probe import Probing, address, left

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

READ_LIMIT = 4096
SHOWN = 200
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class TcpProbe(Probing):
    """One address."""

    def setup(self) -> None:
        super().setup()
        self.host, self.port = address(self.config["address"], "address")
        self.answer = bytearray()
        try:
            self.expect = re.compile(self.config["expect"])
        except re.error as error:
            raise PluginError(f"config.expect is no regular expression: {error}", code="INVALID_CONFIG") from error

    def report(self, found: dict[str, Any]) -> None:
        server, down = self.config["address"], found["state"] == "down"
        timing = "" if down else f" in {found['latency_ms']:.0f} ms"
        data = {"address": server, **found, "summary": f"{server} {found['state']}: {found['detail']}{timing}"}
        self.event(data, severity=self.config["severity"] if down else "low", unhealthy=down, key=server)

    def look(self, deadline: float) -> dict[str, Any]:
        self.answer = bytearray()
        return _outcome("up", self._talk(self.answer, deadline), self.answer)

    def down(self, detail: str) -> dict[str, Any]:
        return _outcome("down", detail, self.answer)

    def late(self) -> str:
        heard = f"no match in {len(self.answer)} bytes" if self.answer else "no answer"
        return f"{heard} within {self.config['timeout']}"

    def _talk(self, answer: bytearray, deadline: float) -> str:
        """Connect, send, and read into `answer` what is needed for the judgement."""
        with socket.create_connection((self.host, self.port), timeout=self.timeout) as connection:
            if self.config["send"]:
                connection.settimeout(left(deadline))
                connection.sendall(self.config["send"].encode())
            if not self.config["expect"]:
                return "connected"
            while len(answer) < READ_LIMIT:
                connection.settimeout(left(deadline))
                chunk = connection.recv(READ_LIMIT - len(answer))
                if not chunk:
                    raise ValueError(f"closed after {len(answer)} bytes without a match")
                answer += chunk
                if self.expect.search(answer.decode("utf-8", "replace")):
                    return "the answer matches"
        raise ValueError(f"no match in the first {READ_LIMIT} bytes")


def _shown(answer: bytearray) -> str:
    return CONTROL.sub("\ufffd", answer.decode("utf-8", "replace")[:SHOWN])


def _outcome(state: str, detail: str, answer: bytearray) -> dict[str, Any]:
    return {"state": state, "detail": detail, "answer": _shown(answer)}


main(TcpProbe)
