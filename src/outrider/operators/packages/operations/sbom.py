"""Writes down what a project consists of, as a software bill of materials."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from outrider.core.timestamps import parse_timestamp, timestamp_of_second
from outrider.operators.packages.locks.files import read_locks
from outrider.operators.packages.sboms.bill import bill_of
from outrider.operators.packages.sboms.cyclonedx import cyclonedx
from outrider.operators.packages.sboms.spdx import spdx
from outrider.operators.packages.texts import document_lines, number_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class SbomParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Of what, and how.

    Attributes:
        path: A lock file, or a folder whose lock files are read. Or a root with a package database of dpkg, apk or RPM, or an image of
            a container, as a layout of OCI or as `docker save` writes it: of these what is installed is read, packages of languages too.
        format: CycloneDX 1.7 or SPDX 2.3, both in JSON.
        name: Of what the bill is about; that of the folder if none is given.
        version: Of that.
        created: The time in it, as RFC 3339 has it; now if none is given. With the same time the same bytes come out.
    """

    path: str = "."
    format: Literal["cyclonedx", "spdx"] = "cyclonedx"
    name: str = ""
    version: str = ""
    created: str = ""


class SbomResult(msgspec.Struct, kw_only=True):
    """The bill.

    Attributes:
        packages: How many are in it.
        incomplete: Of how many the lock does not say all that they need: which of several versions of a name is meant.
        unknown: Of how many it does not say at all what they need.
        unreadable: Entries that could not be read, and are not in it; files that do not name all that is installed.
        document: The bill itself.
    """

    packages: int
    incomplete: int
    unknown: int
    unreadable: list[str]
    document: dict[str, Any]


async def run(params: SbomParams, context: Context) -> SbomResult:
    """Write the bill.

    Raises:
        NotFoundError: There is no lock file.
        UnsupportedError: It is of no known format.
        InvalidConfigError: It is not of its format, or the time is none.
        LimitedError: A root has too much in it.
        MissingRequirementError: An image is packed with zstd, and the library that unpacks it is not installed.
    """
    now = parse_timestamp(params.created) if params.created else context.clock.now()
    return await asyncio.to_thread(_written, params, timestamp_of_second(now))


def _written(params: SbomParams, created: str) -> SbomResult:
    path = Path(params.path).resolve()
    locks = read_locks(path, roots=True)
    folder = path if path.is_dir() else path.parent
    bill = bill_of(
        (lock for _, lock in locks),
        name=params.name or folder.name or "project",
        version=params.version,
        created=created,
    )
    return SbomResult(
        packages=len(bill.parts), incomplete=sum(part.aggregate == "incomplete" for part in bill.parts),
        unknown=sum(part.aggregate == "unknown" for part in bill.parts),
        unreadable=[f"{file}: {text}" for file, lock in locks for text in lock.warnings],
        document=cyclonedx(bill) if params.format == "cyclonedx" else spdx(bill),
    )  # fmt: skip


def _text(result: SbomResult) -> Iterable[str]:
    return document_lines(result.document)


def _notes(result: SbomResult) -> Iterable[str]:
    yield from (f"warning: {one}" for one in result.unreadable)
    if result.incomplete:
        yield f"warning: of {number_of(result.incomplete, 'package')} the lock does not say in which version something is needed; that is left out"
    if result.unknown:
        yield f"warning: no lock says the needs of {number_of(result.unknown, 'package')}"


OPERATION = Implementation(
    params=SbomParams, result=SbomResult, run=run, target=lambda params: f"file/{params.path}", text=_text, notes=_notes
)
