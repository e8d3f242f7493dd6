import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError, PreconditionFailedError
from outrider.operators.host.tests.host_calls import plan, run, undo

FILE_VERBS = ("file_read", "file_tail", "file_delete", "files")
BAD_PATHS = (
    "",
    "relative.txt",
    "./x",
    "../etc/passwd",
    "/srv/../etc/passwd",
    "/etc/.",
    "/etc//passwd",
    "//etc",
    "/etc/passwd/",
    "/a\0b",
)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def refused(verb: str, **params: Any) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await run(verb, **params)
    return caught.value


@pytest.mark.parametrize("verb", [*FILE_VERBS, "disk"])
@pytest.mark.parametrize("path", BAD_PATHS)
async def test_path_in_another_form_is_refused(verb: str, path: str) -> None:
    error = await refused(verb, path=path)
    assert (error.code, error.path) == ("INVALID_CONFIG", "path")
    assert error.suggestions


@pytest.mark.parametrize("path", BAD_PATHS)
async def test_write_to_a_path_in_another_form_is_refused(path: str) -> None:
    assert (await refused("file_write", path=path, content="")).path == "path"


async def test_suggests_the_plain_form() -> None:
    assert (await refused("file_read", path="/srv/../etc//passwd")).hint == "write /etc/passwd"


@pytest.mark.parametrize("verb", FILE_VERBS)
async def test_missing_file_is_not_found(verb: str, tmp_path: Path) -> None:
    with pytest.raises((NotFoundError, FileNotFoundError)):
        await run(verb, path=str(tmp_path / "missing"))


@pytest.mark.parametrize("verb", ["file_read", "file_tail", "file_delete"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "socket"])
async def test_what_is_no_plain_file_is_refused(verb: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "thing"
    with socket.socket(socket.AF_UNIX) as listener:
        if kind == "folder":
            path.mkdir()
        elif kind == "pipe":
            os.mkfifo(path)
        else:
            listener.bind(str(path))
        assert (await refused(verb, path=str(path))).code == "INVALID_CONFIG"
    assert path.exists()


async def test_read_says_what_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"caf\xc3\xa9\0")
    whole = await run("file_read", path=str(path))
    path.write_bytes(b"caf\xe9")
    damaged = await run("file_read", path=str(path))
    assert (whole.content, whole.exact, whole.size) == ("café\0", True, 6)
    assert (damaged.content, damaged.exact) == ("caf\N{REPLACEMENT CHARACTER}", False)


async def test_large_file_is_not_read_and_its_tail_is(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"0123456789abcde\n" * (10 * 65536))
    error = await refused("file_read", path=str(path))
    tail = await run("file_tail", path=str(path), lines=3)
    assert "file_tail" in error.hint
    assert (tail.lines, tail.size, tail.cut) == (["0123456789abcde"] * 3, 10 * 1024 * 1024, False)


async def test_file_of_proc_is_read_although_its_size_is_0() -> None:
    assert "Name:" in (await run("file_read", path=f"/proc/{os.getpid()}/status")).content


@pytest.mark.parametrize(
    ("content", "lines", "expected"),
    [
        (b"", 3, []),
        (b"\n", 3, [""]),
        (b"a", 3, ["a"]),
        (b"a\nb\n", 1, ["b"]),
        (b"a\nb", 1, ["b"]),
        (b"a\nb\n", 2, ["a", "b"]),
        (b"a\n\n\n", 2, ["", ""]),
        (b"\xff\n", 1, ["\N{REPLACEMENT CHARACTER}"]),
        (b"x" * 65535 + b"\ny\n", 1, ["y"]),
        (b"x" * 65536 + b"\ny\n", 2, ["x" * 65536, "y"]),
    ],
)
async def test_tail(content: bytes, lines: int, expected: list[str], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    found = await run("file_tail", path=str(path), lines=lines)
    assert (found.lines, found.cut) == (expected, False)


async def test_tail_of_an_endless_line_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * (3 * 1024 * 1024))
    found = await run("file_tail", path=str(path))
    assert found.cut
    assert [len(line) for line in found.lines] == [1024 * 1024]


async def test_list_shows_any_name_and_is_bounded(tmp_path: Path) -> None:
    for name in (b"b.log", b"a.log", b"\xff.log", b"other"):
        (tmp_path / os.fsdecode(name)).touch()
    (tmp_path / "c.log").symlink_to("nowhere")
    found = await run("files", path=str(tmp_path), name="*.log", limit=3)
    assert [(entry.name, entry.type) for entry in found.files] == [
        ("a.log", "file"), ("b.log", "file"), ("c.log", "link")
    ]  # fmt: skip
    assert found.matching == 4
    whole = await run("files", path=str(tmp_path), name="\N{REPLACEMENT CHARACTER}*")
    assert len(whole.files) == 1


async def test_list_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidConfigError, match="not a folder"):
        await run("files", path=str(tmp_path / "file"))


@pytest.mark.parametrize("verb", ["file_write", "file_delete"])
async def test_file_that_changed_since_the_plan_stays(verb: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("planned")
    params: dict[str, Any] = {"path": str(path), "content": "new"} if verb == "file_write" else {"path": str(path)}
    change = await plan(verb, **params)
    path.write_text("by another")
    with pytest.raises(PreconditionFailedError):
        await run(verb, preconditions=change.preconditions, **params)
    assert path.read_text() == "by another"
    assert names(tmp_path) == [path.name]


async def test_delete_shows_the_content_and_can_be_undone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("content\n")
    path.chmod(0o640)
    change = await plan("file_delete", path=str(path))
    assert path.exists()
    result = await run("file_delete", path=str(path), preconditions=change.preconditions)
    assert not path.exists()
    await undo("file_delete", result, path=str(path))
    assert [(item.before, item.after) for item in change.difference] == [("content\n", None)]
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("content\n", 0o640)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * (1024 * 1024 + 1)])
async def test_delete_of_what_cannot_be_restored_warns(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert (await plan("file_delete", path=str(path))).warnings
    result = await run("file_delete", path=str(path))
    assert await undo("file_delete", result, path=str(path)) is None


async def test_delete_leaves_links_alone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    assert (await refused("file_delete", path=str(tmp_path / "link"))).found == "a link"
    assert (tmp_path / "link").is_symlink()


async def test_write_can_be_undone_with_the_old_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o666)
    result = await run("file_write", path=str(path), content="new", mode="0600")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
    await undo("file_write", result, path=str(path), content="new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("old", 0o666)


async def test_write_of_a_new_file_is_undone_by_its_removal(tmp_path: Path) -> None:
    path = tmp_path / "file"
    result = await run("file_write", path=str(path), content="new")
    await undo("file_write", result, path=str(path), content="new")
    assert names(tmp_path) == []


async def test_write_over_bytes_cannot_be_undone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xff")
    result = await run("file_write", path=str(path), content="new")
    assert await undo("file_write", result, path=str(path), content="new") is None


_FULL_DISK = """
import asyncio, resource, signal, sys
from outrider.operators.host.tests.host_calls import run
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    asyncio.run(run("file_write", path=sys.argv[1], content="x" * 10000))
except OSError as error:
    sys.exit(error.errno)
"""


@pytest.mark.real
def test_write_that_finds_no_space_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    done = subprocess.run([sys.executable, "-c", _FULL_DISK, str(path)], check=False, timeout=30)
    assert done.returncode == 27  # EFBIG, which RLIMIT_FSIZE gives in place of ENOSPC
    assert path.read_text() == "old"
    assert names(tmp_path) == [path.name]
