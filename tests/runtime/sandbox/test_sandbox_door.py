"""A network of its own, with a door that is served outside."""

import asyncio
import socket
from pathlib import Path

import pytest

from outrider.core.errors import ExecutionFailedError, SandboxUnavailableError
from outrider.runtime.sandbox.model import Grants, Level
from tests.runtime.sandbox.box import Box

PORT = 4180
TRIES = """
import socket
with socket.create_connection(("localhost", 4180), timeout=5) as door:
    print(door.recv(5).decode())
for address in (("127.0.0.1", int(sys.stdin.readline())), ("10.255.255.1", 4180)):
    try:
        socket.create_connection(address, timeout=2)
    except OSError as error:
        print("no")
"""


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader
    writer.write(b"hello")
    writer.close()


async def test_only_the_door_is_reached(box: Box) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        program = await box.start(Level.NAMESPACED, TRIES, grants=Grants(door=PORT, dns=False))
        assert program.door is not None
        listening = await program.door.listening()
        server = await asyncio.start_server(answer, sock=listening)
        program.stdin.write(f"{other.getsockname()[1]}\n".encode())
        program.stdin.close()
        output = (await program.stdout.read()).decode().split()
        server.close()
    assert output == ["hello", "no", "no"], (await program.stderr.read()).decode()
    # The port is free here: the door is in the network of the program.
    socket.create_server(("127.0.0.1", PORT)).close()


async def test_a_program_that_does_not_begin_has_no_door(box: Box) -> None:
    program = await box.start(Level.NAMESPACED, "", grants=Grants(door=PORT, dns=False), listed=[Path("/proc/none")])
    assert program.door is not None
    with pytest.raises(ExecutionFailedError, match="before its door was open"):
        await program.door.listening()


@pytest.mark.parametrize(
    ("level", "grants"),
    [(Level.LANDLOCK, Grants(door=PORT)), (Level.NAMESPACED, Grants(door=PORT, connect_ports=[443]))],
)
async def test_a_door_needs_a_network_of_its_own(box: Box, level: Level, grants: Grants) -> None:
    with pytest.raises(SandboxUnavailableError, match="network of its own"):
        await box.start(level, "", grants=grants)


@pytest.mark.parametrize("level", [Level.LANDLOCK, Level.NAMESPACED], ids=lambda level: level.label)
async def test_a_folder_that_is_listed_is_not_read(box: Box, level: Level) -> None:
    folder = box.folder / "listed"
    folder.mkdir()
    for name in ("open", "closed"):
        (folder / name).write_text(name)
    source = f"""
    import os
    os.chdir({str(folder)!r})
    print("open" in os.listdir("."), open("open").read())
    open("closed").read()
    """
    ended = await box.run(level, source, listed=[folder], read_only=[box.plugin, folder / "open"], folder=folder)
    assert ended.output == "True open"
    assert "PermissionError" in ended.log or "FileNotFoundError" in ended.log
