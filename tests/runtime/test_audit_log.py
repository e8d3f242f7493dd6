import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from outrider.core.audit import AuditEntry, ChainHead, verify
from outrider.core.errors import ExecutionFailedError
from outrider.ports.clock import SystemClock
from outrider.ports.clock.manual import ManualClock
from outrider.runtime.audit import AuditLog, read_chain

ENTRY = AuditEntry(phase="fact", principal="user:ana", action="test")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit" / "chain.jsonl"


def log(path: Path) -> AuditLog:
    return AuditLog(path, "test", SystemClock())


def append(path: Path, *entries: AuditEntry) -> None:
    chain = log(path)
    for entry in entries:
        chain.append(entry)
    chain.close()


def length(path: Path) -> int:
    return verify(read_chain(path)).sequence


def entry(size: int) -> AuditEntry:
    return AuditEntry(phase="fact", principal="user:ana", action="test", details={"text": "x" * size})


def test_chain_goes_on_in_a_later_process(path: Path) -> None:
    append(path, ENTRY, ENTRY)
    append(path, ENTRY)
    assert length(path) == 3
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_head_is_that_of_the_file(path: Path) -> None:
    chain = log(path)
    record = chain.append(ENTRY, sync=True)
    assert chain.head == ChainHead("test", 1, record.hash)
    chain.close()


@pytest.mark.parametrize("torn", [b"{", b'{"sequence":3,"time":"', b"x" * 3_000_000, b"\xff\0"])
def test_torn_line_is_set_aside_and_never_lost(path: Path, torn: bytes) -> None:
    append(path, ENTRY, ENTRY)
    with path.open("ab") as file:
        file.write(torn)
    append(path, ENTRY)
    assert length(path) == 3
    assert path.with_suffix(".torn").read_bytes() == torn + b"\n"


def test_torn_first_line_is_set_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"seq')
    append(path, ENTRY)
    assert length(path) == 1


@pytest.mark.parametrize("size", [65_000, 65_536, 3_000_000])
def test_chain_goes_on_after_a_long_record(path: Path, size: int) -> None:
    append(path, entry(size))
    append(path, entry(size))
    append(path, ENTRY)
    assert length(path) == 3


def test_two_writers_in_turn_keep_the_chain(path: Path) -> None:
    first, second = log(path), log(path)
    for _ in range(5):
        first.append(ENTRY)
        second.append(ENTRY)
    first.close()
    second.close()
    assert length(path) == 10


def test_threads_keep_the_chain(path: Path) -> None:
    chain = log(path)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: chain.append(entry(number), sync=number % 10 == 0), range(200)))
    chain.close()
    assert length(path) == 200


_WRITER = """
import sys
from pathlib import Path
from tests.runtime.test_audit_log import ENTRY, append
append(Path(sys.argv[1]), *[ENTRY] * 100)
"""


@pytest.mark.real
def test_processes_keep_the_chain(path: Path) -> None:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], env=environment) for _ in range(3)]
    assert [writer.wait(timeout=30) for writer in writers] == [0, 0, 0]
    assert length(path) == 300


