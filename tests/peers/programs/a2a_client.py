"""A client on the A2A SDK: reads orders on standard input, and prints what it saw for each of them."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.helpers.proto_helpers import new_data_part, new_text_part
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    SubscribeToTaskRequest,
)
from a2a.utils.errors import A2AError
from google.protobuf.json_format import MessageToDict

orders = json.load(sys.stdin)
seen: list[Any] = []


def task_of(name: str) -> str:
    """Return the id of a task, which may be named by the order that made it."""
    if not name.startswith("$"):
        return name
    found = seen[int(name[1:])]
    first = found[0] if isinstance(found, list) else found
    return str(first.get("task", first)["id"])


async def collected(stream: AsyncIterator[Any]) -> list[Any]:
    return [MessageToDict(one) async for one in stream]


def request_of(order: dict[str, Any]) -> SendMessageRequest:
    parts = [new_text_part(order["text"])] if "text" in order else []
    parts += [new_data_part(order["data"])] if "data" in order else []
    message = Message(message_id=order.get("id", uuid4().hex), role=Role.ROLE_USER, parts=parts)
    message.context_id = order.get("context", "")
    if "task" in order:
        message.task_id = task_of(order["task"])
    configuration = SendMessageConfiguration(return_immediately=order.get("immediately", False))
    return SendMessageRequest(message=message, configuration=configuration)


async def follow(order: dict[str, Any], clients: dict[bool, Any]) -> Any:
    client = clients[bool(order.get("stream"))]
    if order["do"] == "send":
        found = await collected(client.send_message(request_of(order)))
        return found if order.get("stream") else found[0]
    task = task_of(order["task"])
    if order["do"] == "subscribe":
        return await collected(clients[True].subscribe(SubscribeToTaskRequest(id=task)))
    if order["do"] == "cancel":
        return MessageToDict(await client.cancel_task(CancelTaskRequest(id=task)))
    return MessageToDict(await client.get_task(GetTaskRequest(id=task)))


async def main() -> None:
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {orders['token']}"}, timeout=60) as http:
        card = await A2ACardResolver(http, orders["url"]).get_agent_card()
        spoken = [one for one in card.supported_interfaces if one.protocol_version.startswith(orders["version"])]
        del card.supported_interfaces[:]
        card.supported_interfaces.extend(spoken)
        http.headers["A2A-Version"] = orders["version"]
        clients = {
            is_stream: ClientFactory(ClientConfig(streaming=is_stream, httpx_client=http)).create(card)
            for is_stream in (False, True)
        }
        for order in orders["orders"]:
            try:
                seen.append(MessageToDict(card) if order["do"] == "card" else await follow(order, clients))
            except A2AError as error:
                seen.append({"error": type(error).__name__, "message": str(error)})
    print(json.dumps(seen))


asyncio.run(main())
