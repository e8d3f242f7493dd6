import base64
import json
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.sidecar.llm.scripted_embeddings import embedding, embeddings


def near(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(embedding(one), embedding(other), strict=True))


@given(st.text(max_size=200), st.integers(1, 512))
def test_every_text_has_a_direction(text: str, size: int) -> None:
    found = embedding(text, size)
    assert len(found) == size
    assert sum(value * value for value in found) == pytest.approx(1.0)
    assert found == embedding(text, size)


def test_texts_that_share_words_are_near_each_other() -> None:
    assert near("web is down", "Web was down!") > 0.5
    assert near("restarting", "restarted") > near("restarting", "certificate")


def test_both_formats_say_the_same() -> None:
    plain = json.loads(embeddings({"input": ["a", "b"]}, "scripted", 1))
    packed = json.loads(embeddings({"input": ["a", "b"], "encoding_format": "base64"}, "scripted", 1))
    for one, other in zip(plain["data"], packed["data"], strict=True):
        assert array("f", base64.b64decode(other["embedding"])).tolist() == pytest.approx(one["embedding"])
    assert plain["usage"] == {"prompt_tokens": 1, "total_tokens": 1}


@pytest.mark.parametrize(
    "asked", [{}, {"input": [1]}, {"input": "a", "dimensions": 0}, {"input": "a", "dimensions": True}]
)
def test_what_is_no_call_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfigError):
        embeddings(asked, "scripted", 1)
