"""Definitions of tools as they were first seen, kept in a file."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.codec import decode, digest, encode
from outrider.core.errors import OutriderError
from outrider.ports.secrets.private_files import write_private
from outrider.ports.telemetry import logger
from outrider.sidecar.tools.tool_server import Definition

# Of a server under one version.
MOST_PINS = 2000
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

    def change(self, definition: Definition) -> str:
        """Return what another definition changes: `text`, `schema` or nothing."""
        if definition_hash(definition) == self.hash:
            return ""
        return "schema" if any(definition.get(key) != self.definition.get(key) for key in _SCHEMAS) else "text"


class Pins:
    """What was seen first; where the file cannot be written it is known until the end of the process.

    Args:
        path: The file. One that cannot be read is set aside.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pins = _read(path)
        self._added = self._written = 0
        self._writing = asyncio.Lock()

    def of(self, server: str) -> Mapping[str, Pin]:
        """Return the pins of a server and version, by the names of its tools."""
        return self._pins.get(server, {})

    def add(self, server: str, definitions: Iterable[Definition]) -> int:
        """Remember what was not seen before, and return for how many of them there is no room."""
        pins = self._pins.setdefault(server, {})
        left = 0
        for one in definitions:
            if one["name"] in pins:
                continue
            if len(pins) >= MOST_PINS:
                left += 1
                continue
            pins[one["name"]] = Pin(definition_hash(one), one)
            self._added += 1
        return left

    async def write(self) -> None:
        """Write what is new, or could not be written before.

        Raises:
            OutriderError: That is not possible.
        """
        async with self._writing:
            count = self._added
            if count > self._written:
                await asyncio.to_thread(write_private, self._path, encode(self._pins))
                self._written = count


def _read(path: Path) -> dict[str, dict[str, Pin]]:
    try:
        return decode(path.read_bytes(), dict[str, dict[str, Pin]])
    except FileNotFoundError:
        return {}
    except (OutriderError, OSError) as error:
        aside = path.with_name(f"{path.name}.damaged")
        _log.warning("%s cannot be read and is set aside as %s; tools are pinned anew: %s", path, aside.name, error)
        try:
            path.replace(aside)
        except OSError as failed:
            _log.warning("%s cannot be set aside: %s", path, failed)
        return {}
