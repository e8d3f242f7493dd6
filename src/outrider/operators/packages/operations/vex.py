"""Writes down what is stated of the vulnerabilities of a project, as OpenVEX or CycloneDX."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.timestamps import parse_timestamp, timestamp_of_second
from outrider.operators.packages.advisories.auditing import Audited, AuditTerms, audited
from outrider.operators.packages.sboms.bill import bill_of
from outrider.operators.packages.texts import document_lines
from outrider.operators.packages.vex.cyclonedx import cyclonedx_vex
from outrider.operators.packages.vex.openvex import openvex
from outrider.operators.packages.vex.stated import Stated
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class VexParams(AuditTerms, kw_only=True, forbid_unknown_fields=True):
    """Of what, and how.

    Attributes:
        stale: What to do where advisories are missing or too old, a file leaves open what is installed, or whether something is affected
            cannot be told: `warn` or `fail`.
        format: OpenVEX, or a bill of materials in CycloneDX 1.7 with its vulnerabilities.
        author: Who says it: a person or an organisation, in OpenVEX.
        name: Of what the bill is about; that of the folder if none is given.
        version: Of that.
        created: The time in it, as RFC 3339 has it; now if none is given. With the same time the same bytes come out.
    """

    # Others take a document for what is known: what is missing in it is not seen.
    stale: Literal["warn", "fail"] = "fail"
    format: Literal["openvex", "cyclonedx"] = "openvex"
    author: str = "Unknown Author"
    name: str = ""
    version: str = ""
    created: str = ""


class VexResult(msgspec.Struct, kw_only=True):
    """The document.

    Attributes:
        statements: How many there are, by their status in the words of OpenVEX.
        warnings: Why this may not be all.
        document: The document itself.
    """

    statements: dict[str, int]
    warnings: list[str]
    document: dict[str, Any]


async def run(params: VexParams, context: Context) -> VexResult:
    """Write the document.

    Raises:
        NotFoundError: There is no lock file, or no file with statements.
        UnsupportedError: A file is of no known format.
        InvalidConfigError: One cannot be read, or the time is none.
        MissingRequirementError: No advisories are imported, or an image is packed with zstd, and the library that unpacks it is missing.
        PreconditionFailedError: They are older than allowed, or there are none of an ecosystem, a file leaves open what is installed, or whether
            something is affected cannot be told.
    """
    now = context.clock.now()
    created = timestamp_of_second(parse_timestamp(params.created) if params.created else now)
    return await asyncio.to_thread(_written, params, now, created)


def _written(params: VexParams, now: float, created: str) -> VexResult:
    told = audited(params, now)
    if told.unread and params.stale == "fail":
        raise InvalidConfigError(
            told.unread[0], expected="lock files that can all be read", suggestions=["have its own tool write it anew", "be told what there is: --stale warn"]
        )  # fmt: skip
    stated = _once(told)
    counts: dict[str, int] = {}
    for one in stated:
        counts[one.status] = counts.get(one.status, 0) + 1
    if params.format == "openvex":
        document = openvex(stated, author=params.author, product=params.product, created=created)
    else:
        path = Path(params.path).resolve()
        folder = path if path.is_dir() else path.parent
        bill = bill_of(
            (lock for _, lock in told.locks), name=params.name or folder.name or "project", version=params.version, created=created
        )  # fmt: skip
        document = cyclonedx_vex(bill, stated, params.product)
    return VexResult(
        statements=dict(sorted(counts.items())), warnings=[*told.unread, *told.warnings], document=document
    )


def _once(told: Audited) -> list[Stated]:
    """Return what is stated, sorted; what stands in several files is stated once."""
    found = {(one.vulnerability.id, one.url): one for each in told.found for one in each.stated}
    return [one for _, one in sorted(found.items())]


def _text(result: VexResult) -> Iterable[str]:
    return document_lines(result.document)


OPERATION = Implementation(
    params=VexParams, result=VexResult, run=run, target=lambda params: f"file/{params.path}", text=_text,
    notes=lambda result: (f"warning: {one}" for one in result.warnings),
)  # fmt: skip
