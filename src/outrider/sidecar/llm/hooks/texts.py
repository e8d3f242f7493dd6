"""What is said in the body of a call, and where it stands there."""

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from outrider.sidecar.llm.guard.rules import is_base64

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_COLON = re.compile(rb"\s*:")
# Under these keys stands what the protocols need, and nothing that anybody says.
_SILENT = frozenset({
    b"type", b"role", b"model", b"id", b"tool_call_id", b"tool_use_id", b"call_id", b"status", b"media_type", b"mime_type", b"mimeType",
    b"detail", b"encoding_format", b"service_tier", b"effort", b"reasoning_effort", b"finish_reason", b"object", b"format", b"signature",
    b"encrypted_content", b"previous_response_id", b"prompt_cache_key", b"tool_choice", b"truncation", b"verbosity", b"required",
})  # fmt: skip


class Text(NamedTuple):
    """A string of a document, and the bytes in which it is written."""

    begin: int
    end: int
    said: str


def texts_of(body: bytes) -> list[Text]:
    """Return what a JSON document says, in its order: its strings, without keys and words of the protocols."""
    found, key = [], b""
    for match in _STRING.finditer(body):
        if _COLON.match(body, match.end()):
            key = match.group()[1:-1]
        elif key not in _SILENT and not is_base64(match.group()) and (said := _read(match.group())):
            found.append(Text(match.start(), match.end(), said))
    return found


def with_texts(body: bytes, places: Sequence[Text], texts: Sequence[str]) -> bytes:
    """Return a document with other texts in their places; all else stays as it was written."""
    parts, at = [], 0
    for place, text in zip(places, texts, strict=True):
        if text != place.said:
            parts += [body[at : place.begin], json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")]
            at = place.end
    return b"".join([*parts, body[at:]]) if parts else body


def _read(written: bytes) -> str:
    """Return what a string says; one that is no text says nothing."""
    try:
        return msgspec.json.decode(written, type=str)
    except (msgspec.DecodeError, UnicodeError):
        return ""
