"""The real SDKs, in a process of their own environment, as judges of what the translation makes."""

import json
from pathlib import Path
from typing import Any

from tests.peers import environments, llm_clients
from tests.peers.orders import Orders

PROGRAM = Path(__file__).with_name("sdk_program.py")


class Sdk(Orders):
    """The SDKs of OpenAI and Anthropic."""

    def __init__(self) -> None:
        super().__init__(environments.install("llm", llm_clients.ENVIRONMENTS["llm"]) / "python", PROGRAM)

    def keys(self, form: str) -> set[str]:
        """Return all that a request may hold."""
        return set(self.ask("keys", form))

    def check_request(self, form: str, body: bytes) -> None:
        """Fail where a request is not as the SDK's types want it, or has a key that they do not know."""
        self.ask("request", form, json.loads(body))

    def read(self, form: str, body: bytes, status: int = 200) -> dict[str, Any]:
        """Return what a program on the SDK reads off an answer in one piece."""
        found: dict[str, Any] = self.ask("plain", form, status, body.decode())
        return found

    def read_stream(self, form: str, body: bytes) -> dict[str, Any]:
        """Return what a program on the SDK reads off an answer in events, each of which is as its types want it."""
        found: dict[str, Any] = self.ask("stream", form, body.decode())
        return found
