"""A memory as a server of tools: under the same grants, bounds and audit as all other tools."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from outrider.core.codec import digest
from outrider.core.errors import DeadlineExceededError, NotFoundError, OutriderError
from outrider.core.mcp.tools import ToolResult
from outrider.core.schema import convert
from outrider.core.sidecar_settings import MemorySettings
from outrider.core.tool_settings import ToolGrantSettings
from outrider.ports.clock import Clock
from outrider.ports.secrets import Resolver
from outrider.ports.telemetry import logger
from outrider.sidecar.memory.conversation_verbs import ConversationVerbs
from outrider.sidecar.memory.embedding import Embedder
from outrider.sidecar.memory.key_value_verbs import KeyValueVerbs
from outrider.sidecar.memory.model import TENANT, Scope
from outrider.sidecar.memory.opening import open_store
from outrider.sidecar.memory.store import ConversationStore, KeyValueStore, MemoryStore, VectorStore
from outrider.sidecar.memory.summaries import Summaries
from outrider.sidecar.memory.summarising import Summariser
from outrider.sidecar.memory.vector_verbs import VectorVerbs
from outrider.sidecar.memory.verbs import Verb
from outrider.sidecar.tools.tool_server import MEMORY, Definition

# How often what is too old is deleted.
SWEEP_SECONDS = 600.0
# A window of a long conversation is longer than what other tools give.
LONGEST_RESULT = 4 * 1024 * 1024
_log = logger(__name__)


class MemoryServer:
    """One memory.

    Args:
        settings: What it is.
        agent: Whose it is.
        folder: Of its files, where it names no database.
        clock: Time.
        secrets: Opens the password of its database.
        embedder: Makes vectors of texts; None where the agent brings them.
        summariser: Sums up older messages; None where the agent does.
    """

    def __init__(
        self, settings: MemorySettings, *, agent: str, folder: Path, clock: Clock, secrets: Resolver,
        embedder: Embedder | None, summariser: Summariser | None,
    ) -> None:  # fmt: skip
        self.name = f"{MEMORY}{settings.name}"
        self.version = ""
        self.left_out: Mapping[str, str] = {}
        self._settings, self._folder = settings, folder
        self._clock, self._secrets, self._embedder, self._summariser = clock, secrets, embedder, summariser
        self._summaries: Summaries | None = None
        self._scope = Scope(TENANT, agent, settings.name)
        self._store: MemoryStore | None = None
        self._verbs: dict[str, Verb] = {}
        self._definitions: list[Definition] = []
        self._opening = asyncio.Lock()

    @property
    def problem(self) -> str:
        """Why its last summary failed; empty where none did."""
        return self._summaries.problem if self._summaries is not None else ""

    def grant(self) -> ToolGrantSettings:
        """Return what of it is granted: all, under names that begin with its own."""
        return ToolGrantSettings(
            server=self.name, tools=["*"], prefix=f"{self._settings.name}_", longest_result=LONGEST_RESULT
        )

    async def list_tools(self) -> list[Definition]:
        """Return what can be done with it, once it is open.

        Raises:
            OutriderError: Its database cannot be opened now.
        """
        await self._open()
        return self._definitions

    async def call(self, definition: Definition, params: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Do something with it.

        Raises:
            OutriderError: That is not possible.
        """
        await self._open()
        verb = self._verbs.get(definition["name"])
        if verb is None:
            raise NotFoundError(f"memory '{self._settings.name}' cannot {definition['name']}", found=definition["name"])
        asked = convert(params["arguments"], verb.arguments)
        try:
            async with asyncio.timeout(timeout):
                return ToolResult(await verb.run(asked)).body()
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"memory '{self._settings.name}': no answer within {timeout:g} s", suggestions=["check its database"]
            ) from error

    async def keep_up(self) -> None:
        """Delete what is too old now and then, until cancelled."""
        while True:
            try:
                await self.sweep()
            except OutriderError as error:
                _log.warning("memory '%s': what is too old stays: %s", self._settings.name, error)
            await self._clock.sleep(SWEEP_SECONDS)

    async def sweep(self) -> int:
        """Delete what is too old, and return how much that was.

        Raises:
            OutriderError: That is not possible now.
        """
        retention = self._settings.retention
        if retention is None and self._settings.type != "kv":
            return 0
        await self._open()
        assert self._store is not None
        before = self._clock.now() - retention if retention is not None else 0.0
        return await self._store.expire(self._scope, before)

    async def close(self) -> None:
        """Finish what is under way and close the database."""
        for part in (self._summaries, self._store, self._embedder, self._summariser):
            if part is not None:
                await part.close()

    async def _open(self) -> None:
        async with self._opening:
            if self._store is None:
                self._store = await open_store(self._settings, self._folder, clock=self._clock, secrets=self._secrets)
                self._verbs = {verb.name: verb for verb in self._all_verbs(self._store)}
                self._definitions = [verb.definition() for verb in self._verbs.values()]
                self.version = digest(self._definitions)[:12]

    def _all_verbs(self, store: MemoryStore) -> list[Verb]:
        if self._settings.type == "conversation":
            return self._conversation_verbs(cast("ConversationStore", store)).verbs()
        if self._settings.type == "kv":
            return KeyValueVerbs(cast("KeyValueStore", store), self._scope).verbs()
        embed = self._embedder.embed if self._embedder is not None else None
        return VectorVerbs(cast("VectorStore", store), self._scope, self._clock, embed).verbs()

    def _conversation_verbs(self, store: ConversationStore) -> ConversationVerbs:
        if self._settings.summary is None or self._summariser is None:
            return ConversationVerbs(store, self._scope)
        self._summaries = Summaries(self._settings.summary, self._summariser, store, self._scope, clock=self._clock)
        return ConversationVerbs(store, self._scope, self._summaries.appended)
