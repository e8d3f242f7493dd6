"""The real SDKs, in a process of their own environment, as judges of what the translation makes."""

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.peers import environments, llm_clients

PROGRAM = Path(__file__).with_name("sdk_program.py")


class Sdk:
    """The SDKs of OpenAI and Anthropic."""

    def __enter__(self) -> Self:
        python = environments.install("llm", llm_clients.ENVIRONMENTS["llm"]) / "python"
        self._process = subprocess.Popen(
            [str(python), str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate(timeout=10)

    def _ask(self, way: str, *given: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"way": way, "given": given}) + "\n")
        self._process.stdin.flush()
        found = json.loads(self._process.stdout.readline())
        assert "failed" not in found, found["failed"]
        return found["done"]

    def keys(self, form: str) -> set[str]:
        """Return all that a request may hold."""
        return set(self._ask("keys", form))

    def check_request(self, form: str, body: bytes) -> None:
        """Fail where a request is not as the SDK's types want it, or has a key that they do not know."""
        self._ask("request", form, json.loads(body))

    def read(self, form: str, body: bytes, status: int = 200) -> dict[str, Any]:
        """Return what a program on the SDK reads off an answer in one piece."""
        found: dict[str, Any] = self._ask("plain", form, status, body.decode())
        return found

    def read_stream(self, form: str, body: bytes) -> dict[str, Any]:
        """Return what a program on the SDK reads off an answer in events, each of which is as its types want it."""
        found: dict[str, Any] = self._ask("stream", form, body.decode())
        return found
