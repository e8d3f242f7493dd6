import base64
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import OutriderError
from outrider.ports.clock import SystemClock
from outrider.runtime.audit import AuditLog
from outrider.runtime.plugin_host.host import HostCallbacks, PluginHost
from outrider.runtime.plugin_host.launch import HostLauncher
from outrider.runtime.plugins.configuration import schema_faults, with_defaults
from outrider.runtime.plugins.manifest import read_plugin
from tests.plugins.harness import PLUGINS, Running, faults, refusal, running, until
from tests.servers.git_http import CLEAN, Remote, git, served
from tests.servers.ports import free_port

pytestmark = pytest.mark.real
Committer = Callable[..., AbstractAsyncContextManager[Running]]
FILES = {"web/limits.conf": "workers = 4\n"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    if shutil.which("git") is None:
        pytest.fail("git is not in PATH: apt-get install git")
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "README").write_text("settings\n")
    git(folder, "add", "README")
    git(folder, "commit", "--quiet", "--message=begin")
    return folder


@pytest.fixture
def committer(repository: Path) -> Committer:
    @asynccontextmanager
    async def start(**config: Any) -> AsyncIterator[Running]:
        async with running("git-commit", {"repository": str(repository), **config}) as plugin:
            yield plugin

    return start


async def commit(plugin: Running, files: dict[str, str] | None = None, key: str = "key-1", **given: Any) -> Any:
    given = {"files": FILES if files is None else files, "message": "Fewer workers", **given}
    return await plugin.execute(given, idempotency_key=key)


async def failure(plugin: Running, files: dict[str, str] | None = None, **given: Any) -> OutriderError:
    with pytest.raises(OutriderError) as caught:
        await commit(plugin, files, **given)
    return caught.value


async def test_files_are_committed(committer: Committer, repository: Path) -> None:
    (repository / "web").mkdir()
    (repository / "web/run.sh").write_text("old\n")
    (repository / "web/run.sh").chmod(0o755)
    async with committer() as plugin:
        result = await commit(plugin, {**FILES, "web/run.sh": "new ü\n", "-odd name*": "x"})
    assert result == {
        "commit": git(repository, "rev-parse", "main"), "branch": "main", "created": True, "pushed": False,
        "summary": f"committed · main {result['commit'][:10]}",
    }  # fmt: skip
    shown = git(repository, "show", "--format=%an <%ae>|%cn|%B", "--name-only", "HEAD").split("\n")
    assert [line for line in shown if line] == [
        "Outrider <outrider@localhost>|Outrider|Fewer workers", "Idempotency-Key: key-1", "-odd name*",
        "web/limits.conf", "web/run.sh",
    ]  # fmt: skip
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "show", "HEAD:web/run.sh") == "new ü"
    assert (repository / "web/run.sh").stat().st_mode & 0o777 == 0o755
    assert git(repository, "rev-list", "--count", "HEAD") == "2"


async def test_the_same_key_commits_once(committer: Committer, repository: Path) -> None:
    async with committer() as plugin:
        first = await commit(plugin, key="a-1")
        await commit(plugin, {"web/limits.conf": "workers = 2\n"}, key="a-11")
        again = await commit(plugin, key="a-1")
    assert (again["commit"], again["created"]) == (first["commit"], False)
    assert git(repository, "rev-list", "--count", "HEAD") == "3"
    assert (repository / "web/limits.conf").read_text() == "workers = 2\n"


async def test_only_a_trailer_counts_as_the_key(committer: Committer, repository: Path) -> None:
    git(
        repository,
        "commit",
        "--quiet",
        "--allow-empty",
        "--message=x",
        "--message=Idempotency-Key: key-1\nand more text",
    )
    async with committer() as plugin:
        assert (await commit(plugin))["created"] is True
        assert (await commit(plugin))["created"] is False


