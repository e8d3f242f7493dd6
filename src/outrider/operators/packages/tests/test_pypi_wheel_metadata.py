"""METADATA read out of wheels on a server, of which as little as will do is fetched."""

import asyncio
import io
import os
import struct
import tracemalloc
import zipfile
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.pypi.wheel_metadata import TAIL, metadata_text
from outrider.operators.packages.tests.wheels import Wheel, packed

INSIDE = "web-1.0.dist-info/METADATA"
TEXT = b"Metadata-Version: 2.1\nName: web\n"


class Fetched:
    """A file on a server; `parts` are those that were asked for."""

    def __init__(self, content: bytes) -> None:
        self.content, self.parts = content, list[tuple[int, int]]()

    async def fetch(self, begin: int, end: int) -> bytes:
        assert 0 <= begin < end <= len(self.content)
        self.parts.append((begin, end))
        return self.content[begin:end]

    def text(self) -> str:
        return asyncio.run(metadata_text("web.whl", len(self.content), self.content[-TAIL:], self.fetch))


def refused(content: bytes) -> str:
    with pytest.raises(ExecutionFailedError) as caught:
        Fetched(content).text()
    assert caught.value.suggestions
    return caught.value.found


def test_of_a_small_wheel_nothing_more_is_fetched() -> None:
    file = Fetched(packed({}, {INSIDE: TEXT}))
    assert file.text() == TEXT.decode()
    assert file.parts == []


@pytest.mark.parametrize("directory", [10, 2000])
@pytest.mark.parametrize("first", [True, False])
def test_of_a_large_wheel_little_is_fetched(directory: int, first: bool) -> None:
    large = {"web/data.bin": os.urandom(5 << 20)} | {f"web/{number:050}.py": b"" for number in range(directory)}
    stored = {INSIDE: TEXT, **large} if first else {**large, INSIDE: TEXT}
    file = Fetched(packed(stored, {}))
    assert file.text() == TEXT.decode()
    assert len(file.parts) <= 3
    assert sum(end - begin for begin, end in file.parts) < 400_000


def test_wheels_of_more_than_four_gibibytes_have_another_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 0)
    content = packed({}, {INSIDE: TEXT})
    assert b"PK\x06\x06" in content
    assert Fetched(content).text() == TEXT.decode()


@pytest.mark.parametrize(
    "files", [{}, {INSIDE: TEXT, "web-2.0.dist-info/METADATA": TEXT}, {"web/METADATA": TEXT}, {f"x/{INSIDE}": TEXT}]
)
def test_a_wheel_has_one_metadata(files: dict[str, bytes]) -> None:
    assert refused(packed({}, files)) == f"{2 if len(files) == 2 else 0} files METADATA"


def test_metadata_that_is_too_large() -> None:
    refused(packed({}, {INSIDE: bytes(5 << 20)}))


def test_metadata_that_is_larger_than_its_directory_says() -> None:
    """Two hundred megabytes that are said to be 30 bytes: no more than these are unpacked."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    content = bytearray(packed({}, {INSIDE: TEXT}))
    at = content.index(b"PK\x01\x02")
    begin = 30 + len(INSIDE)
    struct.pack_into("<I", content, at + 20, len(bomb))
    end = bytearray(content[at:])
    struct.pack_into("<I", end, len(end) - 6, begin + len(bomb))
    tracemalloc.start()
    refused(bytes(content[:begin]) + bomb + bytes(end))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 20 << 20


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_to_compress_are_refused(method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr(INSIDE, TEXT)
    refused(buffer.getvalue())


@pytest.mark.parametrize("length", [0, 1, 21, 22, 50, 150])
def test_wheels_that_are_cut_off(length: int) -> None:
    refused(Wheel(project="web", version="1.0").packed()[:length])


def test_a_server_that_sends_other_bytes() -> None:
    content = packed({INSIDE: TEXT, "web/data.bin": os.urandom(1 << 20)}, {})

    async def nothing(begin: int, end: int) -> bytes:
        return b""

    async def other(begin: int, end: int) -> bytes:
        return bytes(end - begin)

    for fetch in (nothing, other):
        with pytest.raises(ExecutionFailedError):
            asyncio.run(metadata_text("web.whl", len(content), content[-TAIL:], fetch))


@given(st.data())
def test_damaged_wheels_are_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(packed({"web/one.py": b"x" * 50}, {INSIDE: TEXT}))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    size = data.draw(st.integers(0, len(content) * 2))
    tail = bytes(content[data.draw(st.integers(0, len(content))) :])

    async def fetch(begin: int, end: int) -> bytes:
        assert 0 <= begin <= end
        return bytes(content[begin:end])

    for length in (len(content), size):
        with suppress(ExecutionFailedError):
            asyncio.run(metadata_text("web.whl", length, tail, fetch))
