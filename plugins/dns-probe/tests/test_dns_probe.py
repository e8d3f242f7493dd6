import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.plugins.harness import Running, faults, module, refusal, running, until
from tests.servers.ports import free_port

pytestmark = pytest.mark.real
NAME = b"\3www\7example\0"
MAIL = b"\4mail\xc0\x10"  # mail.example, with a pointer into the question
A, CNAME, MX, TXT = 1, 5, 15, 16


def record(kind: int, data: bytes, owner: bytes = b"\xc0\x0c") -> bytes:
    return owner + struct.pack(">HHIH", kind, 1, 60, len(data)) + data


def address(last: int) -> bytes:
    return record(A, bytes([192, 0, 2, last]))


def reply(query: bytes, *records: bytes, rcode: int = 0, flags: int = 0x8180) -> bytes:
    """Answer a question with records."""
    return query[:2] + struct.pack(">5H", flags | rcode, 1, len(records), 0, 0) + query[12:] + b"".join(records)


Answering = Callable[[bytes], list[bytes]]


class Server(asyncio.DatagramProtocol):
    """Answers each question with the messages that `answering` returns; over TCP with those of `over_tcp`, as they are."""

    def __init__(self, answering: Answering, over_tcp: Answering = lambda _: []) -> None:
        self.answering = answering
        self.over_tcp = over_tcp
        self.questions: list[bytes] = []
        self.tcp_questions: list[bytes] = []
        self.connections: list[asyncio.Task[Any] | None] = []
        self.transport: asyncio.DatagramTransport | None = None
        self.port = 0

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.questions.append(data)
        assert self.transport is not None
        for message in self.answering(data):
            self.transport.sendto(message, addr)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):  # who waits no longer closes its end
            question = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
            self.tcp_questions.append(question)
            for piece in self.over_tcp(question):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
            writer.write_eof()
            await reader.read()
        writer.close()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["Server"]:
        async with await asyncio.start_server(self.serve, "127.0.0.1", self.port) as server:
            self.port = server.sockets[0].getsockname()[1]
            async with self.listening_for_datagrams():
                yield self
        await asyncio.gather(*filter(None, self.connections))

    @contextlib.asynccontextmanager
    async def listening_for_datagrams(self) -> AsyncIterator["Server"]:
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, ("127.0.0.1", self.port))
        self.port = self.transport.get_extra_info("sockname")[1]
        yield self
        self.transport.close()


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2) + message


def config(server: Server, **more: Any) -> dict[str, Any]:
    return {"name": "www.example", "server": f"127.0.0.1:{server.port}", "every": "20ms", "timeout": "2s", **more}


async def first(server: Server, **more: Any) -> dict[str, Any]:
    async with server.listening(), running("dns-probe", config(server, **more)) as plugin:
        await plugin.seen(1)
        return plugin.events[0].data


def states(plugin: Running) -> list[str]:
    return [event.data["state"] for event in plugin.events]


async def test_it_reports_changes_only_and_the_way_back() -> None:
    server = Server(lambda query: [reply(query, address(2), address(1))])
    async with server.listening(), running("dns-probe", config(server)) as plugin:
        await until(lambda: len(server.questions) > 3)
        assert states(plugin) == ["up"]
        server.answering = lambda query: [reply(query, rcode=3)]
        await plugin.seen(2)
        asked = len(server.questions)
        server.answering = lambda query: [reply(query, rcode=2)]
        await until(lambda: len(server.questions) > asked + 3)
        server.answering = lambda query: [reply(query, address(1))]
        await plugin.seen(3)
    assert states(plugin) == ["up", "down", "up"]
    assert [event.unhealthy for event in plugin.events] == [False, True, False]
    assert [event.severity for event in plugin.events] == ["low", "high", "low"]
    assert {event.key for event in plugin.events} == {"www.example A"}
    assert plugin.events[0].data["answers"] == ["192.0.2.1", "192.0.2.2"]
    assert plugin.events[0].data["summary"] == "www.example A up: 192.0.2.1, 192.0.2.2"
    assert plugin.events[1].data["summary"] == "www.example A down: NXDOMAIN"
    assert len({question[:2] for question in server.questions}) > 1, "the number of a question can be guessed"


