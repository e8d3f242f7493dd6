"""The API for users: authenticated by the platform's token; what may be done is judged by the policies."""

import hmac

from outrider.core.cloudevents import BATCH_CONTENT_TYPE, to_cloudevent
from outrider.core.codec import encode
from outrider.core.errors import InvalidConfigError, UnauthenticatedError
from outrider.core.events import CallAnswer, EventOutcomes
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.core.secrets import SecretValue
from outrider.core.source import NO_SOURCE, Position
from outrider.orchestrator import queries
from outrider.orchestrator.agents import Enrolee, store_token
from outrider.orchestrator.engine import Engine
from outrider.orchestrator.event_input import read_events
from outrider.orchestrator.runs import USER_SOURCE
from outrider.orchestrator.why import explain_event
from outrider.orchestrator.wire import (
    AgentWork,
    ApplyAnswer,
    ApplyRequest,
    AuditHeads,
    DecisionRequest,
    HoldRequest,
    StatusAnswer,
    TaskRequest,
    TimelineAnswer,
    TokenAnswer,
    TokenRequest,
)
from outrider.ports.certificates.authority import Authority
from outrider.ports.certificates.tokens import new_token
from outrider.ports.http.routing import Router, json_response, number_argument, read_json
from outrider.runtime.discovery import registry
from outrider.runtime.documents import Document
from outrider.runtime.objects import parse_objects
from outrider.version import __version__

OWNER = "user:owner"
MAX_WAIT = 30.0


