"""Routes for operations and plans."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.params import Parameter

from outrider.core.calls import normalise
from outrider.core.codec import decode_document, to_builtins
from outrider.core.errors import ErrorBody, InvalidConfigError, from_body
from outrider.core.identity import Principal
from outrider.core.objects import DEFAULT_TENANT
from outrider.core.operation import OperationDeclaration
from outrider.core.plans import Plan, PlanState
from outrider.core.schema import convert, describe
from outrider.core.secrets import masked
from outrider.core.trace import TRACEPARENT, parse_traceparent
from outrider.core.units import parse_duration
from outrider.runtime.documents import read_text
from outrider.runtime.invoker import CallOptions
from outrider.surfaces.door import Door
from outrider.surfaces.http.answers import TRACE_HEADER, gives, json_answer
from outrider.surfaces.http.applications import Applications, IdempotencyKeys
from outrider.surfaces.rows import OperatorRow, operator_rows
from outrider.surfaces.tsk.evaluation import Evaluation
from outrider.surfaces.tsk.plain import from_document
from outrider.surfaces.tsk.surroundings import Surroundings

PLAN_HEADER = "outrider-plan"
ACCEPTED = 202
AnyRequest = Request[Any, Any, Any]
Mode = Literal["plan", "apply"]


class Desk:
    """What the handlers share.

    Args:
        door: Runs operations.
        user: Who holds the token.
        keys: Plans by the key of their request.
        applications: Plans that are being applied.
    """

    def __init__(self, door: Door, user: str, keys: IdempotencyKeys, applications: Applications) -> None:
        self.door = door
        self.applications = applications
        self.keys = keys
        self._options = CallOptions(principal=Principal(DEFAULT_TENANT, "user", user), owner=True)

    def options(self, request: AnyRequest, timeout: str | None = None) -> CallOptions:
        """Return the options of a call: it belongs to the trace that the request names."""
        trace_id = parse_traceparent(request.headers.get(TRACEPARENT, "")).trace_id
        seconds = parse_duration(timeout) if timeout else None
        return msgspec.structs.replace(self._options, trace_id=trace_id, timeout=seconds)

    def answer(self, value: Any, options: CallOptions, status: int = 200, plan: Plan | None = None) -> Response[bytes]:
        """Return an answer without the secrets that this process has opened."""
        headers = {TRACE_HEADER: options.trace_id} | ({PLAN_HEADER: plan.id} if plan is not None else {})
        return json_answer(masked(to_builtins(value), self.door.invoker.environment.secrets.mask), status, headers)

    def plan_state(self, state: PlanState, options: CallOptions) -> Response[bytes]:
        """Return the state of a plan; 202 while it is being applied."""
        answer = self.answer(state, options, ACCEPTED if state.state == "running" else 200, state.plan)
        if state.state == "running":
            answer.headers["location"] = f"/v1/plans/{state.plan.id}"
        return answer


class OperatorController(Controller):
    """Families, and calls of their operations."""

    path = "/v1/operators"
    tags = ("operators",)

    @get(summary="List the families of operations")
    async def list_operators(self, desk: Desk) -> list[OperatorRow]:
        """Return a row for each family; one that cannot be used is named with its fault."""
        return operator_rows(desk.door.invoker.registry)

    @get("/{family:str}", summary="List the operations of a family")
    async def show_operator(self, desk: Desk, family: str) -> list[OperationDeclaration]:
        """Return the declarations of a family, which may be named by an alias."""
        return desk.door.invoker.registry.family(family)[0].declaration.operations

    @post("/{family:str}/{operation:str}", include_in_schema=False, status_code=200)
    async def call(
        self,
        desk: Desk,
        request: AnyRequest,
        *,
        family: str,
        operation: str,
        mode: Mode = "plan",
        timeout: str | None = None,
        idempotency_key: Annotated[str | None, Parameter(header="Idempotency-Key")] = None,
    ) -> Response[bytes]:
        """Run a read; plan a change, and with `mode=apply` make it. The OpenAPI document has a path per operation."""
        params = await _read_params(request)
        options = desk.options(request, timeout)
        call = normalise(desk.door.invoker.registry, f"{family}.{operation}", [params])
        if not desk.door.invoker.prepare(call, options).effect.changes:
            return desk.answer(await desk.door.invoker.run(call, options), options)
        plan = await desk.keys.plan(idempotency_key, call, options)
        if mode == "plan":
            return desk.answer(plan, options, plan=plan)
        state = await desk.applications.apply(plan, options)
        if state.state == "running":
            return desk.plan_state(state, options)
        outcome = state.outcomes[0]
        if outcome.error is not None:
            raise from_body(convert(outcome.error, ErrorBody))
        return desk.answer(outcome.result, options, plan=plan)


class PlanController(Controller):
    """Plans, whichever door made them."""

    path = "/v1/plans"
    tags = ("plans",)

    @get(**gives(list[PlanState], "List plans, the newest first"))
    async def list_plans(
        self, desk: Desk, request: AnyRequest, limit: Annotated[int, Parameter(ge=1, le=1000)] = 50
    ) -> Response[bytes]:
        """Return the plans of this user, those of AI agents among them."""
        states = [desk.applications.state(plan) for plan in desk.door.planner.newest(limit)]
        return desk.answer(states, desk.options(request))

    @post(**gives(Plan, "Plan a tree of calls"))
    async def plan_tree(self, desk: Desk, request: AnyRequest) -> Response[bytes]:
        """Run the reads of a call tree in JSON, plan its changes, and return the plan."""
        options = desk.options(request)
        body = await request.body()
        decode_document(body)  # JSON, not YAML
        (document,) = read_text(body, "body")
        surroundings = Surroundings(now=desk.door.invoker.environment.clock.now())
        evaluation = Evaluation(from_document(document, "body"), desk.door.invoker, options, surroundings)
        await evaluation.run()
        made = await desk.door.planner.plan(evaluation.changes, options)
        return desk.answer(made, options, plan=made)

    @get("/{plan:str}", **gives(PlanState, "Show a plan and what became of it"))
    async def show_plan(self, desk: Desk, request: AnyRequest, plan: str) -> Response[bytes]:
        """Return a plan by its id, or the first six characters or more."""
        return desk.answer(desk.applications.state(desk.door.planner.stored(plan)), desk.options(request))

    @post("/{plan:str}/apply", **gives(PlanState, "Do exactly what a plan says, once"))
    async def apply(self, desk: Desk, request: AnyRequest, plan: str) -> Response[bytes]:
        """Return the state of the plan; 202 with `state` running where it takes longer than ten seconds."""
        options = desk.options(request)
        return desk.plan_state(await desk.applications.apply(desk.door.planner.stored(plan), options), options)

    @post("/{plan:str}/inverse", **gives(Plan, "Make the plan that undoes an applied one"))
    async def inverse(self, desk: Desk, request: AnyRequest, plan: str) -> Response[bytes]:
        """Return the new plan; apply it as any other."""
        options = desk.options(request)
        made = await desk.door.planner.inverse(desk.door.planner.stored(plan), options)
        return desk.answer(made, options, plan=made)


async def _read_params(request: AnyRequest) -> dict[str, Any]:
    body = await request.body()
    params = decode_document(body) if body.strip() else {}
    if not isinstance(params, dict):
        raise InvalidConfigError(
            "the body is not an object", found=describe(params), expected="a JSON object with the parameters",
            suggestions=["send {} where there are none"],
        )  # fmt: skip
    return params
