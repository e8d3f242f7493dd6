"""Asks tools about prompts: what they say may be put in another way, or must not leave at all."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from outrider.core.codec import decode_plain
from outrider.core.errors import DeniedError, ExecutionFailedError, InvalidConfigError, LimitedError, OutriderError
from outrider.core.schema import convert
from outrider.core.sidecar_settings import HookSettings
from outrider.ports.telemetry import logger
from outrider.sidecar.llm.hooks.texts import texts_of, with_texts
from outrider.sidecar.llm.waiting import WaitingCalls
from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.tools.tool_server import ToolServer

# Of all texts of a prompt together.
LONGEST_PROMPT = 1024 * 1024
_log = logger(__name__)


class Verdict(msgspec.Struct, kw_only=True):
    """What a tool says of a prompt.

    Attributes:
        texts: What is said in place of the texts, in their order; None leaves them as they are.
        refuse: Why it must not leave; empty lets it.
    """

    texts: list[str] | None = None
    refuse: str = ""


class Hook:
    """One tool that is asked.

    Args:
        settings: Which, and for how long.
        server: It.
    """

    def __init__(self, settings: HookSettings, server: ToolServer) -> None:
        self._settings, self.server = settings, server
        self._failed = ""

    async def look(self, agent: str, alias: str, texts: Sequence[str]) -> Sequence[str]:
        """Return what may leave in place of texts.

        Raises:
            DeniedError: They must not leave.
            ExecutionFailedError: It does not say, and without its word nothing leaves.
        """
        settings = self._settings
        asked = {"arguments": {"agent": agent, "model": alias, "texts": list(texts)}}
        try:
            verdict = await self._ask(asked)
        except OutriderError as error:
            problem = f"the tool '{settings.tool}' of '{self.server.name}' says nothing of prompts: {error.message}"
            if problem != self._failed:
                _log.warning("%s", problem)
            self._failed = problem
            if settings.on_failure == "refuse":
                raise ExecutionFailedError(problem, suggestions=error.suggestions) from error
            return texts
        self._failed = ""
        if verdict.refuse:
            raise DeniedError(f"{self.server.name} refuses the prompt: {verdict.refuse[:500]}")
        return texts if verdict.texts is None else verdict.texts

    async def _ask(self, asked: dict[str, Any]) -> Verdict:
        settings = self._settings
        definition = {"name": settings.tool, "inputSchema": {"type": "object"}}
        result = await self.server.call(definition, asked, settings.timeout)
        found = result.get("structuredContent")
        if result.get("isError") or (found is None and not result.get("content")):
            raise ExecutionFailedError(
                f"server '{self.server.name}': tool '{settings.tool}' fails", found=repr(result)[:200]
            )
        verdict = convert(found if found is not None else _said(result), Verdict)
        if verdict.texts is not None and len(verdict.texts) != len(asked["arguments"]["texts"]):
            raise InvalidConfigError(
                f"server '{self.server.name}': tool '{settings.tool}' returns another number of texts",
                found=str(len(verdict.texts)), expected=str(len(asked["arguments"]["texts"])),
            )  # fmt: skip
        return verdict


class Hooks:
    """All tools that look at prompts, one after the other.

    Args:
        agent: Whose prompts.
        hooks: The tools.
    """

    def __init__(self, agent: str, hooks: Sequence[Hook]) -> None:
        self._agent, self._hooks, self._waiting = agent, hooks, WaitingCalls()

    def ask(
        self, exchange: Exchange, alias: str, go_on: Callable[[bytes], None], refuse: Callable[[OutriderError], None]
    ) -> None:  # fmt: skip
        """Have a call wait for what the tools say.

        Args:
            exchange: The call.
            alias: The model that it asks for.
            go_on: Gets the body that may leave.
            refuse: Hears why nothing may.
        """

        async def work() -> None:
            try:
                body = await self._looked_at(exchange.request.body, alias)
            except OutriderError as error:
                refuse(error)
            else:
                go_on(body)

        self._waiting.add(exchange, work())

    async def close(self) -> None:
        """Let calls that wait come to their end, and drop connections."""
        await self._waiting.close()
        await asyncio.gather(*(hook.server.close() for hook in self._hooks))

    async def _looked_at(self, body: bytes, alias: str) -> bytes:
        places = texts_of(body)
        size = sum(len(place.said) for place in places)
        if size > LONGEST_PROMPT:
            raise LimitedError(
                "the prompt is too long to be looked at", found=f"{size} characters", expected=f"at most {LONGEST_PROMPT}",
                suggestions=["send less"],
            )  # fmt: skip
        texts: Sequence[str] = [place.said for place in places]
        for hook in self._hooks if places else ():
            texts = await hook.look(self._agent, alias, texts)
        return with_texts(body, places, texts)


def _said(result: dict[str, Any]) -> Any:
    """Return what a tool has said as text, which is JSON."""
    content = result["content"]
    first = content[0] if isinstance(content, list) and content else None
    text = first.get("text") if isinstance(first, dict) else None
    if not isinstance(text, str):
        raise ExecutionFailedError("a tool that looks at prompts answers with JSON", found=repr(content)[:200])
    return decode_plain(text.encode())
