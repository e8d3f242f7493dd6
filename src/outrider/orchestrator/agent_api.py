"""The API for agents: each call is authenticated by the agent's certificate, and acts for that agent only."""

import asyncio

from outrider.core.errors import DeniedError, LimitedError, UnauthenticatedError
from outrider.core.events import (
    MAX_EVENTS_PER_REQUEST,
    CallAnswer,
    CallRequest,
    EnrolmentAnswer,
    EnrolmentRequest,
    EventBatch,
    EventOutcomes,
    Heartbeat,
    HeartbeatAnswer,
    LeaseRequest,
    LogAnswer,
    LogBatch,
    Result,
)
from outrider.core.http.messages import Request, Response
from outrider.core.identity import Principal, spiffe_id
from outrider.orchestrator.agents import Enrolee, record_heartbeat, take_token
from outrider.orchestrator.engine import Engine
from outrider.ports.certificates.authority import Authority
from outrider.ports.certificates.peer import authenticate
from outrider.ports.certificates.tokens import secret_hash, split_token
from outrider.ports.http.routing import Router, json_response, number_argument, read_json

MAX_POLLED = 64
MAX_WAITING_POLLS = 2000


class AgentApi:
    """Routes under /agents/v1.

    Args:
        engine: The tenant's engine.
        authority: Signs certificates.
        trust_domain: The domain of every identity here.
    """

    def __init__(self, engine: Engine, authority: Authority, trust_domain: str) -> None:
        self._engine = engine
        self._authority = authority
        self._trust_domain = trust_domain
        self._polls = 0

    def add_routes(self, router: Router) -> None:
        """Add the routes."""
        base = "/agents/v1"
        agent = f"{base}/{{agent}}"
        router.add("POST", f"{base}/enroll", self._enrol)
        router.add("POST", f"{agent}/certificates/renew", self._renew_certificate)
        router.add("GET", f"{agent}/config", self._config)
        router.add("POST", f"{agent}/heartbeat", self._heartbeat)
        router.add("POST", f"{agent}/events", self._events)
        router.add("GET", f"{agent}/instructions", self._poll)
        router.add("POST", f"{agent}/calls", self._call)
        router.add("GET", f"{agent}/calls/{{run}}", self._called)
        router.add("DELETE", f"{agent}/calls/{{run}}", self._cancel_call)
        router.add("POST", f"{agent}/instructions/{{instruction}}/lease", self._lease)
        router.add("POST", f"{agent}/instructions/{{instruction}}/logs", self._logs)
        router.add("POST", f"{agent}/instructions/{{instruction}}/result", self._result)

    async def _enrol(self, request: Request) -> Response:
        body = read_json(request, EnrolmentRequest)
        hashed = secret_hash(split_token(body.token)[1])
        enrolee = await self._engine.write(lambda work: take_token(work, self._engine.tenant, hashed))
        return json_response(await self._issue(enrolee, body.csr))

    async def _renew_certificate(self, request: Request) -> Response:
        enrolee = await self._agent(request)
        return json_response(await self._issue(enrolee, read_json(request, EnrolmentRequest).csr))

    async def _issue(self, enrolee: Enrolee, csr: str) -> EnrolmentAnswer:
        identity = spiffe_id(self._trust_domain, _principal(self._engine.tenant, enrolee))
        issued = await asyncio.to_thread(self._authority.issue_agent, csr, identity, self._engine.clock.now())
        return EnrolmentAnswer(enrolee.agent, issued.certificate_pem, self._authority.ca_pem, issued.not_after)

    async def _agent(self, request: Request) -> Enrolee:
        """Return the agent that the certificate names; it must be the one of the path, and not revoked."""
        principal = authenticate(request.peer, self._trust_domain, self._engine.clock.now())
        if principal.tenant != self._engine.tenant:
            raise UnauthenticatedError("the certificate belongs to another tenant", found=str(request.peer.spiffe_id))
        if principal.name != request.params["agent"]:
            raise DeniedError(
                f"agent '{principal.name}' may not act for '{request.params['agent']}'",
                found=str(request.peer.spiffe_id),
            )
        if principal.name in self._engine.revoked:
            raise UnauthenticatedError(f"agent '{principal.name}' was revoked")
        return Enrolee(principal.name, principal.kind)

    async def _config(self, request: Request) -> Response:
        enrolee = await self._agent(request)
        return json_response(self._engine.world.agent_config(enrolee.kind, enrolee.agent))

    async def _heartbeat(self, request: Request) -> Response:
        enrolee = await self._agent(request)
        beat = read_json(request, Heartbeat)
        await self._engine.write(lambda work: record_heartbeat(work, self._engine.tenant, enrolee, beat))
        config = self._engine.world.agent_config(enrolee.kind, enrolee.agent)
        return json_response(HeartbeatAnswer(config.generation))

    async def _events(self, request: Request) -> Response:
        enrolee = await self._agent(request)
        batch = read_json(request, EventBatch).events
        if len(batch) > MAX_EVENTS_PER_REQUEST:
            raise LimitedError(f"{len(batch)} events in one request", expected=f"at most {MAX_EVENTS_PER_REQUEST}")
        foreign = [event.source for event in batch if not event.source.startswith(f"{enrolee.agent}/")]
        if foreign:
            raise DeniedError(f"agent '{enrolee.agent}' may not report for {foreign[0]}", found=foreign[0])
        return json_response(EventOutcomes(await self._engine.ingest(batch)))

    async def _poll(self, request: Request) -> Response:
        enrolee = await self._agent(request)
        if self._polls >= MAX_WAITING_POLLS:
            raise LimitedError("too many agents wait at the same time", retry_after=2.0)
        limit = min(MAX_POLLED, max(1, number_argument(request, "max", 1)))
        wait = number_argument(request, "wait", 0)
        self._polls += 1
        try:
            return json_response(await self._engine.poll(enrolee.agent, limit, wait))
        finally:
            self._polls -= 1

    async def _call(self, request: Request) -> Response:
        enrolee = await self._agent(request)
        return json_response(CallAnswer(run=await self._engine.call(enrolee.agent, read_json(request, CallRequest))))

    async def _called(self, request: Request) -> Response:
        enrolee = await self._agent(request)
        wait = number_argument(request, "wait", 0)
        return json_response(await self._engine.called(enrolee.agent, request.params["run"], wait))

    async def _cancel_call(self, request: Request) -> Response:
        """Cancel what nobody waits for any more."""
        enrolee = await self._agent(request)
        answer = await self._engine.called(enrolee.agent, request.params["run"], 0)
        await self._engine.cancel(answer.run)
        return json_response(answer)

    async def _lease(self, request: Request) -> Response:
        enrolee = await self._agent(request)
        body = read_json(request, LeaseRequest)
        return json_response(await self._engine.renew(enrolee.agent, request.params["instruction"], body.lease_epoch))

    async def _logs(self, request: Request) -> Response:
        enrolee = await self._agent(request)
        batch = read_json(request, LogBatch)
        return json_response(
            LogAnswer(await self._engine.append_log(enrolee.agent, request.params["instruction"], batch))
        )

    async def _result(self, request: Request) -> Response:
        enrolee = await self._agent(request)
        result = read_json(request, Result)
        return json_response(await self._engine.finish(enrolee.agent, request.params["instruction"], result))


def _principal(tenant: str, enrolee: Enrolee) -> Principal:
    kind = enrolee.kind
    if kind not in ("sensor", "action", "worker", "agent"):
        raise UnauthenticatedError(f"'{kind}' is no kind of agent")
    return Principal(tenant, kind, enrolee.agent)  # type: ignore[arg-type]  # checked on the line before