class UserApi:
    """Routes under /v1.

    Args:
        engine: The tenant's engine.
        authority: Its fingerprint goes into enrolment tokens.
        token: The platform's token; whoever holds it is the owner.
    """

    def __init__(self, engine: Engine, authority: Authority, token: SecretValue) -> None:
        self._engine = engine
        self._authority = authority
        self._token = token

    def add_routes(self, router: Router) -> None:
        """Add the routes."""
        router.add("GET", "/v1/status", self._status)
        router.add("POST", "/v1/objects", self._apply)
        router.add("GET", "/v1/objects", self._objects)
        router.add("DELETE", "/v1/objects/{kind}/{name}", self._delete)
        router.add("GET", "/v1/events", self._events)
        router.add("POST", "/v1/events", self._send_events)
        router.add("GET", "/v1/events/{event}/why", self._why)
        router.add("GET", "/v1/runs", self._runs)
        router.add("GET", "/v1/runs/{run}", self._run)
        router.add("GET", "/v1/schedules", self._schedules)
        router.add("GET", "/v1/holds", self._list_holds)
        router.add("POST", "/v1/holds", self._hold)
        router.add("DELETE", "/v1/holds/{hold}", self._lift)
        router.add("GET", "/v1/agents/{agent}/work", self._agent_work)
        router.add("POST", "/v1/runs/{run}/cancel", self._cancel)
        router.add("GET", "/v1/agents", self._agents)
        router.add("POST", "/v1/agents/{agent}/tasks", self._give_task)
        router.add("GET", "/v1/agents/{agent}/tasks/{run}", self._task)
        router.add("POST", "/v1/agents/{agent}/revoke", self._revoke)
        router.add("POST", "/v1/agents/{agent}/restore", self._restore)
        router.add("POST", "/v1/enrolment-tokens", self._enrolment_token)
        router.add("GET", "/v1/approvals", self._approvals)
        router.add("POST", "/v1/approvals/{instruction}", self._decide)
        router.add("GET", "/v1/audit/heads", self._audit_heads)
        router.add("GET", "/v1/timeline", self._timeline)

    def authenticate(self, request: Request) -> str:
        """Return who calls.

        Raises:
            UnauthenticatedError: Nobody whom we know.
        """
        scheme, _, given = (request.headers.get("authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._token.reveal().encode()):
            raise UnauthenticatedError(
                "this call needs the platform's token",
                expected="Authorization: Bearer TOKEN",
                suggestions=[
                    "use the CLI as the user who started the platform",
                    "read the token file in its state folder",
                ],
            )
        return OWNER

    async def _status(self, request: Request) -> Response:
        self.authenticate(request)
        tenant = self._engine.tenant
        answer = await self._engine.store.read(
            lambda c: StatusAnswer(
                version=__version__,
                tenant=tenant,
                agents=queries.list_agents(c, tenant),
                expected_agents=self._engine.world.declared_agents(),
                approvals=len(queries.list_approvals(c, tenant)),
                runs=queries.list_runs(c, tenant, limit=5),
                holds=self._engine.held(c),
            )
        )
        return json_response(answer)

    async def _apply(self, request: Request) -> Response:
        by = self.authenticate(request)
        body = read_json(request, ApplyRequest)
        nowhere = Position("request", 1, 1)
        documents = [Document(data, NO_SOURCE, nowhere) for data in body.objects]
        world = self._engine.world
        there = [] if body.prune else world.objects()
        items = parse_objects(documents, registry(), world.catalogue, beside=there).declared()
        return json_response(ApplyAnswer(await self._engine.apply(items, by, prune=body.prune)))

    async def _objects(self, request: Request) -> Response:
        self.authenticate(request)
        kind, name = request.arguments().get("kind", [""])[0], request.arguments().get("name", [""])[0]
        return json_response(
            await self._engine.store.read(lambda c: queries.list_objects(c, self._engine.tenant, kind=kind, name=name))
        )

    async def _delete(self, request: Request) -> Response:
        by = self.authenticate(request)
        change = await self._engine.delete(request.params["kind"], request.params["name"], by)
        return json_response(ApplyAnswer([change]))

    async def _events(self, request: Request) -> Response:
        self.authenticate(request)
        after = number_argument(request, "after", 0) if "after" in request.arguments() else None
        limit = number_argument(request, "limit", 50)
        source = request.arguments().get("source", [""])[0]
        rows = await self._engine.store.read(
            lambda c: queries.list_events(c, self._engine.tenant, after=after, limit=limit, source=source)
        )
        if BATCH_CONTENT_TYPE in (request.headers.get("accept") or ""):
            batch = encode([to_cloudevent(row.event) for row in rows])
            return Response(200, Headers({"content-type": BATCH_CONTENT_TYPE}), batch)
        return json_response(rows)

    async def _send_events(self, request: Request) -> Response:
        by = self.authenticate(request)
        events = read_events(request, by, self._engine.clock.now())
        return json_response(EventOutcomes(await self._engine.ingest(events, by=by)))

    async def _why(self, request: Request) -> Response:
        self.authenticate(request)
        event, tenant = request.params["event"], self._engine.tenant
        return json_response(await self._engine.store.read(lambda c: explain_event(c, tenant, event)))

    async def _runs(self, request: Request) -> Response:
        self.authenticate(request)
        limit = number_argument(request, "limit", 50)
        rule, state = request.arguments().get("rule", [""])[0], request.arguments().get("state", [""])[0]
        return json_response(
            await self._engine.store.read(
                lambda c: queries.list_runs(c, self._engine.tenant, limit=limit, rule=rule, state=state)
            )
        )

    async def _run(self, request: Request) -> Response:
        self.authenticate(request)
        run = request.params["run"]
        return json_response(await self._engine.store.read(lambda c: queries.show_run(c, self._engine.tenant, run)))

    async def _list_holds(self, request: Request) -> Response:
        self.authenticate(request)
        return json_response(await self._engine.store.read(self._engine.held))

    async def _hold(self, request: Request) -> Response:
        by = self.authenticate(request)
        return json_response(await self._engine.hold(read_json(request, HoldRequest), by))

    async def _lift(self, request: Request) -> Response:
        by = self.authenticate(request)
        return json_response(await self._engine.lift(request.params["hold"], by))

    async def _agent_work(self, request: Request) -> Response:
        self.authenticate(request)
        agent, tenant = request.params["agent"], self._engine.tenant
        return json_response(AgentWork(await self._engine.store.read(lambda c: queries.agent_work(c, tenant, agent))))

    async def _schedules(self, request: Request) -> Response:
        self.authenticate(request)
        return json_response(await self._engine.store.read(lambda c: queries.list_schedules(c, self._engine.tenant)))

    async def _cancel(self, request: Request) -> Response:
        self.authenticate(request)
        detail = await self._engine.store.read(
            lambda c: queries.show_run(c, self._engine.tenant, request.params["run"])
        )
        return json_response({"cancelled": await self._engine.cancel(detail.run.id)})

    async def _give_task(self, request: Request) -> Response:
        self.authenticate(request)
        run = await self._engine.give_task(request.params["agent"], read_json(request, TaskRequest))
        return json_response(CallAnswer(run=run))

    async def _task(self, request: Request) -> Response:
        self.authenticate(request)
        wait = number_argument(request, "wait", 0)
        params = request.params
        return json_response(await self._engine.called(params["agent"], params["run"], wait, USER_SOURCE))

    async def _agents(self, request: Request) -> Response:
        self.authenticate(request)
        return json_response(await self._engine.store.read(lambda c: queries.list_agents(c, self._engine.tenant)))

    async def _revoke(self, request: Request) -> Response:
        self.authenticate(request)
        known = await self._engine.revoke(request.params["agent"])
        return json_response({"revoked": known})

    async def _restore(self, request: Request) -> Response:
        self.authenticate(request)
        return json_response({"restored": await self._engine.restore(request.params["agent"])})

    async def _enrolment_token(self, request: Request) -> Response:
        self.authenticate(request)
        body = read_json(request, TokenRequest)
        declared = self._engine.world.declared_agents()
        if declared.get(body.agent) != body.kind:
            raise InvalidConfigError(
                f"no {body.kind} agent is called '{body.agent}'",
                found=body.agent,
                expected=", ".join(sorted(declared)),
                suggestions=["apply an object that declares it first"],
            )
        token, hashed = new_token(self._authority.fingerprint)
        enrolee = Enrolee(body.agent, body.kind)
        await self._engine.write(lambda work: store_token(work, self._engine.tenant, hashed, enrolee))
        return json_response(TokenAnswer(token))

    async def _approvals(self, request: Request) -> Response:
        self.authenticate(request)
        all_states = request.arguments().get("all", [""])[0] == "true"
        return json_response(
            await self._engine.store.read(
                lambda c: queries.list_approvals(c, self._engine.tenant, all_states=all_states)
            )
        )

    async def _decide(self, request: Request) -> Response:
        by = self.authenticate(request)
        body = read_json(request, DecisionRequest)
        if body.decision not in ("approved", "rejected"):
            raise InvalidConfigError("decision: not a decision", found=body.decision, expected="approved or rejected")
        await self._engine.decide(request.params["instruction"], body.decision, by)
        return json_response({"decision": body.decision})

    async def _audit_heads(self, request: Request) -> Response:
        self.authenticate(request)
        heads = await self._engine.store.read(lambda c: queries.anchored_heads(c, self._engine.tenant))
        return json_response(AuditHeads([*heads, self._engine.audit_head]))

    async def _timeline(self, request: Request) -> Response:
        self.authenticate(request)
        wait = min(MAX_WAIT, float(number_argument(request, "wait", 0)))
        timeline = self._engine.timeline
        after, of = (number_argument(request, name, 0) for name in ("after", "of"))
        return json_response(TimelineAnswer(await timeline.after(after, wait, of=of), timeline.began))
