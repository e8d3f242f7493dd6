"""The tools that the agent sees, from all servers, as they were first seen."""

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from outrider.core.errors import OutriderError
from outrider.ports.telemetry import logger
from outrider.sidecar.tools.grants import Grant
from outrider.sidecar.tools.pins import MOST_PINS, Pins
from outrider.sidecar.tools.tool_server import FIND_TOOLS, Definition, ToolServer

if TYPE_CHECKING:
    from outrider.sidecar.tools.search.server import ToolSearch

# What one server, a secret of it or a disk can give; the catalogue goes on.
FAULTS = (OutriderError, OSError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError)
DEEPEST = 100
# As clients and providers of models take them.
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_log = logger(__name__)


class Exposed(msgspec.Struct, frozen=True):
    """A tool as the agent sees it.

    Attributes:
        name: As the agent calls it.
        definition: What its server said when it was first seen; `name` is that of the server.
        server: Which.
        grants: What of it is granted.
        changed: Whether its server says something else by now: `text`, `schema` or nothing.
        only_reads: Whether its server has said from the first that it only reads, and still does.
    """

    name: str
    definition: Definition
    server: ToolServer
    grants: tuple[Grant, ...]
    hash: str
    changed: str = ""
    only_reads: bool = False

    def shown(self) -> Definition:
        """Return its definition under the name that the agent uses."""
        return {**self.definition, "name": self.name}

    def is_same(self, other: "Exposed") -> bool:
        """Return whether another one is the same tool of the same server."""
        return self.server is other.server and self.definition["name"] == other.definition["name"]