def _partly(write: Callable[[int, bytes], int]) -> Callable[[int, bytes], int]:
    return lambda file, data: write(file, data[: len(data) // 2])


def test_partly_written_record_is_taken_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = log(path)
    chain.append(ENTRY)
    before = path.read_bytes()
    monkeypatch.setattr("outrider.runtime.audit.os.write", _partly(os.write))
    with pytest.raises(ExecutionFailedError) as caught:
        chain.append(ENTRY)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert caught.value.suggestions
    chain.append(ENTRY)
    chain.close()
    assert length(path) == 2


def test_record_that_cannot_be_synced_is_taken_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = log(path)

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("outrider.runtime.audit.os.fsync", broken)
    with pytest.raises(ExecutionFailedError):
        chain.append(ENTRY, sync=True)
    monkeypatch.undo()
    assert path.read_bytes() == b""
    chain.close()


_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from outrider.core.errors import ExecutionFailedError
from tests.runtime.test_audit_log import append, entry
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    append(Path(sys.argv[1]), *[entry(700)] * 20)
except ExecutionFailedError:
    sys.exit(3)
"""


@pytest.mark.real
def test_full_disk_leaves_whole_records_only(path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", _FULL_DISK, str(path)], env=environment, check=False, timeout=30)
    assert done.returncode == 3
    assert 1 <= length(path) < 20
    append(path, ENTRY)
    assert not path.with_suffix(".torn").exists()


def _without(lines: list[bytes]) -> list[bytes]:
    return [lines[0], *lines[2:]]


def _swapped(lines: list[bytes]) -> list[bytes]:
    return [lines[1], lines[0], *lines[2:]]


def _changed(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[1].replace(b"user:ana", b"user:eve"), *lines[2:]]


@pytest.mark.parametrize("tamper", [_without, _swapped, _changed])
def test_tampering_is_seen(path: Path, tamper: Callable[[list[bytes]], list[bytes]]) -> None:
    append(path, ENTRY, ENTRY, ENTRY)
    path.write_bytes(b"".join(tamper(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(ExecutionFailedError, match="does not follow"):
        length(path)


def test_cut_end_is_seen_by_its_anchor(path: Path) -> None:
    append(path, ENTRY, ENTRY)
    anchor = verify(read_chain(path))
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(ExecutionFailedError, match="anchored"):
        verify(read_chain(path), anchor)


def test_line_that_is_no_record_is_named(path: Path) -> None:
    append(path, ENTRY)
    with path.open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(ExecutionFailedError) as caught:
        list(read_chain(path))
    assert caught.value.source == "chain.jsonl:2"


async def test_append_synced_returns_the_record(path: Path) -> None:
    chain = log(path)
    record: Any = await chain.append_synced(ENTRY)
    chain.close()
    assert list(read_chain(path)) == [record]


DAY = 86_400.0


def aged(path: Path, days: int) -> AuditLog:
    """Return a chain with a record for each day, its clock at the end of the last."""
    clock = ManualClock()
    chain = AuditLog(path, "test", clock)
    for _ in range(days):
        chain.append(ENTRY)
        clock.advance(DAY)
    chain.now = clock.now  # type: ignore[attr-defined]  # for the tests
    return chain


def test_old_records_go_and_the_rest_still_verifies(path: Path) -> None:
    chain = aged(path, 20)
    anchor = chain.head
    now: float = chain.now()  # type: ignore[attr-defined]
    assert chain.prune(now - 5 * DAY) == 15
    assert [record.sequence for record in read_chain(path)] == [16, 17, 18, 19, 20, 21]
    assert verify(read_chain(path), anchor).sequence == 21
    assert path.stat().st_mode & 0o777 == 0o600
    assert chain.prune(now - 5 * DAY) == 0, "nothing is old any more"
    chain.append(ENTRY)
    assert length(path) == 22
    chain.close()


def test_the_file_is_written_anew_only_when_it_pays(path: Path) -> None:
    chain = aged(path, 20)
    now: float = chain.now()  # type: ignore[attr-defined]
    assert chain.prune(now - 19.5 * DAY) == 0
    assert chain.prune(now - 18 * DAY) == 2
    chain.close()


def test_another_process_goes_on_in_the_new_file(path: Path) -> None:
    chain = aged(path, 10)
    other = AuditLog(path, "test", chain._clock)
    other.append(ENTRY)
    chain.prune(chain.now() - 3 * DAY)  # type: ignore[attr-defined]
    other.append(ENTRY)
    chain.append(ENTRY)
    assert verify(read_chain(path)).sequence == 14
    chain.close()
    other.close()


def test_a_file_that_was_removed_is_written_on(path: Path) -> None:
    chain = log(path)
    chain.append(ENTRY)
    kept = path.with_suffix(".kept")
    kept.hardlink_to(path)
    path.unlink()
    chain.append(ENTRY)
    chain.append(ENTRY)
    chain.close()
    assert not path.exists()
    assert length(kept) == 3


def test_a_prune_that_cannot_be_written_leaves_the_chain_as_it_was(path: Path) -> None:
    chain = aged(path, 10)
    path.with_suffix(".pruned").mkdir()
    with pytest.raises(ExecutionFailedError, match="cannot be written"):
        chain.prune(chain.now() - 3 * DAY)  # type: ignore[attr-defined]
    assert verify(read_chain(path)).sequence == 11
    assert next(read_chain(path)).sequence == 1
    chain.append(ENTRY)
    assert length(path) == 12
    chain.close()
