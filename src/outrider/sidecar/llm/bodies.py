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


# The keys that are read, of any dialect.
_READ = {
    "model": _reader(str),
    "stream": _reader(bool | None),
    "stream_options": _reader(_Members | None),
    "max_tokens": _reader(int | None),
    "max_completion_tokens": _reader(int | None),
    "max_output_tokens": _reader(int | None),
    "n": _reader(int | None),
}
_MOST = ("max_tokens", "max_completion_tokens", "max_output_tokens")


class Call:
    """A call, as far as it is read.

    Args:
        body: A JSON object.

    Attributes:
        model: As the client names it; empty where it names none.
        stream: Whether the answer is to come in pieces.
        most_tokens: How many tokens of answer the client allows, all its answers together; None where it does not say.
        wants_usage: Whether it asks a stream to tell its usage.

    Raises:
        InvalidConfigError: The body is no JSON object, or a value that is read has the wrong type.
    """

    __slots__ = ("_members", "model", "most_tokens", "stream", "wants_usage")

    def __init__(self, body: bytes) -> None:
        try:
            members = _members.decode(body)
            found = {key: reader.decode(members[key]) for key, reader in _READ.items() if key in members}
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise InvalidConfigError(
                f"the body is not a call: {error}", found=f"{len(body)} bytes", expected="a JSON object"
            ) from error
        self._members = members
        self.model: str = found.get("model", "")
        self.stream = found.get("stream") is True
        given = [found[key] for key in _MOST if found.get(key) is not None and found[key] >= 0]
        self.most_tokens = min(given) * max(1, found.get("n") or 1) if given else None
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
