"""Which crates a program was built from, where `cargo auditable` has built it: https://github.com/rust-secure-code/cargo-auditable.

The program has a section `.dep-v0` with a list in JSON, packed with zlib. Only programs of Linux are read.
"""

import zlib
from typing import Any, BinaryIO

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.installed.elf import section
from outrider.operators.packages.installed.finding import Told
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.entries import Findings, list_at, optional_text, table_of, text_at
from outrider.operators.packages.locks.lock import OTHER_REGISTRY, unreadable

FORM = "crates of a program"
_SECTION, _LARGEST = ".dep-v0", 16 << 20
_WRITTEN = "what cargo auditable writes"
# A lock says likewise where a crate is from that is not from the usual registry.
_SOURCES = {"git": "git", "local": "path", "registry": OTHER_REGISTRY}


def read(path: str, file: BinaryIO) -> list[Told]:
    """Return the crates of a program; nothing where it does not tell them.

    Args:
        path: Of the program.
        file: It.
    """
    del path
    packed = section(file, _SECTION, _LARGEST)
    if packed is None:
        return []
    findings = Findings(FORM, "cargo")
    try:
        _take_all(findings, read_json(FORM, _unpacked(packed)))
    except InvalidConfigError as error:
        findings.report(error.message)
    return [Told("", findings.lock())]


def _unpacked(packed: bytes) -> str:
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(packed, _LARGEST)
    except zlib.error as error:
        raise unreadable(FORM, str(error), _WRITTEN) from error
    if not unpacker.eof:
        raise unreadable(FORM, f"it is cut off, or has more than {_LARGEST} bytes", _WRITTEN)
    return content.decode("utf-8", "replace")


def _take_all(findings: Findings, document: dict[str, Any]) -> None:
    rows = findings.rows(document, "packages")
    names = [one.get("name") if isinstance(one, dict) else None for one in rows]
    for number, row in enumerate(rows):
        with findings.entry(f"packages[{number}]"):
            entry = table_of(row)
            # What only builds was run while it was built, and is not in the program.
            if optional_text(entry, "kind") == "build":
                continue
            needs = [
                names[one] for one in list_at(entry, "dependencies") if isinstance(one, int) and 0 <= one < len(names)
            ]
            findings.add(
                text_at(entry, "name"), text_at(entry, "version"), needs=[one for one in needs if isinstance(one, str)],
                source=_SOURCES.get(optional_text(entry, "source"), ""),
            )  # fmt: skip
