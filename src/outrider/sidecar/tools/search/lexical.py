"""Ranks tools by the words that they share with a query."""

import math
from array import array
from collections import defaultdict
from collections.abc import Sequence

from outrider.sidecar.tools.search.words import Spoken, words

# How much a word counts in which field. Names and titles are short, so what is said there is what a tool is for.
WEIGHTS = {"name": 8.0, "title": 4.0, "does": 1.0, "takes": 0.5}
# As usual for BM25: how soon a further occurrence of a word counts for nothing, and how much a long text loses.
SATURATION, LENGTH = 1.2, 0.75


class WordIndex:
    """The words of tools, each with what it adds to the score of which tool.

    That is BM25 with weighted fields (Robertson, Zaragoza and Taylor, 2004). All of it but the sum is done once.

    Args:
        tools: Their words.
    """

    def __init__(self, tools: Sequence[Spoken]) -> None:
        self._added: dict[str, tuple[array[int], array[float]]] = {}
        for word, found in _weights(tools).items():
            rarity = math.log(1 + (len(tools) - len(found) + 0.5) / (len(found) + 0.5))
            scores = (rarity * weight / (SATURATION + weight) for weight in found.values())
            self._added[word] = array("I", found), array("f", scores)

    def rank(self, query: str) -> list[tuple[int, float]]:
        """Return the numbers of the tools that share a word with a query, with their scores, best first."""
        scores: dict[int, float] = defaultdict(float)
        for word in dict.fromkeys(words(query)):
            for number, score in zip(*self._added.get(word, ((), ())), strict=True):
                scores[number] += score
        return sorted(scores.items(), key=lambda one: (-one[1], one[0]))


def _weights(tools: Sequence[Spoken]) -> dict[str, dict[int, float]]:
    """Return by word and tool how much it occurs there: an occurrence counts less in a field that is longer than others."""
    found: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for field, weight in WEIGHTS.items():
        texts: list[list[str]] = [getattr(one, field) for one in tools]
        usual = sum(map(len, texts)) / len(texts) or 1.0 if texts else 1.0
        for number, text in enumerate(texts):
            share = weight / (1 - LENGTH + LENGTH * len(text) / usual)
            for word in text:
                found[word][number] += share
    return found
