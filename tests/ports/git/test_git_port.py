import asyncio
import base64
import os
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from outrider.core.errors import (
    ConflictError,
    ConnectionFailedError,
    DeadlineExceededError,
    DeniedError,
    InvalidConfigError,
    MissingRequirementError,
    NotFoundError,
    OutriderError,
    UnauthenticatedError,
)
from outrider.core.secrets import SecretValue
from outrider.ports.git import Branch, Remote, fetched
from outrider.runtime.contexts import cache_folder
from tests.servers.git_http import Remote as Server
from tests.servers.git_http import git, served
from tests.servers.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.timeout(60)]
ANA = ("Ana", "ana@example.org")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "apps").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "apps/web.yaml").write_text("kind: Deployment\nname: web\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=begin")
    return folder


@pytest.fixture
def server(tmp_path: Path, work: Path) -> Iterator[Server]:
    with served(work, tmp_path / "served") as remote:
        yield remote


@asynccontextmanager
async def opened(
    address: str, branch: str = "", *, seconds: float = 30.0, user: str = "", password: str | None = None
) -> AsyncIterator[Branch]:
    remote = Remote(address, user, None if password is None else SecretValue(password))
    end = asyncio.get_running_loop().time() + seconds
    async with fetched(
        remote, branch, cache_folder() / "git", lambda: end - asyncio.get_running_loop().time()
    ) as found:
        yield found


async def refused(address: str, branch: str = "", **given: str) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        async with opened(address, branch, **given):  # type: ignore[arg-type]  # text alone
            raise AssertionError("it was fetched")
    return caught.value


async def test_a_file_is_read_and_another_commit_is_pushed(server: Server, work: Path) -> None:
    async with opened(server.url) as branch:
        assert (branch.name, branch.commit) == ("main", git(work, "rev-parse", "HEAD"))
        assert await branch.read("apps/web.yaml") == b"kind: Deployment\nname: web\n"
        assert await branch.read("apps/none.yaml") is None
        commit = await branch.commit_with({"apps/web.yaml": b"x\n", "new/y.yaml": b"y\n"}, "Ü", ANA)
        assert git(server.bare, "rev-parse", "main") == branch.commit, "not before the push"
        await branch.push(commit)
    assert git(server.bare, "rev-parse", "main") == commit
    shown = git(server.bare, "show", "--format=%an <%ae>|%cn|%s|%P", "--name-only", "main").split("\n")
    assert shown == [f"Ana <ana@example.org>|Ana|Ü|{branch.commit}", "", "apps/web.yaml", "new/y.yaml"]


