"""Where the events of a stream carry pieces of text, in every dialect."""

from collections.abc import Hashable, Iterator
from typing import Any

import msgspec

_CHOICE_TEXTS = ("content", "reasoning_content", "refusal", "text")
_BLOCK_TEXTS = ("text", "partial_json", "thinking")


class Delta(msgspec.Struct, frozen=True):
    """A piece of text in an event.

    Attributes:
        channel: Which of the texts of the answer it continues.
        holder: The object that it stands in.
        field: Its key there.
        last: Whether the same event says that the text ends.
    """

    channel: Hashable
    holder: dict[str, Any]
    field: str
    last: bool

    @property
    def text(self) -> str:
        """What it says."""
        return str(self.holder[self.field])


def deltas(document: Any) -> list[Delta]:
    """Return the pieces of text of an event."""
    if not isinstance(document, dict):
        return []
    return [
        *_of_choices(document.get("choices")),
        *_of_block(document),
        *_of_responses(document),
        *_of_candidates(document.get("candidates")),
    ]


def _of_choices(choices: Any) -> Iterator[Delta]:
    """OpenAI's chat and completions."""
    for number, choice in enumerate(_objects(choices)):
        index, last = choice.get("index", number), choice.get("finish_reason") is not None
        for holder in (choice, choice.get("delta")):
            yield from _texts(holder, _CHOICE_TEXTS, ("choice", index), last=last)
        delta = choice.get("delta")
        for call in _objects(delta.get("tool_calls") if isinstance(delta, dict) else None):
            yield from _texts(call.get("function"), ("arguments",), ("call", index, call.get("index")), last=last)


def _of_block(document: dict[str, Any]) -> Iterator[Delta]:
    """Anthropic's messages."""
    if document.get("type") == "content_block_delta":
        yield from _texts(document.get("delta"), _BLOCK_TEXTS, ("block", document.get("index")), last=False)


def _of_responses(document: dict[str, Any]) -> Iterator[Delta]:
    """OpenAI's responses."""
    kind = document.get("type")
    if isinstance(kind, str) and kind.startswith("response.") and kind.endswith(".delta"):
        channel = (kind, document.get("item_id"), document.get("content_index"), document.get("summary_index"))
        yield from _texts(document, ("delta",), channel, last=False)


def _of_candidates(candidates: Any) -> Iterator[Delta]:
    """Gemini's generateContent."""
    for number, candidate in enumerate(_objects(candidates)):
        content = candidate.get("content")
        last = candidate.get("finishReason") is not None
        for part in _objects(content.get("parts") if isinstance(content, dict) else None):
            channel = ("candidate", candidate.get("index", number), bool(part.get("thought")))
            yield from _texts(part, ("text",), channel, last=last)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(holder: Any, fields: tuple[str, ...], channel: tuple[Any, ...], *, last: bool) -> Iterator[Delta]:
    if isinstance(holder, dict):
        for field in fields:
            if isinstance(holder.get(field), str):
                yield Delta((*map(str, channel), field), holder, field, last)
