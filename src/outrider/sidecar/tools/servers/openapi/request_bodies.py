"""What bodies an operation takes, from its document."""

from collections.abc import Mapping
from itertools import islice
from typing import Any, cast

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.core.http.headers import Headers
from outrider.sidecar.tools.servers.openapi.bodies import JSON
from outrider.sidecar.tools.servers.openapi.document import Document
from outrider.sidecar.tools.servers.openapi.operation import Body, Encoding, Kind, Style
from outrider.sidecar.tools.servers.openapi.parameters import STYLES, is_json
from outrider.sidecar.tools.servers.openapi.schemas import Schemas, described

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
# Ranges of content types that JSON is in.
_RANGES = ("*/*", "application/*")
MOST_TYPES, MOST_FIELDS = 100, 1000
_ORDER: tuple[Kind, ...] = ("json", "form", "multipart", "text")


class BodyReader:
    """Reads bodies of requests.

    Args:
        document: Where they stand.
        schemas: Of it.
    """

    def __init__(self, document: Document, schemas: Schemas) -> None:
        self._document, self._schemas = document, schemas

    def read(self, value: Any) -> tuple[Body | None, tuple[str, ...]]:
        """Return a body and the names of `$defs` that its schema refers to; None where there is none, or it may be left away
        and cannot be sent.

        Raises:
            OutriderError: It is broken, or of a type that is not sent.
        """
        if value is None:
            return None, ()
        found = self._document.resolve(value, "its body")
        content = found.get("content")
        if not isinstance(content, dict) or not 0 < len(content) <= MOST_TYPES:
            raise InvalidConfigError(f"its body has no content, or more than {MOST_TYPES} types of it")
        required = found.get("required") is True
        kinds = {kind: media for media in reversed(content) if (kind := _kind(media)) is not None}
        kind = next((one for one in _ORDER if one in kinds), None)
        if kind is None:
            if not required:
                return None, ()
            raise UnsupportedError(f"its body is {', '.join(content)[:200]}, which is not sent")
        media = kinds[kind]
        about = content[media] if isinstance(content[media], dict) else {}
        made = self._schemas.convert(about.get("schema", {"type": "string"} if kind == "text" else True))
        schema, files = made.schema, frozenset[str]()
        if kind in ("form", "multipart"):
            # A form has names; what a schema that says nothing of an object takes else could not be sent.
            schema = {"type": "object", **schema} if isinstance(schema, dict) else {"type": "object"}
            files = _files(self._document, about.get("schema"))
        body = Body(
            media=JSON if media in _RANGES else _sent(media), kind=kind, required=required, schema=described(schema, found),
            encodings=_encodings(about.get("encoding")), files=files,
        )  # fmt: skip
        return body, made.names


def _kind(media: str) -> Kind | None:
    plain = media.partition(";")[0].strip().lower()
    if is_json(plain) or plain in _RANGES:
        return "json"
    if plain in (FORM, MULTIPART):
        return "form" if plain == FORM else "multipart"
    return "text" if plain.startswith("text/") and "*" not in plain else None


def _sent(media: str) -> str:
    """Return a content type as it can be sent.

    Raises:
        InvalidConfigError: It cannot.
    """
    plain = media.partition(";")[0].strip().lower()
    media = plain if plain in (FORM, MULTIPART) else media.strip()
    Headers({"content-type": media})
    return media


def _encodings(value: Any) -> dict[str, Encoding]:
    made = {}
    for name, one in islice(value.items(), MOST_FIELDS) if isinstance(value, dict) else ():
        if not isinstance(one, dict):
            continue
        style, explode, media = one.get("style"), one.get("explode"), one.get("contentType")
        is_styled = any(key in one for key in ("style", "explode", "allowReserved"))
        chosen = style if style in STYLES["query"] else "form"
        made[name] = Encoding(
            cast("Style", chosen) if is_styled else None,
            explode if isinstance(explode, bool) else chosen == "form",
            one.get("allowReserved") is True,
            _media(media),
        )
    return made


def _media(value: Any) -> str:
    """Return the first content type that a property may have."""
    first = value.partition(",")[0].strip() if isinstance(value, str) else ""
    return first if first.isascii() and first.isprintable() and "*" not in first else ""


def _files(document: Document, schema: Any) -> frozenset[str]:
    """Return the properties of a form that are files: texts of the format `binary`, or with a content type."""
    try:
        properties = document.resolve(schema, "a form").get("properties")
    except InvalidConfigError:  # one that is no object at its top
        return frozenset()
    found = set()
    for name, one in islice(properties.items(), MOST_FIELDS) if isinstance(properties, dict) else ():
        inner: Any = one.get("items", one) if isinstance(one, Mapping) else None
        if isinstance(inner, Mapping) and (inner.get("format") == "binary" or "contentMediaType" in inner):
            found.add(name)
    return frozenset(found)
