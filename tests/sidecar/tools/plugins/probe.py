"""A tool that does what a test wants to see, and what nobody wants."""

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from outrider_plugin import PluginError, Request, Tool, main


class Probe(Tool):
    def setup(self) -> None:
        if self.config.get("refuse"):
            raise PluginError("config.refuse: not with me", code="INVALID_CONFIG")
        self.lock = threading.Lock()
        self.inside = self.most = 0
        self.begun = time.time()
        sys.stderr.write("ready, says the probe\n")

    def execute(self, request: Request) -> dict[str, Any]:
        Path("begun").touch()
        result: dict[str, Any] = getattr(self, request.input["do"])(request)
        return result

    def tell(self, request: Request) -> dict[str, Any]:
        request.log("a line of this call")
        return {
            "given": request.input,
            "config": self.config,
            "argv": sys.argv,
            "env": dict(os.environ),
            "begun": self.begun,
        }

    def touch(self, request: Request) -> dict[str, Any]:
        return {"read": [tried(path) for path in request.input["paths"]]}

    def meet(self, request: Request) -> dict[str, Any]:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        time.sleep(0.1)
        with self.lock:
            self.inside -= 1
        return {"most": self.most}

    def hang(self, request: Request) -> None:
        time.sleep(3600)

    def obey(self, request: Request) -> None:
        while True:
            request.check()
            time.sleep(0.01)

    def die(self, request: Request) -> None:
        os.kill(os.getpid(), 9)

    def noise(self, request: Request) -> None:
        os.write(self._link._out, b"hello, who reads this?\n")
        time.sleep(3600)

    def long(self, request: Request) -> dict[str, Any]:
        return {"text": "x" * 10_000_000}

    def long_line(self, request: Request) -> None:
        left = b'{"id":%d,"result":{"text":"' % request.number + b"x" * 10_000_000
        while left:
            left = left[os.write(self._link._out, left) :]
        time.sleep(3600)

    def fork(self, request: Request) -> dict[str, Any]:
        started = 0
        try:
            while started < 1000:
                if os.fork() == 0:
                    time.sleep(3600)
                started += 1
        except OSError:
            pass
        return {"started": started}

    def fail(self, request: Request) -> None:
        raise PluginError("there is no such thing", code="NOT_FOUND")

    def ask(self, request: Request) -> dict[str, Any]:
        return dict(self.call("host.disk", path="/"))

    def several(self, request: Request) -> dict[str, Any]:
        return {"lines": "many"}


def tried(path: str) -> str:
    try:
        if Path(path).is_dir():
            return " ".join(one.name for one in Path(path).iterdir())
        return Path(path).read_text()
    except OSError as error:
        return f"no: {error.errno}"


main(Probe)
