"""How much a call has used, as providers tell it: in a whole answer, or somewhere in a stream of events."""

import re
from typing import Any

import msgspec

# A line of an event stream that is longer is not looked into.
LONGEST_LINE = 512 * 1024
BYTES_PER_TOKEN = 4
# Of an event, what is JSON around its text; those of OpenAI have the most.
EVENT_FRAME = 320


class Usage(msgspec.Struct, kw_only=True):
    """Tokens of one call.

    Attributes:
        input: Of the prompt, those from a cache among them.
        output: Of the answer, those of its reasoning among them.
        cached: Of the prompt, read from a cache of the provider.
        written: Of the prompt, written into one.
        reasoning: Of the answer.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0
    reasoning: int = 0


class _Details(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Told(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int = 0
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _ChatAnswer(msgspec.Struct):
    usage: _Told


_chat_answers = msgspec.json.Decoder(_ChatAnswer)
_NONE = _Details()
# The object of numbers, with such objects in it and in these, that is the last of its name.
_LAST_USAGE = re.compile(rb'"usage(?:Metadata)?"\s*:\s*(\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})')


def usage_of(answer: bytes) -> Usage | None:
    """Return the usage that an answer in one piece tells; None where it tells none.

    Of the commonest answers, those of OpenAI's chat, only the usage is decoded; of the others all.
    """
    try:
        told = _chat_answers.decode(answer).usage
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        try:
            document = msgspec.json.decode(answer)
            return usage_in(document) if isinstance(document, dict) else _last_in(document)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
    prompt = told.prompt_tokens_details or _NONE
    reasoning = (told.completion_tokens_details or _NONE).reasoning_tokens or 0
    return Usage(
        input=max(0, told.prompt_tokens),
        output=max(0, told.completion_tokens),
        cached=max(0, prompt.cached_tokens or 0),
        written=max(0, prompt.cache_write_tokens or 0),
        reasoning=max(0, reasoning),
    )


def usage_in(document: Any) -> Usage | None:
    """Return the usage that an answer or an event of a stream tells, in any dialect; None where it tells none.

    OpenAI's chat, embeddings and responses, Anthropic's messages, Gemini's generateContent.
    """
    told = _told_in(document)
    return _read(told) if told is not None else None


def _last_in(document: Any) -> Usage | None:
    """Return the usage that the last part of an answer tells that came as a list of them, as Gemini's streams are without `alt=sse`."""
    parts = document if isinstance(document, list) else []
    return next((usage for usage in map(usage_in, reversed(parts)) if usage is not None), None)


def _told_in(document: Any) -> dict[str, Any] | None:
    """Return what an answer or an event tells of its usage, as it is written there."""
    if not isinstance(document, dict):
        return None
    for holder in (document, document.get("response"), document.get("message")):
        if isinstance(holder, dict):
            for name in ("usage", "usageMetadata"):
                told = holder.get(name)
                if isinstance(told, dict):
                    return told
    return None


def _read(told: dict[str, Any]) -> Usage | None:
    """Return the usage; None where it is not written as any dialect does: what is not understood is not nothing."""
    if "promptTokenCount" in told:
        return _read_gemini(told)
    if not any(isinstance(told.get(name), int) for name in ("prompt_tokens", "input_tokens")):
        return None
    if "prompt_tokens" in told:
        return Usage(
            input=_count(told, "prompt_tokens"),
            output=_count(told, "completion_tokens"),
            cached=_count(told.get("prompt_tokens_details"), "cached_tokens"),
            written=_count(told.get("prompt_tokens_details"), "cache_write_tokens"),
            reasoning=_count(told.get("completion_tokens_details"), "reasoning_tokens"),
        )
    cached = _count(told, "cache_read_input_tokens")
    written = _count(told, "cache_creation_input_tokens")
    return Usage(
        # Anthropic counts what came from a cache beside the input, OpenAI in it.
        input=_count(told, "input_tokens") + cached + written,
        output=_count(told, "output_tokens"),
        cached=cached or _count(told.get("input_tokens_details"), "cached_tokens"),
        written=written or _count(told.get("input_tokens_details"), "cache_write_tokens"),
        # As OpenAI's responses call them, and as Anthropic does.
        reasoning=_count(told.get("output_tokens_details"), "reasoning_tokens")
        or _count(told.get("output_tokens_details"), "thinking_tokens"),
    )


