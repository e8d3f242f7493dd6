"""Messages of a channel, which are lost where nobody listens, and of a stream, which are acknowledged once they are on disk."""

from __future__ import annotations

import asyncio
import functools
import math
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import outrider_payload
from outrider_config import length
from outrider_delivery import line
from outrider_plugin import PluginError
from resp import IdleError, ServerError

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from redis_trigger import Redis
    from resp import Connection

FOREVER = 100 * 366 * 86400.0
SHOWN = 200


class Channel:
    """A channel, or all that fit a pattern."""

    def __init__(self, trigger: Redis) -> None:
        self._trigger = trigger
        self._config = trigger.config

    async def watch(self, connection: Connection) -> None:
        """Report each message."""
        await connection.ask("PSUBSCRIBE" if self._config["pattern"] else "SUBSCRIBE", self._config["channel"])
        self._trigger.up()
        asked = False
        while not self._trigger.stopping:
            try:
                message = await connection.read(self._trigger.timeout if asked else self._trigger.every)
            except IdleError as error:
                if asked:
                    raise TimeoutError from error
                await connection.send("PING")
                asked = True
                continue
            asked = False
            self._report(message, connection.dropped)

    def _report(self, message: Any, dropped: int) -> None:
        if not isinstance(message, list) or not message or message[0] not in {b"message", b"pmessage"}:
            return  # the answer to a PING
        if len(message) < 3 or not all(isinstance(part, bytes) for part in message):
            raise ConnectionError("the answer is no message")
        found, encoding = outrider_payload.payload(message[-1])
        data = {
            "state": "message",
            "server": self._config["server"],
            "channel": outrider_payload.name(message[-2]),
            "payload": found,
            "encoding": encoding,
            "cut": dropped > 0,
            "summary": line(found, SHOWN),
        }
        self._trigger.event(data, severity=self._config["message_severity"])


class Stream:
    """A stream, read as one consumer of a group: one entry after the other."""

    def __init__(self, trigger: Redis) -> None:
        self._trigger = trigger
        self._config = trigger.config
        self._names = (self._config["key"], self._config["group"])
        self._consumer = self._config.get("consumer") or socket.gethostname()
        self._claim_after = length(trigger.config, "claim_after")
        self._claim_due = 0.0
        self._executor = ThreadPoolExecutor(1)
        # On disk, and not yet acknowledged: the connection was gone.
        self._committed: list[bytes] = []

    async def watch(self, connection: Connection) -> None:
        """Report each entry, at first those that were not acknowledged."""
        await self._join(connection)
        self._trigger.up()
        await self._acknowledge(connection)
        begun = True
        while not self._trigger.stopping:
            entry = await self._pending(connection) if begun else None
            begun = begun and entry is not None
            again = entry is not None
            if entry is None:
                entry = await self._forsaken(connection)
                again = entry is not None
            if entry is None:
                entry = await self._next(connection)
            if entry is not None:
                await self._take(connection, entry, again=again)

    async def _join(self, connection: Connection) -> None:
        """Make the group where it is not there; only then the right to do so is needed."""
        try:
            await self._pending(connection)
        except ServerError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            begin = "$" if self._config["from"] == "new" else "0"
            await connection.ask("XGROUP", "CREATE", *self._names, begin, "MKSTREAM")

    async def _pending(self, connection: Connection) -> Any:
        """Return the first entry that this consumer has not acknowledged."""
        return await self._read(connection, "0")

    async def _next(self, connection: Connection) -> Any:
        """Return an entry that nobody has yet; None if there is none for a while."""
        return await self._read(connection, ">", wait=self._trigger.every)

    async def _read(self, connection: Connection, begin: str, wait: float = 0.0) -> Any:
        block = ["BLOCK", max(1, int(wait * 1000))] if wait else []
        words = [
            "XREADGROUP",
            "GROUP",
            self._names[1],
            self._consumer,
            "COUNT",
            1,
            *block,
            "STREAMS",
            self._names[0],
            begin,
        ]
        reply = await connection.ask(*words, wait=wait)
        return _first(reply[0][1]) if _is_list(reply, 1) and _is_list(reply[0], 2) else None

    async def _forsaken(self, connection: Connection) -> Any:
        """Take over an entry that another consumer left unacknowledged for long."""
        if time.monotonic() < self._claim_due:
            return None
        idle = int(self._claim_after * 1000)
        try:
            reply = await connection.ask("XAUTOCLAIM", *self._names, self._consumer, idle, "0-0", "COUNT", 1)
        except ServerError as error:
            if not str(error).startswith(("ERR unknown command", "NOPERM")):
                raise
            self._trigger.log(f"entries of other consumers are not taken over: {error}")
            self._claim_due = math.inf
            return None
        entry = _first(reply[1]) if _is_list(reply, 2) else None
        if entry is None:
            self._claim_due = time.monotonic() + self._claim_after
        return entry

    async def _take(self, connection: Connection, entry: tuple[bytes, Any], *, again: bool) -> None:
        number, fields = entry
        # Of an entry that was deleted only the number is left.
        if fields is None or await self._report(connection, number, fields, again=again):
            self._committed.append(number)
        await self._acknowledge(connection)

    async def _acknowledge(self, connection: Connection) -> None:
        if self._committed:
            await connection.ask("XACK", *self._names, *self._committed)
            self._committed.clear()

    async def _report(self, connection: Connection, number: bytes, fields: list[Any], *, again: bool) -> bool:
        names, values = fields[::2], fields[1::2]
        told = {outrider_payload.name(name): value(item) for name, item in zip(names, values, strict=False)}
        fits = outrider_payload.fits(told)
        data = {
            "state": "message",
            "server": self._config["server"],
            "key": self._config["key"],
            "id": number.decode("ascii", "replace"),
            "again": again,
            "fields": told if fits else {},
            "cut": connection.dropped > 0 or not fits,
            "summary": line(told, SHOWN),
        }
        handing = functools.partial(
            self._trigger.event, data, severity=self._config["message_severity"], commit_timeout=FOREVER
        )
        committed = self._trigger.loop.run_in_executor(self._executor, handing)
        told_so = False
        while not (await asyncio.wait({committed}, timeout=self._claim_after / 3))[0]:
            try:
                await connection.ask("XCLAIM", *self._names, self._consumer, 0, number, "JUSTID")
            except (OSError, ServerError) as error:
                if not told_so:
                    self._trigger.log(
                        f"another consumer may take over {data['id']}, which waits for the agent: {error!r}"
                    )
                told_so = True
        try:
            return committed.result()
        except PluginError as error:
            self._trigger.log(f"the entry {data['id']} was left out: {error}")
            return True


def _first(entries: Any) -> tuple[bytes, Any] | None:
    """Return number and fields of the first entry of a list; None if it is empty, or the entry is gone."""
    if not _is_list(entries, 1) or entries[0] is None:
        return None
    entry = entries[0]
    if not _is_list(entry, 2) or not isinstance(entry[0], bytes) or not _are_fields(entry[1]):
        raise ConnectionError("the answer is no entry of a stream")
    return entry[0], entry[1]


def _are_fields(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(part, bytes) for part in value))


def _is_list(value: Any, least: int) -> bool:
    return isinstance(value, list) and len(value) >= least


def value(data: bytes) -> Any:
    """Return a field's value: an object or a list of JSON, or text; bytes that are no text are in base64."""
    found, form = outrider_payload.payload(data)
    return data.decode() if form == "json" and not isinstance(found, dict | list) else found
