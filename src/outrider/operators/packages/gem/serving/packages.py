"""Files of gems: a tar file with the specification, the content, and their hashes.

https://github.com/rubygems/rubygems/blob/v3.3.15/lib/rubygems/package.rb. Nothing is unpacked but the specification and the hashes, and
both only so far. Tar files are read as RubyGems reads them, without extensions that another reader would understand in another way.
"""

import hashlib
import zlib
from typing import BinaryIO, NamedTuple

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.gem.serving.ruby_yaml import read_mapping

_BLOCK = 512
_METADATA, _CONTENT, _HASHES = "metadata.gz", "data.tar.gz", "checksums.yaml.gz"
_NAMES = frozenset(f"{name}{end}" for name in (_METADATA, _CONTENT, _HASHES) for end in ("", ".sig"))
_LARGEST_METADATA, _LARGEST_HASHES = 8 << 20, 64 << 10
_GZIP = b"\x1f\x8b"
_PIECE = 1 << 20
# What the others of them are is not looked at, as with RubyGems.
_ALGORITHMS = {"SHA1": "sha1", "SHA256": "sha256", "SHA512": "sha512"}


class Entry(NamedTuple):
    """A part of the file: from a byte on, so many bytes."""

    begin: int
    size: int


def metadata_of(file: BinaryIO) -> bytes:
    """Return the specification in the file of a gem, as YAML.

    Raises:
        InvalidConfigError: It is no gem.
    """
    return _unpacked(file, _METADATA, _entries(file), _LARGEST_METADATA)


def check(file: BinaryIO) -> None:
    """Refuse a gem that RubyGems would not install: without content, or with another one than it says.

    Raises:
        InvalidConfigError: It is one.
    """
    entries = _entries(file)
    if _CONTENT not in entries:
        raise _wrong(f"there is no {_CONTENT} in it")
    if _part(file, entries[_CONTENT], len(_GZIP)) != _GZIP:
        raise _wrong(f"{_CONTENT} is no gzip file")
    if _HASHES not in entries:
        return
    said = read_mapping(_unpacked(file, _HASHES, entries, _LARGEST_HASHES))
    for name, algorithm in _ALGORITHMS.items():
        of_entries = said.get(name)
        for entry, value in (of_entries if isinstance(of_entries, dict) else {}).items():
            if entry not in entries or _hash(file, entries[entry], algorithm) != value:
                raise _wrong(f"{entry} has another {name} than {_HASHES} says")


def _entries(file: BinaryIO) -> dict[str, Entry]:
    """Return the parts of a tar file by name."""
    file.seek(0)
    found: dict[str, Entry] = {}
    while any(block := file.read(_BLOCK)):
        name, entry = _entry(block, file.tell())
        if name in found or name not in _NAMES:
            raise _wrong(f"{name[:100]!r} is in it, or is in it twice")
        found[name] = entry
        file.seek(-(-entry.size // _BLOCK) * _BLOCK, 1)
    if not found:
        raise _wrong("nothing is in it")
    end = file.seek(0, 2)
    if any(entry.begin + entry.size > end for entry in found.values()):
        raise _wrong("it is cut off")
    return found


def _entry(block: bytes, begin: int) -> tuple[str, Entry]:
    if len(block) < _BLOCK:
        raise _wrong("it is cut off, or no tar file")
    said = _octal(block[148:156])
    blanked = block[:148] + b" " * 8 + block[156:]
    if said != sum(blanked) or block[156:157] not in (b"0", b"\0") or block[345:346] != b"\0":
        raise _wrong("there is something else than plain files in it, or it is no tar file")
    return block[:100].rstrip(b"\0").decode("latin-1"), Entry(begin, _octal(block[124:136]))


def _octal(field: bytes) -> int:
    text = field.strip(b" \0")
    if not text or text.strip(b"01234567"):
        raise _wrong("there is a number in it that is none, or it is no tar file")
    return int(text, 8)


def _part(file: BinaryIO, entry: Entry, size: int) -> bytes:
    file.seek(entry.begin)
    return file.read(min(entry.size, size))


def _unpacked(file: BinaryIO, name: str, entries: dict[str, Entry], largest: int) -> bytes:
    if name not in entries:
        raise _wrong(f"there is no {name} in it")
    inflater = zlib.decompressobj(wbits=31)
    try:
        content = inflater.decompress(_part(file, entries[name], largest), largest)
    except zlib.error as error:
        raise _wrong(f"{name} is no gzip file: {error}") from error
    if not inflater.eof:
        raise _wrong(f"{name} is cut off, or larger than {largest} bytes")
    return content


def _hash(file: BinaryIO, entry: Entry, algorithm: str) -> str:
    file.seek(entry.begin)
    made, left = hashlib.new(algorithm), entry.size
    while left and (piece := file.read(min(left, _PIECE))):
        made.update(piece)
        left -= len(piece)
    return made.hexdigest()


def _wrong(what: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"the file is no gem: {what}", path="body", found=what, expected="what gem build writes",
        suggestions=["build it anew: gem build"],
    )  # fmt: skip
