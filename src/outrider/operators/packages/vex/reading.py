"""Files with statements of vulnerabilities, of whatever format."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.documents import read_json
from outrider.operators.packages.locks.entries import Findings
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.vex import cyclonedx, openvex
from outrider.operators.packages.vex.statements import Statement

_Reader = Callable[[dict[str, Any], str, Findings], Iterator[Statement]]


def read_statements(files: Iterable[str]) -> tuple[list[Statement], list[str]]:
    """Return what files state, and in words what of them could not be read.

    Raises:
        NotFoundError: One is not there.
        UnsupportedError: One is neither OpenVEX nor CycloneDX.
        InvalidConfigError: One is not of its format.
    """
    said: list[Statement] = []
    unreadable: list[str] = []
    for file in files:
        document = read_json(file, read_text(Path(file)))
        findings = Findings(file)
        said += _reader(document, file)(document, file, findings)
        unreadable += [f"{file}: {one}" for one in findings.lock().unreadable]
    return said, unreadable


def _reader(document: dict[str, Any], file: str) -> _Reader:
    if str(document.get("@context", "")).startswith(openvex.CONTEXT):
        return openvex.read
    if document.get("bomFormat") == cyclonedx.FORM:
        return cyclonedx.read
    raise UnsupportedError(
        f"{file}: it is of no format that is read", found=", ".join(sorted(document))[:100], expected="OpenVEX, or CycloneDX in JSON",
        suggestions=["name a file with statements of vulnerabilities"],
    )  # fmt: skip
