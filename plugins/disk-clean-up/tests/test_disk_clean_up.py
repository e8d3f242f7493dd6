import errno
import os
import random
import re
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given as given_by
from hypothesis import strategies as st

from outrider.core.errors import OutriderError
from outrider.ports.process import run
from outrider.runtime.plugins.configuration import schema_faults
from outrider.runtime.plugins.manifest import read_plugin
from tests.plugins.harness import PLUGINS, Running, faults, module, refusal, running, until

Cleaner = Callable[..., AbstractAsyncContextManager[Running]]
DAY = 86_400.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    path.mkdir()
    return path


@pytest.fixture
def cleaner(folder: Path) -> Cleaner:
    @asynccontextmanager
    async def start(**config: Any) -> AsyncIterator[Running]:
        given = {"folder": str(folder), "pattern": "**/*.log", "older_than": "1d", **config}
        async with running("disk-clean-up", given) as plugin:
            yield plugin

    return start


def put(path: Path, days: float = 2, size: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    written = time.time() - days * DAY
    os.utime(path, (written, written))
    return path


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


async def failure(plugin: Running, **given: Any) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await plugin.execute(given)
    return caught.value


@pytest.mark.real
async def test_old_files_go_and_young_and_other_ones_stay(cleaner: Cleaner, folder: Path) -> None:
    put(folder / "a.log", days=3)
    put(folder / "sub/deep/.b.log", days=5, size=1000)
    put(folder / "young.log", days=0.9)
    put(folder / "a.txt", days=9)
    async with cleaner() as plugin:
        result = await plugin.execute({})
        again = await plugin.execute({})
    assert result == {
        "removed": 2, "would_remove": 0, "bytes": 1010, "matching": 3, "files": ["sub/deep/.b.log", "a.log"],
        "summary": "removed 2 files (1.01 kB)",
    }  # fmt: skip
    assert names(folder) == ["a.txt", "young.log"]
    assert (folder / "sub/deep").is_dir()
    assert again["removed"] == 0


@pytest.mark.real
async def test_a_dry_run_removes_nothing(cleaner: Cleaner, folder: Path) -> None:
    put(folder / "a.log")
    async with cleaner() as plugin:
        result = await plugin.execute({"dry_run": True})
    assert (result["removed"], result["would_remove"], result["files"]) == (0, 1, ["a.log"])
    assert result["summary"] == "would remove 1 file (10 B)"
    assert names(folder) == ["a.log"]


@pytest.mark.real
@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({}, ["young.log"]),
        ({"pattern": "a-*"}, ["b-3.log", "young.log"]),
        ({"pattern": "*.txt"}, ["a-2.log", "a-4.log", "b-3.log", "young.log"]),
        ({"older_than": "60h"}, ["a-2.log", "young.log"]),
        ({"older_than": "0s"}, ["young.log"]),
        ({"pattern": "**", "older_than": "5d"}, ["a-2.log", "a-4.log", "b-3.log", "young.log"]),
    ],
)
async def test_a_rule_can_only_narrow(cleaner: Cleaner, folder: Path, given: dict[str, Any], left: list[str]) -> None:
    for name, days in (("a-2.log", 2), ("a-4.log", 4), ("b-3.log", 3), ("young.log", 0.1)):
        put(folder / name, days=days)
    async with cleaner() as plugin:
        await plugin.execute(given)
    assert names(folder) == left


@pytest.mark.real
@pytest.mark.parametrize(
    ("keep", "given", "left"),
    [
        (0, {}, []),
        (2, {}, ["sub/1.log", "2.log"]),
        (9, {}, ["sub/1.log", "2.log", "3.log", "4.log"]),
        (1, {"pattern": "[34].log"}, ["sub/1.log", "2.log", "3.log"]),
    ],
)
async def test_the_newest_stay(
    cleaner: Cleaner, folder: Path, keep: int, given: dict[str, Any], left: list[str]
) -> None:
    for name, days in (("3.log", 13), ("sub/1.log", 11), ("4.log", 14), ("2.log", 12)):
        put(folder / name, days=days)
    async with cleaner(keep=keep) as plugin:
        await plugin.execute(given)
    assert names(folder) == sorted(left)


@pytest.mark.real
async def test_young_files_count_among_those_to_keep(cleaner: Cleaner, folder: Path) -> None:
    put(folder / "young.log", days=0)
    put(folder / "old.log", days=3)
    put(folder / "older.log", days=4)
    async with cleaner(keep=2) as plugin:
        assert (await plugin.execute({}))["files"] == ["older.log"]


