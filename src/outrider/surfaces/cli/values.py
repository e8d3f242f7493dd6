"""Values on the command line: JSON as a word, from a file, from standard input."""

import sys
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from outrider.core.codec import decode_plain
from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.schema import json_schema


def json_value(option: str, text: str) -> Any:
    """Read JSON from a word, from `@FILE` or from `@-`.

    Raises:
        InvalidConfigError: It cannot be read, or is no JSON.
    """
    if text.startswith("@"):
        text = _file_text(option, text[1:])
    try:
        return decode_plain(text)
    except OutriderError as error:
        raise InvalidConfigError(f"{option}: not JSON: {error.message}", path=option, found=text[:80]) from error


def _file_text(option: str, name: str) -> str:
    """Return what is in a file, or comes on standard input where `-` is its name."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfigError(f"{option}: {name} cannot be read: {error}", path=option, found=name) from error


def json_object(option: str, text: str) -> dict[str, Any]:
    """The same, and it must be an object."""
    value = json_value(option, text)
    if not isinstance(value, dict):
        raise InvalidConfigError(f"{option}: not an object", path=option, found=text[:80], expected='{"field": value}')
    return value


def typed_value(name: str, word: Any, target: Any) -> Any:
    """Return a word, or the words of a list, as a value of the declared type of a parameter; text is taken as it is.

    Where the type is a document, such as YAML, `@FILE` and `@-` stand for what is in a file or comes on standard input.

    Raises:
        InvalidConfigError: It is not of this type.
    """
    schema = json_schema(target)
    kinds = {schema.get("type"), *(option.get("type") for option in schema.get("anyOf", []))}
    if isinstance(word, tuple):
        (item,) = get_args(get_args(target)[0] if get_origin(target) is Annotated else target)
        return [typed_value(name, part, item) for part in word]
    if isinstance(word, str) and word.startswith("@") and "contentMediaType" in schema:
        return _file_text(name, word[1:])
    if isinstance(word, bool) or "string" in kinds or "enum" in schema:
        return word
    try:
        return decode_plain(word)
    except OutriderError as error:
        wanted = " or ".join(sorted(str(kind) for kind in kinds if kind))
        raise InvalidConfigError(
            f"{name}: not {wanted}", path=name, found=word, expected=wanted,
            suggestions=[f"see outrider ... --help for --{name}"],
        ) from error  # fmt: skip
