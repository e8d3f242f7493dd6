"""What is kept of Python indexes, on disks that are full and in files that are damaged."""

import asyncio
import resource
import shutil
from pathlib import Path

import pytest

from outrider.core.errors import (
    ExecutionFailedError,
    NotFoundError,
)
from outrider.operators.packages.pypi.records import PypiRecord
from outrider.operators.packages.pypi.store import PypiStore
from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.python_index import PythonIndex

PASSWORD = "correct-horse"


async def test_a_store_that_cannot_be_written(index: PythonIndex, tmp_path: Path) -> None:
    index.add("web", "1")
    (tmp_path / "cache").write_text("a file where a folder should be")
    ask = Asking(tmp_path, index.url)
    with pytest.raises(ExecutionFailedError) as caught:
        await ask.answer("web")
    assert "XDG_CACHE_HOME" in caught.value.suggestions[0]
    with pytest.raises(NotFoundError):
        await ask.answer("none")


@pytest.mark.parametrize("damage", ["cut", "empty", "other", "form", "text", "letters", "inside", "folder"])
async def test_records_that_cannot_be_read_are_made_anew(index: PythonIndex, tmp_path: Path, damage: str) -> None:
    index.add("web", "1", "core")
    index.add("core", "1")
    ask = Asking(tmp_path, index.url)
    before = await ask.pins("web")
    paths = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert sorted(path.name for path in paths) == ["core.files", "core.record", "web.files", "web.record"]
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    for path in paths:
        content = path.read_bytes()
        new = {
            "cut": content[: len(content) // 2],
            "empty": b"",
            "other": b"\xc0",
            "form": content.replace(b"\x01", b"\x63", 1),
            "text": b"hello",
            "letters": content[:4] + b"\xff" * (len(content) - 4),
            "inside": content[:-2] + bytes([content[-2] ^ 0x80]) + content[-1:],
        }
        if damage == "folder":
            path.unlink()
            path.mkdir()
            (path / "x").write_text("")
        else:
            path.write_bytes(new[damage])
    if damage == "folder":
        with pytest.raises(ExecutionFailedError):
            await ask.pins("web")
        return
    assert await ask.pins("web") == before
    index.requests.clear()
    assert await ask.pins("web") == before
    assert index.requests == []


def test_a_full_disk_leaves_what_was_there_before(tmp_path: Path) -> None:
    store = PypiStore(tmp_path, "http://x")
    store.keep("web", PypiRecord(status="before"), {})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(ExecutionFailedError) as caught:
            store.keep("web", PypiRecord(status="x" * 10_000), {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.suggestions
    record = store.record("web")
    assert record is not None
    assert record.status == "before"
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["web.files", "web.record"]


async def test_whoever_gives_up_leaves_nothing_behind(index: PythonIndex, tmp_path: Path) -> None:
    index.add("web", "1", "core")
    index.add("core", "1")
    ask = Asking(tmp_path, index.url)
    for turns in range(0, 200, 9):
        (tmp_path / "cache").write_text("") if turns % 2 else None
        call = asyncio.create_task(ask.answer("web"))
        for _ in range(turns):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait({call})
        assert call.done()
        assert len(asyncio.all_tasks()) < 5
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        (tmp_path / "cache").unlink(missing_ok=True)


def test_names_of_strangers_stay_within_the_folder(tmp_path: Path) -> None:
    store = PypiStore(tmp_path / "cache", "http://x")
    for name in ("../../../../etc/passwd", "a" * 5000, "", ".", "..", "a/b", "\u00b2", "con.record"):
        store.keep(name, PypiRecord(status=name), {})
        read = store.record(name)
        assert read is not None
        assert read.status == name
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
