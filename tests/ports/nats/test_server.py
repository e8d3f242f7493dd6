import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from outrider.core.errors import MissingRequirementError
from outrider.core.secrets import SecretValue
from outrider.ports.nats.address import NatsAddress
from outrider.ports.nats.connection import connected
from outrider.ports.nats.server import USER, EmbeddedServer, find_program, prepare_server
from tests.ports.nats.support import make_streams
from tests.servers.nats import program
from tests.servers.ports import free_port


def pretend(folder: Path, version: str) -> str:
    path = folder / "nats-server"
    path.write_text(f"#!/bin/sh\necho 'nats-server: {version}'\n")
    path.chmod(0o755)
    return str(path)


def test_the_one_on_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert find_program() != str(tmp_path / "nats-server")
    expected = pretend(tmp_path, "v2.10.0")
    assert find_program() == expected


@pytest.mark.parametrize("version", ["v2.9.10", "nonsense", ""])
def test_one_that_is_too_old_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    old = pretend(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program() == str(Path(sys.executable).parent / "nats-server")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none" / "python"))
    with pytest.raises(MissingRequirementError) as caught:
        find_program()
    assert caught.value.found == f"an older one: {old}"
    monkeypatch.setenv("PATH", "/none")
    with pytest.raises(MissingRequirementError, match="nats-server"):
        find_program()


@pytest.mark.real
async def test_it_starts_with_what_was_prepared(tmp_path: Path) -> None:
    folder = tmp_path / 'a "b" {c}'
    password = SecretValue('p"a\\s$s')
    port = free_port()
    server = EmbeddedServer(listen=f"127.0.0.1:{port}", storage=10**8, folder=folder, password=password)
    command = prepare_server(server)
    assert (folder / "server.conf").stat().st_mode & 0o777 == 0o600
    assert Path(command[0]).name == Path(program()).name
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        while b"Server is ready" not in (tmp_path / "log").read_bytes():
            assert process.poll() is None, (tmp_path / "log").read_text()
            await asyncio.sleep(0.02)
        async with connected(
            NatsAddress(servers=[f"nats://127.0.0.1:{port}"], user=USER, password=password)
        ) as connection:
            await make_streams(connection)
        process.kill()
