import contextlib
import socket
import struct
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plugins.harness import module

SETTINGS = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
A, NS, CNAME, MX, TXT, AAAA = 1, 2, 5, 15, 16, 28
LABELS = st.binary(min_size=1, max_size=63)
NAMES = st.lists(LABELS, max_size=12).filter(lambda labels: sum(len(label) + 1 for label in labels) < 255)


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return module("dns-probe", "dns_message", monkeypatch)


class Writer:
    """Writes messages as a server does, with every name compressed where an earlier one has the same end."""

    def __init__(self, questions: int, answers: int, flags: int = 0x8180) -> None:
        self.data = bytearray(struct.pack(">6H", 7, flags, questions, answers, 0, 0))
        self.places: dict[tuple[bytes, ...], int] = {}

    def name(self, labels: list[bytes]) -> None:
        for index in range(len(labels)):
            rest = tuple(labels[index:])
            if rest in self.places:
                self.data += struct.pack(">H", 0xC000 | self.places[rest])
                return
            if len(self.data) < 0x4000:
                self.places[rest] = len(self.data)
            self.data += bytes([len(labels[index])]) + labels[index]
        self.data += b"\0"

    def question(self, labels: list[bytes], kind: int) -> None:
        self.name(labels)
        self.data += struct.pack(">HH", kind, 1)

    def record(
        self, labels: list[bytes], kind: int, before: bytes, target: list[bytes] | None, category: int = 1
    ) -> None:
        self.name(labels)
        self.data += struct.pack(">HHIH", kind, category, 60, 0)
        begin = len(self.data)
        self.data += before
        if target is not None:
            self.name(target)
        self.data[begin - 2 : begin] = struct.pack(">H", len(self.data) - begin)


def shown(labels: list[bytes]) -> str:
    """Return a name in the form of RFC 1035, 5.1."""
    texts = []
    for label in labels:
        text = ""
        for byte in label.lower():
            plain = 0x21 <= byte <= 0x7E and byte not in (0x2E, 0x5C)
            text += chr(byte) if plain else f"\\{byte:03d}"
        texts.append(text)
    return ".".join(texts) or "."


def strings(texts: list[bytes]) -> bytes:
    return b"".join(bytes([len(text)]) + text for text in texts)


RECORDS = st.one_of(
    st.tuples(st.just(A), st.binary(min_size=4, max_size=4), st.none()),
    st.tuples(st.just(AAAA), st.binary(min_size=16, max_size=16), st.none()),
    st.tuples(st.sampled_from([CNAME, NS]), st.just(b""), NAMES),
    st.tuples(st.just(MX), st.binary(min_size=2, max_size=2), NAMES),
    st.tuples(st.just(TXT), st.lists(st.binary(max_size=255), max_size=4).map(strings), st.none()),
    st.tuples(st.sampled_from([6, 33, 257]), st.binary(max_size=40), st.none()),
)  # fmt: skip


def meaning(kind: int, before: bytes, target: list[bytes] | None) -> str:
    if kind in (A, AAAA):
        return socket.inet_ntop(socket.AF_INET if kind == A else socket.AF_INET6, before)
    if kind == MX:
        return f"{before[0] * 256 + before[1]} {shown(target or [])}"
    if kind in (CNAME, NS):
        return shown(target or [])
    if kind != TXT:
        return ""
    text, place = b"", 0
    while place < len(before):
        text += before[place + 1 : place + 1 + before[place]]
        place += 1 + before[place]
    return text.decode("utf-8", "backslashreplace")


@SETTINGS
@given(name=NAMES, kind=st.sampled_from([A, TXT]), records=st.lists(st.tuples(NAMES, RECORDS), max_size=8))
def test_what_a_server_writes_is_read_back(
    dns: ModuleType,
    name: list[bytes],
    kind: int,
    records: list[tuple[list[bytes], tuple[int, bytes, list[bytes] | None]]],
) -> None:
    writer = Writer(1, len(records))
    writer.question(name, kind)
    for owner, (record, before, target) in records:
        writer.record(owner, record, before, target)
    answer = dns.parse(bytes(writer.data) + b"the other sections")
    assert answer.question == (shown(name), kind)
    assert [(record.owner, record.kind, record.text) for record in answer.records] == [
        (shown(owner), record, meaning(record, before, target)) for owner, (record, before, target) in records
    ]


def valid() -> bytes:
    writer = Writer(1, 5)
    writer.question([b"www", b"example"], A)
    writer.record([b"www", b"example"], CNAME, b"", [b"web", b"example"])
    writer.record([b"web", b"example"], A, b"\xc0\0\2\1", None)
    writer.record([b"example"], MX, b"\0\x0a", [b"mail", b"example"])
    writer.record([b"example"], TXT, b"\5hello\2yo", None)
    writer.record([b"web", b"example"], AAAA, bytes(15) + b"\1", None)
    return bytes(writer.data)


@SETTINGS
@given(data=st.binary(max_size=600))
def test_any_bytes_are_an_answer_or_malformed(dns: ModuleType, data: bytes) -> None:
    for message in (data, b"\0\7\x81\x80\0\1\0\xff\0\0\0\0" + data):
        with contextlib.suppress(dns.MalformedError):
            dns.parse(message).texts("www.example", A)


