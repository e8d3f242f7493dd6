"""botocore and the SDKs of the clouds, in a process of their own environment, as judges and witnesses."""

import base64
import os
from pathlib import Path
from typing import Any

from outrider.sidecar.proxy.messages import Field
from tests.peers import bedrock_clients, environments
from tests.peers.orders import Orders

PROGRAM = Path(__file__).with_name("peer_program.py")


class Asked:
    """A request as a server got it."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.target: bytes = found["target"].encode()
        self.fields: list[Field] = [(name.encode(), value.encode()) for name, value in found["fields"]]
        self.body = base64.b64decode(found["body"])

    def field(self, name: bytes) -> bytes:
        return next((value for found, value in self.fields if found == name), b"")


class Peer(Orders):
    """The process."""

    def __init__(self) -> None:
        python = environments.install("bedrock", bedrock_clients.ENVIRONMENTS["bedrock"]) / "python"
        alone = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "NO_PROXY": "127.0.0.1"}
        super().__init__(python, PROGRAM, alone)

    def answer_with(self, body: bytes, kind: str = "application/json", status: int = 200, **fields: str) -> None:
        """Let the scripted server answer like this from now on."""
        more = [[name.replace("_", "-"), value] for name, value in fields.items()]
        self.ask("answer_with", status, [["content-type", kind], *more], base64.b64encode(body).decode())
