"""PKG-INFO read out of source distributions."""

import bz2
import gzip
import io
import tarfile
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.pypi import source_metadata as reading
from outrider.operators.packages.pypi.source_metadata import source_metadata
from outrider.operators.packages.pypi.wheel_metadata import LARGEST_METADATA

TEXT = b"Metadata-Version: 2.1\nName: web\n"


def archived(files: Mapping[str, bytes]) -> bytes:
    """Return a tar file, not compressed."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def refused(content: bytes, name: str = "web-1.0.tar.gz") -> str:
    with pytest.raises(ExecutionFailedError) as caught:
        source_metadata(name, content)
    assert caught.value.suggestions
    return caught.value.found


@pytest.mark.parametrize("prefix", ["web-1.0/", "./web-1.0/"])
def test_the_outermost_one_is_read(prefix: str) -> None:
    files = {f"{prefix}web/PKG-INFO": b"x", f"{prefix}web.egg-info/PKG-INFO": b"y", f"{prefix}PKG-INFO": TEXT}
    content = archived(files)
    assert source_metadata("web-1.0.tar.gz", gzip.compress(content)) == TEXT.decode()
    assert source_metadata("web-1.0.tgz", gzip.compress(content)) == TEXT.decode()
    assert source_metadata("web-1.0.tar.bz2", bz2.compress(content)) == TEXT.decode()


def test_what_has_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = archived({"web-1.0/PKG-INFO": TEXT})
    assert refused(gzip.compress(archived({"web-1.0/web/PKG-INFO": TEXT}))) == "no PKG-INFO"
    assert refused(gzip.compress(archived({"web-1.0/PKG-INFO": b"x" * (LARGEST_METADATA + 1)}))) == "no PKG-INFO"
    assert refused(b"nothing")
    assert refused(gzip.compress(whole)[:40])
    assert refused(whole)
    assert refused(gzip.compress(whole), "web-1.0.tar.bz2")
    monkeypatch.setattr(reading, "_MOST_FILES", 2)
    assert refused(gzip.compress(archived({f"web-1.0/{number}": b"" for number in range(9)}))) == "too many files"


def test_what_becomes_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_LARGEST", 1 << 20)
    bomb = gzip.compress(archived({"web-1.0/zeros": bytes(8 << 20), "web-1.0/PKG-INFO": TEXT}))
    assert "more than 1048576 bytes" in refused(bomb)
    # The length of what stands before a file is said by whoever made it.
    head = tarfile.TarInfo("web-1.0/PKG-INFO")
    head.type, head.size = tarfile.XHDTYPE, 1 << 32
    assert "more than 1048576 bytes" in refused(gzip.compress(head.tobuf() + bytes(8 << 20)))


@given(st.binary() | st.binary().map(gzip.compress), st.integers(0, 2000), st.binary(max_size=20))
def test_any_file_is_read_or_refused(content: bytes, at: int, other: bytes) -> None:
    spoiled = bytearray(archived({"web-1.0/PKG-INFO": TEXT, "web-1.0/web.py": b""}))
    spoiled[at : at + len(other)] = other
    for one in (content, gzip.compress(bytes(spoiled))):
        for name in ("web-1.0.tar.gz", "web-1.0.tar.bz2"):
            with suppress(ExecutionFailedError):
                source_metadata(name, one)
