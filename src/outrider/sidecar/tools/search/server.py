"""The search for tools, as a server with one tool: under the same grants, bounds and audit as all others."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from outrider.core.codec import digest, encode
from outrider.core.mcp.tools import ToolResult
from outrider.core.schema import convert
from outrider.core.tool_settings import ToolGrantSettings, ToolSearchSettings
from outrider.sidecar.memory.verbs import Arguments, Verb
from outrider.sidecar.tools.catalogue import Exposed
from outrider.sidecar.tools.search.lexical import WordIndex
from outrider.sidecar.tools.search.meaning import Meaning
from outrider.sidecar.tools.search.words import spoken, text_of
from outrider.sidecar.tools.tool_server import FIND_TOOLS, MEMORY, SEARCH, Definition

MOST_QUERY, MOST_FOUND = 1000, 20
# Letters: small models take no more, and fail where they are given it.
LONGEST_EMBEDDED = 1000
# Of what is found together: a definition that does not fit is left out. A result holds it twice, once as text.
LONGEST_FOUND, LONGEST_RESULT = 256 * 1024, 2 * 1024 * 1024
# Reciprocal rank fusion, with the constant of Cormack, Clarke and Büttcher, SIGIR 2009.
FUSION = 60
DOES = (
    "Find tools by what they do. There are many more tools than those that are listed: describe in a few words what is to be "
    "done, and call one of the tools that are returned by its name, with arguments as its inputSchema says."
)


class Wanted(Arguments):
    """What is looked for."""

    query: Annotated[
        str,
        msgspec.Meta(min_length=1, max_length=MOST_QUERY, description="what a tool is to do, such as: create an issue"),
    ]
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_FOUND, description="how many tools to return at most")] = 8


class _Known(msgspec.Struct, frozen=True):
    """Tools, and their words."""

    tools: Sequence[Exposed]
    words: WordIndex


class ToolSearch:
    """The search, over what the catalogue exposes.

    Args:
        settings: What is listed all the same.
        meaning: Ranks by meaning; None goes by words only.
    """

    def __init__(self, settings: ToolSearchSettings, meaning: Meaning | None) -> None:
        self._verb = Verb(name=FIND_TOOLS, does=DOES, arguments=Wanted, run=self._find, reads=True)
        self.name = SEARCH
        self.version = digest(self._verb.definition())[:12]
        self.left_out: Mapping[str, str] = {}
        self._up_to, self._meaning = settings.list_up_to, meaning
        self._tools: list[Exposed] = []
        self._known: _Known | None = None
        self._reading = asyncio.Lock()

    @property
    def problem(self) -> str:
        """What is wrong with it."""
        return self._meaning.problem if self._meaning is not None else ""

    def grant(self) -> ToolGrantSettings:
        """Return what of it is granted: all."""
        return ToolGrantSettings(server=self.name, tools=[FIND_TOOLS], longest_result=LONGEST_RESULT)

    def listed(self, tools: Sequence[Exposed]) -> list[Exposed]:
        """Return what of all tools is listed: where they are few all but the search, else the search and the memories.

        What was found does not come to the list, so that what models remember of it stays true.
        """
        few = sum(not _is_own(one) for one in tools) <= self._up_to
        return [one for one in tools if (one.server is not self if few else _is_own(one))]

    def expose(self, tools: Iterable[Exposed]) -> None:
        """Look among these from now on, but for those that would be refused."""
        found = [one for one in tools if not _is_own(one) and one.changed != "schema"]
        if _marks(found) == _marks(self._tools):
            return
        self._tools = found
        if self._meaning is not None:
            self._meaning.learn({one.hash: _text(one.definition) for one in found})

    async def list_tools(self) -> list[Definition]:
        """Return the definition of the search."""
        return [self._verb.definition()]

    async def call(self, definition: Definition, params: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Search.

        Raises:
            InvalidConfigError: The arguments are others than it takes.
        """
        del definition, timeout
        return ToolResult(await self._verb.run(convert(params["arguments"], Wanted))).body()

    async def keep_up(self) -> None:
        """Do what the search by meaning needs, until cancelled."""
        if self._meaning is not None:
            await self._meaning.keep_learning()

    async def close(self) -> None:
        """Drop connections."""
        if self._meaning is not None:
            await self._meaning.close()

    async def _find(self, wanted: Wanted) -> dict[str, Any]:
        vector = await self._meaning.of(wanted.query) if self._meaning is not None else None
        known = await self._read()
        ranked = known.words.rank(wanted.query)
        if self._meaning is not None and vector is not None:
            hashes = [one.hash for one in known.tools]
            by_meaning = await asyncio.to_thread(self._meaning.rank, vector, hashes)
            ranked = fused([[number for number, _ in ranked], by_meaning])
        return {"tools": _shown((known.tools[number], score) for number, score in ranked[: wanted.limit])}

    async def _read(self) -> _Known:
        """Return the tools with their words, which are read again only when there are others."""
        async with self._reading:
            if self._known is None or self._known.tools is not self._tools:
                tools = self._tools
                words = await asyncio.to_thread(_index, tools)
                self._known = _Known(tools, words)
            return self._known


def fused(rankings: Iterable[Sequence[int]]) -> list[tuple[int, float]]:
    """Return what several rankings say together, with scores, best first."""
    scores: dict[int, float] = defaultdict(float)
    for ranking in rankings:
        for place, number in enumerate(ranking, 1):
            scores[number] += 1 / (FUSION + place)
    return sorted(scores.items(), key=lambda one: (-one[1], one[0]))


def _is_own(tool: Exposed) -> bool:
    """Return whether a tool is the sidecar's own, and listed in any case."""
    return tool.server.name.startswith((SEARCH, MEMORY))


def _marks(tools: Iterable[Exposed]) -> list[tuple[str, str]]:
    return [(one.name, one.hash) for one in tools]


def _index(tools: Sequence[Exposed]) -> WordIndex:
    return WordIndex([spoken(one.name, one.definition) for one in tools])


def _text(definition: Definition) -> str:
    """Return what is embedded of a tool: nothing but what its hash is made of, as it is done once for each hash."""
    does = text_of(definition, "description") or text_of(definition, "title")
    return f"{definition['name']}: {does}"[:LONGEST_EMBEDDED]


def _shown(ranked: Iterable[tuple[Exposed, float]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    room = LONGEST_FOUND
    for tool, score in ranked:
        said = tool.definition
        one = {
            "name": tool.name, "description": said.get("description", ""),
            "inputSchema": said.get("inputSchema", {"type": "object"}), "score": round(score, 4),
        }  # fmt: skip
        size = len(encode(one))
        if size <= room:
            room -= size
            found.append(one)
    return found