async def test_files_are_found_by_all_words_below_a_folder(server: Server, work: Path) -> None:
    for name in ("apps/deep/a[1].yml", "apps/b.txt", "apps-old/c.yaml", "d.yaml"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text("kind: deployment\nmetadata: {name: web}\n")
    (work / os.fsdecode(b"apps/\xe9.yaml")).write_text("kind: Deployment\nname: web\n")  # a name that is no text
    (work / "apps/other.yaml").write_text("kind: Service\nname: web\n")
    (work / "apps/link.yaml").symlink_to("web.yaml")
    git(work, "add", ".")
    git(work, "commit", "--quiet", "--message=more")
    git(work, "push", "--quiet", str(server.bare), "main")
    endings = (".yaml", ".yml")
    async with opened(server.url, "main") as branch:
        found = await branch.find(["web", "Deployment"], "apps", endings)
        assert found == ["apps/deep/a[1].yml", "apps/web.yaml"]
        assert await branch.find(["web", "Deployment"], "apps/deep/a[1].yml", endings) == ["apps/deep/a[1].yml"]
        assert len(await branch.find(["web", "Deployment"], "", endings)) == 4
        assert await branch.find(["web", "Deployment"], "a*", endings) == []


async def test_user_and_password(server: Server) -> None:
    server.authorization = "Basic " + base64.b64encode(b"ops:s3cret:\xc3\xbc").decode()
    async with opened(server.url, user="ops", password="s3cret:ü") as branch:
        await branch.push(await branch.commit_with({"a": b""}, "m", ANA))
    assert set(server.seen) == {server.authorization}
    for given in ({}, {"user": "ops", "password": "wrong"}, {"user": "ops"}):
        error = await refused(server.url, **given)
        assert isinstance(error, UnauthenticatedError)
        assert "wrong" not in str(error.body())
        assert "--password" in error.suggestions[0]


@pytest.mark.parametrize(
    ("status", "code"), [(403, "DENIED"), (404, "NOT_FOUND"), (429, "UNAVAILABLE"), (503, "UNAVAILABLE")]
)
async def test_answers_of_a_server(server: Server, status: int, code: str) -> None:
    server.status = status
    assert (await refused(server.url)).code == code


async def test_nobody_is_there(tmp_path: Path) -> None:
    assert isinstance(await refused(f"http://127.0.0.1:{free_port()}/x.git"), ConnectionFailedError)
    assert isinstance(await refused(f"ssh://git@127.0.0.1:{free_port()}/x.git"), ConnectionFailedError)
    assert isinstance(await refused(str(tmp_path / "none.git")), NotFoundError)


async def test_a_server_that_says_nothing_ends_with_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(DeadlineExceededError):
        async with opened(f"http://127.0.0.1:{silent.getsockname()[1]}/x.git", seconds=0.7):
            raise AssertionError("it was fetched")


async def test_what_is_no_branch(server: Server, work: Path, tmp_path: Path) -> None:
    git(work, "tag", "v1")
    git(work, "push", "--quiet", str(server.bare), "v1")
    missing = await refused(server.url, "stable")
    assert (missing.code, missing.path) == ("NOT_FOUND", "branch")
    assert isinstance(await refused(server.url, "v1"), ConflictError)
    git(tmp_path, "init", "--quiet", "--bare", "empty.git")
    assert (await refused(str(tmp_path / "empty.git"))).found == "an empty repository"


async def test_addresses_that_are_refused() -> None:
    for address in (
        "https://ana:pw@git.example.org/x",
        "ext::sh -c id",
        "--upload-pack=id",
        "shop.git",
        "git://h/x",
        "-x@h:y",
    ):
        error = await refused(address)
        assert isinstance(error, InvalidConfigError)
        assert "pw" not in str(error.body())
    assert (await refused("git@example.org:x.git", user="ana")).path == "user"


async def test_no_link_is_followed_or_written_through(server: Server, work: Path) -> None:
    (work / "out.yaml").symlink_to("/etc/passwd")
    (work / "folder").symlink_to("/tmp")
    git(work, "add", ".")
    git(work, "commit", "--quiet", "--message=links")
    git(work, "push", "--quiet", str(server.bare), "main")
    async with opened(server.url) as branch:
        for path in ("out.yaml", "folder/x.yaml", "apps", "apps/web.yaml/x"):
            with pytest.raises(DeniedError):
                await branch.read(path)
            with pytest.raises(DeniedError):
                await branch.commit_with({path: b"x"}, "m", ANA)


async def test_a_hook_of_the_server_says_no(server: Server) -> None:
    hook = server.bare / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    async with opened(server.url) as branch:
        commit = await branch.commit_with({"a": b""}, "m", ANA)
        with pytest.raises(DeniedError, match="main is protected") as caught:
            await branch.push(commit)
    assert "--new-branch" in caught.value.suggestions[0]


async def test_who_pushes_later_is_told(server: Server) -> None:
    async with opened(server.url) as first, opened(server.url) as second:
        await first.push(await first.commit_with({"a": b"1"}, "m", ANA))
        with pytest.raises(ConflictError, match="has moved on"):
            await second.push(await second.commit_with({"b": b"1"}, "m", ANA))
        await second.push(await second.commit_with({"b": b"1"}, "m", ANA), "other")
        assert await second.exists("other")
        assert not await second.exists("others")
        with pytest.raises(ConflictError, match="already"):
            await second.push(await second.commit_with({"c": b"1"}, "m", ANA), "other")


async def test_only_what_is_needed_is_fetched(server: Server, work: Path) -> None:
    (work / "large.bin").write_bytes(os.urandom(1_500_000))
    (work / "large.yaml").write_bytes(b"# " + os.urandom(600_000).hex().encode())
    git(work, "add", ".")
    git(work, "commit", "--quiet", "--message=large")
    git(work, "push", "--quiet", str(server.bare), "main")
    git(server.bare, "config", "uploadpack.allowFilter", "true")
    async with opened(server.url) as branch:
        folder = branch._git._folder
        assert git(folder, "rev-list", "--count", "HEAD") == "1"
        assert sum(path.stat().st_size for path in folder.rglob("*")) < 500_000
        assert len(await branch.read("large.yaml") or b"") > 1_000_000, "it is fetched when it is read"
        await branch.push(await branch.commit_with({"a": b"1"}, "m", ANA))
    assert not folder.exists()
    assert git(server.bare, "cat-file", "-s", "main:large.bin") == "1500000"


async def test_nothing_of_the_machine_or_its_user_plays_a_part(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "mark"
    ask = tmp_path / "ask"
    ask.write_text(f"#!/bin/sh\necho $0 >> {mark}\necho x\n")
    ask.chmod(0o755)
    (tmp_path / ".gitconfig").write_text(f"[credential]\n\thelper = {ask}\n[core]\n\thooksPath = {tmp_path}\n")
    for name, value in {"HOME": tmp_path, "GIT_ASKPASS": ask, "SSH_ASKPASS": ask, "GIT_DIR": tmp_path / "none"}.items():
        monkeypatch.setenv(name, str(value))
    server.authorization = "Basic bm90aGluZw=="
    assert isinstance(await refused(server.url, user="ana"), UnauthenticatedError)
    server.authorization = ""
    async with opened(server.url) as branch:
        await branch.push(await branch.commit_with({"a": b"1"}, "m", ANA))
    assert not mark.exists()


async def test_ssh_asks_nobody(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program stands in for ssh: it writes down its arguments and runs the command here."""
    (tmp_path / "bin").mkdir()
    ssh = tmp_path / "bin/ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/said\nfor last; do :; done\nexec sh -c "$last"\n')
    ssh.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    async with opened(f"ssh://git@example.org{server.bare}") as branch:
        await branch.push(await branch.commit_with({"a": b"1"}, "m", ANA))
    lines = (tmp_path / "said").read_text().splitlines()
    assert all("-o BatchMode=yes" in line and "git@example.org" in line for line in lines)
    assert git(server.bare, "show", "main:a") == "1"


async def test_git_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert isinstance(await refused("https://git.example.org/x"), MissingRequirementError)
