r"""What a policy reads in the body of a call, and the little of it that is changed.

Values are copied as they came: a number of 70 bits, `1e2` or the order of keys would come out of decoding and encoding as
something else. A key that stands twice, or once more in another spelling (`"mod\u0065l"`), goes on as one, with the value that was
read here: no provider can read another one.
"""

from typing import Any

import msgspec

from outrider.core.errors import InvalidConfigError

_Members = dict[str, msgspec.Raw]
_members = msgspec.json.Decoder(_Members)
_encoder = msgspec.json.Encoder()
_TRUE = msgspec.Raw(b"true")


def _reader(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _prompts(prompt: Any) -> int:
    """Return how many prompts there are: a list of numbers is one, as tokens."""
    return max(1, len(prompt)) if isinstance(prompt, list) and not (prompt and isinstance(prompt[0], int)) else 1


class _GeminiSettings(msgspec.Struct):
    most: int | None = msgspec.field(name="maxOutputTokens", default=None)
    most_in_snake_case: int | None = msgspec.field(name="max_output_tokens", default=None)
    answers: int | None = msgspec.field(name="candidateCount", default=None)


# The keys that are read, of any dialect.
_READ = {
    "model": _reader(str),
    "stream": _reader(bool | None),
    "stream_options": _reader(_Members | None),
    "max_tokens": _reader(int | None),
    "max_completion_tokens": _reader(int | None),
    "max_output_tokens": _reader(int | None),
    "n": _reader(int | None),
    "best_of": _reader(int | None),
    "prompt": _reader(Any),
    "generationConfig": _reader(_GeminiSettings | None),
    "generation_config": _reader(_GeminiSettings | None),
}
# Some providers read keys whatever their case, as Go does: they could read what was not judged.
_FOLDED = {key.casefold(): key for key in _READ}
_MOST = ("max_tokens", "max_completion_tokens", "max_output_tokens")


class Call:
    """A call, as far as it is read.

    Args:
        body: A JSON object.

    Attributes:
        model: As the client names it; empty where it names none.
        stream: Whether the answer is to come in pieces.
        most_tokens: How many tokens of one answer the client allows, at the most; None where it does not say.
        answers: How many answers are made of it.
        wants_usage: Whether it asks a stream to tell its usage.

    Raises:
        InvalidConfigError: The body is no JSON object, a value that is read has the wrong type, or its key stands there in other letters.
    """

    __slots__ = ("_members", "answers", "model", "most_tokens", "stream", "wants_usage")

    def __init__(self, body: bytes) -> None:
        try:
            members = _members.decode(body)
            found = {key: reader.decode(members[key]) for key, reader in _READ.items() if key in members}
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise InvalidConfigError(
                f"the body is not a call: {error}", found=f"{len(body)} bytes", expected="a JSON object"
            ) from error
        for key in members:
            if key not in _READ and (read := _FOLDED.get(key.casefold())):
                raise InvalidConfigError(
                    f"the body has a key '{key}', which some providers would read as '{read}'", found=key, expected=read,
                    suggestions=[f"write '{read}'"],
                )  # fmt: skip
        self._members = members
        self.model: str = found.get("model", "")
        self.stream = found.get("stream") is True
        # Where several keys say it, a provider goes by one of them; who reserves must think of the largest.
        settings = found.get("generationConfig") or found.get("generation_config") or _GeminiSettings()
        given = [found.get(key) for key in _MOST] + [settings.most, settings.most_in_snake_case]
        self.most_tokens: int | None = max((most for most in given if most is not None and most > 0), default=None)
        each = max(1, found.get("n") or 1, found.get("best_of") or 1, settings.answers or 1)
        self.answers: int = each * _prompts(found.get("prompt"))
        options = found.get("stream_options") or {}
        self.wants_usage = bytes(options.get("include_usage", b"")) == b"true"

    def body(self, model: str, *, usage: bool) -> bytes:
        """Return the body for a provider.

        Args:
            model: As the provider names it.
            usage: Whether to ask for the usage of a stream, as OpenAI's `stream_options` does, beside what the client asks.
        """
        members = {**self._members, "model": msgspec.Raw(_encoder.encode(model))}
        if usage and not self.wants_usage:
            options = _READ["stream_options"].decode(members.get("stream_options", b"null")) or {}
            members["stream_options"] = msgspec.Raw(_encoder.encode({**options, "include_usage": _TRUE}))
        return _encoder.encode(members)
