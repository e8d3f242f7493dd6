"""Bodies of requests, by their content type."""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

from outrider.core.codec import encode
from outrider.core.errors import InvalidConfigError
from outrider.sidecar.tools.servers.openapi.operation import Body, Encoding
from outrider.sidecar.tools.servers.openapi.styles import pairs, text_of

JSON = "application/json"
_USUAL = Encoding()
# As browsers write names of fields and files (WHATWG HTML, "Multipart form data").
_NAMES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


def write_body(body: Body | None, value: Any) -> tuple[str, bytes]:
    """Return the content type and the bytes of a body.

    Raises:
        InvalidConfigError: A form is no object.
    """
    assert body is not None  # whoever calls has looked
    if body.kind == "json":
        return body.media, encode(value)
    if body.kind == "text":
        return f"{body.media}; charset=utf-8" if "charset" not in body.media else body.media, text_of(value).encode()
    if not isinstance(value, dict):
        raise InvalidConfigError("argument 'body' is a form", path="body", expected="an object")
    if body.kind == "form":
        return body.media, "&".join(_form(body, value)).encode("ascii")
    return _multipart(body, value)


def _form(body: Body, value: Mapping[str, Any]) -> Iterator[str]:
    for name, one in value.items():
        encoding = body.encodings.get(name, _USUAL)
        if one is None:
            continue
        if encoding.style is not None:
            found = pairs(name, one, encoding.style, explode=encoding.explode, reserved=encoding.reserved)
            yield from (f"{key}={text}" for key, text in found)
            continue
        for text in _texts(one, encoding):
            yield f"{quote_plus(name)}={quote_plus(text)}"


def _texts(value: Any, encoding: Encoding) -> list[str]:
    """Return the fields of a property: a list is one for each member, an object is JSON, unless the encoding says JSON for all."""
    if encoding.media.startswith(JSON):
        return [encode(value).decode()]
    return [text_of(one) for one in (value if isinstance(value, list) else [value]) if one is not None]


def _multipart(body: Body, value: Mapping[str, Any]) -> tuple[str, bytes]:
    boundary = secrets.token_hex(16)
    made = bytearray()
    for name, one in value.items():
        if one is None:
            continue
        encoding = body.encodings.get(name, _USUAL)
        for text in _texts(one, encoding):
            made += f"--{boundary}\r\n{_head(body, name, one, encoding)}\r\n\r\n{text}\r\n".encode()
    made += f"--{boundary}--\r\n".encode()
    return f"{body.media}; boundary={boundary}", bytes(made)


def _head(body: Body, name: str, value: Any, encoding: Encoding) -> str:
    shown = name.translate(_NAMES)
    line = f'content-disposition: form-data; name="{shown}"'
    if name in body.files:
        return f'{line}; filename="{shown}"\r\ncontent-type: {encoding.media or "application/octet-stream"}'
    inner = value[0] if isinstance(value, list) and value else value
    media = encoding.media or (JSON if isinstance(inner, dict | list) else "")
    return f"{line}\r\ncontent-type: {media}" if media else line
