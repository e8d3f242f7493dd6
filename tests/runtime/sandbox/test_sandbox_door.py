"""A network of its own, with a door that is served outside."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from outrider.core.errors import ExecutionFailedError, SandboxUnavailableError
from outrider.runtime.sandbox.doors import way_inside
from outrider.runtime.sandbox.model import Grants, Level
from tests.contract.worlds import until
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


async def test_a_program_that_goes_on_for_nobody_holds_no_way_open(tmp_path: Path) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(5)
        begun.set()
        await ended.wait()  # it works, and looks at its connection when it is done
        writer.close()

    program = await asyncio.start_server(silent, "127.0.0.1", 0)
    way = await way_inside(os.getpid(), program.sockets[0].getsockname()[1], tmp_path / "way")
    before = len(list(Path(f"/proc/{way.pid}/fd").iterdir()))
    _, writer = await asyncio.open_unix_connection(tmp_path / "way")
    writer.write(b"hello")
    await asyncio.wait_for(begun.wait(), 10)
    writer.close()
    await until(lambda: len(list(Path(f"/proc/{way.pid}/fd").iterdir())) == before)
    ended.set()
    await way.kill()
    program.close()


async def test_an_answer_comes_whole_through_a_way(tmp_path: Path) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(5)
        writer.write(b"y" * 5_000_000)
        writer.close()

    program = await asyncio.start_server(say, "127.0.0.1", 0)
    way = await way_inside(os.getpid(), program.sockets[0].getsockname()[1], tmp_path / "way")
    reader, writer = await asyncio.open_unix_connection(tmp_path / "way")
    writer.write(b"hello")
    assert len(await asyncio.wait_for(reader.read(), 10)) == 5_000_000
    writer.close()
    await way.kill()
    program.close()
