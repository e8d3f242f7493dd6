"""What the tests of the controller on a real cluster share."""

import time
from collections.abc import Callable
from typing import Any

KEY = "sk-only-the-sidecar-has-it"
PROGRAM = """
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer
import urllib.request
import openai

client = openai.OpenAI()

def tool(name, arguments):
    request = urllib.request.Request(
        os.environ["OUTRIDER_GATEWAY"] + "/v1/tools/" + name, json.dumps(arguments).encode(), {"content-type": "application/json"})
    return urllib.request.urlopen(request).read().decode()

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"ok": True})
    def do_POST(self):
        task = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "tool" in task:
            self.answer(json.loads(tool(task["tool"], task["arguments"])))
            return
        if "crash" in task:
            os._exit(3)
        said = client.chat.completions.create(model="default", messages=[{"role": "user", "content": task["say"]}])
        environment = {name: value for name, value in os.environ.items() if "KEY" in name}
        self.answer({"said": said.choices[0].message.content, "uid": os.getuid(), "keys": sorted(environment.values())})
    def answer(self, value):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


# Of an AgentType that is reconciled like any other, and starts nothing.
WITHOUT_PODS: dict[str, Any] = {
    "agent": {"image": "shop/agent:1"}, "invocation": {"mode": "http", "port": 8000}, "scaling": {"replicas": 0},
    "llm": {"routes": [{"alias": "default", "providers": [{"provider": "inner", "url": "http://192.0.2.1/v1", "dialect": "openai"}]}]},
}  # fmt: skip


def eventually(look: Callable[[], bool], seconds: float = 40.0, what: str = "it") -> None:
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, f"{what} did not come about"
        time.sleep(0.1)
