"""Embeddings without a model: texts that share words and parts of words are near each other, whatever they mean."""

import base64
import math
import re
from array import array
from hashlib import blake2b
from typing import Any

from outrider.core.codec import encode
from outrider.core.errors import InvalidConfigError

DIMENSIONS = 256
MOST_DIMENSIONS = 4096
MOST_TEXTS = 2048
_WORD = re.compile(r"\w+")
# Of a word, so that its forms are near each other.
_PART = 4


def embeddings(asked: dict[str, Any], model: str, tokens: int) -> bytes:
    """Return the answer to a call of OpenAI's embeddings.

    Args:
        asked: Its body.
        model: That the answer names.
        tokens: That the call is taken for.

    Raises:
        InvalidConfigError: It is none.
    """
    given = asked.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts) or len(texts) > MOST_TEXTS:
        raise InvalidConfigError(
            "input: a script embeds texts", path="input", expected=f"a text, or up to {MOST_TEXTS}"
        )
    size = asked.get("dimensions", DIMENSIONS)
    if type(size) is not int or not 1 <= size <= MOST_DIMENSIONS:
        raise InvalidConfigError(
            "dimensions: out of range", path="dimensions", found=str(size), expected=f"1 to {MOST_DIMENSIONS}"
        )
    packed = asked.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": number, "embedding": _packed(vector) if packed else vector}
        for number, vector in enumerate(embedding(text, size) for text in texts)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return encode({"object": "list", "model": model, "data": data, "usage": usage})


def embedding(text: str, size: int = DIMENSIONS) -> list[float]:
    """Return a vector of length 1: each word and each part of one adds to or takes from a place that its hash says."""
    vector = [0.0] * size
    for feature in _features(text):
        number = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest())
        vector[number % size] += 1.0 if number >> 63 else -1.0
    length = math.hypot(*vector)
    if not length:  # nothing is near it
        vector[0] = length = 1.0
    return [value / length for value in vector]


def _features(text: str) -> list[str]:
    found = []
    for word in _WORD.findall(text.lower()):
        found += [word, *(word[at : at + _PART] for at in range(len(word) - _PART + 1))]
    return found


def _packed(vector: list[float]) -> str:
    return base64.b64encode(array("f", vector).tobytes()).decode()
