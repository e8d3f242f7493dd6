"""Looks for the cause of an incident with whatever tools it is given. It knows of Outrider only where they are.

What is said goes to standard error as it is said, and the last answer to standard output.
"""

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

from openai import OpenAI, OpenAIError

TASK = (
    "Find the cause of this incident in the log and the metrics of the service, and look whether something like it is "
    "remembered. If a restart helps, ask for one and check that the service answers. Then remember what was wrong and what "
    "helped, and say it in two sentences."
)
TOOLS = os.environ["OUTRIDER_GATEWAY"] + "/v1/tools"
MOST_TURNS = 30
SHOWN = 180


def say(text: str) -> None:
    """Show what happens."""
    print(text, file=sys.stderr, flush=True)


def ask(path: str = "", arguments: Any = None) -> Any:
    """List the tools, or call one."""
    body = None if arguments is None else json.dumps(arguments).encode()
    fields = {"authorization": f"Bearer {os.environ['OPENAI_API_KEY']}", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(TOOLS + path, body, fields)) as answer:
        return json.load(answer)


def use(name: str, given: str) -> str:
    """Call a tool as the model wants it, and return what it has said."""
    say(f"calls {name} {given}")
    arguments = json.loads(given)
    if "path" in arguments:  # the model names files as they are called in this folder; tools want whole paths
        arguments["path"] = str(Path(arguments["path"]).absolute())
    result = ask(f"/{name}", arguments)
    said = json.dumps(result.get("structuredContent", result["content"]))
    say(f"gets  {said[:SHOWN]}{'…' if len(said) > SHOWN else ''}")
    return said


def main() -> None:
    """Let the model call tools until it has nothing more to ask."""
    client = OpenAI()
    tools: list[Any] = [
        {
            "type": "function",
            "function": {"name": one["name"], "description": one["description"], "parameters": one["inputSchema"]},
        }
        for one in ask()["tools"]
    ]
    incident = json.load(sys.stdin)
    question = incident if isinstance(incident, str) else json.dumps(incident)
    messages: list[Any] = [{"role": "system", "content": TASK}, {"role": "user", "content": question}]
    for _ in range(MOST_TURNS):
        try:
            answer = client.chat.completions.create(model="default", messages=messages, tools=tools)
        except OpenAIError as error:
            sys.exit(f"no model answers: {error}")
        message = answer.choices[0].message
        messages.append(message)
        if not message.tool_calls:
            print(message.content)
            return
        if message.content:
            say(f"says: {message.content}")
        for call in message.tool_calls:
            said = use(call.function.name, call.function.arguments)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": said})
    sys.exit(f"no answer after {MOST_TURNS} turns")


main()
