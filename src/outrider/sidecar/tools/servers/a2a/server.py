"""Another agent as a tool: what it is sent is a task of its own, and the tool returns when that has ended."""

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

import msgspec

from outrider.core.a2a.cards import Card
from outrider.core.a2a.protocol import (
    AUTH_REQUIRED,
    CANCEL,
    CANCELED,
    FAILED,
    GET,
    INPUT_REQUIRED,
    REJECTED,
    SEND,
    TERMINAL,
    USER,
    Interface,
    short_state,
)
from outrider.core.a2a.replies import Reply, read_reply, read_task
from outrider.core.codec import encode
from outrider.core.errors import (
    ConnectionFailedError,
    DeadlineExceededError,
    ExecutionFailedError,
    InvalidConfigError,
    OutriderError,
    UnavailableError,
)
from outrider.core.identifiers import time_ordered
from outrider.core.mcp.asking import Fault
from outrider.core.schema import bare_schema, convert
from outrider.sidecar.tools.servers.a2a.wire import A2aWire
from outrider.sidecar.tools.servers.wire import LIST_SECONDS, result_of
from outrider.sidecar.tools.tool_server import Definition

TOOL = "send"
LONGEST_DESCRIPTION = 8000
FIRST_PAUSE, LONGEST_PAUSE, SLOWER = 0.1, 3.0, 1.5
# So often a question for a task may fail in a row; an agent is started anew now and then.
MOST_FAILURES = 3
CANCEL_SECONDS = 5.0
_STOPS = TERMINAL | {INPUT_REQUIRED, AUTH_REQUIRED}
_FAILURES = frozenset({FAILED, REJECTED, CANCELED, AUTH_REQUIRED})


def _told(meaning: str) -> msgspec.Meta:
    """Return what a model reads of an argument."""
    return msgspec.Meta(description=meaning)


