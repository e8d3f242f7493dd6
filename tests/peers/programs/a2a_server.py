"""An agent on the A2A SDK. Arguments: its port, the version that its card names, the token that it wants to see."""

import asyncio
import sys
from typing import Any

import uvicorn
from a2a.helpers.proto_helpers import new_data_part, new_text_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandlerV2
from a2a.server.routes.agent_card_routes import create_agent_card_routes
from a2a.server.routes.jsonrpc_routes import create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Role, Task, TaskState, TaskStatus
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse

port, version, token = int(sys.argv[1]), sys.argv[2], sys.argv[3]


class Echo(AgentExecutor):  # type: ignore[misc]
    """Does what the first word of a message says."""

    async def execute(self, context: RequestContext, queue: EventQueue) -> None:
        order, _, rest = context.get_user_input().partition(" ")
        if order == "plain":
            await queue.enqueue_event(new_text_message(rest, context_id=context.context_id, role=Role.ROLE_AGENT))
            return
        if context.current_task is None:
            status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
            await queue.enqueue_event(Task(id=context.task_id, context_id=context.context_id, status=status))
        updater = TaskUpdater(queue, context.task_id, context.context_id)
        await updater.start_work()

        def say(text: str) -> Any:
            return updater.new_agent_message([new_text_part(text)])

        if order == "wait":
            await asyncio.sleep(600)
        elif order == "fail":
            await updater.failed(say(rest))
        elif order == "ask" and not rest:
            await updater.requires_input(say("which one?"))
        elif order == "slow":
            await asyncio.sleep(float(rest))
            await updater.complete(say("done"))
        else:
            given = [part.data for part in context.message.parts if part.HasField("data")]
            data = [new_data_part({"given": len(given)})] if given else []
            await updater.add_artifact([new_text_part(f"{context.context_id}: {rest}"), *data], name="echo")
            await updater.complete()

    async def cancel(self, context: RequestContext, queue: EventQueue) -> None:
        print("cancelled", context.task_id, flush=True)
        await TaskUpdater(queue, context.task_id, context.context_id).cancel()


class Guard:
    """Lets nobody in who does not show the token."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        shown = dict(scope.get("headers", [])).get(b"authorization", b"").decode()
        if scope["type"] == "http" and token and shown != f"Bearer {token}":
            await PlainTextResponse("no", status_code=401)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


card = AgentCard(
    name="Echo", description="Says what it hears.", version="1",
    supported_interfaces=[
        AgentInterface(url=f"http://127.0.0.1:{port}/rpc", protocol_binding="JSONRPC", protocol_version=version)
    ],
    capabilities=AgentCapabilities(streaming=True, push_notifications=False),
    default_input_modes=["text/plain"], default_output_modes=["text/plain"],
    skills=[AgentSkill(id="echo", name="echo", description="Says it again.", tags=["echo"], examples=["echo hello"])],
)  # fmt: skip
handler = DefaultRequestHandlerV2(agent_executor=Echo(), task_store=InMemoryTaskStore(), agent_card=card)
routes = [*create_agent_card_routes(card), *create_jsonrpc_routes(handler, "/rpc", enable_v0_3_compat=True)]
uvicorn.run(Starlette(routes=routes, middleware=[Middleware(Guard)]), host="127.0.0.1", port=port, log_level="warning")
