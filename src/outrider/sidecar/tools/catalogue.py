"""The tools that the agent sees, from all servers, as they were first seen."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.codec import decode, digest, encode
from outrider.core.errors import OutriderError
from outrider.ports.secrets.private_files import write_private
from outrider.ports.telemetry import logger
from outrider.sidecar.tools.grants import Grant
from outrider.sidecar.tools.server import Definition, McpServer

_HASHED = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
_SCHEMAS = ("inputSchema", "outputSchema")
_log = logger(__name__)


def definition_hash(definition: Definition) -> str:
    """Return the hash of what a tool says of itself."""
    return digest({key: definition.get(key) for key in _HASHED})


class Pin(msgspec.Struct, frozen=True):
    """A tool as it was first seen under a version of its server."""

    hash: str
    definition: dict[str, Any]


class Exposed(msgspec.Struct, frozen=True):
    """A tool as the agent sees it.

    Attributes:
        name: As the agent calls it.
        definition: What its server said when it was first seen; `name` is that of the server.
        server: Which.
        grant: What of it is granted.
        changed: Whether its server says something else by now: `text`, `schema` or nothing.
    """

    name: str
    definition: Definition
    server: McpServer
    grant: Grant
    hash: str
    changed: str = ""

    def shown(self) -> Definition:
        """Return its definition under the name that the agent uses."""
        return {**self.definition, "name": self.name}


class Catalogue:
    """The tools of all servers, filtered by what is granted.

    Args:
        servers: By name.
        grants: What is granted.
        pins: File with the definitions that were seen first.

    Attributes:
        problems: Why a server does not answer, by its name.
    """

    def __init__(self, servers: Iterable[McpServer], grants: list[Grant], pins: Path) -> None:
        self._servers = {server.name: server for server in servers}
        self._grants = grants
        self._path = pins
        self._pins = _read_pins(pins)
        self._listed: dict[str, list[Definition]] = {}
        self._exposed: dict[str, Exposed] = {}
        self.problems: dict[str, str] = dict.fromkeys(self._servers, "not asked yet")
        self.looked = asyncio.Event()

    def all(self) -> list[Exposed]:
        """Return what the agent sees, in an order that stays: what models remember of it stays true."""
        return list(self._exposed.values())

    def find(self, name: str) -> Exposed | None:
        """Return a tool by the name that the agent uses."""
        return self._exposed.get(name)

    async def refresh(self) -> None:
        """Ask every server for its tools; of one that does not answer stays what was known."""
        await asyncio.gather(*(self._ask(server) for server in self._servers.values()))
        exposed: dict[str, Exposed] = {}
        for grant in self._grants:
            for one in self._of(grant):
                exposed.setdefault(one.name, one)  # what is granted first counts
        self._exposed = dict(sorted(exposed.items()))
        self.looked.set()

    async def _ask(self, server: McpServer) -> None:
        try:
            self._listed[server.name] = await server.list_tools()
        except OutriderError as error:
            if self.problems.get(server.name) != error.message:
                _log.warning("server '%s' tells no tools: %s", server.name, error)
            self.problems[server.name] = error.message
        else:
            self.problems.pop(server.name, None)
            await asyncio.to_thread(self._pin, server)

    def _of(self, grant: Grant) -> Iterable[Exposed]:
        settings = grant.settings
        server = self._servers[settings.server]
        pins = self._pins.get(_key(server), {})
        for definition in self._listed.get(server.name, ()):
            name = definition["name"]
            if not grant.covers(name):
                continue
            pin = pins[name]
            changed = _change(pin, definition)
            yield Exposed(settings.prefix + name, pin.definition, server, grant, pin.hash, changed)

    def _pin(self, server: McpServer) -> None:
        """Remember what was not seen before."""
        pins = self._pins.setdefault(_key(server), {})
        new = {one["name"]: one for one in self._listed[server.name] if one["name"] not in pins}
        if new:
            pins.update({name: Pin(definition_hash(one), one) for name, one in new.items()})
            write_private(self._path, encode(self._pins))

    async def close(self) -> None:
        """Drop the connections to all servers."""
        for server in self._servers.values():
            await server.close()


def _change(pin: Pin, definition: Definition) -> str:
    if definition_hash(definition) == pin.hash:
        return ""
    return "schema" if any(definition.get(key) != pin.definition.get(key) for key in _SCHEMAS) else "text"


def _key(server: McpServer) -> str:
    return f"{server.name}@{server.version}"


def _read_pins(path: Path) -> dict[str, dict[str, Pin]]:
    try:
        return decode(path.read_bytes(), dict[str, dict[str, Pin]])
    except FileNotFoundError:
        return {}
