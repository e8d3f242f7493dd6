"""The audit chain on disk: append-only JSON lines, safe between processes, exact after a crash."""

import asyncio
import errno
import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from outrider.core.audit import AuditEntry, AuditRecord, ChainHead, link, pruned_entry
from outrider.core.codec import decode, encode
from outrider.core.errors import ExecutionFailedError, OutriderError
from outrider.core.timestamps import timestamp
from outrider.ports.clock import Clock
from outrider.ports.secrets.private_files import sync_folder
from outrider.ports.telemetry import logger

_BLOCK = 64 * 1024
PRUNE_EVERY_SECONDS = 3600.0
_log = logger(__name__)


class AuditLog:
    """One chain in one file; several processes may append to it.

    Args:
        path: The file; its folder is made with mode 0700.
        writer: Who writes, such as `action/hands`.
        clock: Gives the time of each record.
    """

    def __init__(self, path: Path, writer: str, clock: Clock) -> None:
        self.path = path
        self._writer = writer
        self._clock = clock
        self._file: int | None = None
        # Of its inode, which stays that of the descriptor.
        self._number = -1
        self._size = -1
        self._head = ChainHead(writer)
        # The lock of the file keeps processes apart, and not the threads of one, which share its descriptor.
        self._lock = threading.Lock()

    @property
    def head(self) -> ChainHead:
        """The end of the chain as this process knows it."""
        return self._head

    def append(self, entry: AuditEntry, *, sync: bool = False) -> AuditRecord:
        """Add a record; with `sync` it is on disk when this returns.

        Raises:
            ExecutionFailedError: It could not be written; nothing of it stays in the file.
        """
        return self.append_all([entry], sync=sync)[0]

    def append_all(self, entries: Sequence[AuditEntry], *, sync: bool = False) -> list[AuditRecord]:
        """Add records in one write; with `sync` they are on disk when this returns.

        Raises:
            ExecutionFailedError: They could not be written; nothing of any stays in the file.
        """
        try:
            with self._lock:
                return self._append(entries, sync=sync)
        except OSError as error:
            raise _write_error(self.path, error) from error

    async def append_synced(self, entry: AuditEntry) -> AuditRecord:
        """Add a record and wait for the disk without blocking the event loop."""
        return await asyncio.to_thread(self.append, entry, sync=True)

    def _append(self, entries: Sequence[AuditEntry], *, sync: bool) -> list[AuditRecord]:
        file, size = self._locked()
        try:
            if size != self._size:
                size = self._load_head(file, size)
            head, records, lines = self._head, [], b""
            now = timestamp(self._clock.now())
            for entry in entries:
                record = link(head, entry, now, self._writer)
                head = ChainHead(self._writer, record.sequence, record.hash)
                records.append(record)
                lines += encode(record) + b"\n"
            _write_or_undo(file, lines, size, sync=sync)
            self._size = size + len(lines)
            self._head = head
            return records
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def prune(self, before: float) -> int:
        """Remove the records from before a time (seconds since the epoch) and return how many that were.

        The chain says so itself, in a record that is on disk before anything is removed. As this writes the file anew it waits
        until a tenth more than the time that is kept has passed.

        Raises:
            ExecutionFailedError: It could not be written; the chain is as it was.
        """
        try:
            with self._lock:
                return self._prune(timestamp(before), timestamp(before - (self._clock.now() - before) / 10))
        except OSError as error:
            raise _write_error(self.path, error) from error

    def _prune(self, before: str, not_until: str) -> int:
        if not self.path.is_file():
            return 0
        head, length, count = ChainHead(self._writer), 0, 0
        with self.path.open("rb") as file:
            for line in file:
                record = decode(line, AuditRecord) if line.endswith(b"\n") else None
                if record is None or record.time >= before or (count == 0 and record.time >= not_until):
                    break
                head, length, count = (
                    ChainHead(self._writer, record.sequence, record.hash),
                    length + len(line),
                    count + 1,
                )
        if count:
            self._append([pruned_entry(head)], sync=True)
            self._cut(length)
        return count

    def _cut(self, length: int) -> None:
        """Replace the file by one without its first bytes; whoever has it open finds the new one at the next record."""
        file, _ = self._locked()
        try:
            beside = self.path.with_suffix(".pruned")
            with open(beside, "wb", opener=_private) as rest, self.path.open("rb") as whole:
                whole.seek(length)
                shutil.copyfileobj(whole, rest, _BLOCK)
                rest.flush()
                os.fsync(rest.fileno())
            beside.replace(self.path)
            sync_folder(self.path.parent)
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def _locked(self) -> tuple[int, int]:
        """Return the file, locked, and its size; another process may have replaced it since it was opened."""
        while True:
            file = self._open()
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                found = self.path.stat()
            except FileNotFoundError:
                # It was removed: verification will say so, and what comes is kept where it was.
                return file, os.fstat(file).st_size
            if found.st_ino == self._number:
                return file, found.st_size
            self.close()
            self._size = -1

    def _open(self) -> int:
        if self._file is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._number = os.fstat(self._file).st_ino
        return self._file

    def _load_head(self, file: int, size: int) -> int:
        """Read the last record; a torn line at the end is set aside beside the chain, never deleted."""
        complete, _, torn = _last_lines(file, size).rpartition(b"\n")
        if torn:
            size -= len(torn)
            with self.path.with_suffix(".torn").open("ab") as aside:
                aside.write(torn + b"\n")
            os.ftruncate(file, size)
        if complete:
            record = decode(complete.rpartition(b"\n")[2], AuditRecord)
            self._head = ChainHead(self._writer, record.sequence, record.hash)
        return size

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


