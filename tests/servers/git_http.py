"""Git repositories behind HTTP: `git http-backend`, as a web server has it by CGI (RFC 3875), and git itself for tests."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# No settings of the machine or its user may decide a test.
CLEAN = {
    "PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "LC_ALL": "C",
    "GIT_AUTHOR_NAME": "Ana", "GIT_AUTHOR_EMAIL": "ana@example.org", "GIT_COMMITTER_NAME": "Ana",
    "GIT_COMMITTER_EMAIL": "ana@example.org",
}  # fmt: skip


def git(folder: Path, *arguments: str, given: str = "") -> str:
    """Run git in a folder, and return what it says."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=CLEAN, input=given, capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Backend(BaseHTTPRequestHandler):
    """Hands each request to git, where the server lets it."""

    def do_any(self) -> None:
        server = self.server
        assert isinstance(server, Remote)
        server.seen.append(self.headers.get("Authorization", ""))
        if server.status:
            self.send_error(server.status)
            return
        if server.authorization and self.headers.get("Authorization") != server.authorization:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
            return
        self._answer(server)

    def _answer(self, server: "Remote") -> None:
        path, _, query = self.path.partition("?")
        environment = {
            **CLEAN, "GIT_PROJECT_ROOT": str(server.root), "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": "outrider",
            "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": self.headers.get("Content-Length", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }  # fmt: skip
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        done = subprocess.run(["git", "http-backend"], env=environment, input=body, capture_output=True, check=True)
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_any  # noqa: N815 - names that http.server looks for

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - as http.server has it


class Remote(ThreadingHTTPServer):
    """A server with the bare repository `settings.git`.

    Attributes:
        status: What it answers, where that is not left to git.
        authorization: What a request must carry; nothing if empty.
        seen: What requests have carried.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), Backend)
        self.root = root
        self.bare = root / "settings.git"
        self.status = 0
        self.authorization = ""
        self.seen: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}/settings.git"


@contextmanager
def served(repository: Path, root: Path) -> Iterator[Remote]:
    """Serve a bare copy of a repository from a folder, as long as the context lasts."""
    root.mkdir()
    git(root, "clone", "--quiet", "--bare", str(repository), "settings.git")
    with Remote(root) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
