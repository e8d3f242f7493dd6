"""The npm and node of this machine: which versions they are, where npm's files are, and the registry that it comes with."""

import asyncio
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from outrider.operators.packages.registries.record_files import read_record, write_record

# Of npm's own code, the one place that says where it goes when nobody says otherwise.
_DEFAULTS = Path("node_modules/npm-registry-fetch/lib/default-opts.js")
_BUILT_IN = re.compile(r"^\s*registry: '(https?://[^']+)'", re.MULTILINE)
_SECONDS = 20.0


class NpmProgram(msgspec.Struct, kw_only=True):
    """What is installed here.

    Attributes:
        folder: Of npm's code; empty where there is no npm.
        version: Of npm; empty where there is none.
        node: The version of node; empty where there is none.
        prefix: The folder of all of them, below which is `etc/npmrc`; empty where there is no node.
        registry: That npm comes with; empty where it is not known.
        seen: When the programs were last changed: what was learned of others is not used.
    """

    folder: str = ""
    version: str = ""
    node: str = ""
    prefix: str = ""
    registry: str = ""
    seen: list[tuple[str, float]] = []


class _Package(msgspec.Struct):
    version: str = ""


async def npm_program(environment: Mapping[str, str], cache: Path) -> NpmProgram:
    """Return what is installed; node is asked once, and what it said is kept.

    Args:
        environment: Variables of this process; programs are looked for in its PATH.
        cache: The folder of what is kept of all ecosystems.
    """
    npm, node = (shutil.which(name, path=environment.get("PATH")) for name in ("npm", "node"))
    seen = [_seen(one) for one in (npm, node) if one]
    kept = cache / "npm" / "program"
    known = read_record(kept, msgspec.msgpack.Decoder(NpmProgram))
    if known is not None and known.seen == seen:
        return known
    found = await _look(npm, node, environment)
    found.seen = seen
    write_record(kept, found)
    return found


async def _look(npm: str | None, node: str | None, environment: Mapping[str, str]) -> NpmProgram:
    found = NpmProgram()
    if node:
        found.node = (await _said([node, "--version"], environment)).removeprefix("v")
        found.prefix = str(_above(node))
    if npm:
        folder = _above(npm)
        found.folder = str(folder)
        match = _BUILT_IN.search(_text(folder / _DEFAULTS))
        try:
            found.version = msgspec.json.decode(_text(folder / "package.json"), type=_Package).version
        except msgspec.DecodeError:
            found.version = await _said([npm, "--version"], environment)
        found.registry = match[1] if match else await _said([npm, "config", "get", "registry"], environment)
    return found


def _seen(program: str) -> tuple[str, float]:
    path = Path(program).resolve()
    return str(path), path.stat().st_mtime


def _above(program: str) -> Path:
    return Path(program).resolve().parent.parent


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


async def _said(command: list[str], environment: Mapping[str, str]) -> str:
    """Return the first line that a program writes; nothing where it fails."""
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=dict(environment),
    )
    try:
        output, _ = await asyncio.wait_for(child.communicate(), _SECONDS)
    except TimeoutError:
        child.kill()
        await child.wait()
        return ""
    lines = output.decode("utf-8", "replace").split()
    return lines[0] if lines and child.returncode == 0 else ""
