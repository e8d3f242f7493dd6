"""`outrider serve` as a process, asked with the standard library's client."""

import http.client
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from outrider.runtime.contexts import user_state_folder

SERVE = [sys.executable, "-m", "outrider"]


class Answer(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error code; empty where it is no error."""
        found: str = self.json.get("error", {}).get("code", "") if self.body.startswith(b"{") else ""
        return found


class Served:
    """A server and its token."""

    def __init__(self, address: str, process: "subprocess.Popen[str]") -> None:
        self.address = address
        self.process = process
        self.token = (user_state_folder() / "serve" / "token").read_text()

    def ask(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, token: str | None = None
    ) -> Answer:  # fmt: skip
        """Send a request; `body` is sent as JSON unless it is bytes."""
        fields = {"authorization": f"Bearer {self.token if token is None else token}", **(headers or {})}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=40)
        try:
            connection.request(method, path, data, {name: value for name, value in fields.items() if value})
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read())
        finally:
            connection.close()

    def call(self, operation: str, params: Any, query: str = "", **headers: str) -> Answer:
        """Call `family.operation`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", f"/v1/operators/{operation.replace('.', '/')}{query}", params, headers=named)


@contextmanager
def serving(*words: str, context: str = "", folder: Path | None = None) -> Iterator[Served]:
    """Serve on a free port until the block ends."""
    command = [*SERVE, *(["--context", context] if context else []), "serve", *(words or ("--listen", "127.0.0.1:0"))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            assert line.startswith("serving "), line + process.stderr.read()
            yield Served(line.split()[1], process)
        finally:
            process.terminate()
            process.wait(timeout=30)


def document(served: Served) -> Any:
    """Return the OpenAPI document, for which no token is needed."""
    with urllib.request.urlopen(f"{served.address}/openapi.json", timeout=20) as answer:
        return json.load(answer)
