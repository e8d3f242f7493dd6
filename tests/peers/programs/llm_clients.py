"""Asks a model through each SDK, plain and streamed. It knows nothing of a gateway: where to and with which key, the environment says."""

import asyncio
import json
import sys
from collections.abc import Callable

import anthropic
import openai
from google import genai
from langchain_openai import ChatOpenAI

QUESTION = [{"role": "user", "content": "hello"}]


def with_openai(model: str) -> dict[str, object]:
    client = openai.OpenAI()
    whole = client.chat.completions.create(model=model, messages=QUESTION)
    pieces = [
        chunk.choices[0].delta.content
        for chunk in client.chat.completions.create(model=model, messages=QUESTION, stream=True)
    ]
    with_usage = list(
        client.chat.completions.create(
            model=model, messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
    )
    usage = with_usage[-1].usage
    return {
        "whole": whole.choices[0].message.content,
        "stream": "".join(piece or "" for piece in pieces),
        "usage": usage.total_tokens if usage else None,
        "models": [one.id for one in client.models.list()],
        "response": client.responses.create(model=model, input="hello").output_text,
    }


def with_anthropic(model: str) -> dict[str, object]:
    client = anthropic.Anthropic()
    whole = client.messages.create(model=model, max_tokens=100, messages=QUESTION)
    with client.messages.stream(model=model, max_tokens=100, messages=QUESTION) as stream:
        text = "".join(stream.text_stream)
    return {"whole": whole.content[0].text, "stream": text}


def with_gemini(model: str) -> dict[str, object]:
    client = genai.Client()
    whole = client.models.generate_content(model=model, contents="hello")
    stream = client.models.generate_content_stream(model=model, contents="hello")
    return {"whole": whole.text, "stream": "".join(chunk.text or "" for chunk in stream)}


def with_langchain(model: str) -> dict[str, object]:
    chat = ChatOpenAI(model=model)
    return {
        "whole": chat.invoke("hello").content,
        "stream": "".join(str(chunk.content) for chunk in chat.stream("hello")),
    }


async def with_async_openai(model: str) -> dict[str, object]:
    client = openai.AsyncOpenAI()
    answers = await asyncio.gather(*(client.chat.completions.create(model=model, messages=QUESTION) for _ in range(20)))
    return {"whole": {one.choices[0].message.content for one in answers}.pop()}


def refused(model: str) -> dict[str, object]:
    """How a refusal looks, and how often it is repeated."""
    try:
        openai.OpenAI().chat.completions.create(model=model, messages=QUESTION)
    except openai.APIStatusError as error:
        return {"status": error.status_code, "message": str(error.message)}
    return {"status": 200}


def main() -> None:
    order = json.load(sys.stdin)
    asks: dict[str, Callable[[str], dict[str, object]]] = {
        "openai": with_openai, "anthropic": with_anthropic, "gemini": with_gemini, "langchain": with_langchain, "refused": refused,
        "async": lambda model: asyncio.run(with_async_openai(model)),
    }  # fmt: skip
    json.dump({name: asks[name](model) for name, model in order.items()}, sys.stdout)


main()
