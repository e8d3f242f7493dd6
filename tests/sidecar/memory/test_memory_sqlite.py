"""What only a file can do: be left by a process that was killed, be damaged, full, held by another, or unreadable to this Python."""

import asyncio
import itertools
import random
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import (
    ConflictError,
    ExecutionFailedError,
    MissingRequirementError,
    PreconditionFailedError,
    UnavailableError,
)
from outrider.ports.clock.manual import ManualClock
from outrider.sidecar.memory import sqlite
from outrider.sidecar.memory.model import Item, Message
from outrider.sidecar.memory.sqlite import database as sqlite_database
from tests.sidecar.memory.backends import SCOPE

CLOCK = ManualClock()
PROJECT = Path(__file__).parents[3]


@pytest.mark.real
@pytest.mark.parametrize("seed", range(3))
async def test_what_was_answered_survives_the_end_of_the_process(tmp_path: Path, seed: int) -> None:
    wanted = random.Random(seed).randrange(5, 60)
    command = [sys.executable, "-m", "tests.sidecar.memory.writer", str(tmp_path)]
    answered = -1
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            answered = int(line)
            if answered == wanted:
                process.kill()
    assert process.wait() == -signal.SIGKILL
    store = await sqlite.open_conversations(tmp_path, clock=CLOCK)
    found = [message.content for message in await store.window(SCOPE, "s")]
    # One more may have been stored and not answered; half of an append never is.
    assert len(found) // 2 - 1 in (answered, answered + 1)
    assert found == [number for number in range(len(found) // 2) for _ in range(2)]
    assert (await store.usage(SCOPE)).entries == len(found)
    await store.append(SCOPE, "s", [Message(role="user", content="on")])
    await store.close()
    with sqlite3.connect(tmp_path / "conversations.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


async def test_files_are_their_owners_only(tmp_path: Path) -> None:
    store = await sqlite.open_key_values(tmp_path / "new" / "memory", clock=CLOCK)
    await store.put(SCOPE, "k", 1)
    files = list((tmp_path / "new" / "memory").iterdir())
    assert {path.name for path in files} == {"entries.db", "entries.db-wal", "entries.db-shm"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    await store.close()


async def test_what_is_deleted_stands_in_no_file_any_more(tmp_path: Path) -> None:
    clock = ManualClock()
    entries = await sqlite.open_key_values(tmp_path, clock=clock)
    await entries.put(SCOPE, "a", "marked")
    await entries.put(SCOPE, "b", "marked", ttl=1)
    await entries.put(SCOPE, "kept", 1)
    await entries.delete(SCOPE, "a")
    clock.advance(2)
    assert await entries.expire(SCOPE, 0.0) == 1
    said = await sqlite.open_conversations(tmp_path, clock=clock)
    for session in ("forgotten", "summarised"):
        await said.append(SCOPE, session, [Message(role="user", content="marked", id="m")])
    await said.delete(SCOPE, "forgotten")
    await said.replace(SCOPE, "summarised", up_to="m", summary=Message(role="user", content="short"))
    items = await sqlite.open_vectors(tmp_path, clock=clock)
    await items.upsert(SCOPE, [Item(id=ident, text="marked", vector=[1.0]) for ident in ("a", "b")])
    await items.delete(SCOPE, ids=["a", "b"])
    found = [path.name for path in tmp_path.iterdir() if b"marked" in path.read_bytes()]
    for store in (entries, said, items):
        await store.close()
    assert found == []


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = await sqlite.open_key_values(tmp_path, clock=CLOCK)
    pending = [store.put(SCOPE, f"k{n}", n) for n in range(5)]
    await asyncio.gather(*pending)
    await store.close()
    for call in (store.get(SCOPE, "k"), store.put(SCOPE, "k", 1), store.delete_all(SCOPE)):
        with pytest.raises(UnavailableError, match="closed"):
            await call


async def test_a_caller_that_gives_up_harms_nobody(tmp_path: Path) -> None:
    store = await sqlite.open_key_values(tmp_path, clock=CLOCK)
    tasks = [asyncio.create_task(store.put(SCOPE, f"k{n}", n)) for n in range(40)]
    await tasks[0]
    for task in tasks[1:20]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    entries = await store.list(SCOPE)
    assert {entry.key for entry in entries} >= {f"k{n}" for n in (0, *range(20, 40))}
    assert (await store.usage(SCOPE)).entries == len(entries)
    assert sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes) == 19
    await store.close()


async def test_a_damaged_file_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "entries.db").write_bytes(b"not a database at all" * 500)
    with pytest.raises(ExecutionFailedError, match="not a database") as caught:
        await sqlite.open_key_values(tmp_path, clock=CLOCK)
    assert caught.value.suggestions == ["move the file aside and restore a backup"]
    assert (tmp_path / "entries.db").read_bytes().startswith(b"not a database")


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExecutionFailedError, match="Not a directory"):
        await sqlite.open_key_values(tmp_path / "file" / "memory", clock=CLOCK)


async def test_tables_of_a_newer_version_are_not_touched(tmp_path: Path) -> None:
    await (await sqlite.open_key_values(tmp_path, clock=CLOCK)).close()
    with sqlite3.connect(tmp_path / "entries.db") as connection:
        connection.execute("UPDATE memory_schema SET version = 99 WHERE part = 'entries'")
    connection.close()
    with pytest.raises(PreconditionFailedError, match="newer") as caught:
        await sqlite.open_key_values(tmp_path, clock=CLOCK)
    assert caught.value.found == "version 99"


async def test_a_full_disk_undoes_the_write_and_no_more(tmp_path: Path) -> None:
    store = await sqlite.open_key_values(tmp_path, clock=CLOCK)
    await store.put(SCOPE, "k", 1)
    writing: Any = store._database.__dict__["_writing"]
    pages = writing.execute("PRAGMA page_count").fetchone()[0]
    writing.execute(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(UnavailableError, match="full") as caught:
        await store.put(SCOPE, "large", "x" * 1_000_000)
    assert caught.value.hint == "free space on its disk"
    assert [entry.key for entry in await store.list(SCOPE)] == ["k"]
    writing.execute("PRAGMA max_page_count=1000000")
    assert (await store.put(SCOPE, "large", "x" * 1_000_000)).version == 2
    await store.close()


async def test_retention_takes_four_times_the_steps_for_four_times_the_messages(tmp_path: Path) -> None:
    store = await sqlite.open_conversations(tmp_path, clock=CLOCK)
    writing: Any = store._database.__dict__["_writing"]
    steps = []
    for more in (500, 1500):
        for session in range(more // 100):
            await store.append(SCOPE, f"s{session}", [Message(role="user", content="x")] * 100)
        steps.append(0)

        def count(at: int = len(steps) - 1) -> None:
            steps[at] += 1

        writing.set_progress_handler(count, 100)
        assert await store.expire(SCOPE, CLOCK.now() - 1) == 0
    assert 0 < steps[1] < 6 * steps[0]
    await store.close()


async def test_a_page_of_a_long_list_is_found_without_the_rest(tmp_path: Path) -> None:
    store = await sqlite.open_key_values(tmp_path, clock=CLOCK)
    for number in range(1000):
        await store.put(SCOPE, f"k{number:03}", number)
    await store.list(SCOPE)
    (reading,) = store._database.__dict__["_free"].queue
    for after in ("", "k500", "k998"):
        steps = itertools.count()
        reading.set_progress_handler(lambda steps=steps: next(steps) > 500, 1)  # true ends the statement
        assert len(await store.list(SCOPE, "k", limit=1, after=after)) == 1
    await store.close()


async def test_a_file_that_another_holds_is_waited_for_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_database, "BUSY_SECONDS", 0.05)
    store = await sqlite.open_key_values(tmp_path, clock=CLOCK)
    other = sqlite3.connect(tmp_path / "entries.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError, match="locked"):
        await store.put(SCOPE, "k", 1)
    assert await store.get(SCOPE, "k") is None
    other.execute("ROLLBACK")
    other.close()
    assert (await store.put(SCOPE, "k", 1)).version == 1
    await store.close()


async def test_what_a_write_refuses_is_undone(tmp_path: Path) -> None:
    store = await sqlite.open_conversations(tmp_path, clock=CLOCK)
    await store.append(SCOPE, "s", [Message(role="user", content=1, id="a")])
    with pytest.raises(ConflictError):
        await store.append(SCOPE, "new", [Message(role="user", content=n, id=f"{n // 2}") for n in range(3)])
    with pytest.raises(ConflictError):
        await store.append(SCOPE, "s", [Message(role="user", content=n, id=ident) for n, ident in enumerate("bca")])
    assert [(one.name, one.messages) for one in await store.sessions(SCOPE)] == [("s", 1)]
    await store.close()


@pytest.mark.parametrize("package", ["sqlite_vec", "pysqlite3", "pysqlite3.dbapi2"])
async def test_what_vectors_need_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    class WithoutExtensions:
        """A Python as pyenv builds it."""

    monkeypatch.setattr(sqlite3, "Connection", WithoutExtensions)
    monkeypatch.delitem(sys.modules, "pysqlite3.dbapi2", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingRequirementError, match="sqlite-vec") as caught:
        await sqlite.open_vectors(tmp_path, clock=CLOCK)
    assert caught.value.hint == "pip install 'outrider[memory]'"
    assert list(tmp_path.iterdir()) == []


async def test_vectors_are_there_after_a_new_start(tmp_path: Path) -> None:
    store = await sqlite.open_vectors(tmp_path, clock=CLOCK)
    await store.upsert(SCOPE, [Item(id=f"i{n}", text="t", vector=[1.0, n]) for n in range(20)])
    await store.close()
    store = await sqlite.open_vectors(tmp_path, clock=CLOCK)
    assert [match.id for match in await store.search(SCOPE, [1, 0], k=3)] == ["i0", "i1", "i2"]
    await store.close()


def test_no_driver_is_imported_before_a_store_is_opened() -> None:
    code = (
        "import sys, outrider.sidecar.memory.store\n"
        "from outrider.sidecar.memory import postgresql, redis, sqlite\n"
        "found = {'psycopg', 'redis', 'sqlite_vec', 'pysqlite3', 'sqlalchemy', 'numpy'} & {*sys.modules}\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