@pytest.mark.parametrize("key", ["two words", "line\nbreak: x", "ü", "k" * 300, "-x$(id)`;"])
async def test_keys_of_any_text(committer: Committer, repository: Path, key: str) -> None:
    async with committer() as plugin:
        assert (await commit(plugin, key=key))["created"] is True
        (repository / "web/limits.conf").write_text("changed since\n")
        assert (await commit(plugin, key=key))["created"] is False
        assert (await commit(plugin, {"a": "b"}, key=key + "2"))["created"] is True


async def test_without_a_key_there_is_no_trailer(committer: Committer, repository: Path) -> None:
    async with committer() as plugin:
        await commit(plugin, key="")
    assert git(repository, "log", "-1", "--format=%B") == "Fewer workers"


async def test_the_trailer_joins_those_of_the_message(committer: Committer, repository: Path) -> None:
    message = "Title\n\n# kept\n---\ntext\n\nSigned-off-by: Ana <ana@example.org>\n\n\n"
    async with committer() as plugin:
        await commit(plugin, message=message, author="Bo B <bo@example.org>")
    assert git(repository, "log", "-1", "--format=%an %ae %cn|%B") == (
        f"Bo B bo@example.org Outrider|{message.rstrip()}\nIdempotency-Key: key-1"
    )


async def test_nothing_new_is_no_commit(committer: Committer, repository: Path) -> None:
    async with committer() as plugin:
        result = await commit(plugin, {"README": "settings\n"})
    assert (result["created"], result["commit"]) == (False, git(repository, "rev-parse", "HEAD"))
    assert git(repository, "rev-list", "--count", "HEAD") == "1"


async def test_what_others_have_staged_or_changed_stays_theirs(committer: Committer, repository: Path) -> None:
    (repository / "staged").write_text("staged\n")
    git(repository, "add", "staged")
    (repository / "README").write_text("changed\n")
    async with committer() as plugin:
        await commit(plugin)
    assert git(repository, "show", "--format=", "--name-only", "HEAD") == "web/limits.conf"
    assert git(repository, "status", "--porcelain").splitlines() == ["M README", "A  staged"]


async def test_the_first_commit_of_a_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    async with running("git-commit", {"repository": str(tmp_path)}) as plugin:
        first = await commit(plugin)
        assert (first["created"], (await commit(plugin))["created"]) == (True, False)
    assert git(tmp_path, "rev-list", "--count", "HEAD") == "1"


async def test_ignored_files_are_committed_when_named(committer: Committer, repository: Path) -> None:
    (repository / ".gitignore").write_text("web/\n")
    async with committer() as plugin:
        assert (await commit(plugin))["created"] is True


async def test_hooks_and_settings_of_the_repository_start_nothing(
    committer: Committer, repository: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\necho $0 >> {mark}\n")
    script.chmod(0o755)
    for hook in ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-index-change",
                 "reference-transaction", "pre-auto-gc"):  # fmt: skip
        shutil.copy(script, repository / ".git/hooks" / hook)
    for name in ("core.fsmonitor", "gpg.program", "core.askPass", "credential.helper", "core.editor", "core.pager"):
        git(repository, "config", name, str(script))
    git(repository, "config", "commit.gpgSign", "true")
    git(repository, "config", "gc.auto", "1")
    git(repository, "update-ref", "refs/heads/other", "HEAD")
    assert mark.exists(), "git itself would have started them"
    mark.unlink()
    async with committer() as plugin:
        assert (await commit(plugin))["created"] is True
    assert not mark.exists(), mark.read_text()