@pytest.mark.real
@pytest.mark.parametrize("keep", [0, 2])
async def test_above_the_bound_none_is_removed(cleaner: Cleaner, folder: Path, keep: int) -> None:
    for number in range(5 + keep):
        put(folder / f"{number}.log")
    async with cleaner(at_most=4, keep=keep) as plugin:
        error = await failure(plugin)
        assert error.code == "DENIED"
        assert "more than 4 files" in error.message
        assert len(names(folder)) == 5 + keep
        (folder / "0.log").unlink()
        assert (await plugin.execute({}))["removed"] == 4


@pytest.mark.real
async def test_the_bound_holds_where_young_files_are_those_to_keep(cleaner: Cleaner, folder: Path) -> None:
    for number in range(5):
        put(folder / f"{number}.log")
    for number in range(2):
        put(folder / f"young-{number}.log", days=0)
    async with cleaner(at_most=4, keep=2) as plugin:
        assert (await failure(plugin)).code == "DENIED"
    assert len(names(folder)) == 7


@pytest.mark.real
async def test_links_are_neither_followed_nor_removed(cleaner: Cleaner, folder: Path, tmp_path: Path) -> None:
    outside = put(tmp_path / "outside/secret.log")
    (folder / "file.log").symlink_to(outside)
    (folder / "folder").symlink_to(outside.parent)
    (folder / "folder.log").symlink_to(outside.parent)
    (folder / "loop").symlink_to(folder)
    (folder / "broken.log").symlink_to("nowhere")
    for link in folder.iterdir():
        os.utime(link, (0, 0), follow_symlinks=False)
    async with cleaner(older_than="0s") as plugin:
        result = await plugin.execute({})
    assert (result["removed"], result["matching"]) == (0, 0)
    assert outside.exists()
    assert len(list(folder.iterdir())) == 5


@pytest.mark.real
async def test_only_plain_files_go(cleaner: Cleaner, folder: Path) -> None:
    (folder / "folder.log").mkdir()
    os.mkfifo(folder / "pipe.log")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket.log"))
        async with cleaner(older_than="0s") as plugin:
            assert (await plugin.execute({}))["matching"] == 0
    assert len(list(folder.iterdir())) == 3


