"""What an agent can do with conversations."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from outrider.core.codec import to_builtins
from outrider.sidecar.memory.limits import MAX_BATCH, MAX_LISTED, MAX_WINDOW
from outrider.sidecar.memory.model import Message, Scope
from outrider.sidecar.memory.store import DEFAULT_LIMIT, ConversationStore
from outrider.sidecar.memory.verbs import Arguments, Verb


class NewMessage(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A message; an id makes a repeated call harmless."""

    role: str
    content: Any
    id: str = ""
    tokens: Annotated[int, msgspec.Meta(ge=0)] = 0


class Append(Arguments):
    """Messages for the end of a session."""

    session: str
    messages: Annotated[list[NewMessage], msgspec.Meta(max_length=MAX_BATCH)]


class Window(Arguments):
    """Which messages are wanted; as many of the newest as fit."""

    session: str
    tokens: Annotated[int, msgspec.Meta(ge=0)] | None = None
    last: Annotated[int, msgspec.Meta(ge=0, le=MAX_WINDOW)] | None = None


class Sessions(Arguments):
    """Which part of the list is wanted."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_LISTED)] = DEFAULT_LIMIT
    after: str = ""


class Summarise(Arguments):
    """A summary for the place of a session's messages up to one of them."""

    session: str
    up_to: str
    summary: NewMessage


class Forget(Arguments):
    """The session that is to be forgotten."""

    session: str


class ConversationVerbs:
    """The verbs of a memory.

    Args:
        store: Where it is kept.
        scope: Which one it is.
        appended: Hears of a session that has grown.
    """

    def __init__(
        self, store: ConversationStore, scope: Scope, appended: Callable[[str], None] = lambda _: None
    ) -> None:
        self._store, self._scope, self._appended = store, scope, appended

    def verbs(self) -> list[Verb]:
        """Return all of them."""
        return [
            Verb(
                name="append", does="Append messages to a session of the conversation, in their order.", arguments=Append,
                run=self._append,
            ),
            Verb(
                name="window", does="Return the newest messages of a session that fit, oldest first.", arguments=Window,
                run=self._window, reads=True,
            ),
            Verb(
                name="sessions", does="List the sessions by name, with how long they are.", arguments=Sessions,
                run=self._sessions, reads=True,
            ),
            Verb(
                name="summarise", does="Put a summary in the place of a session's messages up to one of them.",
                arguments=Summarise, run=self._summarise, destroys=True,
            ),
            Verb(
                name="forget", does="Delete a session with all its messages.", arguments=Forget, run=self._forget,
                destroys=True, repeats=True,
            ),
        ]  # fmt: skip

    async def _append(self, asked: Append) -> dict[str, Any]:
        stored = await self._store.append(self._scope, asked.session, [_message(one) for one in asked.messages])
        self._appended(asked.session)
        return {"messages": [{"id": one.id, "tokens": one.tokens, "time": one.time} for one in stored]}

    async def _window(self, asked: Window) -> dict[str, Any]:
        found = await self._store.window(self._scope, asked.session, tokens=asked.tokens, last=asked.last)
        return {"messages": to_builtins(found)}

    async def _sessions(self, asked: Sessions) -> dict[str, Any]:
        found = await self._store.sessions(self._scope, limit=asked.limit, after=asked.after)
        return {"sessions": to_builtins(found)}

    async def _summarise(self, asked: Summarise) -> dict[str, Any]:
        stored = await self._store.replace(
            self._scope, asked.session, up_to=asked.up_to, summary=_message(asked.summary)
        )
        return {"message": to_builtins(stored)}

    async def _forget(self, asked: Forget) -> dict[str, Any]:
        return {"deleted": await self._store.delete(self._scope, asked.session)}


def _message(given: NewMessage) -> Message:
    return Message(id=given.id, role=given.role, content=given.content, tokens=given.tokens)
