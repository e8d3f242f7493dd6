"""The gate of the models: who calls, what they may ask, what it may cost, and who answers."""

import itertools
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from outrider.core.codec import decode_plain, encode
from outrider.core.errors import DeniedError, InvalidConfigError, LimitedError, OutriderError
from outrider.core.identifiers import time_ordered
from outrider.sidecar.activity import RefusedCall
from outrider.sidecar.llm import scripted
from outrider.sidecar.llm.admission import Admission
from outrider.sidecar.llm.agent import Agent
from outrider.sidecar.llm.attempt import Record
from outrider.sidecar.llm.bodies import Call
from outrider.sidecar.llm.dialects import (
    HEALTH,
    MODELS,
    Endpoint,
    client_key,
    endpoint_of,
)
from outrider.sidecar.llm.ledger import Entry, Ledger
from outrider.sidecar.llm.outgoing import prepared
from outrider.sidecar.llm.refusals import Refusals, refuse
from outrider.sidecar.llm.requests import read_call, split_key
from outrider.sidecar.llm.routes import Provider, Route
from outrider.sidecar.llm.script import Script
from outrider.sidecar.llm.scripted_answers import scripted_answer
from outrider.sidecar.llm.status import GatewayStatus, budget_status, route_status
from outrider.sidecar.llm.usage import Usage
from outrider.sidecar.proxy.exchange import Exchange
from outrider.sidecar.proxy.gate import Attempt, Failure
from outrider.sidecar.proxy.messages import JSON_FIELDS, Field, value_of

if TYPE_CHECKING:
    from outrider.sidecar.llm.cache import Answer, ResponseCache
    from outrider.sidecar.llm.guard.guard import Guard
    from outrider.sidecar.llm.hooks.hooks import Hooks
    from outrider.sidecar.llm.samples import Samples
    from outrider.sidecar.llm.shares.shares import Shares

# A call that is never settled holds its money no longer than this.
RESERVED_SECONDS = 3600.0
# Events of a stream that are no token of the answer: its beginning and its end.
MORE_EVENTS = 16
_NOBODY = Failure("no provider may be asked now")
# Names the provider of an answer that was given before, and tells a client of it.
CACHE = "cache"
HIT: Field = (b"x-outrider-cache", b"hit")
SIMILAR: Field = (b"x-outrider-cache", b"similar")


