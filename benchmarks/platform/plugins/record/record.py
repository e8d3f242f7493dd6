"""Action: adds a line to a file: number of the event, start (monotonic seconds), attempt, idempotency key."""

import os
import time
from typing import Any

from outrider_plugin import Action, Request, main


class Record(Action):
    """One write per line, so that lines of several threads do not mix."""

    def setup(self) -> None:
        self.file = os.open(self.config["file"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def execute(self, request: Request) -> dict[str, Any]:
        started = time.monotonic()
        number = request.context["event"]["data"]["body"]["n"]
        os.write(self.file, f"{number} {started:.6f} {request.attempt} {request.idempotency_key}\n".encode())
        if self.config["sync"]:
            os.fdatasync(self.file)
        time.sleep(self.config["takes"])
        return {}


main(Record)
