"""A platform whose rule answers each POST on a webhook."""

import http.client
import json
import socket
from typing import Any

from tests.platform.harness import Platform
from tests.platform.objects import RECORDER, RECORDER_MANIFEST, webhook_platform
from tests.servers.ports import free_port


class Hook:
    """A platform with a webhook trigger and an action that records what it does."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.port = free_port()
        plugin = platform.folder / "plugins" / "recorder"
        plugin.mkdir(parents=True)
        (plugin / "plugin.yaml").write_text(RECORDER_MANIFEST)
        (plugin / "recorder.py").write_text(RECORDER)
        # The plugin runs under a uid of its own.
        self.out = platform.folder / "out"
        self.out.mkdir()
        self.out.chmod(0o777)
        self.record = self.out / "record"

    def declare(self, step: str = "{plugin: recorder}", **more: str) -> None:
        """Write the objects."""
        action = f"plugins: [{{plugin: recorder, config: {{path: {self.record}}}}}], concurrency: 8"
        self.platform.write(webhook_platform(self.port, step=step, action=more.pop("action", action), **more))

    def post(self, body: dict[str, Any] | None = None) -> int:
        """Send one event and return the status of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", "/hook", json.dumps(body or {}), {"Content-Type": "application/json"})
            return connection.getresponse().status
        finally:
            connection.close()

    def listens(self) -> bool:
        """Return whether the trigger takes connections."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def executed(self) -> list[tuple[str, int]]:
        """Return key and attempt of each execution."""
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        return [(key, int(attempt)) for key, attempt in (line.split() for line in lines)]


def finished(platform: Platform, count: int) -> bool:
    """Return whether so many runs exist and none is under way."""
    rows = platform.runs()
    return len(rows) >= count and all(row["state"] != "running" for row in rows)