async def keep_pruned(log: AuditLog, clock: Clock, seconds: Callable[[], float]) -> None:
    """Remove old records of a chain, once an hour; `seconds` says how long they are kept."""
    while True:
        await clock.sleep(PRUNE_EVERY_SECONDS)
        try:
            await asyncio.to_thread(log.prune, clock.now() - seconds())
        except OutriderError as error:
            _log.warning("retention of the audit chain: %s", error.message)


def _last_lines(file: int, size: int) -> bytes:
    """Return the end of the file, from the last complete line or from before it, however long that is."""
    tail = b""
    while len(tail) < size and tail.count(b"\n") < 2:
        length = min(_BLOCK, size - len(tail))
        tail = os.pread(file, length, size - len(tail) - length) + tail
    return tail


def chain_files(state: Path) -> Iterator[Path]:
    """Yield the audit files of a platform."""
    yield from sorted(path for path in state.glob("**/audit.jsonl") if path.stat().st_size)


def read_chain(path: Path) -> Iterator[AuditRecord]:
    """Yield the records of a chain.

    Raises:
        ExecutionFailedError: A line is not a record; its number is named.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield decode(line, AuditRecord)
            except OutriderError as error:
                raise ExecutionFailedError(
                    f"the chain in {path.parent.name} holds a line that is no audit record",
                    source=f"{path.name}:{number}",
                    causes=[error],
                ) from error


def _write_or_undo(file: int, line: bytes, size: int, *, sync: bool) -> None:
    try:
        complete = os.write(file, line) == len(line)
        if complete and sync:
            os.fsync(file)
    except OSError:
        os.ftruncate(file, size)
        raise
    if not complete:
        os.ftruncate(file, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write_error(path: Path, error: OSError) -> ExecutionFailedError:
    remedy = (
        f"free space on the disk of {path.parent}"
        if error.errno == errno.ENOSPC
        else f"check the mode of {path.parent}"
    )
    return ExecutionFailedError(
        f"the audit record cannot be written: {error.strerror}",
        found=f"{path}: {error.strerror}",
        expected="a record on disk before and after every change",
        suggestions=[remedy],
    )
