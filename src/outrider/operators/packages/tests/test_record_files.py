"""Files of what is kept of registries: whatever damage was done to one, it counts as none."""

from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from outrider.operators.packages.registries.record_files import read_record, write_record


class _Record(msgspec.Struct):
    form: int
    said: dict[str, Any]
    parts: list[msgspec.Raw]


_RECORD = _Record(1, {"name": ["é", 1.5, "x" * 40]}, [msgspec.Raw(msgspec.msgpack.encode({"a": "inside"}))])
_DECODER = msgspec.msgpack.Decoder(_Record)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_record(tmp_path / "a" / "b.record", _RECORD)
    assert read_record(tmp_path / "a" / "b.record", _DECODER) == _RECORD


@pytest.mark.parametrize("seed", range(300))
def test_damage_anywhere_counts_as_no_record(tmp_path: Path, seed: int) -> None:
    random, path = Random(seed), tmp_path / "x.record"
    write_record(path, _RECORD)
    content = bytearray(path.read_bytes())
    for _ in range(random.randrange(1, 4)):
        content[random.randrange(len(content))] ^= random.randrange(1, 256)
    path.write_bytes(content if random.random() < 0.7 else content[: random.randrange(len(content))])
    assert read_record(path, _DECODER) in (None, _RECORD)


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"\x82\xa4form\x01\xa4said\xd9\xff", b"\x91" * 100_000])
def test_what_is_no_record(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.record").write_bytes(content)
    assert read_record(tmp_path / "x.record", _DECODER) is None