@pytest.mark.real
async def test_a_name_swapped_for_a_link_leads_nowhere_else(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = module("disk-clean-up", "open_folders", monkeypatch)
    globs = module("disk-clean-up", "path_globs", monkeypatch)
    victim = put(tmp_path / "outside/a.log")
    put(folder / "sub/a.log")
    with folders.Tree(str(folder), pytest.fail) as tree:
        [found] = tree.files(globs.Wanted([globs.Glob("**")]))
        shutil.move(folder / "sub", folder / "moved")
        (folder / "sub").symlink_to(victim.parent)
        # The same inode under the link, so that only the way to it can make the difference.
        victim.unlink()
        os.link(folder / "moved/a.log", victim)
        assert tree.remove(found) is False
    assert victim.exists()


async def test_what_changed_since_it_was_seen_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = module("disk-clean-up", "open_folders", monkeypatch)
    globs = module("disk-clean-up", "path_globs", monkeypatch)
    for name in ("appended", "replaced", "gone", "linked", "same"):
        put(folder / "sub" / name)
    with folders.Tree(str(folder), pytest.fail) as tree:
        found = {file.name: file for file in tree.files(globs.Wanted([globs.Glob("**")]))}
        with (folder / "sub/appended").open("a") as file:
            file.write("more")
        put(folder / "new").rename(folder / "sub/replaced")
        (folder / "sub/gone").unlink()
        (folder / "sub/linked").unlink()
        (folder / "sub/linked").symlink_to(folder / "sub/same")
        removed = [name for name, file in found.items() if tree.remove(file)]
    assert removed == ["same"]
    assert names(folder) == ["sub/appended", "sub/linked", "sub/replaced"]


def test_what_cannot_be_removed_is_named_and_the_rest_goes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = module("disk-clean-up", "disk_clean_up", monkeypatch)
    put(folder / "free.log")
    for number in range(7):
        put(folder / f"fixed/{number}.log", days=5)
    unlink = os.unlink

    def refusing(name: str, *, dir_fd: int) -> None:
        if name != "free.log":  # file modes would not bind root
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", refusing)
    with pytest.raises(loaded.PluginError) as caught:
        loaded_plugin(loaded, folder).execute(loaded.Request(1, {"input": {}}, Link()))
    assert caught.value.body["code"] == "PARTIAL"
    assert caught.value.body["message"].startswith("removed 1 file (10 B), but")
    assert "fixed/0.log: Operation not permitted;" in caught.value.body["message"]
    assert caught.value.body["message"].endswith("; and 2 more")
    assert len(names(folder)) == 7


class Link:
    """Takes what a plugin says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def send(self, message: dict[str, Any]) -> None:
        self.lines.append(message["params"]["text"])


def loaded_plugin(loaded: ModuleType, folder: Path) -> Any:
    config = {"folder": str(folder), "pattern": "**/*.log", "older_than": "1d", "keep": 0, "at_most": 9}
    plugin = loaded.DiskCleanUp(config, Link())
    plugin.setup()
    return plugin


@pytest.mark.real
async def test_deep_folders_are_reported_and_no_descriptor_stays_open(cleaner: Cleaner, folder: Path) -> None:
    put(folder / "a.log")
    deep = folder.joinpath(*["d"] * 70)
    put(deep / "deep.log")
    put(folder.joinpath(*["d"] * 64) / "edge.log")
    async with cleaner() as plugin:
        error = await failure(plugin)
        assert plugin.process is not None
        await until(lambda: str(folder) not in open_paths(plugin.process.pid if plugin.process else 0))
    assert error.code == "PARTIAL"
    assert "more than 64 folders deep" in error.message
    assert names(folder) == ["/".join(["d"] * 70 + ["deep.log"])]


def open_paths(pid: int) -> str:
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(entry.readlink()))
    return "\n".join(found)


@pytest.mark.real
async def test_names_that_are_no_text_and_long_lists(cleaner: Cleaner, folder: Path) -> None:
    for number in range(150):
        put(folder / f"{number:03}.log", days=1000 - number)
    for name in (b"\xff\xfe.log", b'"\n\x01.log'):
        put(Path(os.fsdecode(os.fsencode(folder) + b"/" + name)), days=2000)
    put(folder / ("n" * 200) / ("n" * 200) / ("n" * 200) / "long.log", days=3000)
    async with cleaner() as plugin:
        result = await plugin.execute({})
    assert (result["removed"], len(result["files"])) == (153, 100)
    assert len(result["files"][0]) == 500
    assert set(result["files"][1:3]) == {"\ufffd\ufffd.log", '"\n\x01.log'}
    assert result["files"][3] == "000.log"
    assert names(folder) == []


@pytest.mark.real
async def test_a_folder_that_goes_and_comes_back(cleaner: Cleaner, folder: Path, tmp_path: Path) -> None:
    async with cleaner() as plugin:
        folder.rmdir()
        assert (await failure(plugin)).code == "NOT_FOUND"
        folder.symlink_to(put(tmp_path / "other/a.log").parent)
        assert (await failure(plugin)).code == "DENIED"
        assert (tmp_path / "other/a.log").exists()
        folder.unlink()
        put(folder / "a.log")
        assert (await plugin.execute({}))["removed"] == 1


def test_cancellation_ends_it_between_two_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = module("disk-clean-up", "disk_clean_up", monkeypatch)
    for number in range(9):
        put(folder / f"{number}.log", days=20 - number)
    link = Link()
    request = loaded.Request(1, {"input": {}}, link)
    unlink = os.unlink

    def cancelling(name: str, *, dir_fd: int) -> None:
        unlink(name, dir_fd=dir_fd)
        if name == "2.log":
            request.cancel()

    monkeypatch.setattr(os, "unlink", cancelling)
    with pytest.raises(loaded.CancelledError):
        loaded_plugin(loaded, folder).execute(request)
    assert names(folder) == [f"{number}.log" for number in range(3, 9)]
    assert link.lines == [f"removed 3 files (30 B) below {folder}"]


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.log", "a.log", True), ("*.log", "sub/a.log", False), ("**/*.log", "a.log", True),
        ("**/*.log", "a/b/c.log", True), ("**", "a/b", True), ("a/**", "a/b/c", True), ("a/**", "a", True),
        ("a/**", "ab/c", False), ("a/**/b", "a/b", True), ("a/**/b", "a/x/y/b", True), ("a/**/b", "a/x/y", False),
        ("**/a/**/b", "x/a/a/y/b", True), ("*/x", "a/x", True), ("*/x", "x", False), ("[ab]?.log", "b1.log", True),
        ("[!a].log", "a.log", False), ("*.LOG", "a.log", False), ("*", ".hidden", True), ("a*b*c", "aXbYcZ", False),
    ],
)  # fmt: skip
def test_patterns(monkeypatch: pytest.MonkeyPatch, pattern: str, path: str, expected: bool) -> None:
    assert matching(module("disk-clean-up", "path_globs", monkeypatch), pattern, path) is expected


def matching(globs: Any, pattern: str, path: str) -> bool:
    glob = globs.Glob(pattern)
    states = glob.start
    for name in path.split("/"):
        states = glob.step(states, name)
    return bool(glob.matches(states))


@given_by(
    st.lists(st.sampled_from(["a", "b", "*", "**", "?", "a*"]), min_size=1, max_size=5),
    st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=5),
)
def test_patterns_agree_with_a_regular_expression(pattern: list[str], path: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        globs = module("disk-clean-up", "path_globs", patch)
    expression = "".join(
        {"*": "[^/]*/", "**": "([^/]+/)*", "?": "[^/]/", "a*": "a[^/]*/"}.get(p, f"{p}/") for p in pattern
    )
    expected = re.fullmatch(expression, "".join(f"{name}/" for name in path)) is not None
    assert matching(globs, "/".join(pattern), "/".join(path)) is expected


@pytest.mark.real
async def test_against_find(cleaner: Cleaner, folder: Path) -> None:
    chance = random.Random(7)
    for number in range(200):
        parts = [chance.choice("abc") for _ in range(chance.randrange(4))]
        put(folder.joinpath(*parts, f"{number}{chance.choice(['.log', '.txt'])}"), days=chance.choice([0.5, 1.5, 3]))
    command = ["find", ".", "-type", "f", "-name", "*.log", "-mmin", "+1440", "-printf", "%P\\n"]
    found = await run(command, timeout=10, cwd=folder)
    expected = found.stdout.decode().split()
    before = names(folder)
    async with cleaner() as plugin:
        result = await plugin.execute({})
    assert result["removed"] == len(expected) > 20
    assert set(before) - set(names(folder)) == set(expected)


@pytest.mark.real
async def test_what_is_mounted_below_is_left_alone() -> None:
    assert Path("/dev/shm").stat().st_dev != Path("/dev").stat().st_dev
    with tempfile.NamedTemporaryFile(dir="/dev/shm", prefix="outrider-") as file:
        name = Path(put(Path(file.name))).name
        for folder, pattern, expected in (("/dev", f"shm/{name}", 0), ("/dev/shm", name, 1)):
            async with running("disk-clean-up", {"folder": folder, "pattern": pattern, "older_than": "1d"}) as plugin:
                assert (await plugin.execute({"dry_run": True}))["matching"] == expected


@pytest.mark.real
@pytest.mark.parametrize("pattern", ["../x", "a/../b", "a//b", "./a", "a/"])
async def test_patterns_that_lead_out_are_refused(cleaner: Cleaner, folder: Path, pattern: str) -> None:
    error = await refusal("disk-clean-up", {"folder": str(folder), "pattern": pattern, "older_than": "1d"})
    assert (error.code, "config.pattern" in error.message) == ("INVALID_CONFIG", True)
    async with cleaner() as plugin:
        assert (await failure(plugin, pattern=pattern)).code == "INVALID_CONFIG"


@pytest.mark.real
async def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    config = {"folder": str(tmp_path / "none"), "pattern": "*", "older_than": "1d"}
    assert "config.folder" in (await refusal("disk-clean-up", config)).message


@pytest.mark.parametrize("bad", [{}, {"folder": "a", "pattern": "*"}, {"folder": "a", "older_than": "1d"},
                                 {"folder": "a", "pattern": "/etc/*", "older_than": "1d"},
                                 {"folder": "a", "pattern": "*", "older_than": "1 day"},
                                 {"folder": "a", "pattern": "*", "older_than": "1d", "keep": -1}])  # fmt: skip
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("disk-clean-up", bad)


@pytest.mark.parametrize("bad", [{"pattern": "/a"}, {"older_than": 3}, {"dry_run": "yes"}, {"keep": 0}, {"at_most": 9}])
def test_wrong_inputs(bad: dict[str, Any]) -> None:
    assert list(schema_faults(read_plugin(PLUGINS / "disk-clean-up").manifest.input, bad, ("with",)))
