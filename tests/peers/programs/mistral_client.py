"""Asks a model through Mistral's SDK, plain and streamed. It knows nothing of a gateway."""

import asyncio
import json
import os
import sys

from mistralai.client import Mistral

QUESTION = [{"role": "user", "content": "hello"}]
ADDRESS = os.environ.get("SERVER_URL")
KEY = os.environ["MISTRAL_API_KEY"]


def whole(client: Mistral) -> str:
    return str(client.chat.complete(model="m", messages=QUESTION).choices[0].message.content)


def stream(client: Mistral) -> str:
    events = client.chat.stream(model="m", messages=QUESTION)
    return "".join(event.data.choices[0].delta.content or "" for event in events)


async def asynchronous(client: Mistral) -> str:
    answer = await client.chat.complete_async(model="m", messages=QUESTION)
    return str(answer.choices[0].message.content)


def main() -> None:
    client = Mistral(api_key=KEY, server_url=ADDRESS)
    found = {"whole": whole(client), "stream": stream(client), "async": asyncio.run(asynchronous(client))}
    json.dump({**found, "named": whole(Mistral(api_key=KEY, server="eu"))}, sys.stdout)


main()
