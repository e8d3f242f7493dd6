"""A server of tools on its standard input and output that behaves as its first argument says."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

TOOL = {"name": "echo", "inputSchema": {"type": "object"}}
MODE = sys.argv[1]


def note(name: str, line: str) -> None:
    """Add a line to a file."""
    with (Path.home() / name).open("a") as file:
        file.write(line)


def send(message: dict[str, Any]) -> None:
    """Write a message."""
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def tools() -> list[dict[str, Any]]:
    """Return what there is; with `more` another one from the second look on."""
    return [TOOL, {**TOOL, "name": "late"}] if MODE == "more" and LISTED > 1 else [TOOL]


LISTED = 0
if MODE == "dies":
    sys.exit("the database is not there")
if MODE == "banner":
    sys.stdout.write("Welcome!\n[1, 2]\n\n")
for line in sys.stdin:
    message = json.loads(line)
    method, number = message.get("method"), message.get("id")
    if number is None:
        note("notes", line)
        continue
    if method is None:
        note("answers", line)
    elif method == "server/discover":
        if MODE != "silent":
            send({"id": number, "error": {"code": -32601, "message": "unknown"}})
    elif method == "initialize":
        send({"id": number, "result": {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {}}})
    elif method == "tools/list":
        LISTED += 1
        send({"id": number, "result": {"tools": tools()}})
        if MODE == "more" and LISTED == 1:
            send({"method": "notifications/tools/list_changed"})
    elif MODE == "crash":
        sys.stderr.write("out of luck\n")
        os._exit(3)
    elif MODE == "long":
        send({"id": number, "result": {"content": "x" * 20_000_000}})
    elif MODE == "deaf":
        for _ in range(100_000):
            sys.stdout.write('{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        sys.stdout.flush()
        note("deaf", "yes")
        time.sleep(100)
    elif MODE == "loud":
        for unasked in ("99999", '"a"', "null", "[1]"):
            sys.stdout.write(
                '{"jsonrpc": "2.0", "id": ' + unasked + ', "result": {"content": [' + "{}," * 100_000 + "{}]}}\n"
            )
        send({"id": number, "result": {"content": [{"type": "text", "text": '"' + "x" * 100_000 + '"'}]}})
    elif MODE == "hang":
        time.sleep(0.3)
    else:
        if MODE == "asks":
            send({"id": 7, "method": "ping"})
            send({"id": "r", "method": "roots/list"})
        text = json.dumps({"arguments": message["params"]["arguments"], "pid": os.getpid(), "env": dict(os.environ)})
        send({"id": number, "result": {"content": [{"type": "text", "text": text}]}})