async def test_a_git_that_is_missing_or_too_old(
    committer: Committer, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    async with committer() as plugin:
        assert (await failure(plugin)).code == "MISSING_REQUIREMENT"
        # Before 2.31 this variable meant nothing.
        (programs / "git").write_text(f'#!/bin/sh\nunset GIT_CONFIG_COUNT\nPATH={CLEAN["PATH"]} exec git "$@"\n')
        (programs / "git").chmod(0o755)
        error = await failure(plugin)
        assert (error.code, "2.31" in error.message) == ("MISSING_REQUIREMENT", True)
    assert git(repository, "rev-list", "--count", "HEAD") == "1"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("../outside", "INVALID_CONFIG"), ("web/../../outside", "INVALID_CONFIG"), ("a//b", "INVALID_CONFIG"),
        ("./a", "INVALID_CONFIG"), ("a/", "INVALID_CONFIG"), (".git/hooks/pre-commit", "INVALID_CONFIG"),
        ("a/.GIT/config", "INVALID_CONFIG"), (".Git", "INVALID_CONFIG"), ("/tmp/outside", "INVALID_CONFIG"),
        ("link/outside", "DENIED"), ("file-link", "DENIED"), ("README/a", "DENIED"), ("folder", "DENIED"),
        ("nested/a", "DENIED"), ("n" * 300, "DENIED"),
    ],
)  # fmt: skip
async def test_nothing_is_written_elsewhere(
    committer: Committer, repository: Path, tmp_path: Path, path: str, code: str
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (repository / "link").symlink_to(tmp_path / "elsewhere")
    (repository / "file-link").symlink_to(tmp_path / "victim")
    (repository / "folder").mkdir()
    (repository / "nested/.git").mkdir(parents=True)
    (tmp_path / "victim").write_text("as it was")
    async with committer() as plugin:
        error = await failure(plugin, {path: "x"})
    assert error.code == code
    assert (tmp_path / "victim").read_text() == "as it was"
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "outside").exists()
    assert git(repository, "rev-list", "--count", "HEAD") == "1"
    assert not list(repository.rglob(".outrider*"))


async def test_one_wrong_path_and_no_file_is_written(committer: Committer, repository: Path) -> None:
    async with committer() as plugin:
        await failure(plugin, {"good": "x", "../bad": "x"})
    assert not (repository / "good").exists()


async def test_branches(committer: Committer, repository: Path) -> None:
    async with committer(branch="main") as plugin:
        assert (await commit(plugin))["branch"] == "main"
        git(repository, "checkout", "--quiet", "-b", "topic/a")
        error = await failure(plugin)
        assert (error.code, "on branch topic/a, expected main" in error.message) == ("CONFLICT", True)
        git(repository, "checkout", "--quiet", "--detach")
        assert (await failure(plugin)).code == "CONFLICT"
    git(repository, "checkout", "--quiet", "topic/a")
    async with committer() as plugin:
        assert (await commit(plugin, {"b": "b"}, key="2"))["branch"] == "topic/a"


async def test_a_folder_that_is_no_repository(tmp_path: Path, repository: Path) -> None:
    (repository / "below").mkdir()  # the repository above it does not count
    for folder in (tmp_path, repository / "below"):
        async with running("git-commit", {"repository": str(folder)}) as plugin:
            assert (await failure(plugin)).code == "NOT_FOUND"
    async with running("git-commit", {"repository": str(repository / "below")}) as plugin:
        (repository / "below").rmdir()
        assert (await failure(plugin)).code == "NOT_FOUND"
    assert "config.repository" in (await refusal("git-commit", {"repository": str(tmp_path / "none")})).message


async def test_another_git_at_work_is_waited_for(committer: Committer, repository: Path) -> None:
    (repository / ".git/index.lock").touch()
    async with committer() as plugin:
        error = await failure(plugin)
        assert (error.code, error.retryable) == ("UNAVAILABLE", True)
        (repository / ".git/index.lock").unlink()
        assert (await commit(plugin))["created"] is True


async def test_a_crash_before_the_commit_is_made_good(committer: Committer, repository: Path) -> None:
    (repository / "web").mkdir()
    (repository / "web/limits.conf").write_text("workers = 4\n")
    (repository / "web/.outrider-git-commit").write_text("half")
    git(repository, "add", "web/limits.conf")
    async with committer() as plugin:
        assert (await commit(plugin))["created"] is True
    assert git(repository, "status", "--porcelain") == ""


