"""How documents of a dialect are read: strictly what clients ask, since what is not understood could change the meaning; leniently
what providers answer, since they add keys at any time.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec

from outrider.core.codec import convert_strict, decode_plain
from outrider.core.errors import ExecutionFailedError, InvalidConfigError, OutriderError, UnsupportedError
from outrider.sidecar.llm.translation.neutral import Document, Media, Part, Text
from outrider.sidecar.llm.usage import Usage, usage_in

T = TypeVar("T")
REMEDY = "leave it out, or give the route another provider of the client's own dialect"
LONGEST_FOUND = 200
_FAULT = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_OTHER = re.compile(r"Invalid (?:enum )?value (.*)|Expected `null`, got (.*)", re.DOTALL)


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """Base of what clients send: an unknown key is refused."""


class Refusal(msgspec.Struct):
    """A key that no other dialect can express.

    Attributes:
        harmless: Values that ask for nothing.
        remedy: What the client can do.
    """

    harmless: tuple[Any, ...] = ()
    remedy: str = REMEDY


class Keys(msgspec.Struct):
    """The keys of a request that are not translated.

    Attributes:
        left_out: Those that only tune, name or account for a call; a value changes nothing that the answer says.
        refused: Those that would change it.
    """

    left_out: frozenset[str]
    refused: Mapping[str, Refusal]


def unsupported(path: str, found: Any, remedy: str = REMEDY) -> UnsupportedError:
    """Return the error for something that the dialect of the provider cannot express."""
    return UnsupportedError(
        f"{path}: this cannot be translated for a provider of another dialect",
        path=path,
        found=str(found)[:LONGEST_FOUND],
        expected="what both dialects can express",
        suggestions=[remedy],
    )


def refuse(path: str, value: Any) -> None:
    """Refuse a value, unless it asks for nothing."""
    if value:
        raise unsupported(path, value)


def read_strictly(document: Any, target: type[T], keys: Keys) -> T:
    """Return the request of a client.

    Raises:
        UnsupportedError: It asks for something that has no translation.
        InvalidConfigError: It is none of its dialect.
    """
    if not isinstance(document, dict):
        raise InvalidConfigError("the body is no JSON object", expected="a JSON object", suggestions=["send an object"])
    known = {}
    for key, value in document.items():
        refusal = keys.refused.get(key)
        if refusal is not None and value is not None and value not in refusal.harmless:
            raise unsupported(key, value, refusal.remedy)
        if refusal is None and value is not None and key not in keys.left_out:
            known[key] = value
    try:
        result: T = convert_strict(known, target)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _fault(str(error)) from error
    return result


def _fault(message: str) -> OutriderError:
    """Return what the reader of a document complains of: what it does not know, or what is wrong."""
    match = _FAULT.fullmatch(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    unknown, other = _UNKNOWN.fullmatch(what), _OTHER.fullmatch(what)
    if unknown:
        return unsupported(f"{path}.{unknown[1]}".lstrip("."), f"the key {unknown[1]!r}")
    if other:
        return unsupported(path, (other[1] or other[2]).strip("'`"))
    return InvalidConfigError(
        f"{path or 'the body'}: {what}", path=path, expected="a call of its dialect", suggestions=["correct the field"]
    )


def read_leniently(document: Any, target: type[T]) -> T:
    """Return what a provider answered.

    Raises:
        ExecutionFailedError: It is not written as its dialect is.
    """
    try:
        result: T = convert_strict(document, target)
    except (msgspec.ValidationError, RecursionError) as error:
        raise unreadable(str(error)) from error
    return result


def read_event(data: bytes, target: type[T]) -> T:
    """Return an event of a provider's stream; as `read_leniently`."""
    try:
        document = decode_plain(data)
    except InvalidConfigError as error:
        raise unreadable(error.message) from error
    return read_leniently(document, target)


def unreadable(why: str) -> ExecutionFailedError:
    """Return the error for an answer that cannot be read."""
    return ExecutionFailedError(
        f"the provider's answer cannot be read: {why}",
        suggestions=["check the address of the provider and the dialect that is set for it"],
    )


def arguments_of(text: str, path: str) -> Document:
    """Return the arguments of a call as an object; a model may write none, or something that is no JSON.

    Raises:
        UnsupportedError: They are no JSON object, and the dialect knows nothing else.
    """
    try:
        found = decode_plain(text) if text.strip() else {}
    except InvalidConfigError:
        found = None
    if not isinstance(found, dict):
        raise unsupported(path, text, "let the model call the tool again: its arguments are no JSON object")
    return found


def texts(text: str | None) -> list[Text]:
    """Return a text as parts: one that is empty is none."""
    return [Text(text)] if text else []


def media_of(kind: Literal["image", "pdf"], url: str, path: str, name: str = "") -> Media:
    """Return an image or a PDF of which there is a URL, which may hold the data itself.

    Raises:
        UnsupportedError: It is something else.
    """
    if url.startswith(("https://", "http://")):
        return Media(kind=kind, url=url, name=name)
    head, _, data = url.partition(",")
    media_type = head.removeprefix("data:").removesuffix(";base64")
    expected = "image/" if kind == "image" else "application/pdf"
    if len(head) != len(f"data:{media_type};base64") or not media_type.startswith(expected):
        raise unsupported(path, head, f"send {expected}... as data:...;base64,... or by its https address")
    return Media(kind=kind, media_type=media_type, data=data, name=name)


def sent_by(role: str, parts: list[Part], path: str) -> list[Part]:
    """Return what one side says.

    Raises:
        UnsupportedError: It has images or files, and is not the user's.
    """
    if role != "user" and any(isinstance(part, Media) for part in parts):
        raise unsupported(path, f"an image or a file of the {role}", "send images and files as the user")
    return parts


def url_of(media: Media) -> str:
    """Return the URL of an image or a PDF."""
    return media.url or f"data:{media.media_type};base64,{media.data}"


class _Details(msgspec.Struct):
    cache_write_tokens: int | None = None
    thinking_tokens: int | None = None


class _Told(msgspec.Struct):
    prompt_tokens_details: _Details | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


def usage_of(told: Document | None) -> Usage | None:
    """Return a provider's usage, with what only a client sees of it: tokens written into a cache, tokens of thinking."""
    usage = usage_in({"usage": told})
    if usage is not None:
        more = read_leniently(told, _Told)
        prompt, output = more.prompt_tokens_details or more.input_tokens_details, more.output_tokens_details
        usage.written = usage.written or (prompt and prompt.cache_write_tokens) or 0
        usage.reasoning = usage.reasoning or (output and output.thinking_tokens) or 0
    return usage
