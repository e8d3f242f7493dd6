import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import OutriderError
from outrider.runtime.plugins.configuration import schema_faults
from outrider.runtime.plugins.manifest import read_plugin
from tests.plugins.harness import PLUGINS, Running, faults, module, refusal, running

pytestmark = pytest.mark.real
MANIFEST = read_plugin(PLUGINS / "log-search").manifest


@asynccontextmanager
async def over(folder: Path, **config: Any) -> AsyncIterator[Running]:
    async with running("log-search", {"folder": str(folder), **config}) as plugin:
        yield plugin


async def search(plugin: Running, text: str, **given: Any) -> dict[str, Any]:
    """Search, and see that the result is as it is promised."""
    result: dict[str, Any] = await plugin.execute({"text": text, "limit": 20, **given})
    assert MANIFEST.output is not None
    assert not list(schema_faults(MANIFEST.output, result, ()))
    return result


def write(folder: Path, name: str, *lines: str, age: int = 0) -> None:
    (folder / name).write_text("".join(f"{line}\n" for line in lines))
    os.utime(folder / name, (2_000_000_000 - age, 2_000_000_000 - age))


async def test_the_newest_lines_of_the_newest_file_come_first(tmp_path: Path) -> None:
    write(tmp_path, "old.log", "error a", "error b", age=60)
    write(tmp_path, "new.log", "Error c", "fine", "ERROR d")
    async with over(tmp_path) as plugin:
        found = await search(plugin, "error")
        fewer = await search(plugin, "error", limit=3)
    assert [(one["file"], one["text"]) for one in found["lines"]] == [
        ("new.log", "ERROR d"), ("new.log", "Error c"), ("old.log", "error b"), ("old.log", "error a"),
    ]  # fmt: skip
    assert (found["matches"], found["files"], found["partial"]) == (4, ["new.log", "old.log"], False)
    assert found["summary"] == "4 lines in 2 files"
    assert [one["text"] for one in fewer["lines"]] == ["ERROR d", "Error c", "error b"]
    assert fewer["matches"] == 4


@pytest.mark.parametrize(
    ("given", "lines"),
    [({"without": "HEALTH"}, ["get /b"]), ({"file": "a*"}, ["get /health"]), ({"file": "c.log"}, []), ({"file": "../x"}, [])],
)  # fmt: skip
async def test_a_search_can_be_narrowed(tmp_path: Path, given: dict[str, Any], lines: list[str]) -> None:
    write(tmp_path, "a.log", "get /health")
    write(tmp_path, "b.log", "get /b")
    write(tmp_path, "b.txt", "get /b")
    async with over(tmp_path) as plugin:
        assert [one["text"] for one in (await search(plugin, "get", **given))["lines"]] == lines


async def test_only_plain_files_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    (folder / "below.log").mkdir(parents=True)
    write(tmp_path, "secret", "x")
    (folder / "link.log").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe.log")
    write(folder, "a.log", "x")
    async with over(folder) as plugin:
        assert (await search(plugin, "x"))["files"] == ["a.log"]


async def test_a_file_that_cannot_be_read_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.log", "x")
    write(tmp_path, "b.log", "x")
    loaded = module("log-search", "log_search", monkeypatch)
    tool = loaded.LogSearch({"folder": str(tmp_path), "files": "*.log"}, None)
    opened = tool._open

    def open_all_but_one(name: str) -> Any:
        if name == "a.log":
            raise PermissionError(13, "Permission denied")
        return opened(name)

    class Asked:
        input = {"text": "x", "limit": 5}  # noqa: RUF012 - a request of one test
        lines: list[str] = []  # noqa: RUF012 - see above

        def log(self, line: str) -> None:
            self.lines.append(line)

        def check(self) -> None:
            pass

    monkeypatch.setattr(tool, "_open", open_all_but_one)
    asked = Asked()
    found = tool.execute(asked)
    assert (found["files"], found["partial"], asked.lines) == (["b.log"], True, ["a.log: Permission denied"])
    assert found["summary"] == "1 line in 1 file, not all was searched"


def test_of_a_long_file_the_end_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = module("log-search", "log_search", monkeypatch)
    monkeypatch.setattr(loaded, "LAST_BYTES", 20)
    write(tmp_path, "a.log", "first", "second", "third", "fourth")
    with (tmp_path / "a.log").open("rb") as file:
        assert loaded._skip(file)
        assert list(loaded._lines(file)) == ["third", "fourth"]


async def test_lines_are_bounded_and_always_text(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"x" * 200_000 + b"\nx \xff\x00\r\n" + b"x\x01" * 1000)
    async with over(tmp_path) as plugin:
        found = await search(plugin, "x", limit=100)
    assert [len(one["text"]) for one in found["lines"]] == [500, 4, *[500] * 4]
    assert found["lines"][1]["text"] == "x \ufffd\x00"


async def test_more_files_than_are_searched_are_told_of(tmp_path: Path) -> None:
    for number in range(55):
        write(tmp_path, f"{number:02}.log", "x", age=number)
    async with over(tmp_path) as plugin:
        found = await search(plugin, "x")
    assert (found["matches"], found["partial"], found["files"][0], found["files"][-1]) == (50, True, "00.log", "49.log")


async def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    async with over(tmp_path / "logs") as plugin:
        (tmp_path / "logs").rmdir()
        with pytest.raises(OutriderError) as caught:
            await search(plugin, "x")
    assert caught.value.code == "NOT_FOUND"


async def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    error = await refusal("log-search", {"folder": str(tmp_path / "none")})
    assert error.code == "INVALID_CONFIG"
    assert "config.folder" in error.message


@pytest.mark.parametrize("bad", [{"folder": ""}, {"files": "../*"}, {"files": ""}, {"other": 1}])
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert not faults("log-search", {"folder": "/var/log"})
    assert faults("log-search", {"folder": "/var/log", **bad})
