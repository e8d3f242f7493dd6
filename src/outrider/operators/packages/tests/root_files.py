"""Roots and images of containers, made up: package databases and layers in the forms of their own tools."""

import io
import struct
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
ALPINE = "ID=alpine\nVERSION_ID=3.19.1\n"
ROCKY = 'ID="rocky"\nVERSION_ID="9.3"\n'
_TAGS = {"name": 1000, "version": 1001, "release": 1002, "arch": 1022, "source": 1044}


def made(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write the files of a root."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def paragraph(package: str, version: str, **more: str) -> str:
    """Return what dpkg keeps of a package; an underscore in a name of a field stands for a hyphen."""
    fields = {"Package": package, "Status": "install ok installed", "Architecture": "amd64", "Version": version, **more}
    return "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items()) + "\n"


def entry(package: str, version: str, origin: str = "") -> str:
    """Return what apk keeps of a package."""
    told = f"o:{origin}\n" if origin else ""
    return f"C:Q1sum=\nP:{package}\nV:{version}\nA:x86_64\n{told}F:usr/lib\nR:x\n\n"


def header(epoch: int | None = None, **texts: str) -> bytes:
    """Return a header of RPM; its texts are `name`, `version`, `release`, `arch` and `source`."""
    entries, data = [], b""
    for name, text in texts.items():
        entries.append(struct.pack(">IIII", _TAGS[name], 6, len(data), 1))
        data += text.encode() + b"\0"
    if epoch is not None:
        data += b"\0" * (-len(data) % 4)
        entries.append(struct.pack(">IIII", 1003, 4, len(data), 1))
        data += struct.pack(">I", epoch)
    return struct.pack(">II", len(entries), len(data)) + b"".join(entries) + data


def ndb(*headers: bytes) -> bytes:
    """Return a database of RPM in the form ndb."""
    slots, blobs = [], b""
    for index, blob in enumerate(headers, 1):
        size = -(-(len(blob) + 28) // 16)
        body = struct.pack("<4sIII", b"BlbS", index, 0, len(blob)) + blob
        body += b"\0" * (size * 16 - 12 - len(body))
        slots.append(struct.pack("<4sIII", b"Slot", index, 256 + len(blobs) // 16, size))
        blobs += body + struct.pack("<II4s", zlib.adler32(body), len(blob), b"BlbE")
    page = struct.pack("<4sIIII12x", b"RpmP", 0, 1, 1, len(headers) + 1) + b"".join(slots)
    return page + struct.pack("<4sIII", b"Slot", 0, 0, 0) * ((4096 - len(page)) // 16) + blobs


def berkeley(*headers: bytes, order: str = "<", size: int = 512) -> bytes:
    """Return a database of RPM in the form of Berkeley DB: one page of a hash, and chains of pages with the headers."""
    chains: list[bytes] = []
    items = [b"\1\0\0\0\0", b"\1" + struct.pack(f"{order}I", len(headers))]
    for number, blob in enumerate(headers, 1):
        parts = [blob[at : at + size - 26] for at in range(0, len(blob), size - 26)]
        first = 2 + len(chains)
        items += [b"\1" + struct.pack(f"{order}I", number), b"\3\0\0\0" + struct.pack(f"{order}II", first, len(blob))]
        for at, part in enumerate(parts):
            page, following = first + at, first + at + 1 if at + 1 < len(parts) else 0
            head = struct.pack(f"{order}8xIIIHHBB", page, 0, following, 1, len(part), 0, 7)
            chains.append((head + part).ljust(size, b"\0"))
    offsets, content = [], b""
    for item in items:
        content = item + content
        offsets.append(size - len(content))
    head = struct.pack(f"{order}8xIIIHHBB", 1, 0, 0, len(items), 0, 0, 13)
    index = head + struct.pack(f"{order}{len(offsets)}H", *offsets)
    hash_page = index + b"\0" * (size - len(index) - len(content)) + content
    meta = struct.pack(f"{order}12xIII4x4xI", 0x00061561, 9, size, len(chains) + 1).ljust(size, b"\0")
    return meta + hash_page + b"".join(chains)


def layer(entries: Iterable[tuple[str, str | bytes | None]]) -> bytes:
    """Return a layer: files by their bytes, links by their targets, folders by None."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in entries:
            member = tarfile.TarInfo(name)
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()
