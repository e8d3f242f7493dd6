"""Starts the fake API server and its clients, each in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.figures import CHECKOUT
from outrider.ports.certificates.subjects import Subject, issue, new_authority

HOST = "127.0.0.1"
CLIENT_SECONDS = 180.0
Command = Sequence[str]


class Used(msgspec.Struct):
    """What a client used until it had everything; `cpu` and `wall` in seconds."""

    cpu: float
    wall: float
    before_kib: int
    after_kib: int


class Certificates(msgspec.Struct):
    """Files in PEM form."""

    authority: str
    certificate: str
    key: str


def certificates(folder: Path) -> Certificates:
    """Write those of the server."""
    now = time.time()
    authority = new_authority("bench", now)
    pair = issue(authority, Subject(name="server", hosts=[HOST]), now)
    found = Certificates(*(str(folder / name) for name in ("ca.pem", "server.pem", "server.key")))
    for path, text in (
        (found.authority, authority.certificate),
        (found.certificate, pair.certificate),
        (found.key, pair.key),
    ):
        Path(path).write_text(text)
    return found


@contextmanager
def serving(count: int, *, before: bool, tls: Certificates | None = None) -> Iterator[Command]:
    """Run a server, and give the arguments of its clients.

    Args:
        count: How many agents it has.
        before: Whether they are there before a client comes.
        tls: None for plain HTTP.
    """
    command = [sys.executable, "-m", "benchmarks.kube_watch.server", str(count)]
    command += ["--before"] if before else []
    command += ["--tls", tls.certificate, tls.key] if tls else []
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = f"{HOST}:{int(server.stdout.readline())}"
            yield [f"https://{address}", str(count), tls.authority] if tls else [f"http://{address}", str(count)]
        finally:
            server.kill()


def said(command: Command) -> str:
    """Run a program to its end and return what it printed."""
    # Programs of other environments find the modules of this checkout, and nothing of ours.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=CHECKOUT, env=environment, check=True, stdout=subprocess.PIPE, text=True, timeout=CLIENT_SECONDS
    ).stdout


def least(clients: Mapping[str, Command], arguments: Command, rounds: Mapping[str, int]) -> dict[str, Used]:
    """Run clients in turn, and return of each the run that took the least CPU: the rest is noise of a shared machine.

    Args:
        clients: Their commands, by name.
        arguments: Of all of them.
        rounds: How often each runs, by name.
    """
    found: dict[str, Used] = {}
    for number in range(max(rounds[name] for name in clients)):
        for name, command in clients.items():
            if number < rounds[name]:
                used = msgspec.json.decode(said([*command, *arguments]), type=Used)
                found[name] = min(found.get(name, used), used, key=lambda run: run.cpu)
    return found
