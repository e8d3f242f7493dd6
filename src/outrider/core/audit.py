"""The audit chain: each record carries the hash of the one before, so a changed, missing or cut record is seen."""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from outrider.core.codec import canonical
from outrider.core.errors import ExecutionFailedError

GENESIS = "0" * 64
# Action of the record that says up to where earlier ones were removed; its details are a ChainHead.
PRUNED = "audit.prune"


class AuditEntry(msgspec.Struct, kw_only=True):
    """What happened, before it becomes a link of the chain.

    Attributes:
        phase: `intent` before a change, `outcome` after it, `fact` for everything else.
        principal: Who did it, as `kind:name`.
        action: The operation, plugin or event of the platform, such as `host.service_restart`.
        outcome: `ok`, or the code of the error.
        details: Further facts; secrets are masked before they come here.
    """

    phase: str
    principal: str
    action: str
    target: str = ""
    outcome: str = ""
    trace_id: str = ""
    details: dict[str, Any] = {}


class AuditRecord(msgspec.Struct, kw_only=True):
    """One link: an entry with its number, time, writer and the hash over it and the link before."""

    sequence: int
    time: str
    writer: str
    entry: AuditEntry
    previous: str
    hash: str = ""


class ChainHead(msgspec.Struct, frozen=True):
    """The end of a chain: enough to see later whether it was cut or changed."""

    writer: str = ""
    sequence: int = 0
    hash: str = GENESIS


def link(head: ChainHead, entry: AuditEntry, time: str, writer: str) -> AuditRecord:
    """Return the record that follows `head`."""
    record = AuditRecord(sequence=head.sequence + 1, time=time, writer=writer, entry=entry, previous=head.hash)
    record.hash = _hash(record)
    return record


def _hash(record: AuditRecord) -> str:
    content = (record.sequence, record.time, record.writer, record.entry, record.previous)
    return hashlib.sha256(canonical(content)).hexdigest()


def pruned_entry(through: ChainHead) -> AuditEntry:
    """Return the entry that says that the records up to a head are removed."""
    details = {"through": through.sequence, "hash": through.hash}
    return AuditEntry(
        phase="fact", principal="platform:retention", action=PRUNED, target="audit", outcome="ok", details=details
    )


def verify(records: Iterable[AuditRecord], anchor: ChainHead | None = None) -> ChainHead:
    """Check a chain and return its head.

    A chain whose first records were pruned is whole if one of those that are left says so: with the end of the chain anchored,
    nobody can have added that record later.

    Args:
        records: The chain from its first record, or from the first that was kept.
        anchor: A head seen elsewhere; the chain must contain it, unless it was pruned since.

    Raises:
        ExecutionFailedError: Naming the first bad record.
    """
    head = begin = ChainHead()
    explained = True
    anchored = anchor is None or anchor.sequence == 0
    for record in records:
        if head.sequence == 0 and record.sequence > 1:
            head = begin = ChainHead(record.writer, record.sequence - 1, record.previous)
            explained = False
            anchored = anchored or (anchor is not None and _is_pruned(anchor, begin))
        if record.sequence != head.sequence + 1 or record.previous != head.hash or record.hash != _hash(record):
            raise ExecutionFailedError(
                f"audit chain of {record.writer}: record {record.sequence} does not follow from record {head.sequence}",
                found=f"hash {record.hash[:12]}, previous {record.previous[:12]}",
                expected=f"record {head.sequence + 1} with previous {head.hash[:12]}",
                suggestions=["compare with a backup: a record was changed or removed from here on"],
            )
        head = ChainHead(record.writer, record.sequence, record.hash)
        explained = explained or _explains(record, begin)
        if anchor is not None and anchor.sequence == record.sequence:
            anchored = anchor.hash == record.hash
    if not explained:
        raise ExecutionFailedError(
            f"audit chain of {begin.writer}: record {begin.sequence + 1} does not follow from record 0",
            found="no record says that the earlier ones were pruned",
            expected="record 1, or a record of the retention",
            suggestions=["compare with a backup: the beginning of the chain was cut"],
        )
    if not anchored and anchor is not None:
        raise ExecutionFailedError(
            f"audit chain of {anchor.writer}: it does not contain the head that was anchored",
            found=f"{head.sequence} records, head {head.hash[:12]}",
            expected=f"record {anchor.sequence} with hash {anchor.hash[:12]}",
            suggestions=["compare with a backup: the end of the chain was cut or rewritten"],
        )
    return head


def _is_pruned(anchor: ChainHead, begin: ChainHead) -> bool:
    """Return whether an anchored head is among the records that are gone."""
    return anchor.sequence < begin.sequence or (anchor.sequence == begin.sequence and anchor.hash == begin.hash)


def _explains(record: AuditRecord, begin: ChainHead) -> bool:
    details = record.entry.details
    return record.entry.action == PRUNED and details == {"through": begin.sequence, "hash": begin.hash}
