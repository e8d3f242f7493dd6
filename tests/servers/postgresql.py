"""A PostgreSQL server of its own, on a free port of 127.0.0.1, from the system's package."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from tests.servers.own import OwnServer
from tests.servers.ports import free_port

USER = "outrider"


def programs() -> Path:
    """Return the folder of the server's programs; without them the test fails, and says what installs them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    if initdb is None:
        pytest.fail("PostgreSQL is missing: apt-get install postgresql")
    return Path(initdb).resolve().parent


class PostgresqlServer(OwnServer):
    """The server; its files go when the context ends.

    Args:
        sync: Whether a commit waits for the disk. No test ends the machine, but a benchmark must pay for it.
    """

    name = "postgresql"
    end = signal.SIGQUIT
    start_seconds = 30.0

    def __init__(self, *, sync: bool = False) -> None:
        self._sync = "on" if sync else "off"
        self._programs = programs()
        self._numbers = 0
        self.port = free_port()

    def prepare(self) -> None:
        """Make the database."""
        if os.geteuid() == 0:  # initdb and postgres refuse to run as root
            account = pwd.getpwnam("postgres")
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        self._run("initdb", "-D", self._data, "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-locale")

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _as_user(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._as_user(), str(self._programs / program), *arguments], check=True, capture_output=True, cwd="/"
        )

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        with (self._folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self._as_user(), str(self._programs / "postgres"), "-D", self._data, "-p", str(self.port),
                 "-c", "listen_addresses=127.0.0.1",
                 "-c", f"fsync={self._sync}",
                 "-c", f"unix_socket_directories={self._folder}"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/",
            )  # fmt: skip
        deadline = time.monotonic() + self.start_seconds
        while subprocess.run(self._ready(), check=False, capture_output=True).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail((self._folder / "server.log").read_text())
            time.sleep(0.05)

    def _ready(self) -> list[str]:
        return [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]

    def address(self, schema: str = "") -> str:
        """Return the address of the database, with a schema of its own where one is named."""
        options = f"?options=-csearch_path%3D{schema}" if schema else ""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres{options}"

    def create(self) -> str:
        """Make an empty schema, which is as good as a database and made in a tenth of the time, and return its name."""
        self._numbers += 1
        name = f"test{self._numbers}"
        self._execute(f"CREATE SCHEMA {name}")
        return name

    def drop(self, schema: str) -> None:
        """Remove a schema."""
        self._execute(f"DROP SCHEMA {schema} CASCADE")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.address(), autocommit=True) as connection:
            connection.execute(statement.encode())
