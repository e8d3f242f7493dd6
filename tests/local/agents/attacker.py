"""Tries to get out, and at what is not its own; prints what it got."""

import ctypes
import json
import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

PTRACE_ATTACH = 16
task: dict[str, Any] = json.load(sys.stdin)
got: list[str] = []


def attempt(name: str, step: Callable[[], object]) -> None:
    try:
        found = step()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{name}: {error}\n")
    else:
        got.append(f"{name}: {found}"[:200])


def read(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(10_000)


def write(path: str) -> None:
    with Path(path).open("ab") as file:
        file.write(b"# changed\n")


def trace(pid: int) -> None:
    if ctypes.CDLL(None).ptrace(PTRACE_ATTACH, pid, 0, 0) != 0:
        raise OSError(1, "ptrace")


def connect_unix(path: str) -> None:
    socket.socket(socket.AF_UNIX).connect(path)


def datagram() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9))


def in_the_environment() -> list[str]:
    found = [name for name, value in os.environ.items() if task["value"] in value]
    if not found:
        raise ValueError("nothing")
    return found


def environment_of(pid: int) -> bytes:
    found = read(f"/proc/{pid}/environ")
    if task["value"].encode() not in found:
        raise ValueError("nothing")
    return found


def processes() -> list[int]:
    try:
        return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    except OSError:
        return [os.getppid(), *range(1, 20)]


for path in task["secrets"]:
    attempt(f"read {path}", partial(read, path))
for path in task["fixed"]:
    attempt(f"write {path}", partial(write, path))
for path in task["sockets"]:
    attempt(f"connect {path}", partial(connect_unix, path))
for port in task["ports"]:
    attempt(f"connect {port}", partial(socket.create_connection, ("127.0.0.1", port), 2))
attempt("datagram", datagram)
attempt("raw", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt("listen", lambda: socket.create_server(("127.0.0.1", 0)))
for pid in [pid for pid in [*processes(), *task["pids"]] if pid != os.getpid()]:
    attempt(f"environment of {pid}", partial(environment_of, pid))
    attempt(f"trace {pid}", partial(trace, pid))
attempt("environment", in_the_environment)
sys.stdout.write(json.dumps({"got": got, "listed": sorted(path.name for path in Path().iterdir())}))