@pytest.mark.parametrize(
    ("rcode", "name"), [(1, "FORMERR"), (2, "SERVFAIL"), (3, "NXDOMAIN"), (5, "REFUSED"), (15, "RCODE15")]
)
async def test_the_servers_error_is_named(rcode: int, name: str) -> None:
    data = await first(Server(lambda query: [reply(query, rcode=rcode)]))
    assert (data["state"], data["rcode"], data["detail"]) == ("down", name, name)


async def test_an_error_without_the_question_counts() -> None:
    data = await first(Server(lambda query: [query[:2] + b"\x81\x85" + bytes(8)]))
    assert data["rcode"] == "REFUSED"


async def test_no_record_of_the_type_is_down() -> None:
    data = await first(Server(lambda query: [reply(query, record(TXT, b"\1x"))]))
    assert (data["state"], data["rcode"], data["detail"], data["answers"]) == ("down", "NOERROR", "no A record", [])


@pytest.mark.parametrize(
    ("kind", "records", "expect", "detail"),
    [
        ("A", [address(1), address(2)], ["192.0.2.2"], "192.0.2.1, 192.0.2.2"),
        ("A", [address(1)], ["192.0.2.1", "192.0.2.9"], "missing: 192.0.2.9"),
        ("MX", [record(MX, b"\0\x0a" + MAIL)], ["10 MAIL.example."], "10 mail.example"),
        ("MX", [record(MX, b"\0\x14" + MAIL)], ["10 mail.example"], "missing: 10 mail.example"),
        ("TXT", [record(TXT, b"\3v=s\6pf1\n-a")], ["v=spf1\n-a"], "v=spf1\ufffd-a"),
        ("CNAME", [record(CNAME, MAIL), address(1)], ["mail.example"], "mail.example"),
        ("A", [record(CNAME, MAIL), record(A, bytes(4), MAIL)], ["0.0.0.0"], "0.0.0.0"),
    ],
)
async def test_expected_answers(kind: str, records: list[bytes], expect: list[str], detail: str) -> None:
    data = await first(Server(lambda query: [reply(query, *records)]), type=kind, expect=expect)
    assert data["detail"] == detail
    assert data["state"] == ("down" if detail.startswith("missing") else "up")


async def test_answers_to_another_question_are_passed_over() -> None:
    def answering(query: bytes) -> list[bytes]:
        other_number = bytes([query[0] ^ 1]) + query[1:]
        other_name = query.replace(b"www", b"ftp")
        other_type = query[:-4] + b"\0\x10\0\1"
        strays = [reply(other, rcode=3) for other in (other_number, other_name, other_type)]
        return [b"", query[:1], *strays, reply(query, address(1))]

    assert (await first(Server(answering)))["state"] == "up"


async def test_only_wrong_numbers_are_down_in_time() -> None:
    data = await first(Server(lambda query: [reply(bytes([query[0] ^ 1]) + query[1:], address(1))]), timeout="100ms")
    assert data["detail"] == "no answer within 100ms; 2 messages answered another question"
    assert data["rcode"] == ""


async def test_a_lost_datagram_is_sent_again() -> None:
    server = Server(lambda query: [reply(query, address(1))] if len(server.questions) > 1 else [])
    data = await first(server, timeout="400ms", every="1h")
    assert data["state"] == "up"
    assert len(server.questions) == 2
    assert server.questions[0] == server.questions[1]


async def test_a_silent_server_is_down_in_time() -> None:
    assert (await first(Server(lambda _: []), timeout="100ms"))["detail"] == "no answer within 100ms"


async def test_nobody_listens() -> None:
    server = Server(lambda _: [])
    server.port = free_port()
    async with running("dns-probe", config(server, severity="medium")) as plugin:
        await plugin.seen(1)
    assert plugin.events[0].data["detail"] == "connection refused"
    assert plugin.events[0].severity == "medium"


@pytest.mark.parametrize(
    "answering",
    [
        lambda query: [query],
        lambda query: [query[:2] + b"\x81\x80"],
        lambda query: [reply(query, address(1))[:-1]],
        lambda query: [reply(query, record(A, bytes(4), b"\xc0\x20"))],
        lambda query: [query[:2] + b"\x81\x80\0\1\xff\xff\0\0\0\0\xc0\x0c\0\1\0\1"],
    ],
)
async def test_a_malformed_answer_is_down(answering: Answering) -> None:
    data = await first(Server(answering))
    assert data["state"] == "down"
    assert data["detail"].startswith("malformed answer: ")