class LlmGate:
    """Decides about calls of models.

    Args:
        agent: Who calls.
        routes: Whom to ask, by the name that the agent uses for a model.
        ledger: Takes every call.
        now: Seconds of a clock that cannot be set.
        wall: Seconds since the epoch.
        usual_answer: Tokens that are reserved for an answer where the client names no bound.
        script: Answers in place of every provider; None to ask them.
        told: Hears of every call that has ended, or was refused.
        currency: Of the prices.
        trace: Hears of every call with its record, where spans are sent.
        guard: Takes out of calls and answers what must not pass.
        cache: Gives answers again to the same call, or to one like it.
        samples: Keeps what a share of the calls says.
        shares: What other sidecars of the agent share with this one.
        hooks: Tools that look at prompts.
    """

    def __init__(
        self, agent: Agent, routes: Mapping[str, Route], ledger: Ledger, *, now: Callable[[], float],
        wall: Callable[[], float], usual_answer: int, script: Script | None = None,
        told: Callable[[Entry | RefusedCall], None] = lambda _: None, currency: str = "USD",
        trace: Callable[[Record, Entry], None] | None = None, guard: "Guard | None" = None,
        cache: "ResponseCache | None" = None, samples: "Samples | None" = None, shares: "Shares | None" = None,
        hooks: "Hooks | None" = None,
    ) -> None:  # fmt: skip
        self._agent, self._hooks = agent, hooks
        self._refusals = Refusals(told)
        self._admission = Admission(agent, ledger, self._refusals, now=now, offline=script is not None, shares=shares)
        self._routes = routes
        self._ledger = ledger
        self._now, self._wall = now, wall
        self._usual_answer = usual_answer
        self._script = script
        self._told = told
        self._currency = currency
        self._trace = trace
        self._guard, self._cache, self._samples = guard, cache, samples
        # A call's id is that of this process and a number: one is made for every call.
        self._series = time_ordered(wall(), os.urandom(10))
        self._numbers = itertools.count()
        self._own_key = cache.own_key if cache is not None else None
        # Fields as nearly every client sends them, which need no taking apart.
        self._accepted = frozenset(one for key in agent.keys for one in (key, b"Bearer " + key)) | {self._own_key}
        models = [{"id": alias, "object": "model", "created": 0, "owned_by": "outrider"} for alias in sorted(routes)]
        self._models = encode({"object": "list", "data": models})

    def decide(self, exchange: Exchange) -> None:
        """Answer, refuse or forward a call."""
        request = exchange.request
        path, _, query = request.target.partition(b"?")
        found = endpoint_of(request.method, path)
        if found is None:
            refuse(
                exchange,
                "openai",
                404,
                "not_found",
                f"{request.method.decode()} {path.decode('latin-1')} is not offered",
            )
            return
        endpoint, named = found
        if endpoint is HEALTH:
            exchange.answer(200, JSON_FIELDS, b'{"status":"ok"}')
            return
        key, query = split_key(query) if query else (b"", query)
        if request.key not in self._accepted and not self._agent.admits(client_key(request.key) or key):
            refuse(exchange, endpoint.dialect, 401, "invalid_api_key", "the key is not one of this gateway")
            return
        if request.origin and not self._agent.keys:
            # Any page that a browser on this machine shows could spend the agent's money.
            refuse(exchange, endpoint.dialect, 403, "origin_refused", "web pages may not call a gateway without keys")
            return
        if not endpoint.charged and request.method == b"GET":
            exchange.answer(200, JSON_FIELDS, self._models if endpoint is MODELS else encode(self.status()))
            return
        self._call(exchange, endpoint, path=path + b"?" + query if query else path, named=named)

    def _call(self, exchange: Exchange, endpoint: Endpoint, *, path: bytes, named: bytes) -> None:
        """Look at a call: of which route, and whether it may begin."""
        request = exchange.request
        try:
            call, size = read_call(request, endpoint, self._guard)
        except DeniedError as error:
            self._refusals.request(exchange, endpoint, 400, "content_refused", error.message)
            return
        except InvalidConfigError as error:
            self._refusals.request(exchange, endpoint, 400, "invalid_request_error", error.message)
            return
        alias = unquote_to_bytes(named).decode("utf-8", "replace") if named else call.model
        route = self._routes.get(alias)
        if route is None:
            names = ", ".join(sorted(self._routes)) or "none"
            reason = f"no route is called '{alias}'; there are: {names}"
            self._refusals.request(exchange, endpoint, 404, "model_not_found", reason, alias=alias)
            return
        record = Record(
            id=f"{self._series}-{next(self._numbers)}", alias=alias, endpoint=endpoint, call=call,
            path=path, size=size, began=self._now(), moment=self._wall(), inside=request.key == self._own_key,
        )  # fmt: skip
        if self._trace is not None:
            record.traceparent = value_of(request.fields, b"traceparent")
        if self._hooks is not None and not record.inside:  # what the sidecar asks itself was looked at
            self._show(exchange, record, route, self._hooks)
        else:
            self._begin(exchange, record, route)

    def _show(self, exchange: Exchange, record: Record, route: Route, hooks: "Hooks") -> None:
        """Have tools look at a prompt, and begin with what may leave."""
        if record.endpoint.form:
            reason = "prompts are looked at here, and of a form nobody can say what it holds"
            self._refusals.call(exchange, record, 400, "content_refused", reason)
            return

        def go_on(body: bytes) -> None:
            exchange.request.body, record.call, record.size = body, Call(body), len(body)
            record.tried = self._now()
            self._begin(exchange, record, route)

        def refused(error: OutriderError) -> None:
            is_word = isinstance(error, DeniedError | LimitedError)
            status, code = (400, "content_refused") if is_word else (503, "hook_failed")
            self._refusals.call(exchange, record, status, code, error.message)

        hooks.ask(exchange, record.alias, go_on, refused)

    def status(self) -> GatewayStatus:
        """Return how the gateway does."""
        agent = self._agent
        return GatewayStatus(
            agent=agent.name, running=agent.limits.running, ledger=self._ledger.problem, offline=self._script is not None,
            budget=budget_status(agent.budget, self._wall()),
            routes=[route_status(self._routes[alias]) for alias in sorted(self._routes)],
            guarded=dict(self._guard.hits) if self._guard is not None else {}, shares=self._admission.problem,
            cache=self._cache.problem if self._cache is not None else "",
        )  # fmt: skip

    def _by_script(self, exchange: Exchange, record: Record, script: Script) -> None:
        """Answer in place of the providers."""
        stream = record.endpoint.streams or (record.call.stream and record.endpoint.name != scripted.EMBEDDINGS)
        try:
            body, usage = scripted_answer(record, decode_plain(exchange.request.body), script, stream=stream)
        except InvalidConfigError as error:
            self._admission.leave(record)
            self._refusals.call(exchange, record, 400, "invalid_request_error", error.message)
            return
        if self._guard is not None:
            body = self._guard.answer(body, stream=stream)
        noted = self.entry(record, "whole", status=200)
        noted.provider = noted.model = scripted.MODEL
        noted.tell(usage, None)
        self.close(record, noted)
        if self._samples is not None:
            self._samples.note(record, exchange.request.body, body)
        exchange.answer(200, [scripted.EVENTS if stream else scripted.JSON, scripted.MARK], body)

    def _begin(self, exchange: Exchange, record: Record, route: Route) -> None:
        """Begin a call that may begin."""
        if self._admission.admits(exchange, record, route, lambda: self._begin(exchange, record, route)):
            if self._script is not None:
                self._by_script(exchange, record, self._script)
            elif self._cache is None or not self._look(exchange, record, self._cache):
                self._go_on(exchange, record)

    def _go_on(self, exchange: Exchange, record: Record) -> None:
        """Ask, where there is money for it."""
        if not self._reserve(record):
            self._admission.lacks_money(
                exchange, record, lambda: self._go_on(exchange, record), left=lambda: self._admission.leave(record)
            )
            return
        self.try_next(exchange, record, _NOBODY)

    def _look(self, exchange: Exchange, record: Record, cache: "ResponseCache") -> bool:
        """Answer a call as before, or look whether one like it came before; return whether the call needs nothing else now."""
        if not record.endpoint.charged or record.endpoint.form or record.inside:
            return False
        record.cache_key = cache.key(exchange.request, record.path)
        found = cache.find(record.cache_key)
        if found is not None:
            self._answer_again(exchange, record, found, HIT)
            return True

        def go_on(similar: "Answer | None") -> None:
            if similar is not None:
                self._answer_again(exchange, record, similar, SIMILAR)
            else:
                self._go_on(exchange, record)

        return cache.look(exchange, record, go_on, left=lambda: self._admission.leave(record))

    def _answer_again(self, exchange: Exchange, record: Record, found: "Answer", mark: Field) -> None:
        """Answer a call with what another one was answered; it costs nothing then."""
        entry = self.entry(record, "whole", status=200)
        entry.provider = entry.model = CACHE
        entry.tell(Usage(), None)
        self.close(record, entry)
        exchange.answer(200, [*found.fields, mark], found.body)

    def _around(self, record: Record, attempt: Attempt, body: bytes) -> Attempt:
        """Return an attempt with what is done about its answer."""
        if self._guard is not None and self._guard.answers:
            attempt = self._guard.around(attempt)
        if self._cache is not None and record.cache_key:
            attempt = self._cache.around(attempt, record)
        if self._samples is not None and not record.endpoint.form:
            attempt = self._samples.around(attempt, record, body)
        return attempt

    def _reserve(self, record: Record) -> bool:
        budget, most = self._agent.budget, record.call.most_tokens
        output = (self._usual_answer if most is None else most) * record.call.answers
        record.allowed_output = output
        if budget is None or not record.endpoint.charged:
            return True
        # A token has at least a byte: what is reserved for a prompt of text is never too little.
        amount = max(one.price.plain(record.size, output) for one in record.providers if one.price is not None)
        record.reservation = budget.reserve(amount, record.moment, RESERVED_SECONDS)
        record.paid_tokens = output + MORE_EVENTS * record.call.answers
        return record.reservation is not None

    def extend(self, record: Record, provider: Provider, tokens: int) -> bool:
        """Hold money for as much answer again as is usual, at least up to `tokens`, and return whether there was so much left."""
        budget, reservation = self._agent.budget, record.reservation
        if budget is None or reservation is None or provider.price is None:
            return True
        more = max(self._usual_answer, tokens - int(record.paid_tokens))
        record.paid_tokens += more
        return budget.extend(reservation, provider.price.plain(0, more), self._wall())

    def try_next(self, exchange: Exchange, record: Record, failure: Failure, *, left: Entry | None = None) -> None:
        """Ask the next provider; where none is left, answer with what went wrong last.

        Args:
            exchange: Of the call.
            record: The call.
            failure: What went wrong last.
            left: What the one before may charge, although nobody waits for it any more.
        """
        now = self._now()
        while record.providers:
            provider = record.providers.pop(0)
            if provider.circuit.allows(now):
                if left is not None:
                    self._pay(record, left)
                if not self._reserve_again(record):
                    record.providers.insert(0, provider)
                    self._lacks_money(exchange, record, failure)
                    return
                self._forward(exchange, record, provider, trial=provider.circuit.begin(now))
                return
        self.give_up(exchange, record, failure, left=left)

    def give_up(self, exchange: Exchange, record: Record, failure: Failure, *, left: Entry | None = None) -> None:
        """Answer a call with what went wrong."""
        self.close(record, left or self.entry(record, "failed", status=failure.status))
        if record.refused and not record.asked:
            self._refusals.call(exchange, record, 400, "unsupported", record.refused)
            return
        reason = f"no provider of '{record.alias}' answers: {failure.reason}"
        self._refusals.call(exchange, record, failure.answer if record.asked else 503, "provider_failed", reason)

    def _lacks_money(self, exchange: Exchange, record: Record, failure: Failure) -> None:
        """End a call for whose next try there is no money, unless there is some in a moment."""

        def end() -> None:
            self.close(record, self.entry(record, "failed", status=failure.status))

        self._admission.lacks_money(exchange, record, lambda: self.try_next(exchange, record, failure), left=end)

    def _pay(self, record: Record, left: Entry) -> None:
        """Account for a try that was left."""
        record.left += 1
        record.tried = self._now()
        left.id = f"{record.id}.{record.left}"
        self._ledger.append(left)
        self._told(left)
        self._agent.limits.use(left.input + left.output, self._now())
        if self._agent.budget is not None and record.reservation is not None:
            self._agent.budget.settle(record.reservation, left.cost)

    def _reserve_again(self, record: Record) -> bool:
        """Return whether there is money for the next try: that of the first one, or as much again."""
        budget, held = self._agent.budget, record.reservation
        if budget is None or held is None or held.open:
            return True
        made = budget.reserve(held.amount, record.moment, RESERVED_SECONDS)
        record.reservation = made or held
        return made is not None

    def _forward(self, exchange: Exchange, record: Record, provider: Provider, *, trial: int) -> None:
        """Ask a provider; one that cannot be told what is asked is passed over."""
        try:
            attempt, outgoing = prepared(self, exchange.request, record, provider, trial=trial, moment=self._wall())
        except OutriderError as error:
            record.refused = error.message
            provider.circuit.gave_up(trial)
            self.try_next(exchange, record, _NOBODY)
            return
        record.asked = True
        exchange.forward(
            provider.target,
            self._around(record, attempt, exchange.request.body),
            path=outgoing.path,
            fields=outgoing.fields,
            body=outgoing.body,
        )

    def provider_failed(self, provider: Provider, trial: int, *, rest: float = 0.0) -> None:
        """Note that a provider has failed in that trial of its circuit; `rest` is how long it asks to be left alone."""
        provider.circuit.failed(self._now(), rest, trial=trial)

    def entry(self, record: Record, outcome: str, *, provider: Provider | None = None, status: int = 0) -> Entry:
        """Return what the ledger says of a call, but for its usage."""
        return Entry(
            id=record.id, time=record.moment, agent=self._agent.name, endpoint=record.endpoint.name, alias=record.alias,
            provider=provider.name if provider else "", model=(provider.model or record.alias) if provider else "",
            outcome=outcome, status=status, currency=self._currency, seconds=round(self._now() - record.began, 4),
        )  # fmt: skip

    def close(self, record: Record, entry: Entry) -> None:
        """Account for a call that has ended, by its entry."""
        self._agent.limits.end(record.estimate, entry.input + entry.output, self._now(), inside=record.inside)
        if record.reservation is not None and self._agent.budget is not None:
            self._agent.budget.settle(record.reservation, entry.cost)
        self._ledger.append(entry)
        self._told(entry)
        if self._trace is not None:
            self._trace(record, entry)
