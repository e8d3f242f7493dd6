"""Records that are written together."""

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from outrider.core.audit import AuditEntry, verify
from outrider.core.errors import ExecutionFailedError
from outrider.ports.clock import SystemClock
from outrider.runtime.audit import AuditLog, read_chain
from outrider.runtime.audit_groups import AuditGroups
from tests.sidecar.proxy.support import eventually


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def entry(number: int) -> AuditEntry:
    return AuditEntry(phase="fact", principal="agent:a", action=f"test.{number}")


def groups(path: Path) -> AuditGroups:
    return AuditGroups(AuditLog(path, "test", SystemClock()))


def actions(path: Path) -> list[str]:
    verify(read_chain(path))
    return [record.entry.action for record in read_chain(path)]


class Counted:
    """Counts the calls of a function of `os`, and lets the first ones fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, *, failing: int = 0) -> None:
        self.calls, self._failing, self._real = 0, failing, getattr(os, name)
        monkeypatch.setattr(os, name, self)

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        if self.calls <= self._failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._real(*arguments)


async def test_what_comes_in_one_turn_is_one_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group, writes = groups(path), Counted(monkeypatch, "write")
    await asyncio.gather(*(group.add(entry(number)) for number in range(20)))
    assert writes.calls == 1
    assert actions(path) == [f"test.{number}" for number in range(20)]


async def test_the_disk_is_waited_for_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group, syncs = groups(path), Counted(monkeypatch, "fsync")
    await asyncio.gather(*(group.add(entry(number), sync=True) for number in range(20)))
    assert syncs.calls == 1
    await group.add(entry(20), sync=True)
    assert syncs.calls == 2
    assert actions(path) == [f"test.{number}" for number in range(21)]


@pytest.mark.parametrize("sync", [False, True])
async def test_a_record_for_which_nobody_waits_is_written_in_its_order(path: Path, sync: bool) -> None:
    group = groups(path)
    first = group.add(entry(1), sync=sync)
    first.cancel()
    group.add(entry(2), sync=sync)
    await group.close()
    assert actions(path) == ["test.1", "test.2"]


@pytest.mark.parametrize("sync", [False, True])
async def test_a_full_disk_is_told_to_all_and_leaves_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, sync: bool
) -> None:
    group = groups(path)
    await group.add(entry(0))
    Counted(monkeypatch, "fsync" if sync else "write", failing=1)
    told = await asyncio.gather(*(group.add(entry(n), sync=sync) for n in range(1, 4)), return_exceptions=True)
    assert [type(one) for one in told] == [ExecutionFailedError] * 3
    await group.add(entry(4), sync=sync)
    assert actions(path) == ["test.0", "test.4"]


async def test_a_fault_leaves_nobody_waiting(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = AuditLog(path, "test", SystemClock())
    group = AuditGroups(log)
    monkeypatch.setattr(log, "append_all", lambda *_, **__: 1 / 0)
    written = group.add(entry(0), sync=True)
    syncing = group._syncing
    await eventually(written.cancelled)
    assert syncing is not None
    assert isinstance(syncing.exception(), ZeroDivisionError)
