"""What a call asks last: the text of its last message, where that is the user's and nothing but text."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from outrider.core.codec import decode_document, encode
from outrider.core.errors import InvalidConfigError
from outrider.sidecar.llm.cache import Members, members_of

# Of a longer one a small part could make all the difference, and models of embeddings take no text of any length.
LONGEST_TEXT = 8000
# Stands in place of the text. No call that takes part has it there.
_HOLE = msgspec.Raw(b"null")
# These answers depend on what the provider keeps and changes, or come later.
_ELSEWHERE = frozenset({"conversation", "background"})
_text = msgspec.json.Decoder(str).decode
_text_or_list = msgspec.json.Decoder(str | list[msgspec.Raw]).decode


class _Form(NamedTuple):
    """Where an endpoint's calls have their messages, what a message says, and of which type a part is that is text."""

    messages: str
    content: str
    part: str


_FORMS: Mapping[str, _Form] = {
    "chat": _Form("messages", "content", "text"),
    "messages": _Form("messages", "content", "text"),
    "responses": _Form("input", "content", "input_text"),
    "generate_content": _Form("contents", "parts", ""),
    "stream_generate_content": _Form("contents", "parts", ""),
}


class _OtherError(Exception):
    """It asks something else than a text."""


class Asked(msgspec.Struct, frozen=True):
    """What a call asks last.

    Attributes:
        text: It.
        members: Of the call's body, without the text.
    """

    text: str
    members: Members


def asked_last(endpoint: str, body: bytes) -> Asked | None:
    """Return what a call asks last; None where that is no text of the user, or a long one.

    Args:
        endpoint: Its name.
        body: A JSON object.
    """
    form = _FORMS.get(endpoint)
    if form is None:
        return None
    try:
        members = members_of(body)
        if _ELSEWHERE & members.keys():
            return None
        text, rest = _of_messages(_member(members, form.messages), form)
    except (_OtherError, msgspec.DecodeError, InvalidConfigError, UnicodeError, RecursionError):
        return None
    if not text.strip() or len(text) > LONGEST_TEXT:
        return None
    return Asked(text, {**members, form.messages: rest})


def _of_messages(given: msgspec.Raw, form: _Form) -> tuple[str, msgspec.Raw]:
    """Return the text of the last message, and all messages without it."""
    messages = _text_or_list(given)
    if isinstance(messages, str):
        return messages, _HOLE
    if not messages:
        raise _OtherError
    *before, last = messages
    message = _object(last)
    # Only Gemini's messages may leave out whose they are.
    if _text(message.get("role", b'""' if form.part else b'"user"')) != "user":
        raise _OtherError
    text, rest = _of_content(_member(message, form.content), form)
    return text, _raw([*before, {**message, form.content: rest}])


def _of_content(given: msgspec.Raw, form: _Form) -> tuple[str, msgspec.Raw]:
    content = _text_or_list(given)
    if isinstance(content, str):
        return content, _HOLE
    if len(content) != 1:
        raise _OtherError
    part = _object(content[0])
    if form.part and _text(_member(part, "type")) != form.part:
        raise _OtherError
    return _text(_member(part, "text")), _raw([{**part, "text": _HOLE}])


def _object(given: msgspec.Raw) -> dict[str, msgspec.Raw]:
    # Of a key that stands twice a provider may read the other value.
    decode_document(bytes(given))
    return members_of(given)


def _member(members: Members, name: str) -> msgspec.Raw:
    if name not in members:
        raise _OtherError
    return members[name]


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(encode(value))