@pytest.mark.parametrize("how", ["cancel", "timeout"])
async def test_a_git_that_hangs_is_ended_with_its_children(
    committer: Committer, repository: Path, tmp_path: Path, how: str
) -> None:
    (repository / ".gitattributes").write_text("slow filter=slow\n")
    git(repository, "config", "filter.slow.clean", f"sh -c 'echo $$ > {tmp_path}/pid; exec sleep 60'")
    async with committer() as plugin:
        number, answer = plugin.host.execute(
            "execute", {"input": {"files": {"slow": "x"}, "message": "m"}}, 0.5 if how == "timeout" else 30
        )
        await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip() != "")
        if how == "cancel":
            await plugin.host.cancel(number, answer)
        with pytest.raises(OutriderError) as caught:
            await answer
        assert caught.value.code == ("CANCELLED" if how == "cancel" else "TIMEOUT")
        pid = int((tmp_path / "pid").read_text())
        await until(lambda: not Path(f"/proc/{pid}").exists())
        assert not (repository / ".git/index.lock").exists()
        assert (await commit(plugin))["created"] is True


@pytest.fixture
def remote(tmp_path: Path, repository: Path) -> Iterator[Remote]:
    with served(repository, tmp_path / "served") as server:
        yield server


async def test_the_commit_is_pushed(committer: Committer, remote: Remote) -> None:
    async with committer(remote=remote.url) as plugin:
        result = await commit(plugin)
        again = await commit(plugin)
    assert (result["pushed"], again["pushed"], again["created"]) == (True, True, False)
    assert result["summary"] == f"committed · main {result['commit'][:10]} pushed"
    assert git(remote.bare, "rev-parse", "refs/heads/main") == result["commit"]
    assert git(remote.bare, "show", "main:web/limits.conf") == "workers = 4"


async def test_user_and_password(committer: Committer, remote: Remote, repository: Path) -> None:
    remote.authorization = "Basic " + base64.b64encode(b"ops:s3cret:\xc3\xbc").decode()
    async with committer(remote=remote.url, user="ops", password="s3cret:ü") as plugin:
        assert (await commit(plugin))["pushed"] is True
    assert set(remote.seen) == {remote.authorization}
    assert "s3cret" not in (repository / ".git/config").read_text()
    for given in ({}, {"user": "ops", "password": "wrong"}):
        async with committer(remote=remote.url, **given) as plugin:
            error = await failure(plugin, {"x": "y"}, key="2")
            assert (error.code, error.retryable, "wrong" in error.message) == ("UNAUTHENTICATED", False, False)


@pytest.mark.parametrize(("status", "code"), [(503, "UNAVAILABLE"), (429, "UNAVAILABLE"), (500, "UNAVAILABLE"),
                                              (403, "UNAUTHENTICATED"), (404, "EXECUTION_FAILED")])  # fmt: skip
async def test_a_push_that_failed_is_made_up_for_by_the_next_attempt(
    committer: Committer, remote: Remote, repository: Path, status: int, code: str
) -> None:
    remote.status = status
    async with committer(remote=remote.url) as plugin:
        error = await failure(plugin)
        assert (error.code, error.retryable) == (code, code == "UNAVAILABLE")
        made = git(repository, "rev-parse", "HEAD")
        remote.status = 0
        result = await commit(plugin)
    assert (result["commit"], result["created"], result["pushed"]) == (made, False, True)
    assert git(remote.bare, "rev-parse", "main") == made


async def test_nobody_listens(committer: Committer) -> None:
    async with committer(remote=f"http://127.0.0.1:{free_port()}/x.git") as plugin:
        error = await failure(plugin)
    assert (error.code, error.retryable) == ("CONNECTION_FAILED", True)


