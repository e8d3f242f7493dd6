"""Values on the command line: JSON as a word, from a file, from standard input."""

import sys
from pathlib import Path
from typing import Any

from outrider.core.codec import decode_plain
from outrider.core.errors import InvalidConfigError, OutriderError


def json_value(option: str, text: str) -> Any:
    """Read JSON from a word, from `@FILE` or from `@-`.

    Raises:
        InvalidConfigError: It cannot be read, or is no JSON.
    """
    if text.startswith("@"):
        try:
            text = sys.stdin.read() if text == "@-" else Path(text[1:]).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidConfigError(f"{option}: {text[1:]} cannot be read: {error}", found=text[1:]) from error
    try:
        return decode_plain(text)
    except OutriderError as error:
        raise InvalidConfigError(f"{option}: not JSON: {error.message}", path=option, found=text[:80]) from error


def json_object(option: str, text: str) -> dict[str, Any]:
    """The same, and it must be an object."""
    value = json_value(option, text)
    if not isinstance(value, dict):
        raise InvalidConfigError(f"{option}: not an object", path=option, found=text[:80], expected='{"field": value}')
    return value
