"""The event stream of AWS: what a server writes is read in pieces of any size, and what is damaged is refused."""

import base64
import contextlib
import struct
import zlib
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ExecutionFailedError
from outrider.sidecar.llm.hosting.eventstream import LONGEST_HEADERS, Decoder, Message, read_headers
from tests.core.profiles import thorough
from tests.sidecar.llm.hosting.frames import STREAM, frame, header
from tests.sidecar.llm.hosting.peer import Peer

INTEGERS = {2: 8, 3: 16, 4: 32, 5: 64, 8: 64}
ALL_TYPES: list[tuple[int, Any, Any]] = [
    (0, None, True), (1, None, False), (2, -5, -5), (3, -300, -300), (4, 40972, 40972), (5, 2**40, 2**40), (6, b"\0x", b"\0x"),
    (7, "ä".encode(), "ä"), (8, 8675309, 8675309), (9, bytes(range(16)), bytes(range(16))),
]  # fmt: skip


def decoded(pieces: Iterable[bytes], decoder: Decoder | None = None) -> list[Message]:
    decoder = decoder or Decoder()
    return [message for piece in pieces for message in decoder.feed(piece)]


def test_the_empty_message_of_the_specification() -> None:
    wire = bytes.fromhex("000000100000000005c248eb7d98c8ff")
    assert decoded([wire]) == [Message({}, b"")]
    assert frame(b"", b"") == wire


def test_headers_of_all_types() -> None:
    written = b"".join(header(f"h{kind}".encode(), kind, value) for kind, value, _ in ALL_TYPES)
    (found,) = decoded([frame(written, b"payload")])
    assert found.headers == {f"h{kind}": value for kind, _, value in ALL_TYPES}
    assert found.payload == b"payload"
    assert (found.text("h7"), found.text("h4"), found.text("none")) == ("ä", "", "")


@pytest.mark.parametrize("size", [1, 2, 7, 11, 12, 13, 100, 10_000])
def test_pieces_of_any_size(size: int) -> None:
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert decoded(pieces) == decoded([STREAM])
    assert len(decoded([STREAM])) == 7


def test_a_stream_is_whole_where_a_message_ends() -> None:
    decoder = Decoder()
    assert decoder.whole
    for at in range(len(STREAM)):
        list(decoder.feed(STREAM[at : at + 1]))
    assert decoder.whole
    list(decoder.feed(STREAM[:5]))
    assert not decoder.whole


@given(st.data())
@thorough
def test_no_bit_can_be_changed(data: st.DataObject) -> None:
    wire = bytearray(frame(header(b"name", 7, b"value"), b"payload"))
    wire[data.draw(st.integers(0, len(wire) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ExecutionFailedError, match="checksum"):
        decoded([bytes(wire), bytes(2**10)])


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        (frame(b"", bytes(100)), "116 bytes long, more than 64"),
        (frame(header(b"a", 7, b"") * 2, b""), "twice"),
        (frame(header(b"a", 10, b""), b""), "the type 10"),
        (frame(b"\5ab", b""), "longer than all"),
        (frame(b"\1a", b""), "torn"),
        (frame(b"\1a\7\0", b""), "torn"),
        (frame(b"\1a\7\0\5xx", b""), "longer than all"),
        (frame(b"\1a\4\0\0", b""), "torn"),
        (frame(b"\1\xff\0", b""), "no text"),
        (frame(header(b"a", 7, b"\xff"), b""), "no text"),
    ],
)
def test_what_is_damaged_is_refused(wire: bytes, why: str) -> None:
    with pytest.raises(ExecutionFailedError, match=why):
        decoded([wire], Decoder(longest=64))


@pytest.mark.parametrize(
    ("total", "of_headers"), [(0, 0), (15, 0), (16, 1), (2**30, LONGEST_HEADERS + 1), (2**32 - 1, 0)]
)
def test_lengths_that_cannot_be_are_refused_at_once(total: int, of_headers: int) -> None:
    lengths = struct.pack(">II", total, of_headers)
    with pytest.raises(ExecutionFailedError, match="bytes"):
        decoded([lengths + struct.pack(">I", zlib.crc32(lengths))])


def test_what_came_before_the_damage_is_read() -> None:
    decoder = Decoder()
    found = decoder.feed(frame(b"", b"good") + bytes(20))
    assert next(found).payload == b"good"
    with pytest.raises(ExecutionFailedError):
        next(found)
    with pytest.raises(ExecutionFailedError):
        list(decoder.feed(b""))


@given(st.lists(st.binary(max_size=40), max_size=4))
@thorough
def test_noise_is_refused_or_waited_for(pieces: list[bytes]) -> None:
    with contextlib.suppress(ExecutionFailedError):
        assert decoded(pieces) == []


@given(st.binary(max_size=40))
@thorough
def test_any_headers_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ExecutionFailedError):
        assert isinstance(read_headers(data), dict)


def values() -> st.SearchStrategy[tuple[int, Any]]:
    integers = [
        st.tuples(st.just(kind), st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
        for kind, bits in INTEGERS.items()
    ]
    text = st.tuples(st.just(7), st.text(max_size=9).map(str.encode))
    rest = [
        st.tuples(st.just(9), st.binary(min_size=16, max_size=16)), st.tuples(st.just(6), st.binary(max_size=9)),
        st.tuples(st.sampled_from([0, 1]), st.none()),
    ]  # fmt: skip
    return st.one_of(*integers, text, *rest)


NAMES = st.text(max_size=5).filter(str.isprintable)
FRAMES = st.builds(
    lambda headers, payload: frame(b"".join(header(name.encode(), *value) for name, value in headers.items()), payload),
    st.dictionaries(NAMES, values(), max_size=4),
    st.binary(max_size=30),
)


def shown(message: Message) -> list[Any]:
    return [{name: plain(value) for name, value in message.headers.items()}, plain(message.payload)]


def plain(value: Any) -> Any:
    return {"bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


@pytest.mark.real
@thorough
@given(st.lists(FRAMES, max_size=3), st.lists(st.integers(0, 200), max_size=4))
def test_botocore_reads_the_same(peer: Peer, frames: list[bytes], cuts: list[int]) -> None:
    wire, at = b"".join(frames), sorted(cuts)
    pieces = [wire[begin:end] for begin, end in zip([0, *at], [*at, len(wire)], strict=True)]
    told = peer.ask("messages", [base64.b64encode(piece).decode() for piece in pieces])
    assert told == {"found": [shown(one) for one in decoded(pieces)], "failed": ""}


@pytest.mark.real
@thorough
@given(st.binary(max_size=12), st.binary(max_size=12))
def test_botocore_reads_all_headers_that_are_read_here(peer: Peer, noise: bytes, payload: bytes) -> None:
    wire = frame(header(b"a", 7, b"b") + noise, payload)
    told = peer.ask("messages", [base64.b64encode(wire).decode()])
    try:
        assert [shown(one) for one in decoded([wire])] == told["found"]
    except ExecutionFailedError:
        pass  # botocore takes headers that are torn
    else:
        assert not told["failed"]
