"""Everything that serves an agent by one version of its settings."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.sidecar_settings import SidecarSettings
from outrider.ports.clock import Clock
from outrider.ports.secrets import Resolver
from outrider.ports.telemetry import logger
from outrider.sidecar.activity import ActivityFeed, RefusedCall, ToolUse
from outrider.sidecar.llm.agent import Agent
from outrider.sidecar.llm.buckets import Limits
from outrider.sidecar.llm.budget import Budget
from outrider.sidecar.llm.building import (
    HOOKS,
    build_budget,
    build_cache,
    build_guard,
    build_hooks,
    build_limits,
    build_routes,
    build_samples,
    build_shares,
)
from outrider.sidecar.llm.dialects import client_key
from outrider.sidecar.llm.gate import LlmGate
from outrider.sidecar.llm.ledger import Entry, Ledger
from outrider.sidecar.llm.prices import known_prices
from outrider.sidecar.llm.routes import Route
from outrider.sidecar.llm.script import read_script
from outrider.sidecar.own_gateway import listen_for_own, own_address
from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.messages import Request
from outrider.sidecar.proxy.pool import Target
from outrider.sidecar.proxy.proxy import Proxy
from outrider.sidecar.spans import Spans
from outrider.sidecar.tools.status import ToolsStatus
from outrider.sidecar.totals import Totals

if TYPE_CHECKING:
    from outrider.sidecar.llm.cache import ResponseCache
    from outrider.sidecar.llm.hooks.hooks import Hooks
    from outrider.sidecar.llm.shares.shares import Shares
    from outrider.sidecar.otlp import OtlpGate
    from outrider.sidecar.tools.building import Tools
    from outrider.sidecar.tools.gate import ToolGate

OTLP_PATHS = (b"/v1/traces", b"/v1/metrics", b"/v1/logs")
TOOL_PATHS = (b"/mcp", b"/v1/tools")
KEY_SECONDS = 30.0
# How long calls of tools that have begun may go on by old settings.
LONGEST_CALL = 600.0
# What a running sidecar cannot change: others know it by these, or it has begun with them.
FIXED = ("agent", "listen", "state", "control", "admin", "egress", "tasks")
_SECRETS = ("secret_sources", "secrets", "folder", "keys", "protected")
_log = logger(__name__)


class Lasting(msgspec.Struct, kw_only=True, frozen=True):
    """What stays from one version of the settings to the next."""

    clock: Clock
    proxy: Proxy
    ledger: Ledger
    feed: ActivityFeed
    totals: Totals
    spans: Spans | None


class Generation:
    """What serves an agent by one version of the settings.

    Args:
        number: Of the version, from 1 on.
        settings: They.
        lasting: What it shares with others.
        before: The one in whose place it comes.

    Attributes:
        secrets: Opens them.
        gate: Of the models.
        tools: None where the agent has none.
        agent: Whose calls it takes.
        routes: By the names that the agent uses.
        shares: What other sidecars share; None where this one is alone.
        hooks: Tools that look at prompts; None where none does.
        cache: Answers that are given again; None where none are.
    """

    def __init__(
        self, number: int, settings: SidecarSettings, lasting: Lasting, before: "Generation | None" = None
    ) -> None:  # fmt: skip
        self.number, self.settings = number, settings
        self._lasting, self._clock = lasting, lasting.clock
        # What is kept of the one before opens secrets by its resolver, which knows what to mask.
        self.secrets: Resolver = (
            before.secrets
            if before is not None and _same(before.settings, settings, _SECRETS)
            else Resolver.declared(settings.secret_sources, folder=settings.folder, store=settings.secrets)
        )
        self.currency = known_prices(settings.llm.prices).currency
        self.gate: LlmGate
        self.tools: Tools | None = None
        self.agent: Agent
        self._tool_gate: ToolGate | None = None
        self._otlp: OtlpGate | None = None
        self.shares: Shares | None = None
        self.hooks: Hooks | None = None
        self.cache: ResponseCache | None = None
        self.routes: dict[str, Route] = {}
        self._work: set[asyncio.Task[None]] = set()

    async def open(self, before: "Generation | None" = None) -> None:
        """Make everything, while another one serves.

        Args:
            before: That one; what has not changed is taken from it.

        Raises:
            OutriderError: Something of the settings cannot be. The one before serves on.
        """
        if before is not None:
            _check_changes(before.settings, self.settings)
        self.shares = before.shares if before is not None else await self._open_shares()
        if before is not None and _same(before.settings, self.settings, ("llm", *_SECRETS)):
            self.routes, self.agent, self.gate = before.routes, before.agent, before.gate
            self.hooks, self.cache = before.hooks, before.cache
        else:
            await self._open_gate(before)
        await listen_for_own(self.settings, self._lasting.proxy)
        await self._open_otlp()
        await self._open_tools(before)

    async def _open_gate(self, before: "Generation | None") -> None:
        settings, lasting = self.settings.llm, self._lasting
        self.routes = build_routes(settings, lasting.proxy)
        keys = frozenset(
            [(await self.secrets.fetch(one.secret, one.key)).reveal().encode() for one in self.settings.keys]
        )
        self.agent = Agent(self.settings.agent, keys, self._limits(before), await self._budget(before))
        script = read_script(settings.offline) if settings.offline is not None else None
        if script is None:
            await self._open_keys(first=True)
        self.hooks = self._open_hooks()
        self.cache = build_cache(settings, self._clock, own_address(self.settings))
        self.gate = LlmGate(
            self.agent, self.routes, lasting.ledger, now=self._clock.monotonic, wall=self._clock.now,
            usual_answer=settings.usual_answer, script=script, told=self._called,
            trace=lasting.spans.called if lasting.spans is not None else None, currency=self.currency,
            guard=build_guard(settings), cache=self.cache,
            samples=build_samples(settings, self.settings.state, self._clock), shares=self.shares, hooks=self.hooks,
        )  # fmt: skip

    def begin(self) -> None:
        """Do what is done now and then, from now on."""
        work: list[Coroutine[Any, Any, None]] = [self._renew_keys()]
        if self.shares is not None:
            work.append(self.shares.keep_telling())
        if self._otlp is not None:
            work.append(self._otlp.keep_open())
        if self.tools is not None:
            work += self.tools.background()
        self._work = {asyncio.get_running_loop().create_task(one) for one in work}

    def follow(self, before: "Generation") -> None:
        """Take the place of another one: what it still has in flight counts here from now on."""
        before.rest()
        mine, others = self.agent, before.agent
        if mine is others:
            return
        mine.limits.follow(others.limits)
        if mine.budget is not None and others.budget is not None:
            mine.budget.follow(others.budget, self._clock.now())
        others.limits, others.budget = mine.limits, mine.budget

    def rest(self) -> None:
        """Do no more of what is done now and then."""
        for task in self._work:
            task.cancel()

    def decide(self, exchange: Exchange) -> None:
        """Hand a request to the gate of the models, or to that of the tools."""
        if self._tool_gate is not None and exchange.request.target.startswith(TOOL_PATHS):
            self._tool_gate.decide(exchange)
        elif self._otlp is not None and exchange.request.target.startswith(OTLP_PATHS):
            self._otlp.decide(exchange)
        else:
            self.gate.decide(exchange)

    def tools_status(self) -> ToolsStatus:
        """Return how the tools do."""
        return self.tools.status() if self.tools is not None else ToolsStatus(tools=[], problems={})

    async def close(self, after: "Generation | None" = None, *, grace: float) -> None:
        """Let calls of tools end for so many seconds, and give back what the one after it has not taken."""
        self.rest()
        if self._work:
            await asyncio.wait(self._work)
        for target in self.targets() - (after.targets() if after is not None else set()):
            target.retire()
        if after is not None and after.gate is not self.gate:
            await self.close_gate()
        kept = after.tools if after is not None else None
        if self.tools is None or self._tool_gate is None or self.tools is kept:
            return
        try:
            await self._tool_gate.close(grace)
        finally:
            await self.tools.close(kept)

    def targets(self) -> set[Target]:
        """Return whom it sends requests to."""
        found = {provider.target for route in self.routes.values() for provider in route.providers}
        return found | ({self._otlp.target} if self._otlp is not None else set())

    async def discard(self, before: "Generation") -> None:
        """Give back what was made, but for what the one before has."""
        for target in self.targets() - before.targets():
            target.retire()
        if getattr(self, "gate", None) is not before.gate:
            await self.close_gate()
        if self.tools is not None and self.tools is not before.tools:
            await self.tools.close(before.tools)

    async def close_gate(self) -> None:
        """Drop what calls of models need besides providers; those that wait for it go on before."""
        if self.hooks is not None:
            await self.hooks.close()
        if self.cache is not None:
            await self.cache.close()

    async def close_shares(self) -> None:
        """Give back what was drawn and not used, once the last call has ended."""
        if self.shares is not None:
            await self.shares.close()

    def _admits(self, request: Request) -> bool:
        return self.agent.admits(client_key(request.key))

    def _open_hooks(self) -> "Hooks | None":
        if not self.settings.llm.hooks:
            return None
        from outrider.sidecar.tools.servers.opening import Surroundings  # noqa: PLC0415 - most agents have none

        state = self.settings.state
        around = Surroundings(
            secrets=self.secrets, state=state / HOOKS, protected=[*self.settings.protected, state], changed=lambda: None,
            clock=self._clock,
        )  # fmt: skip
        return build_hooks(self.settings.llm, self.settings.agent, around)

    async def _open_shares(self) -> "Shares | None":
        return await build_shares(
            self.settings.llm, self.settings.agent, self.settings.state, self.secrets, self._clock
        )  # fmt: skip

    def _limits(self, before: "Generation | None") -> Limits:
        if before is not None and before.settings.llm.limits == self.settings.llm.limits:
            return before.agent.limits
        return build_limits(self.settings.llm.limits, self._clock, self.shares)

    async def _budget(self, before: "Generation | None") -> Budget | None:
        if before is not None and before.settings.llm.budget == self.settings.llm.budget:
            return before.agent.budget
        settings, ledger = self.settings.llm.budget, self._lasting.ledger
        return await asyncio.to_thread(build_budget, settings, ledger, self._clock.now(), self.shares)

    async def _open_otlp(self) -> None:
        """Hand on what the program sends of telemetry, where that goes anywhere."""
        settings = self.settings.telemetry
        if settings is None:
            return
        from outrider.sidecar.otlp import OtlpGate  # noqa: PLC0415 - most agents send none

        self._otlp = OtlpGate(
            settings, self._lasting.proxy, self.secrets, self._admits, keyless=not self.agent.keys
        )  # fmt: skip
        await self._otlp.open()

    async def _open_tools(self, before: "Generation | None") -> None:
        """Offer the tools, where any is granted; what they need is imported only then."""
        settings = self.settings
        if not settings.tools.grants and not settings.memories:
            return
        from outrider.sidecar.own_servers import own_servers  # noqa: PLC0415 - see above
        from outrider.sidecar.tools.building import Tools  # noqa: PLC0415 - see above

        kept = before.tools if before is not None and _same(before.settings, settings, _SECRETS) else None
        own = await own_servers(settings, self.secrets, self._clock, kept.own if kept else {})
        self.tools = Tools(
            settings.tools, agent=settings.agent, state=settings.state, secrets=self.secrets, clock=self._clock,
            used=self._used, asked=self._lasting.feed.add, own=own, protected=settings.protected, before=kept,
        )  # fmt: skip
        self._tool_gate = self.tools.gate(self._admits, keyless=not self.agent.keys)

    def _called(self, call: Entry | RefusedCall) -> None:
        self._lasting.feed.add(call)
        if isinstance(call, Entry):
            self._lasting.totals.called(call)
        else:
            self._lasting.totals.refused(call)

    def _used(self, use: ToolUse) -> None:
        self._lasting.feed.add(use)
        self._lasting.totals.used(use)
        if self._lasting.spans is not None:
            self._lasting.spans.used(use, self._clock.now())

    async def _renew_keys(self) -> None:
        while self.settings.llm.offline is None:
            await self._clock.sleep(KEY_SECONDS)
            with suppress(OutriderError):
                await self._open_keys(first=False)

    async def _open_keys(self, *, first: bool) -> None:
        """Read the providers' keys; one that cannot be read later stays what it was.

        Raises:
            OutriderError: At first one cannot be read.
        """
        for route in self.settings.llm.routes:
            for settings, provider in zip(route.providers, self.routes[route.alias].providers, strict=True):
                if settings.key is None:
                    continue
                try:
                    provider.use_key(await self.secrets.fetch(settings.key.secret, settings.key.key))
                except (OutriderError, OSError) as error:
                    if first:
                        raise
                    _log.warning("the key of %s stays as it was: %s", settings.provider, error)


def _same(one: Any, other: Any, fields: tuple[str, ...]) -> bool:
    return all(getattr(one, field) == getattr(other, field) for field in fields)


def _check_changes(before: SidecarSettings, after: SidecarSettings) -> None:
    """Refuse what a running sidecar cannot change.

    Raises:
        InvalidConfigError: The field is named.
    """
    changed = [field for field in FIXED if getattr(before, field) != getattr(after, field)]
    if (before.llm.shared or after.llm.shared) and not _same(before.llm, after.llm, ("shared", "limits", "budget")):
        changed.append("llm.shared, or limits or budget beside it")
    if changed:
        raise InvalidConfigError(
            "a running sidecar cannot change this", path=changed[0], found=", ".join(changed), expected="what it was started with",
            suggestions=["start the sidecar again"],
        )  # fmt: skip
