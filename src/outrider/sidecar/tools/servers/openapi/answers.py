"""What a service answers, as the result of a tool."""

import re
from typing import Any

from outrider.core.codec import decode_plain, encode
from outrider.core.errors import OutriderError
from outrider.core.http.messages import REASONS, Response
from outrider.sidecar.tools.servers.openapi.parameters import is_json

LONGEST_ERROR = 16 * 1024
LONGEST_HEADER = 2000
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_-]+)""", re.IGNORECASE)
# Encodings of texts; Python's names hold others that decompress, or take long.
_ENCODINGS = re.compile(
    r"utf-?(8|16|32)([lb]e)?|(us-)?ascii|iso-8859-\d+|latin-?1|windows-125\d|shift_jis|euc-(jp|kr)|gb18030|big5",
    re.IGNORECASE,
)
_TEXTS = re.compile(
    r"text/.*|application/(.*\+)?(json|xml|yaml|x-yaml|javascript|x-www-form-urlencoded|x-ndjson|graphql|toml)|.*\+(json|xml|yaml)"
)
# What a client keeps, and not what is said.
_UNSAID = frozenset({"set-cookie", "connection", "keep-alive", "transfer-encoding", "www-authenticate"})


def read_answer(method: str, response: Response) -> dict[str, Any]:
    """Return the result of a call as MCP has it.

    Args:
        method: Of the request.
        response: Whatever came.
    """
    body = response.content
    media = (response.headers.get("content-type") or "").strip()
    if response.status >= 300:
        return _failure(response, media, body)
    if method == "HEAD":
        said = {"status": response.status, "headers": {k: v for k, v in response.headers if k not in _UNSAID}}
        return _result(encode(said).decode(), said)
    location = response.headers.get("location")
    if not body and location:
        return _result(f"location: {location[:LONGEST_HEADER]}", {"location": location[:LONGEST_HEADER]})
    text = _text(media, body)
    found = _json(media, text)
    if found is None:
        return _result(text)
    return _result(text, found[0] if isinstance(found[0], dict) else {"result": found[0]})


def _failure(response: Response, media: str, body: bytes) -> dict[str, Any]:
    """Return what came in place of a success; redirects are not followed, so one is none."""
    said = f"HTTP status {response.status} {REASONS.get(response.status, '')}".strip()
    location = response.headers.get("location")
    if response.status < 400 and location:
        said += f", to {location[:LONGEST_HEADER]}; redirects are not followed"
    wait = response.headers.get("retry-after")
    if wait:
        said += f", again after {wait[:100]}"
    text = _text(media, body[: 4 * LONGEST_ERROR]) if body else ""
    cut = text if len(text) <= LONGEST_ERROR else f"{text[: LONGEST_ERROR - 1]}…"
    return _result(f"{said}\n{cut}".strip(), {"status": response.status}) | {"isError": True}


def _result(text: str, structured: Any = None) -> dict[str, Any]:
    made: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": False}
    return made if structured is None else made | {"structuredContent": structured}


def _text(media: str, body: bytes) -> str:
    """Return a body as text; what is none is told of."""
    plain = media.partition(";")[0].strip().lower()
    if plain and not _TEXTS.fullmatch(plain):
        return f"{plain[:100]}, {len(body)} bytes, which are not shown"
    named = _CHARSET.search(media)
    encoding = named[1] if named and _ENCODINGS.fullmatch(named[1]) else "utf-8"
    if plain:
        return body.decode(encoding, "replace")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\0"
    return text if "\0" not in text else f"{len(body)} bytes of no known type, which are not shown"


def _json(media: str, text: str) -> tuple[Any] | None:
    """Return what a text in JSON says; None where it is no JSON."""
    if not is_json(media):
        return None
    try:
        return (decode_plain(text),)
    except OutriderError:
        return None