class Catalogue:
    """The tools of all servers, filtered by what is granted.

    Args:
        servers: By name.
        grants: What is granted.
        pins: File with the definitions that were seen first.
        search: One of the servers, which finds tools where there are too many to be listed.

    Attributes:
        servers: By name.
        told: What each has told of its tools last.
        problems: What is wrong with a server, by its name.
        silent: Servers that did not answer when they were asked last.
        looked: Set when every server has answered once, or has not in time.
    """

    def __init__(
        self, servers: Iterable[ToolServer], grants: list[Grant], pins: Path, search: "ToolSearch | None" = None
    ) -> None:
        self.servers = {server.name: server for server in servers}
        self._grants = grants
        self._pins = Pins(pins)
        self._search = search
        self.told: dict[str, list[Definition]] = {}
        self._exposed: dict[str, Exposed] = {}
        self.problems: dict[str, str] = dict.fromkeys(self.servers, "not asked yet")
        self.silent = set(self.servers)
        self.looked = asyncio.Event()

    def all(self) -> list[Exposed]:
        """Return what the agent sees, in an order that stays: what models remember of it stays true."""
        return list(self._exposed.values())

    def listed(self) -> list[Exposed]:
        """Return what is told of when the agent asks for its tools: all, or how to find them."""
        return self.all() if self._search is None else self._search.listed(self.all())

    def find(self, name: str) -> Exposed | None:
        """Return a tool by the name that the agent uses."""
        return self._exposed.get(name)

    async def refresh(self) -> None:
        """Ask every server for its tools, and show them as soon as it answers; of one that does not stays what was known."""
        await asyncio.gather(*(self._look(server) for server in self.servers.values()))
        self.looked.set()

    async def _look(self, server: ToolServer) -> None:
        """Ask one server. Whatever is wrong is its problem: the others are not to suffer."""
        try:
            listed = await server.list_tools()
            granted, problem = self._granted(server, listed)
            if left := self._pins.add(_key(server), granted):
                problem = f"left out {left} tools: more than {MOST_PINS} were seen under this version"
        except FAULTS as error:
            self.silent.add(server.name)
            self._note(server, error.message if isinstance(error, OutriderError) else repr(error)[:200])
            return
        self.silent.discard(server.name)
        self.told[server.name] = granted
        self._expose()
        try:
            await self._pins.write()
        except FAULTS as error:
            problem = f"its definitions are pinned in memory only: {error}"
        self._note(server, problem)

    def _note(self, server: ToolServer, problem: str) -> None:
        """Keep a problem; the log hears of it once."""
        if not problem:
            self.problems.pop(server.name, None)
        elif self.problems.get(server.name) != problem:
            _log.warning("server '%s': %s", server.name, problem)
            self.problems[server.name] = problem

    def _granted(self, server: ToolServer, listed: list[Definition]) -> tuple[list[Definition], str]:
        """Return what can be offered of that which is granted, and what is wrong with the rest."""
        good, bad = [], []
        for one in listed:
            names = [grant.settings.prefix + one["name"] for grant in self._of(server) if grant.covers(one["name"])]
            if any(self._usable(server, name) for name in names) and not _deep(one, DEEPEST):
                good.append(one)
            elif names:
                bad.append(one["name"])
        problems = [f"left out {len(bad)} tools whose name or nesting cannot be used: {bad[0][:128]!r}"] if bad else []
        left = [why for name, why in server.left_out.items() if any(grant.covers(name) for grant in self._of(server))]
        if left:
            problems.append(f"left out {len(left)} operations: {left[0]}")
        return good, "; ".join(problems)

    def _usable(self, server: ToolServer, name: str) -> bool:
        """Return whether a tool may have this name; where there is a search, that of its tool is taken."""
        taken = name == FIND_TOOLS and self._search is not None and server is not self._search
        return _NAME.fullmatch(name) is not None and not taken

    def _of(self, server: ToolServer) -> list[Grant]:
        return [grant for grant in self._grants if grant.settings.server == server.name]

    def _expose(self) -> None:
        exposed: dict[str, Exposed] = {}
        for grant in self._grants:
            for one in self._tools(grant):
                first = exposed.setdefault(one.name, one)  # what is granted first counts
                if first is not one and first.is_same(one):
                    exposed[one.name] = msgspec.structs.replace(first, grants=(*first.grants, grant))
        self._exposed = dict(sorted(exposed.items()))
        if self._search is not None:
            self._search.expose(self.all())

    def _tools(self, grant: Grant) -> Iterable[Exposed]:
        settings = grant.settings
        server = self.servers[settings.server]
        pins = self._pins.of(_key(server))
        for definition in self.told.get(server.name, ()):
            pin = pins.get(definition["name"])
            name = settings.prefix + definition["name"]
            if pin is not None and grant.covers(definition["name"]) and self._usable(server, name):
                only_reads = _only_reads(pin.definition) and _only_reads(definition)
                yield Exposed(name, pin.definition, server, (grant,), pin.hash, pin.change(definition), only_reads)

    def follow(self, before: "Catalogue") -> None:
        """Take over what another one knows of the servers that both have."""
        for name, server in self.servers.items():
            if before.servers.get(name) is not server:
                continue
            if name in before.told:
                self.told[name] = before.told[name]
            if name not in before.silent:
                self.silent.discard(name)
            if name in before.problems:
                self.problems[name] = before.problems[name]
            else:
                del self.problems[name]
        self._expose()
        if not self.silent:
            self.looked.set()

    async def close(self, kept: "Catalogue | None" = None) -> None:
        """Drop the connections to all servers but those that another one keeps; at once, as a memory may have something to end."""
        stay = set(map(id, kept.servers.values())) if kept is not None else set()
        await asyncio.gather(*(server.close() for server in self.servers.values() if id(server) not in stay))


def _key(server: ToolServer) -> str:
    return f"{server.name}@{server.version}"


def _deep(value: object, most: int) -> bool:
    """Return whether a value is nested more often than that; who encodes it would fail."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return most == 0 or any(_deep(one, most - 1) for one in inner if isinstance(one, dict | list))


def _only_reads(definition: Definition) -> bool:
    """Return whether a tool says that it only reads; one that does not may change something."""
    hints = definition.get("annotations")
    return isinstance(hints, dict) and hints.get("readOnlyHint") is True