async def test_a_remote_that_moved_on_is_a_conflict(committer: Committer, remote: Remote, repository: Path) -> None:
    tree = git(remote.bare, "rev-parse", "main^{tree}")
    other = git(remote.bare, "commit-tree", tree, "-p", "main", given="of somebody else")
    git(remote.bare, "update-ref", "refs/heads/main", other)
    async with committer(remote=remote.url) as plugin:
        error = await failure(plugin)
    assert (error.code, "[rejected]" in error.message) == ("CONFLICT", True)
    assert git(remote.bare, "rev-parse", "main") == other


async def test_a_remote_that_refuses_is_a_conflict(committer: Committer, remote: Remote) -> None:
    hook = remote.bare / "hooks/update"
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)
    async with committer(remote=remote.url) as plugin:
        error = await failure(plugin)
    assert error.code == "CONFLICT"
    assert "not today" in error.message


async def test_a_remote_of_the_repository_cannot_redirect_the_push(
    committer: Committer, remote: Remote, repository: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.git"
    git(tmp_path, "init", "--quiet", "--bare", "other.git")
    git(repository, "config", f"url.{other}.pushInsteadOf", remote.url)
    async with committer(remote=remote.url) as plugin:
        assert (await failure(plugin)).code == "EXECUTION_FAILED"
    assert git(other, "for-each-ref") == ""


async def test_in_the_sandbox(remote: Remote, repository: Path, tmp_path: Path) -> None:
    plugin = read_plugin(PLUGINS / "git-commit")
    for name in ("state", "protected"):
        (tmp_path / name).mkdir()
    launcher = HostLauncher(
        folder=tmp_path, state=tmp_path / "state", protected=[tmp_path / "protected"], cache=tmp_path / "cache",
        audit=AuditLog(tmp_path / "audit.jsonl", "test", SystemClock()),
    )  # fmt: skip
    config = with_defaults(plugin.manifest.configuration, {"repository": str(repository), "remote": remote.url})

    async def no_call(call: object) -> None:
        pytest.fail(f"an unexpected call: {call}")

    lines: list[str] = []
    callbacks = HostCallbacks(
        event=lambda event: pytest.fail(str(event)), call=no_call, log=lambda text, _: lines.append(text)
    )
    host = PluginHost(plugin, config, lambda: launcher.launch(plugin, config, "git-commit"), callbacks)
    await host.start()
    try:
        assert host.level != "none"
        number, answer = host.execute(
            "execute", {"input": {"files": FILES, "message": "m"}, "idempotency_key": "k"}, 30
        )
        result = await host.finish(number, answer, 30)
    finally:
        await host.stop()
    assert (result["created"], result["pushed"]) == (True, True)
    assert git(remote.bare, "show", "main:web/limits.conf") == "workers = 4"


@pytest.mark.parametrize("bad", [{}, {"repository": ""}, {"repository": "a", "branch": "-x"},
                                 {"repository": "a", "author": "Ana"}, {"repository": "a", "remote": "/srv/a.git"},
                                 {"repository": "a", "remote": "ssh://host/a.git"}, {"repository": "a", "x": 1},
                                 {"repository": "a", "remote": "http://user:word@host/a"}])  # fmt: skip
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("git-commit", bad)


@pytest.mark.parametrize("bad", [{}, {"files": {}, "message": "m"}, {"files": {"a": "b"}},
                                 {"files": {"/a": "b"}, "message": "m"}, {"files": {"a\n": "b"}, "message": "m"},
                                 {"files": {"a": 1}, "message": "m"}, {"files": {"a": "b"}, "message": " \n"},
                                 {"files": {"a": "b"}, "message": "m", "author": "x\n<y@z>"}])  # fmt: skip
def test_wrong_inputs(bad: dict[str, Any]) -> None:
    assert list(schema_faults(read_plugin(PLUGINS / "git-commit").manifest.input, bad, ("with",)))
