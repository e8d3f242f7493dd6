"""The sidecar as a process of its own."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Sidecar:
    """A running sidecar."""

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self.folder, self.process = folder, process
        self.address = (folder / "state" / "address").read_text()

    def call(self, **body: Any) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.address, timeout=10)
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"authorization": "Bearer sk-virtual"})
        answer = connection.getresponse()
        document = json.loads(answer.read())
        connection.close()
        return answer.status, document

    def ledger(self) -> list[dict[str, Any]]:
        files = sorted((self.folder / "state" / "ledger").glob("*.jsonl"))
        return [json.loads(line) for path in files for line in path.read_text().splitlines()]


@contextmanager
def started(folder: Path, settings: dict[str, Any], env: dict[str, str] | None = None) -> Iterator[Sidecar]:
    """Run a sidecar with settings; its state is in `state` of the folder."""
    (folder / "settings.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "outrider", "sidecar", "serve", "--settings", str(folder / "settings.json")]
        process = subprocess.Popen(command, stderr=log, stdout=log, env={**os.environ, **(env or {})})
    try:
        deadline = time.monotonic() + 20
        while not (folder / "state" / "address").is_file():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield Sidecar(folder, process)
    finally:
        (folder / "state" / "address").unlink(missing_ok=True)
        if process.poll() is None:
            process.terminate()
        assert process.wait(15) in (0, -signal.SIGKILL), (folder / "log").read_text()
