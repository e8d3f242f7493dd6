import asyncio
import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from outrider.runtime.plugin_host.protocol import PluginEvent
from tests.plugins.harness import Running, faults, refusal, running, until
from tests.servers.ports import free_port

CONFIG = {"every": "20ms", "timeout": "3s"}
ADVERTISEMENT = b"application/x-git-upload-pack-advertisement"
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Ana", "GIT_AUTHOR_EMAIL": "ana@example.com",
    "GIT_COMMITTER_NAME": "Ana", "GIT_COMMITTER_EMAIL": "ana@example.com",
}  # fmt: skip


def git(*arguments: str | Path) -> str:
    if shutil.which("git") is None:
        pytest.fail("git is not in PATH: these tests need it, install git")
    done = subprocess.run(["git", *map(str, arguments)], env=ENVIRONMENT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Repository:
    """A bare repository to be served, and a clone of it to commit and push from."""

    def __init__(self, folder: Path, *, object_format: str = "sha1") -> None:
        self.bare, self.clone = folder / "shop.git", folder / "clone"
        git("init", "--quiet", "--bare", f"--object-format={object_format}", "-b", "main", self.bare)
        git("init", "--quiet", f"--object-format={object_format}", "-b", "main", self.clone)
        self.git("remote", "add", "origin", str(self.bare))
        git("-C", self.bare, "config", "receive.denyDeleteCurrent", "ignore")

    def commit(self, branch: str = "main") -> str:
        """Commit on a branch, which is begun where there is none, push it, and return the commit."""
        self.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        self.git("commit", "--quiet", "--allow-empty", "-m", "work")
        self.git("push", "--quiet", "--force", "origin", branch)
        return self.git("rev-parse", branch)

    def push(self, *refs: str) -> None:
        self.git("push", "--quiet", "--force", "origin", *refs)

    def git(self, *arguments: str) -> str:
        return git("-C", self.clone, *arguments)


class Backend(BaseHTTPRequestHandler):
    """Hands every request to `git http-backend`, as a web server with CGI does."""

    root: Path
    url: str
    versions: bool
    token: str
    requests: ClassVar[list[tuple[str, bytes]]]
    agents: ClassVar[list[list[str]]]

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.requests.append((self.path, body))
        self.agents.append(self.headers.get_all("User-Agent", []))
        if self.token and self.headers.get("Authorization") != self.token:
            self.send_error(401)
            return
        head, _, content = self.answer(body).partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200 OK").split()[0]))
        for name, value in {**fields, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        with contextlib.suppress(ConnectionError):  # the plugin was stopped
            self.end_headers()
            self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - the name that the library looks for

    def answer(self, body: bytes) -> bytes:
        path, _, query = self.path.partition("?")
        variables = {
            **ENVIRONMENT, "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "REMOTE_ADDR": "127.0.0.1",
        }  # fmt: skip
        if self.versions:
            variables["GIT_PROTOCOL"] = self.headers.get("Git-Protocol", "")
        return subprocess.run(
            ["git", "http-backend"], input=body, env=variables, check=True, capture_output=True
        ).stdout

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@contextmanager
def serving(root: Path, *, versions: bool = True, token: str = "", port: int = 0) -> Iterator[type[Backend]]:
    """Serve the repositories of a folder; without `versions` as a server does that knows version 0 only."""

    class Configured(Backend):
        requests: ClassVar[list[tuple[str, bytes]]] = []
        agents: ClassVar[list[list[str]]] = []

    handler: type[Backend] = Configured
    handler.root, handler.versions, handler.token = root, versions, token
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            handler.url = f"http://127.0.0.1:{server.server_port}/shop.git"
            yield handler
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.fixture(params=[True, False], ids=["version 2", "version 0"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[type[Backend]]:
    with serving(tmp_path, versions=request.param) as backend:
        yield backend


async def read_again(plugin: Running, server: type[Backend]) -> None:
    """Wait until a reading that begins from now on is over."""
    # With the first request of the reading after the next one the next one is over.
    enough = len(server.requests) + 5
    await until(lambda: len(server.requests) > enough)
    assert plugin.host.fault is None


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def change(event: PluginEvent) -> tuple[str, str, str, str]:
    return event.data["state"], event.data["branch"] or event.data["tag"], event.data["old"], event.data["new"]


@pytest.mark.real
async def test_each_change_of_a_branch_is_reported(shop: Repository, server: type[Backend]) -> None:
    first = shop.commit()
    shop.commit("main2")
    config = {**CONFIG, "url": server.url, "branch": "main"}
    async with running("git-repository", config) as plugin:
        await read_again(plugin, server)
        assert plugin.events == []
        second = shop.commit()
        shop.commit("main2")
        await plugin.seen(1)
        shop.git("reset", "--quiet", "--hard", first)
        shop.push("HEAD:main")
        await plugin.seen(2)
        shop.push(":main")
        await plugin.seen(3)
        shop.push("main2:main")
        await plugin.seen(4)
        await read_again(plugin, server)
    last = shop.git("rev-parse", "main2")
    assert [change(event) for event in plugin.events] == [
        ("changed", "main", first, second), ("changed", "main", second, first), ("deleted", "main", first, ""),
        ("created", "main", "", last),
    ]  # fmt: skip
    assert {event.unhealthy for event in plugin.events} == {None}
    assert {event.severity for event in plugin.events} == {"medium"}
    assert {event.key for event in plugin.events} == {"refs/heads/main"}
    assert plugin.events[0].data == {
        "state": "changed",
        "url": server.url,
        "ref": "refs/heads/main",
        "branch": "main",
        "tag": "",
        "old": first,
        "new": second,
        "summary": f"main changed: {first[:10]} -> {second[:10]}",
    }


@pytest.mark.real
async def test_branches_and_tags_that_match_are_followed(shop: Repository, server: type[Backend]) -> None:
    first = shop.commit()
    config = {**CONFIG, "url": server.url, "branch": "release/*", "tag": "v?.*", "severity": "low"}
    async with running("git-repository", config) as plugin:
        await read_again(plugin, server)
        shop.push("HEAD:release/1/x", "HEAD:other")
        await plugin.seen(1)
        shop.git("tag", "v1.0")
        shop.git("tag", "w1.0")
        shop.push("v1.0", "w1.0")
        await plugin.seen(2)
        second = shop.commit()
        shop.git("tag", "-a", "-m", "notes", "v1.1")
        shop.push("v1.1")
        await plugin.seen(3)
        shop.push(":v1.0", "main:release/1/x")
        await plugin.seen(5)
    assert [change(event) for event in plugin.events] == [
        ("created", "release/1/x", "", first), ("created", "v1.0", "", first), ("created", "v1.1", "", second),
        ("changed", "release/1/x", first, second), ("deleted", "v1.0", first, ""),
    ]  # fmt: skip
    assert (plugin.events[1].data["branch"], plugin.events[1].data["ref"]) == ("", "refs/tags/v1.0")
    assert {event.severity for event in plugin.events} == {"low"}


@pytest.mark.real
async def test_a_repository_may_begin_empty(shop: Repository, server: type[Backend]) -> None:
    async with running("git-repository", {**CONFIG, "url": server.url, "branch": "main"}) as plugin:
        await read_again(plugin, server)
        assert plugin.events == []
        first = shop.commit()
        await plugin.seen(1)
    assert [change(event) for event in plugin.events] == [("created", "main", "", first)]


@pytest.mark.real
async def test_commits_of_sha256_are_read(tmp_path: Path, server: type[Backend]) -> None:
    repository = Repository(tmp_path, object_format="sha256")
    first = repository.commit()
    async with running("git-repository", {**CONFIG, "url": server.url, "branch": "main"}) as plugin:
        await read_again(plugin, server)
        second = repository.commit()
        await plugin.seen(1)
    assert change(plugin.events[0]) == ("changed", "main", first, second)
    assert len(second) == 64


@pytest.mark.real
async def test_a_server_of_version_2_is_asked_for_what_is_wanted_only(shop: Repository, tmp_path: Path) -> None:
    shop.commit()
    with serving(tmp_path) as server:
        async with running("git-repository", {**CONFIG, "url": server.url + "/", "branch": "rel*/a", "tag": "v1"}):
            await until(lambda: len(server.requests) > 2)
    assert [path for path, _ in server.requests[:2]] == [
        "/shop.git/info/refs?service=git-upload-pack",
        "/shop.git/git-upload-pack",
    ]
    assert b"ref-prefix refs/heads/rel\n" in server.requests[1][1]
    assert b"ref-prefix refs/tags/v1\n" in server.requests[1][1]


@pytest.mark.real
async def test_what_changed_while_the_server_was_down_is_reported_after_it_is_up(
    shop: Repository, tmp_path: Path
) -> None:
    first = shop.commit()
    async with AsyncExitStack() as stack:
        with serving(tmp_path) as server:
            config = {**CONFIG, "url": server.url, "branch": "main"}
            plugin = await stack.enter_async_context(running("git-repository", config))
            await read_again(plugin, server)
        await plugin.seen(1)
        second = shop.commit()
        with serving(tmp_path, port=port_of(server.url)):
            await plugin.seen(3)
            await stack.aclose()
    down, up, changed = plugin.events
    assert (down.unhealthy, down.severity, down.key, down.data["state"]) == (True, "high", server.url, "down")
    assert (up.unhealthy, up.severity, up.key, up.data["state"]) == (False, "low", server.url, "up")
    assert change(changed) == ("changed", "main", first, second)


@pytest.mark.real
async def test_a_server_that_is_down_at_first_is_up_later(shop: Repository, tmp_path: Path) -> None:
    shop.commit()
    port = free_port()
    config = {**CONFIG, "url": f"http://127.0.0.1:{port}/shop.git", "branch": "*"}
    async with AsyncExitStack() as stack:
        plugin = await stack.enter_async_context(running("git-repository", config))
        await plugin.seen(1)
        with serving(tmp_path, port=port) as server:
            await plugin.seen(2)
            await read_again(plugin, server)
            await stack.aclose()
    assert [event.data["state"] for event in plugin.events] == ["down", "up"]
    assert plugin.events[0].data == {
        "state": "down",
        "url": config["url"],
        "detail": "connection refused",
        "summary": f"{config['url']} down: connection refused",
    }


@pytest.mark.real
async def test_who_gives_the_right_header_may_read(shop: Repository, tmp_path: Path) -> None:
    shop.commit()
    with serving(tmp_path, token="Bearer right") as server:
        config = {**CONFIG, "url": server.url, "branch": "main"}
        async with running("git-repository", {**config, "headers": {"authorization": "Bearer wrong"}}) as plugin:
            await plugin.seen(1)
        assert plugin.events[0].data["detail"] == "the server answered 401"
        assert server.agents[0] == ["outrider-git-repository"]
        headers = {"authorization": "Bearer right", "user-agent": "shop/1"}
        async with running("git-repository", {**config, "headers": headers}) as plugin:
            await read_again(plugin, server)
            second = shop.commit()
            await plugin.seen(1)
        assert plugin.events[0].data["new"] == second
        assert server.agents[-1] == ["shop/1"]


@pytest.mark.real
async def test_a_repository_that_does_not_exist(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        async with running("git-repository", {**CONFIG, "url": server.url, "branch": "main"}) as plugin:
            await plugin.seen(1)
    assert plugin.events[0].data["detail"] == "the server answered 404"


class Answers:
    """Answers each connection with the same bytes, and goes on with `slowly` byte by byte; None answers never."""

    def __init__(self, answer: bytes | None, slowly: bytes) -> None:
        self.answer = answer
        self.slowly = slowly
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            if self.answer is None:
                await reader.read()
            writer.write(self.answer or b"")
            for byte in self.slowly:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.01)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def answering(
    answer: bytes | None, *, slowly: bytes = b"", **config: Any
) -> AsyncIterator[tuple[Running, Answers]]:
    answers = Answers(answer, slowly)
    async with await asyncio.start_server(answers.serve, "127.0.0.1", 0) as listening:
        answers.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/team:70000/shop.git"
        async with running("git-repository", {**CONFIG, "url": answers.url, "branch": "main", **config}) as plugin:
            yield plugin, answers


def told(body: bytes, *, fields: bytes = b"", status: bytes = b"200 OK", kind: bytes = ADVERTISEMENT) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: %s\r\n%s\r\n%s" % (status, kind, fields, body)


def pkt(data: bytes) -> bytes:
    return b"%04x%s" % (len(data) + 4, data)


REF = pkt(b"1" * 40 + b" refs/heads/main\n")
SERVICE = pkt(b"# service=git-upload-pack\n") + b"0000"


@pytest.mark.real
@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (told(b"", status=b"403 No"), "the server answered 403"),
        (
            told(b"", status=b"301 Moved", fields=b"Location: https://a.example/b.git\r\n"),
            "the server answered 301, moved to https://a.example/b.git",
        ),
        (told(b"<html>", kind=b"text/html"), "smart HTTP protocol: it answered with text/html"),
        (told(b"0000", kind=b"text\x1b[1m/html"), "it answered with text\ufffd[1m/html"),
        (b"SSH-2.0-OpenSSH_9\r\n", "the answer is not HTTP: BadStatusLine"),
        (b"", "Remote end closed connection without response"),
        (told(b""), "the answer is not git's: it is cut off"),
        (told(REF), "the answer is not git's: it is cut off"),
        (told(REF[:20]), "the answer is not git's: it is cut off"),
        (told(REF + b"0000", fields=b"Content-Length: 30\r\n"), "it is cut off"),
        (told(b"zzzz"), "it has no length of a packet"),
        (told(b"0003"), "a packet cannot have 3 bytes"),
        (told(b"ffff" + b"x" * 70000), "a packet cannot have 65535 bytes"),
        (told(REF + b"0001"), "a packet 0001 stands where none may"),
        (told(pkt(b"ERR no such repository")), "the server says: no such repository"),
        (told(pkt(b"hello") + b"0000"), "a line of it is no ref: hello"),
        (told(pkt(b"version 2\n") + pkt(b"agent=old/1\n") + b"0000"), "the server does not tell its refs"),
        (
            told(pkt(b"version 2\n") + pkt(b"ls-refs\n") + b"0000"),
            "it answered with application/x-git-upload-pack-advertisement",
        ),
        (told(b"4\r\n003d\r\nzz\r\n", fields=b"Transfer-Encoding: chunked\r\n"), "the answer is not HTTP"),
    ],
)
async def test_answers_that_are_none(answer: bytes, detail: str) -> None:
    async with answering(answer) as (plugin, answers):
        await plugin.seen(1)
        assert plugin.events[0].data["state"] == "down"
        assert detail in plugin.events[0].data["detail"]
        answers.answer = told(REF + b"0000")
        await plugin.seen(2)
    assert plugin.events[1].data["state"] == "up"


@pytest.mark.real
@pytest.mark.parametrize(
    "answer",
    [
        told(REF + b"0000"),
        told(REF + b"0000", fields=b"Content-Length: 65\r\n"),
        told(b"4\r\n003d\r\n3d\r\n%s\r\n0\r\n\r\n" % (REF[4:] + b"0000"), fields=b"Transfer-Encoding: chunked\r\n"),
        told(SERVICE + pkt(b"version 1\n") + REF + pkt(b"shallow " + b"2" * 40 + b"\n") + b"0000"),
    ],
    ids=["to the end", "with a length", "in chunks", "version 1"],
)
async def test_each_form_of_an_answer_is_read(answer: bytes) -> None:
    async with answering(answer) as (plugin, answers):
        await until(lambda: answers.connections > 2)
        answers.answer = answer.replace(b"1" * 40, b"a" * 40)
        await plugin.seen(1)
    assert change(plugin.events[0]) == ("changed", "main", "1" * 40, "a" * 40)


@pytest.mark.real
async def test_a_silent_server_is_down_after_the_timeout() -> None:
    async with answering(None, timeout="100ms") as (plugin, answers):
        await plugin.seen(1)
        assert plugin.events[0].data["detail"] == "no answer within 0.1 s"
        answers.answer = told(REF + b"0000")
        await plugin.seen(2)
    assert [event.data["state"] for event in plugin.events] == ["down", "up"]


@pytest.mark.real
@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nX: ", told(b"fff0")], ids=["in the head", "in the body"])
async def test_a_server_that_sends_byte_by_byte_is_down_after_the_timeout(begin: bytes) -> None:
    async with answering(begin, slowly=b"x" * 60000, timeout="100ms") as (plugin, answers):
        await plugin.seen(1)
        answers.slowly, answers.answer = b"", told(REF + b"0000")
        await plugin.seen(2)
    assert plugin.events[0].data["detail"] == "no answer within 0.1 s"
    assert [event.data["state"] for event in plugin.events] == ["down", "up"]


@pytest.mark.real
async def test_it_stops_while_it_waits_for_a_silent_server() -> None:
    async with answering(None, timeout="60s") as (plugin, answers):
        await until(lambda: answers.connections == 1)
    assert plugin.events == []


@pytest.mark.real
@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"url": "http://127.0.0.1:70000/a"}, "config.url has the port 70000, expected 1 to 65535"),
        ({"headers": {"a b": "c"}}, "config.headers has a 'a b'"),
        ({"headers": {"A": "secret \u20ac"}}, "config.headers has a 'A'"),
        ({"headers": {"A": "secret \x01"}}, "config.headers has a 'A'"),
    ],
)
async def test_what_the_schema_cannot_tell_is_refused(config: dict[str, Any], message: str) -> None:
    error = await refusal("git-repository", {"url": "http://127.0.0.1:1/a", "branch": "main", **config})
    assert error.code == "INVALID_CONFIG"
    assert message in error.message
    assert "secret" not in error.message


@pytest.mark.parametrize(
    "url", ["http://a", "https://a.example/b/c.git", "http://[::1]:80/a", "http://a_b:8080/~x/%20", "http://1.2.3.4/"]
)
def test_urls(url: str) -> None:
    assert not faults("git-repository", {"url": url, "branch": "main"})


@pytest.mark.parametrize(
    "bad",
    [{"url": "http://a"}, {"branch": "main"}, {"url": "ssh://a/b", "branch": "main"},
     {"url": "http://ana:pw@a/b", "branch": "main"}, {"url": "http://a/b?c", "branch": "main"},
     {"url": "http://a/b#c", "branch": "main"}, {"url": "http://a/b c", "branch": "main"},
     {"url": "http://a/\u00fc", "branch": "main"}, {"url": "http://a", "branch": ""}, {"url": "http://a", "tag": "a b"},
     {"url": "http://a", "branch": "a[b]"}, {"url": "http://a", "branch": "main", "headers": {"a": "b\r\nc"}},
     {"url": "http://a", "branch": "main", "timeout": 3}],
)  # fmt: skip
def test_wrong_configurations(bad: dict[str, Any]) -> None:
    assert faults("git-repository", bad)
