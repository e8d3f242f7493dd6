"""botocore and the SDKs of the clouds, in a process of their own environment, as judges and witnesses."""

import base64
import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from outrider.sidecar.proxy.messages import Field
from tests.peers import bedrock_clients, environments

PROGRAM = Path(__file__).with_name("peer_program.py")


class Asked:
    """A request as a server got it."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.target: bytes = found["target"].encode()
        self.fields: list[Field] = [(name.encode(), value.encode()) for name, value in found["fields"]]
        self.body = base64.b64decode(found["body"])

    def field(self, name: bytes) -> bytes:
        return next((value for found, value in self.fields if found == name), b"")


class Peer:
    """The process."""

    def __enter__(self) -> Self:
        python = environments.install("bedrock", bedrock_clients.ENVIRONMENTS["bedrock"]) / "python"
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "NO_PROXY": "127.0.0.1"}
        self._process = subprocess.Popen(
            [str(python), str(PROGRAM)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate(timeout=10)

    def ask(self, way: str, *given: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"way": way, "given": given}) + "\n")
        self._process.stdin.flush()
        found = json.loads(self._process.stdout.readline())
        assert "failed" not in found, found["failed"]
        return found["done"]

    def answer_with(self, body: bytes, kind: str = "application/json", status: int = 200, **fields: str) -> None:
        """Let the scripted server answer like this from now on."""
        more = [[name.replace("_", "-"), value] for name, value in fields.items()]
        self.ask("answer_with", status, [["content-type", kind], *more], base64.b64encode(body).decode())
