"""An OpenAPI document: read, judged, and followed from one part to another."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from outrider.core.codec import decode_document
from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.sidecar.tools.servers.openapi.yaml_reader import read_yaml

# One reference leads to another at most so often.
MOST_STEPS = 32
LONGEST_SHOWN = 200
_ESCAPED = {"~1": "/", "~0": "~"}


class Document:
    """A document of OpenAPI 3.

    Args:
        data: The whole.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data

    def at(self, reference: str) -> Any:
        """Return what a reference names (RFC 6901 in a fragment).

        Raises:
            InvalidConfigError: It is not in this document.
        """
        if not reference.startswith("#/"):
            raise InvalidConfigError(
                f"$ref '{reference[:LONGEST_SHOWN]}' leads out of the document, and is not followed"
            )
        found: Any = self.data
        for step in unquote(reference[2:]).split("/"):
            found = _inner(found, _unescaped(step))
            if found is _ABSENT:
                raise InvalidConfigError(f"$ref '{reference[:LONGEST_SHOWN]}' leads nowhere")
        return found

    def resolve(self, value: Any, what: str) -> Mapping[str, Any]:
        """Return a mapping that stands in a place, or that a reference in the place names.

        Args:
            value: What stands there.
            what: It, for the error.

        Raises:
            InvalidConfigError: It is none, or the reference leads nowhere or in a circle.
        """
        for _ in range(MOST_STEPS):
            if not isinstance(value, dict):
                raise InvalidConfigError(f"{what} is no mapping")
            reference = value.get("$ref")
            if not isinstance(reference, str):
                return value
            value = self.at(reference)
        raise InvalidConfigError(f"{what}: its $ref goes in a circle")


_ABSENT: Any = object()


def _unescaped(step: str) -> str:
    for escaped, character in _ESCAPED.items():
        step = step.replace(escaped, character)
    return step


def _inner(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step, _ABSENT)
    if isinstance(value, list) and step.isascii() and step.isdigit() and len(step) < 10 and int(step) < len(value):
        return value[int(step)]
    return _ABSENT


def read_document(text: bytes) -> Document:
    """Read a document in JSON or YAML.

    Raises:
        InvalidConfigError: It is neither, or no OpenAPI document.
        UnsupportedError: It is one of another version.
    """
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidConfigError(f"it is no UTF-8 text (byte {error.start})") from error
    data = decode_document(decoded.encode()) if decoded.lstrip().startswith("{") else read_yaml(decoded)
    if not isinstance(data, dict):
        raise InvalidConfigError("it is no mapping, and so no OpenAPI document")
    version = data.get("openapi")
    if version is None and "swagger" in data:
        raise UnsupportedError(
            f"it is of Swagger {str(data['swagger'])[:20]}; OpenAPI 3 is understood",
            suggestions=["convert it, for example with swagger2openapi"],
        )
    if not str(version).startswith("3."):
        raise UnsupportedError(f"it names no version of OpenAPI that is understood: {str(version)[:20]!r}, not 3.x")
    return Document(data)
