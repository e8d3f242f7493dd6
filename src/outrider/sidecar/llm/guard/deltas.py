"""Where the events of a stream carry pieces of text, in every dialect."""

from collections.abc import Hashable, Iterator
from typing import Any

import msgspec

_CHOICE_TEXTS = ("content", "reasoning_content", "reasoning", "thinking", "refusal", "text")
_BLOCK_TEXTS = ("text", "partial_json", "thinking")
# Lists of objects in a delta that have texts too: of reasoning (OpenRouter), and of content (Mistral).
_PARTS = ("reasoning_details", "content", "thinking")
_PART_TEXTS = ("text", "summary")
# What tells to which text a piece belongs; all else has been told with the first event of it, and would be told twice.
_KEPT = frozenset({"index", "type", "thought"})

Path = tuple[str | int, ...]


class Delta(msgspec.Struct, frozen=True):
    """A piece of text in an event.

    Attributes:
        channel: Which of the texts of the answer it continues.
        holder: The object that it stands in.
        path: Where it stands in the event; its last part is its key in the holder.
        last: Whether the same event says that the text ends.
    """

    channel: tuple[str, ...]
    holder: dict[str, Any]
    path: Path
    last: bool

    @property
    def text(self) -> str:
        """What it says."""
        return str(self.holder[self._key])

    def say(self, text: str) -> None:
        """Say something else."""
        self.holder[self._key] = text

    @property
    def _key(self) -> str:
        return str(self.path[-1])

    @property
    def answer(self) -> Hashable:
        """To which of several answers it belongs: within one, a text begins when the others have come to an end."""
        return self.channel[1] if self.path[0] in ("choices", "candidates") else ()


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


def is_idle(document: Any) -> bool:
    """Return whether an event says nothing, and that no text ends: providers send such ones in the middle of a text."""
    if not isinstance(document, dict) or "error" in document:
        return False
    choices = document.get("choices")
    if not isinstance(choices, list):
        return document.get("type") == "ping"
    return all(isinstance(one, dict) and one.get("finish_reason") is None and _is_empty(one) for one in choices)


def _is_empty(choice: dict[str, Any]) -> bool:
    delta = choice.get("delta")
    return isinstance(delta, dict) and not any(value for name, value in delta.items() if name != "role")


def alone(document: dict[str, Any], path: Path, text: str) -> dict[str, Any]:
    """Return an event as one that was there, with nothing but one piece of text.

    Args:
        document: The event that was there.
        path: Where the piece stands in it.
        text: What it says now.
    """
    plain = {name: value for name, value in document.items() if not isinstance(value, dict | list)}
    first = str(path[0])
    return plain | {first: _alone(document[first], path[1:], text)}


def _alone(node: Any, path: Path, text: str) -> Any:
    if not path:
        return text
    inner = _alone(node[path[0]], path[1:], text)
    if isinstance(node, list):
        return [inner]
    kept = {name: value for name, value in node.items() if name in _KEPT or (name == "role" and "parts" in node)}
    if "finish_reason" in node:  # clients expect it in each
        kept["finish_reason"] = None
    return kept | {str(path[0]): inner}


def _of_choices(choices: Any) -> Iterator[Delta]:
    """OpenAI's chat and completions."""
    for number, choice in _numbered(choices):
        index, last = choice.get("index", number), choice.get("finish_reason") is not None
        path: Path = ("choices", number)
        yield from _texts(choice, _CHOICE_TEXTS, ("choice", index), path, last=last)
        yield from _of_delta(choice.get("delta"), index, (*path, "delta"), last=last)


def _of_delta(delta: Any, index: Any, path: Path, *, last: bool) -> Iterator[Delta]:
    if not isinstance(delta, dict):
        return
    yield from _texts(delta, _CHOICE_TEXTS, ("choice", index), path, last=last)
    for name, field in (("function_call", "arguments"), ("audio", "transcript")):
        yield from _texts(delta.get(name), (field,), (name, index), (*path, name), last=last)
    for at, call in _numbered(delta.get("tool_calls")):
        channel = ("call", index, call.get("index", at))
        yield from _texts(
            call.get("function"), ("arguments",), channel, (*path, "tool_calls", at, "function"), last=last
        )
    for name in _PARTS:
        yield from _of_parts(delta.get(name), (name, index), (*path, name), last=last)


def _of_parts(parts: Any, channel: tuple[Any, ...], path: Path, *, last: bool) -> Iterator[Delta]:
    for at, part in _numbered(parts):
        numbered = (*channel, part.get("index", 0))
        yield from _texts(part, _PART_TEXTS, numbered, (*path, at), last=last)
        for inner, one in _numbered(part.get("thinking")):
            yield from _texts(one, _PART_TEXTS, (*numbered, "thinking"), (*path, at, "thinking", inner), last=last)


def _of_block(document: dict[str, Any]) -> Iterator[Delta]:
    """Anthropic's messages."""
    if document.get("type") == "content_block_delta":
        channel = ("block", document.get("index"))
        yield from _texts(document.get("delta"), _BLOCK_TEXTS, channel, ("delta",), last=False)


def _of_responses(document: dict[str, Any]) -> Iterator[Delta]:
    """OpenAI's responses."""
    kind = document.get("type")
    if isinstance(kind, str) and kind.startswith("response.") and kind.endswith(".delta"):
        channel = (kind, document.get("item_id"), document.get("content_index"), document.get("summary_index"))
        yield from _texts(document, ("delta",), channel, (), last=False)


def _of_candidates(candidates: Any) -> Iterator[Delta]:
    """Gemini's generateContent."""
    for number, candidate in _numbered(candidates):
        content = candidate.get("content")
        last = candidate.get("finishReason") is not None
        for at, part in _numbered(content.get("parts") if isinstance(content, dict) else None):
            channel = ("candidate", candidate.get("index", number), bool(part.get("thought")))
            yield from _texts(part, ("text",), channel, ("candidates", number, "content", "parts", at), last=last)


def _numbered(value: Any) -> list[tuple[int, dict[str, Any]]]:
    return [(at, one) for at, one in enumerate(value) if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(
    holder: Any, fields: tuple[str, ...], channel: tuple[Any, ...], path: Path, *, last: bool
) -> Iterator[Delta]:
    if isinstance(holder, dict):
        for field in fields:
            if isinstance(holder.get(field), str):
                yield Delta((*map(str, channel), field), holder, (*path, field), last)
