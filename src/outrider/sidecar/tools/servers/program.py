"""Starts the program of a server, confined."""

import asyncio
import os
from pathlib import Path

from outrider.core.tool_settings import StdioServerSettings
from outrider.ports.secrets import Resolver
from outrider.runtime.contexts import cache_folder
from outrider.runtime.sandbox.launch import SEARCH_PATH
from outrider.runtime.sandbox.model import Grants, Level, Limits, Surroundings
from outrider.runtime.sandbox.probe import level_for
from outrider.runtime.sandbox.process import Confined, start
from outrider.runtime.sandbox.program import find_program
from outrider.runtime.sandbox.sight import Wanted, sight
from outrider.sidecar.tools.servers.credentials import opened

_FIELD = "spec.transport.stdio"


async def start_program(
    settings: StdioServerSettings, secrets: Resolver, *, work: Path, protected: list[Path], line_limit: int
) -> Confined:
    """Start it in the strongest sandbox that works here.

    Args:
        settings: The program, and what it may reach.
        secrets: Opens what is secret of its variables.
        work: Its working folder.
        protected: What it must not see.
        line_limit: Bytes of a line that it writes.

    Raises:
        OutriderError: It is not there, may not reach what it wants, or no sandbox works that is strong enough.
    """
    level, machine = await level_for(Level.named(settings.min_level), cache_folder())
    search = settings.env.get("PATH")
    program = await find_program(
        settings.command, settings.folder, search if isinstance(search, str) else "", field=f"{_FIELD}.command"
    )
    wanted = Wanted(
        base=settings.base, folder=settings.folder, read=settings.read, write=settings.write, protected=protected,
        folder_field=f"{_FIELD}.folder", files_field=_FIELD,
    )  # fmt: skip
    seen = sight(wanted, program)
    env = {
        "PATH": ":".join([*map(str, program.path), SEARCH_PATH]),
        **await opened(settings.name, settings.env, secrets),
    }
    await asyncio.to_thread(work.mkdir, mode=0o700, parents=True, exist_ok=True)
    return await start(
        level,
        Grants(write_paths=[str(path) for path in wanted.writable()], connect_ports=settings.ports),
        Limits(
            memory=settings.memory, pids=settings.processes, cpu=os.cpu_count() or 1, open_files=4096, file_size=2**40
        ),
        program=program.argv,
        surroundings=Surroundings(
            work_dir=work, folder=settings.folder.resolve(), read_only=seen.readable, listed=seen.listed, env=env
        ),
        machine=machine,
        line_limit=line_limit,
    )
