"""Trigger: asks a DNS server for a name again and again and reports `up` and `down` when they change."""

from __future__ import annotations

import os
import re
import socket
import time

from dns_message import TYPES, Answer, MalformedError, canonical_name, canonical_text, parse, query
from outrider_plugin import PluginError, main
from outrider_probe import Probing, address, left

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Address = tuple[int, Any]

MAX_MESSAGE = 65535
SHOWN_ANSWERS, SHOWN = 32, 255
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class DnsProbe(Probing):
    """One name at one server."""

    def setup(self) -> None:
        super().setup()
        self.host, self.port = address(self.config["server"], "server")
        self.name, self.kind = canonical_name(self.config["name"]), TYPES[self.config["type"]]
        self.expect = [self._expected(text) for text in self.config["expect"]]
        self.strays = 0

    def _expected(self, text: str) -> str:
        try:
            return canonical_text(self.kind, text)
        except ValueError as error:
            raise PluginError(
                f"config.expect has {text!r}, expected an answer of type {self.config['type']}: {error}",
                code="INVALID_CONFIG",
            ) from error

    def report(self, found: dict[str, Any]) -> None:
        about = f"{self.name} {self.config['type']}"
        down = found["state"] == "down"
        data = {
            "name": self.name,
            "type": self.config["type"],
            "server": self.config["server"],
            **found,
            "summary": f"{about} {found['state']}: {found['detail']}",
        }
        self.event(data, severity=self.config["severity"] if down else "low", unhealthy=down, key=about)

    def look(self, deadline: float) -> dict[str, Any]:
        try:
            return self._judge(self._ask(deadline))
        except MalformedError as error:
            raise ValueError(f"malformed answer: {error}") from error

    def down(self, detail: str) -> dict[str, Any]:
        return _outcome("down", detail)

    def late(self) -> str:
        strays = f"; {self.strays} messages answered another question" if self.strays else ""
        return super().late() + strays

    def _judge(self, answer: Answer) -> dict[str, Any]:
        if answer.rcode != "NOERROR":
            return _outcome("down", answer.rcode, rcode=answer.rcode)
        texts = answer.texts(self.name, self.kind)
        missing = [text for text in self.expect if text not in texts]
        if not texts:
            state, detail = "down", f"no {self.config['type']} record"
        elif missing:
            state, detail = "down", f"missing: {', '.join(missing)}"[:SHOWN]
        else:
            state, detail = "up", ", ".join(texts)[:SHOWN]
        return _outcome(state, detail, rcode=answer.rcode, answers=[text[:SHOWN] for text in texts[:SHOWN_ANSWERS]])

    def _ask(self, deadline: float) -> Answer:
        self.strays = 0
        fault: OSError | None = None
        for family, _, _, _, place in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM):
            try:
                answer = self._over_udp((family, place), deadline)
                return self._over_tcp((family, place), deadline) if answer.truncated else answer
            except TimeoutError:
                raise
            except OSError as error:
                fault = error
        raise fault or OSError("the server has no address")

    def _over_udp(self, to: Address, deadline: float) -> Answer:
        with socket.socket(to[0], socket.SOCK_DGRAM) as channel:
            channel.connect(to[1])
            question = self._question()
            # One lost datagram is no outage: it is sent a second time.
            for until in ((time.monotonic() + deadline) / 2, deadline):
                channel.send(question)
                answer = self._first_fitting(channel, question[:2], until)
                if answer is not None:
                    return answer
        raise TimeoutError

    def _first_fitting(self, channel: socket.socket, number: bytes, until: float) -> Answer | None:
        """Return the answer to our question; what answers another one may be late, or forged."""
        while (left := until - time.monotonic()) > 0:
            channel.settimeout(left)
            try:
                message = channel.recv(MAX_MESSAGE)
            except TimeoutError:
                return None
            if message[:2] == number and (answer := parse(message)).answers(self.name, self.kind):
                return answer
            self.strays += 1
        return None

    def _over_tcp(self, to: Address, deadline: float) -> Answer:
        with socket.socket(to[0], socket.SOCK_STREAM) as channel:
            channel.settimeout(left(deadline))
            channel.connect(to[1])
            question = self._question()
            channel.settimeout(left(deadline))
            channel.sendall(len(question).to_bytes(2) + question)
            message = _read(channel, int.from_bytes(_read(channel, 2, deadline)), deadline)
        if message[:2] != question[:2] or not (answer := parse(message)).answers(self.name, self.kind):
            raise MalformedError("it is one to another question, over TCP")
        if answer.truncated:
            raise MalformedError("it is truncated over TCP too")
        return answer

    def _question(self) -> bytes:
        return query(int.from_bytes(os.urandom(2)), self.name, self.kind)


def _read(channel: socket.socket, count: int, deadline: float) -> bytes:
    data = b""
    while len(data) < count:
        channel.settimeout(left(deadline))
        chunk = channel.recv(count - len(data))
        if not chunk:
            raise MalformedError("the connection ended before the answer did")
        data += chunk
    return data


def _outcome(state: str, detail: str, *, rcode: str = "", answers: list[str] | None = None) -> dict[str, Any]:
    shown = CONTROL.sub("\ufffd", detail)
    return {"state": state, "detail": shown, "rcode": rcode, "answers": answers or []}


main(DnsProbe)