@SETTINGS
@given(changes=st.lists(st.tuples(st.integers(0, len(valid()) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_any_change_of_an_answer_is_an_answer_or_malformed(dns: ModuleType, changes: list[tuple[int, int]]) -> None:
    message = bytearray(valid())
    for place, byte in changes:
        message[place] = byte
    with contextlib.suppress(dns.MalformedError):
        for record in dns.parse(bytes(message)).records:
            assert len(record.owner) <= 4 * 255


def test_every_shorter_message_is_malformed(dns: ModuleType) -> None:
    message = valid()
    assert len(dns.parse(message).records) == 5
    for length in range(len(message)):
        with pytest.raises(dns.MalformedError):
            dns.parse(message[:length])


HEAD = b"\0\7\x81\x80\0\1\0\0\0\0\0\0"


@pytest.mark.parametrize(
    "name",
    [b"\xc0\x0c", b"\xc0\x0e\xc0\x0c", b"\xc0\xff", b"\1a\xc0\x0c", b"\1a\xc0\x0e\0", b"\x40a\0", b"\x80a\0",
     (b"\x3f" + b"x" * 63) * 4 + b"\0"],
)  # fmt: skip
def test_pointers_that_do_not_lead_back_and_names_too_long_are_malformed(dns: ModuleType, name: bytes) -> None:
    with pytest.raises(dns.MalformedError, match="a name "):
        dns.parse(HEAD + name + b"\0\1\0\1" + bytes(300))


@pytest.mark.parametrize(("links", "good"), [(126, True), (127, False)])
def test_long_chains_of_pointers_are_malformed(dns: ModuleType, links: int, good: bool) -> None:
    """Each pointer leads to the one before it; without a bound, many records with such names would take very long."""
    writer = Writer(1, 2)
    writer.question([], A)
    root = len(writer.data) + 11
    places = [root, *(root + 1 + 2 * link for link in range(links))]
    writer.record([], 99, b"\0" + b"".join(struct.pack(">H", 0xC000 | place) for place in places[:-1]), None)
    writer.data += struct.pack(">H", 0xC000 | places[-1]) + struct.pack(">HHIH", A, 1, 0, 4) + bytes(4)
    with contextlib.nullcontext() if good else pytest.raises(dns.MalformedError, match="pointer"):
        assert dns.parse(bytes(writer.data)).records[1].owner == "."


@pytest.mark.parametrize(
    ("kind", "data"),
    [(A, bytes(3)), (A, bytes(5)), (AAAA, bytes(4)), (CNAME, b"\1a\0\0"), (CNAME, b"\1a"), (MX, b"\0"), (TXT, b"\2a"),
     (NS, b"")],
)  # fmt: skip
def test_records_of_the_wrong_length_are_malformed(dns: ModuleType, kind: int, data: bytes) -> None:
    writer = Writer(1, 1)
    writer.question([b"a"], kind)
    writer.record([b"a"], kind, data, None)
    with pytest.raises(dns.MalformedError):
        dns.parse(bytes(writer.data) + bytes(20))


@pytest.mark.parametrize("head", [b"\0\7\1\0\0\1", b"\0\7\x91\x80\0\1", b"\0\7\x81\x80\0\2"])
def test_what_is_no_answer_to_one_question_is_malformed(dns: ModuleType, head: bytes) -> None:
    with pytest.raises(dns.MalformedError):
        dns.parse(head + bytes(6) + b"\0\0\1\0\1\0\0\1\0\1")


def test_records_of_another_class_do_not_count(dns: ModuleType) -> None:
    writer = Writer(1, 1)
    writer.question([b"a"], A)
    writer.record([b"a"], A, b"odd", None, category=3)
    assert dns.parse(bytes(writer.data)).texts("a", A) == []


def test_aliases_are_followed_and_those_in_a_circle_end(dns: ModuleType) -> None:
    writer = Writer(1, 5)
    writer.question([b"a"], A)
    writer.record([b"c"], A, b"\1\1\1\1", None)
    writer.record([b"A"], CNAME, b"", [b"b"])
    writer.record([b"b"], CNAME, b"", [b"C"])
    writer.record([b"c"], CNAME, b"", [b"a"])
    writer.record([b"other"], A, b"\2\2\2\2", None)
    answer = dns.parse(bytes(writer.data))
    assert answer.texts("a", A) == ["1.1.1.1"]
    assert answer.texts("a", CNAME) == ["b"]


@SETTINGS
@given(labels=st.lists(st.from_regex(r"[a-z0-9_-]{1,20}", fullmatch=True), max_size=10), number=st.integers(0, 65535))
def test_a_question_is_what_the_rfc_says(dns: ModuleType, labels: list[str], number: int) -> None:
    name = ".".join(labels) or "."
    question = dns.query(number, name, MX)
    wire = b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"
    assert question == struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + wire + struct.pack(">HH", MX, 1)
    answered = dns.parse(question[:2] + b"\x81" + question[3:])
    assert answered.answers(name, MX)
    assert not answered.answers(name, A)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [(A, "192.0.2.1", "192.0.2.1"), (AAAA, "2001:DB8::0:1", "2001:db8::1"), (CNAME, "Web.Example.", "web.example"),
     (NS, ".", "."), (MX, "010  Mail.Example.", "10 mail.example"), (TXT, "v=spf1 -ALL.", "v=spf1 -ALL.")],
)  # fmt: skip
def test_expected_answers_have_one_form(dns: ModuleType, kind: int, text: str, expected: str) -> None:
    assert dns.canonical_text(kind, text) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [(A, "1.2.3"), (A, "::1"), (AAAA, "1.2.3.4"), (AAAA, "fe80::1%eth0"), (MX, "mail"), (MX, "ten mail")],
)
def test_what_a_record_cannot_say_is_a_value_error(dns: ModuleType, kind: int, text: str) -> None:
    with pytest.raises(ValueError, match="no "):
        dns.canonical_text(kind, text)