class Errand(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What another agent is sent."""

    message: Annotated[str, _told("What the agent is to do or to know, in words.")]
    data: Annotated[dict[str, Any], _told("More for the agent, as data.")] = {}
    context: Annotated[str, _told("The context of an earlier answer, to go on with that conversation.")] = ""
    task: Annotated[str, _told("The task of an answer with state input-required, to give it what it asks for.")] = ""


_SCHEMA = bare_schema(Errand)


class A2aServer:
    """A client of one agent. It has one tool: the protocol has no way to call one skill of an agent and not another.

    Args:
        name: As grants name it.
        version: Of what it offers.
        wire: The way to it.
    """

    def __init__(self, name: str, version: str, wire: A2aWire) -> None:
        self.name, self.version = name, version
        self.left_out: Mapping[str, str] = {}
        self._wire = wire
        self._interface: Interface | None = None
        self._abandoned: set[asyncio.Task[None]] = set()

    async def list_tools(self) -> list[Definition]:
        """Return the one tool, described by the agent's card.

        Raises:
            OutriderError: The card cannot be read.
        """
        card = await self._greet()
        return [{"name": TOOL, "description": _description(card), "inputSchema": _SCHEMA}]

    async def call(self, definition: Definition, params: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Send a message and return what comes of it. A task for which nobody waits any more is cancelled.

        Args:
            definition: Of the tool.
            params: `arguments`.
            timeout: Seconds until the task must have ended.

        Raises:
            OutriderError: There is no result.
        """
        del definition
        return _result(await self.give(convert(params["arguments"], Errand), timeout))

    async def greet(self, timeout: float) -> None:
        """Read its card.

        Raises:
            OutriderError: It cannot be read in time.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._greet()
        except TimeoutError as error:
            raise DeadlineExceededError(f"agent '{self.name}': no card within {timeout:g} s") from error

    async def _greet(self) -> Card:
        card = await self._wire.card()
        self._interface = card.interface
        return card

    async def give(self, errand: Errand, timeout: float) -> Reply:
        """Send a message and return the reply once its task stands still; one for which nobody waits any more is cancelled.

        Args:
            errand: The message.
            timeout: Seconds until the task must have ended.

        Raises:
            OutriderError: There is no reply.
        """
        if not errand.message and not errand.data:
            raise InvalidConfigError("message: nothing is said", path="message", expected="what the agent is to do")
        interface = self._interface or (await self._greet()).interface
        sending = asyncio.create_task(self._send(interface, errand, timeout))
        try:
            async with asyncio.timeout(timeout):
                return await self._follow(interface, await asyncio.shield(sending))
        except TimeoutError as error:
            self._abandon(interface, sending)
            raise DeadlineExceededError(
                f"agent '{self.name}': its task has not ended within {timeout:g} s and is cancelled",
                suggestions=["allow more time in limits.timeout of the grant", "ask for less"],
            ) from error
        except (OutriderError, asyncio.CancelledError):
            self._abandon(interface, sending)
            raise

    async def close(self) -> None:
        """Let cancellations that are on their way arrive, and drop its connections."""
        if self._abandoned:
            await asyncio.wait(self._abandoned, timeout=CANCEL_SECONDS)
        await self._wire.close()

    async def _send(self, interface: Interface, errand: Errand, timeout: float) -> Reply:
        parts: list[dict[str, Any]] = [{"text": errand.message}] if errand.message else []
        parts += [{"data": errand.data}] if errand.data else []
        message = {"messageId": time_ordered(time.time(), os.urandom(10)), "role": USER, "parts": parts}
        message |= {key: value for key, value in (("contextId", errand.context), ("taskId", errand.task)) if value}
        configuration = {"returnImmediately": True, "acceptedOutputModes": ["text/plain", "application/json"]}
        sent = {"message": message, "configuration": configuration}
        found = self._read(await self._wire.ask(interface, SEND, sent, timeout))
        return read_reply(found, older=interface.older)

    async def _follow(self, interface: Interface, reply: Reply) -> Reply:
        """Ask for a task until it stands still."""
        pause, failures = FIRST_PAUSE, 0
        while reply.task and reply.state not in _STOPS:
            await asyncio.sleep(pause)
            pause = min(pause * SLOWER, LONGEST_PAUSE)
            try:
                found = await self._wire.ask(interface, GET, {"id": reply.task, "historyLength": 1}, LIST_SECONDS)
            except (ConnectionFailedError, UnavailableError):
                failures += 1
                if failures > MOST_FAILURES:
                    raise
                continue
            failures = 0
            reply = self._same(reply, read_task(self._read(found), older=interface.older))
        return reply

    def _same(self, before: Reply, after: Reply) -> Reply:
        if after.task != before.task:
            raise ExecutionFailedError(
                f"agent '{self.name}' tells of another task than it was asked for",
                found=after.task[:80],
                expected=before.task[:80],
            )
        return after

    def _read(self, found: dict[str, Any] | Fault) -> dict[str, Any]:
        return result_of(f"agent '{self.name}'", found)

    def _abandon(self, interface: Interface, sending: asyncio.Task[Reply]) -> None:
        """Cancel a task in the background: whoever has asked is not to wait for that."""
        task = asyncio.create_task(self._cancel(interface, sending))
        self._abandoned.add(task)
        task.add_done_callback(self._abandoned.discard)

    async def _cancel(self, interface: Interface, sending: asyncio.Task[Reply]) -> None:
        with suppress(OutriderError, TimeoutError):
            async with asyncio.timeout(CANCEL_SECONDS):
                reply = await sending  # only its answer says which task it has begun
                if reply.task and reply.state not in TERMINAL:
                    await self._wire.ask(interface, CANCEL, {"id": reply.task}, CANCEL_SECONDS)


def _description(card: Card) -> str:
    """Return what a model reads of an agent: its own words, which are a stranger's."""
    about = f": {card.description}" if card.description else ""
    lines = [f"Gives a task to the agent {card.name}, and returns what it answers{about}"]
    for skill in card.skills:
        examples = f" For example: {'; '.join(skill.examples)}" if skill.examples else ""
        lines.append(f"- {skill.name}: {skill.description}{examples}")
    return "\n".join(lines)[:LONGEST_DESCRIPTION]


def _result(reply: Reply) -> dict[str, Any]:
    """Return a reply as the result of a tool: text for whoever reads only that, and the same with its parts kept apart."""
    data = [encode(one).decode() for one in reply.data]
    said = {"text": "\n\n".join(reply.texts), "data": reply.data, "task": reply.task, "context": reply.context}
    state = short_state(reply.state)
    texts = [*reply.texts, *data] or [f"The task of the agent is {state}, and it says nothing."]
    return {
        "content": [{"type": "text", "text": text} for text in texts],
        "structuredContent": {"state": state, **{key: value for key, value in said.items() if value}},
        "isError": reply.state in _FAILURES,
    }
