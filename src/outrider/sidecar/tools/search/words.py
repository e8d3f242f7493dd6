"""The words of tools, by which they are found."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

import msgspec

from outrider.sidecar.tools.tool_server import Definition

# Of a text, and of what a tool says of its arguments: more says nothing more of what it is for.
LONGEST_TEXT, MOST_WORDS = 4000, 500
_WORD = re.compile(r"[^\W_]{1,64}")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Spoken(msgspec.Struct, frozen=True):
    """The words of a tool.

    Attributes:
        name: Of its name.
        title: Of its title, else of the first line of its description.
        does: Of its description.
        takes: Of the names and descriptions of its arguments.
    """

    name: list[str]
    title: list[str]
    does: list[str]
    takes: list[str]


def spoken(name: str, definition: Definition) -> Spoken:
    """Return the words of a tool.

    Args:
        name: As the agent calls it.
        definition: What its server says of it.
    """
    does = text_of(definition, "description")
    title = text_of(definition, "title") or does.partition("\n")[0]
    takes = (word for text in _texts(definition.get("inputSchema")) for word in words(text))
    return Spoken(list(words(name)), list(words(title)), list(words(does)), list(islice(takes, MOST_WORDS)))


def text_of(definition: Definition, key: str) -> str:
    """Return a text of a definition; a server may say anything in its place."""
    found = definition.get(key)
    return found[:LONGEST_TEXT] if isinstance(found, str) else ""


def words(text: str) -> Iterator[str]:
    """Yield the words of a text in small letters and the singular; of one such as `listPets` its parts, too."""
    for word in _WORD.findall(text[:LONGEST_TEXT]):
        yield from _forms(word)


@lru_cache(maxsize=10_000)
def _forms(word: str) -> tuple[str, ...]:
    parts = _HUMP.split(word)
    return tuple(_singular(one.casefold()) for one in ([word, *parts] if len(parts) > 1 else parts))


def _singular(word: str) -> str:
    """Return a word without the ending of most plurals in English (after Harman's S-stemmer, 1991)."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _texts(schema: object) -> Iterator[str]:
    """Yield the names and descriptions of properties, at every depth."""
    if isinstance(schema, list):
        for one in schema:
            yield from _texts(one)
    elif isinstance(schema, dict):
        properties, description = schema.get("properties"), schema.get("description")
        if isinstance(properties, dict):
            yield from properties
        if isinstance(description, str):
            yield description
        for one in schema.values():
            yield from _texts(one)
