"""What a model of embeddings may answer, and what is made of it."""

import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from outrider.core.errors import ExecutionFailedError
from outrider.sidecar.memory.embedding import Embedder
from tests.sidecar.memory import gateway

Answering = Callable[[bytes], Embedder]


@pytest.fixture
async def answering() -> AsyncIterator[Answering]:
    """Return a function that makes an embedder whose gateway gives this answer."""
    body, made = [b""], []

    async def answer(_: gateway.Asked) -> tuple[int, bytes]:
        return 200, body[0]

    def make(answered: bytes) -> Embedder:
        body[0] = answered
        made.append(Embedder(address, "embed", None))
        return made[-1]

    async with gateway.answering(answer) as address:
        yield make
        for one in made:
            await one.close()


def rows(*found: Any) -> bytes:
    return json.dumps({"data": found}).encode()


@pytest.mark.parametrize(
    "answer",
    [
        rows({"embedding": [2], "index": 1}, {"embedding": [1.0], "index": 0}),
        rows({"embedding": [1.0]}, {"embedding": [2.0]}),
        rows({"embedding": [1.0], "index": None}, {"embedding": [2.0], "index": None}),
    ],
)
async def test_vectors_come_in_the_order_of_the_texts(answering: Answering, answer: bytes) -> None:
    assert await answering(answer).embed(["a", "b"]) == [[1.0], [2.0]]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (rows({"embedding": [1.0], "index": 0}), r"1 vectors, numbered \[0\]"),
        (rows({"embedding": [1.0], "index": 0}, {"embedding": [2.0], "index": 0}), r"2 vectors, numbered \[0, 0\]"),
        (rows({"embedding": [1.0], "index": [0]}, {"embedding": [2.0], "index": 1}), "index"),
        (rows({"embedding": [1.0], "index": {}}, {"embedding": [2.0], "index": 1}), "index"),
        (rows({"embedding": None}, {"embedding": [2.0]}), "embedding"),
        (b'{"data":[{"embedding":[1%s]},{"embedding":[2]}]}' % (b"0" * 400), "out of range"),
        (rows({"embedding": [True]}, {"embedding": [2.0]}), "bool"),
        (b"<html>", "JSON"),
        (b"[" * 100_000, "array"),
        (b"[]", "array"),
    ],
)
async def test_what_is_no_answer_of_such_a_model_is_told(answering: Answering, answer: bytes, found: str) -> None:
    with pytest.raises(
        ExecutionFailedError, match="route 'embed' embeds nothing: its model answers otherwise"
    ) as caught:
        await answering(answer).embed(["a", "b"])
    assert re.search(found, caught.value.found or "")
