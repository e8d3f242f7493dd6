"""Looks for the cause of an incident with whatever tools it is given. It knows of Outrider only where they are."""

import json
import os
import sys
import urllib.request
from typing import Any

from openai import OpenAI

TASK = "Find the cause of this incident. Look whether something like it is remembered, and remember what you found."
TOOLS = os.environ["OUTRIDER_GATEWAY"] + "/v1/tools"
MOST_TURNS = 10


def ask(path: str = "", arguments: Any = None) -> Any:
    """List the tools, or call one."""
    body = None if arguments is None else json.dumps(arguments).encode()
    fields = {"authorization": f"Bearer {os.environ['OPENAI_API_KEY']}", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(TOOLS + path, body, fields)) as answer:
        return json.load(answer)


def main() -> None:
    client = OpenAI()
    tools: list[Any] = [
        {
            "type": "function",
            "function": {"name": one["name"], "description": one["description"], "parameters": one["inputSchema"]},
        }
        for one in ask()["tools"]
    ]
    messages: list[Any] = [{"role": "system", "content": TASK}, {"role": "user", "content": json.load(sys.stdin)}]
    for _ in range(MOST_TURNS):
        message = client.chat.completions.create(model="default", messages=messages, tools=tools).choices[0].message
        messages.append(message)
        for call in message.tool_calls or []:
            result = ask(f"/{call.function.name}", json.loads(call.function.arguments))
            content = json.dumps(result.get("structuredContent", result["content"]))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
        if not message.tool_calls:
            print(message.content)
            return
    sys.exit(f"no answer after {MOST_TURNS} turns")


main()
