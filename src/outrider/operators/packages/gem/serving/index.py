"""What is served of all gems at once: the list of all versions, and what is made of it.

Where other sources are asked it is theirs, without what is private here, with a line for each gem that was published here. So Bundler,
which asks for no gem that is not in it, gets all that they have.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from outrider.core.errors import NotFoundError, OutriderError
from outrider.core.remembered import Remembered
from outrider.operators.packages.gem.serving.documents import LISTED
from outrider.operators.packages.gem.serving.listing import Listing, changes, names_in, own_line, shown_of
from outrider.operators.packages.gem.serving.naming import is_closed
from outrider.operators.packages.gem.serving.source_lists import SourceLists
from outrider.operators.packages.gem.serving.texts import GrowingText, IndexText
from outrider.operators.packages.serving.accounts import Caller
from outrider.operators.packages.serving.documents import content_of
from outrider.operators.packages.serving.hub import Hub
from outrider.ports.telemetry import logger

_log = logger(__name__)

_HEAD = b"---\n"
_MOST_MADE = 12
_AT_A_TIME = 200
# What is made of all gems of other sources is made anew no sooner than that; what is published here is seen at once.
_OTHERS_SECONDS = 600.0
_JUDGED_SECONDS = 60.0


class _Made(NamedTuple):
    """Something that was made of a list: of which, when, and after how many changes of what is here."""

    md5: str
    at: float
    changes: int
    served: IndexText


class GemIndex:
    """Has the list.

    Args:
        hub: Has the gems.
        others: The lists of other sources; None where none are known.
    """

    def __init__(self, hub: Hub, others: SourceLists | None) -> None:
        self._hub = hub
        self._others = None if hub.settings.cache_only else others
        self._lock, self._making = asyncio.Lock(), asyncio.Lock()
        self._text = GrowingText(_HEAD)
        self._taken: tuple[str, ...] | None = None
        self._prefix = (0, "")
        self._alone = True
        self._said: dict[str, str] = {}
        self._lines: dict[str, tuple[str, str]] = {}
        self._changes, self._own = -1, 0
        self._made = Remembered[tuple[str, tuple[str, ...]], _Made](_MOST_MADE)
        self._parts = Remembered[tuple[str, ...], tuple[str, GrowingText]](_MOST_MADE)

    async def text(self, caller: Caller) -> GrowingText:
        """Return the list as somebody may see it.

        Raises:
            OutriderError: Nothing is known of another source, and it says this.
        """
        if self._others is not None:
            await self._others.look(self._hub.settings.fresh)
        async with self._lock:
            await self._take_others()
            await self._take_own()
            return await self._for(caller)

    async def made(self, caller: Caller, kind: str, make: Callable[[Listing], IndexText]) -> IndexText:
        """Return something that is made of the list.

        Args:
            caller: Who may see it.
            kind: What it is called.
            make: Makes it.

        Raises:
            OutriderError: As `text`.
        """
        text = await self.text(caller)
        async with self._making:
            found = self._made.get((kind, caller.patterns))
            if found is None or not self._is_new(found, text):
                content, md5, own = text.content, text.md5, self._own
                refused = await self._refused()
                result = await asyncio.to_thread(lambda: make(Listing(content, refused)))
                found = self._made[kind, caller.patterns] = _Made(md5, self._hub.clock.now(), own, result)
            return found.served

    def _is_new(self, found: _Made, text: GrowingText) -> bool:
        age = self._hub.clock.now() - found.at
        if self._hub.gate.judges:
            return found.changes == self._own and age < _JUDGED_SECONDS
        return found.md5 == text.md5 or (found.changes == self._own and age < _OTHERS_SECONDS)

    async def _take_others(self) -> None:
        if self._others is None or self._others.state == self._taken:
            return
        state, contents = self._others.state, await self._others.contents()
        await asyncio.to_thread(self._have, contents)
        self._taken = state

    def _have(self, contents: list[bytes]) -> None:
        """Put what came behind the lists of others to the end, or begin anew where that is not all."""
        contents = [one for one in contents if one]
        length, digest = self._prefix
        first = contents[0] if contents else b""
        if length and len(contents) == 1 and first[length - 1 : length] == b"\n" and _hash(first[:length]) == digest:
            self._text.add(self._shown(first[length:], frozenset()))
        else:
            self._text, self._said = GrowingText(self._joined(contents)), {}
        self._alone, self._changes = not contents, -1
        self._prefix = (len(first), _hash(first)) if len(contents) == 1 else (0, "")

    def _joined(self, contents: list[bytes]) -> bytes:
        """Return the lists as one; a gem is that of the first source that has it."""
        joined, seen = b"", frozenset[str]()
        for content in contents:
            shown = self._shown(content, seen)
            joined += shown.partition(_HEAD)[2] if joined else shown
            joined += b"" if joined.endswith(b"\n") else b"\n"
            seen |= names_in(content) if len(contents) > 1 else seen
        return joined or _HEAD

    def _shown(self, content: bytes, seen: frozenset[str]) -> bytes:
        def hidden(name: str) -> bool:
            return name in seen or is_closed(self._hub, name)

        some = bool(self._hub.settings.private or seen)
        return shown_of(content, hidden if some else None, asking=self._hub.gate.judges)

    async def _take_own(self) -> None:
        """Put to the end what has changed of the gems that are here."""
        changed = self._hub.store.changes()
        if changed == self._changes:
            return
        said = {name: line for name in self._names() if (line := await self._line(name))}
        if piece := changes(self._said, said):
            self._text.add(piece)
            self._own += 1
        self._said, self._changes = said, changed

    def _names(self) -> list[str]:
        tables, ecosystem = self._hub.store.tables, self._hub.ecosystem
        if self._alone:
            return tables.names(ecosystem)
        return [name for name in tables.names(ecosystem, hosted=True) if self._hub.is_private(name)]

    async def _line(self, name: str) -> str:
        """Return what the list says of a gem; nothing of one of which nothing may be installed."""
        hub = self._hub
        private = hub.is_private(name)
        if private or hub.store.tables.document(hub.ecosystem, name, LISTED) is None:
            try:
                await hub.package(name)
            except NotFoundError:
                return ""
            except OutriderError as error:
                if private:
                    raise
                # What others have, and nobody could judge or fetch again, hides nothing else.
                _log.warning("gem %s: it is left out of the list: %s", name, error)
                return ""
        document = hub.store.tables.document(hub.ecosystem, name, LISTED)
        if document is None:
            return ""
        digest, line = self._lines.get(name, ("", ""))
        if digest != document.digest:
            content = content_of(document, "identity", hub.store.blobs)
            line = (await hub.content(name, LISTED) if content is None else content).decode()
            self._lines[name] = (document.digest, line)
        # Of others nothing else tells a client that there is more now.
        asking = hub.gate.judges or not (private or hub.settings.cache_only)
        return own_line(line, asking=asking)

    async def _for(self, caller: Caller) -> GrowingText:
        """Return the list without the gems that somebody may not see."""
        if not caller.patterns:
            return self._text
        md5, content = self._text.md5, self._text.content
        known = self._parts.get(caller.patterns)
        if known is None or known[0] != md5:

            def part() -> GrowingText:
                return GrowingText(shown_of(content, lambda name: not caller.may("read", f"gem:{name}"), asking=False))

            known = self._parts[caller.patterns] = (md5, await asyncio.to_thread(part))
        return known[1]

    async def _refused(self) -> Mapping[str, list[str]]:
        """Return the versions that are refused of the gems that were asked for here."""
        if not self._hub.gate.judges:
            return {}
        tables, ecosystem = self._hub.store.tables, self._hub.ecosystem
        found: dict[str, list[str]] = {}
        for at, name in enumerate(tables.names(ecosystem)):
            if at % _AT_A_TIME == 0:
                await asyncio.sleep(0)
            state = tables.state(ecosystem, name)
            if state is not None and state.refused:
                found[name] = [*state.refused]
        return found


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