def _read_gemini(told: dict[str, Any]) -> Usage:
    reasoning = _count(told, "thoughtsTokenCount")
    return Usage(
        input=_count(told, "promptTokenCount"),
        output=_count(told, "candidatesTokenCount") + reasoning,
        cached=_count(told, "cachedContentTokenCount"),
        reasoning=reasoning,
    )


def _count(told: Any, name: str) -> int:
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def usage_at_end(tail: bytes) -> Usage | None:
    """Return the usage that the end of a long answer tells; None where it tells none there."""
    found = _LAST_USAGE.findall(tail)
    try:
        return _read(msgspec.json.decode(found[-1])) if found else None
    except (msgspec.DecodeError, UnicodeError):
        return None


class StreamScanner:
    """Finds the usage in a stream of server-sent events that passes by in pieces of any size.

    Lines end with CR, LF or both. A line is looked at once, when its end is there, in however many pieces it came.

    Attributes:
        usage: What was told so far: later totals replace earlier ones, what is not told again stays.
        partial: Whether that is only what was known when the answer began, as Anthropic tells it.
        events: How many events have passed.
        size: Their bytes.
        overlong: Whether a line was too long to be looked into.
    """

    __slots__ = ("_last", "_rest", "_returned", "_skipping", "_told", "events", "overlong", "partial", "size", "usage")

    def __init__(self) -> None:
        self._rest = bytearray()
        self._last = b""
        # Whether a line is being passed over, and whether the last byte was a CR, to which an LF may still belong.
        self._skipping = self._returned = False
        self._told: dict[str, Any] = {}
        self.overlong = self.partial = False
        self.usage: Usage | None = None
        self.events = self.size = 0

    @property
    def tokens(self) -> int:
        """Tokens of the answer, as an estimate: one for each event, more where events are longer than their frame."""
        return max(self.events, (self.size - EVENT_FRAME * self.events) // BYTES_PER_TOKEN)

    @property
    def torn(self) -> bool:
        """Whether what has come ends inside an event; OpenAI's mark of the end needs no empty line behind it."""
        last = bytes(self._rest) or self._last
        ended = not last or last.startswith(b":") or last.removeprefix(b"data:").strip() == b"[DONE]"
        return self._skipping or not ended

    def feed(self, data: bytes) -> None:
        """Look at the next piece."""
        self.size += len(data)
        if self._returned or b"\r" in data:
            data = self._with_line_feeds(data)
        *lines, rest = data.split(b"\n")
        if lines and self._rest:
            self._rest += lines[0]
            lines[0] = bytes(self._rest)
            self._rest.clear()
        if lines:
            self._last = lines[-1]
        for line in lines:
            if self._skipping:
                self._skipping = False
                self.events += 1
            elif line.startswith(b"data:"):
                self._look(line)
        if rest and not self._skipping:
            self._rest += rest
            if len(self._rest) > LONGEST_LINE:
                self._rest.clear()
                self._skipping = self.overlong = True

    def _with_line_feeds(self, data: bytes) -> bytes:
        if self._returned and data:
            data = data.removeprefix(b"\n")
            self._returned = False
        if data:
            self._returned = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def end(self) -> None:
        """Look at the last line, if it had no end."""
        if self._rest.startswith(b"data:"):
            self._look(bytes(self._rest))
        self._rest.clear()

    def _look(self, line: bytes) -> None:
        self.events += 1
        if b'"usage' not in line:
            return
        try:
            told = _told_in(msgspec.json.decode(line[5:]))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return
        if told is not None:
            # As it is written: what is derived from it, as the whole input is, cannot be merged.
            self._told.update({name: value for name, value in told.items() if value})
            self.usage = _read(self._told)
            self.partial = b'"message_start"' in line