def truncated(query: bytes) -> list[bytes]:
    return [reply(query, address(1), flags=0x8380)[:-3]]


async def test_a_truncated_answer_is_asked_for_over_tcp() -> None:
    def over_tcp(query: bytes) -> list[bytes]:
        message = framed(reply(query, *[address(last) for last in range(200)]))
        return [message[:1], message[1:40], message[40:]]

    server = Server(truncated, over_tcp)
    data = await first(server, expect=["192.0.2.199"])
    assert data["state"] == "up"
    assert len(data["answers"]) == 32
    assert server.tcp_questions[0][2:] == server.questions[0][2:]


@pytest.mark.parametrize(
    ("over_tcp", "detail"),
    [
        (lambda query: [framed(reply(query, address(1), flags=0x8380))], "malformed answer: it is truncated over TCP too"),
        (lambda query: [framed(reply(bytes([query[0] ^ 1]) + query[1:], address(1)))], "malformed answer: it is one to another question, over TCP"),
        (lambda query: [framed(reply(query, address(1)))[:-1]], "malformed answer: the connection ended before the answer did"),
        (lambda query: [], "malformed answer: the connection ended before the answer did"),
        (lambda query: [framed(b"")], "malformed answer: it is one to another question, over TCP"),
        (lambda query: [framed(reply(query, rcode=2))], "SERVFAIL"),
    ],
)  # fmt: skip
async def test_what_goes_wrong_over_tcp_is_down(over_tcp: Answering, detail: str) -> None:
    data = await first(Server(truncated, over_tcp))
    assert (data["state"], data["detail"]) == ("down", detail)


async def test_a_trickle_over_tcp_does_not_move_the_deadline() -> None:
    def over_tcp(query: bytes) -> list[bytes]:
        message = framed(reply(query, address(1)))
        return [
            message[place : place + 2] for place in range(0, len(message), 2)
        ]  # takes a little longer than the timeout

    data = await first(Server(truncated, over_tcp), timeout="200ms")
    assert data["detail"] == "no answer within 200ms"


async def test_truncation_without_a_tcp_server_is_down() -> None:
    server = Server(truncated)
    async with server.listening_for_datagrams(), running("dns-probe", config(server)) as plugin:
        await plugin.seen(1)
    assert plugin.events[0].data["detail"] == "connection refused"


async def test_the_second_address_of_the_servers_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = module("dns-probe", "dns_probe", monkeypatch)
    server = Server(lambda query: [reply(query, address(1))])
    async with server.listening():
        addresses = [
            (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("127.0.0.1", port)) for port in (free_port(), server.port)
        ]
        monkeypatch.setattr(loaded.socket, "getaddrinfo", lambda *_, **__: addresses)
        probe = loaded.DnsProbe({**config(server), "type": "A", "expect": []}, None)
        probe.setup()
        assert (await asyncio.to_thread(probe.look, time.monotonic() + 2))["state"] == "up"


async def test_it_stops_at_once_while_a_server_is_silent() -> None:
    server = Server(lambda _: [])
    async with server.listening(), running("dns-probe", config(server, timeout="1h")) as plugin:
        await until(lambda: bool(server.questions))
    assert plugin.events == []
    assert plugin.host.fault is None


@pytest.mark.parametrize(
    ("bad", "words"),
    [({"server": "127.0.0.1:0"}, "config.server"), ({"expect": ["::1"]}, "config.expect"),
     ({"type": "MX", "expect": ["mail"]}, "config.expect"), ({"every": "0s"}, "config.every"),
     ({"timeout": "9999h"}, "config.timeout")],
)  # fmt: skip
async def test_what_only_the_plugin_can_tell_is_refused(bad: dict[str, Any], words: str) -> None:
    error = await refusal("dns-probe", {"name": "a", "server": "127.0.0.1:53", **bad})
    assert error.code == "INVALID_CONFIG"
    assert words in error.message


@pytest.mark.parametrize(
    "bad",
    [{"server": ""}, {"name": "a..b"}, {"name": "a" * 64}, {"name": "ab." * 85}, {"name": "b\u00fccher.example"}, {"name": ""},
     {"type": "ANY"}, {"expect": "a"}, {"expect": [""]}, {"server": "127.0.0.1"}],
)  # fmt: skip
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert not faults("dns-probe", {"name": "a", "server": "127.0.0.1:53"})
    assert faults("dns-probe", {"name": "a", "server": "127.0.0.1:53", **bad})
