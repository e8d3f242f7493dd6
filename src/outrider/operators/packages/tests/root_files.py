"""Roots and images of containers, made up: package databases and layers in the forms of their own tools."""

import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
ALPINE = "ID=alpine\nVERSION_ID=3.19.1\n"
ROCKY = 'ID="rocky"\nVERSION_ID="9.3"\n'
# Of the three lists of files of a header: numbers of folders, names, and folders.
_FILES = (1116, 1117, 1118)
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


def header(epoch: int | None = None, files: Sequence[str] = (), **texts: str) -> bytes:
    """Return a header of RPM; its texts are `name`, `version`, `release`, `arch` and `source`."""
    entries, data = [], b""
    for name, text in texts.items():
        entries.append(struct.pack(">IIII", _TAGS[name], 6, len(data), 1))
        data += text.encode() + b"\0"
    if epoch is not None:
        data += b"\0" * (-len(data) % 4)
        entries.append(struct.pack(">IIII", 1003, 4, len(data), 1))
        data += struct.pack(">I", epoch)
    if files:
        names = [one.rpartition("/")[::2] for one in files]
        folders = list(dict.fromkeys(f"{folder}/" for folder, _ in names))
        data += b"\0" * (-len(data) % 4)
        numbers = struct.pack(f">{len(names)}I", *(folders.index(f"{folder}/") for folder, _ in names))
        for tag, kind, count, part in zip(
            _FILES, (4, 8, 8), (len(names), len(names), len(folders)),
            (numbers, _strings(name for _, name in names), _strings(folders)), strict=True,
        ):  # fmt: skip
            entries.append(struct.pack(">IIII", tag, kind, len(data), count))
            data += part
    return struct.pack(">II", len(entries), len(data)) + b"".join(entries) + data


def _strings(texts: Iterable[str]) -> bytes:
    return b"".join(one.encode() + b"\0" for one in texts)


def program(*crates: dict[str, Any], order: str = "<", bits: int = 64) -> bytes:
    """Return a program as `cargo auditable` has it built: with a section that lists crates."""
    return elf(zlib.compress(json.dumps({"packages": crates}).encode()), order=order, bits=bits)


def elf(content: bytes | None = None, *, order: str = "<", bits: int = 64) -> bytes:
    """Return a program whose section `.dep-v0` has a content; one without that section where none is given."""
    names = b"\0.shstrtab\0.dep-v0\0"
    head = struct.Struct(f"{order}{'16x24xQ10xHHH' if bits == 64 else '16x16xI10xHHH'}")
    row = struct.Struct(f"{order}{'I20xQQ24x' if bits == 64 else 'I12xII16x'}")
    rows = [row.pack(0, 0, 0), row.pack(1, head.size, len(names))]
    if content is not None:
        rows.append(row.pack(11, head.size + len(names), len(content)))
    begin = head.size + len(names) + len(content or b"")
    whole = bytearray(head.pack(begin, row.size, len(rows), 1) + names + (content or b"") + b"".join(rows))
    whole[:6] = b"\x7fELF" + bytes([2 if bits == 64 else 1, 1 if order == "<" else 2])
    return bytes(whole)


def jar(files: Mapping[str, str | bytes], *artifacts: str) -> bytes:
    """Return an archive of Java with what Maven writes of artifacts, each as `GROUP:ARTIFACT:VERSION`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in artifacts:
            group, artifact, version = one.split(":")
            lines = [
                "#Created by Apache Maven 3.8.7",
                f"groupId={group}",
                f"artifactId={artifact}",
                f"version={version}",
            ]
            archive.writestr(f"META-INF/maven/{group}/{artifact}/pom.properties", "\r\n".join(lines))
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


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


class HardLink(NamedTuple):
    """A further name of a file."""

    target: str


Entry = tuple[str, str | bytes | HardLink | None]


def layer(entries: Iterable[Entry], mode: int = 0o644) -> bytes:
    """Return a layer: files by their bytes, links by their targets, folders by None."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in entries:
            member = tarfile.TarInfo(name)
            member.mode = mode
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            elif isinstance(content, HardLink):
                member.type, member.linkname = tarfile.LNKTYPE, content.target
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()
