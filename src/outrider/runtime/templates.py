"""Templates in parameters: `${...}` holds a CEL expression, and `$${` stands for the two characters `${`.

A text that is one expression and nothing else becomes that expression's value, whatever its type; any other text stays text.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from outrider.core.codec import encode
from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.core.source import Path, format_path
from outrider.runtime.expressions import Expression, compiled

_OPEN, _ESCAPED = "${", "$${"


def literal(value: Any) -> Any:
    """Return data whose texts say as a template what they say now: for what comes from somebody who may not write expressions."""
    if isinstance(value, str):
        return value.replace(_OPEN, _ESCAPED)
    if isinstance(value, dict):
        return {key: literal(item) for key, item in value.items()}
    return [literal(item) for item in value] if isinstance(value, list) else value


class Template:
    """Plain data whose texts may hold expressions.

    Args:
        value: Dicts, lists and scalars, such as the parameters of a step.
        variables: Names that the expressions may use.

    Raises:
        InvalidConfigError: An expression does not compile, or does not end; its `path` names the field.
    """

    def __init__(self, value: Any, variables: tuple[str, ...]) -> None:
        self._value = value
        self._compiled: dict[Path, list[str | Expression]] = {
            path: _parts(text, path, variables) for path, text in _texts(value, ()) if _OPEN in text
        }

    @property
    def paths(self) -> list[Path]:
        """Where expressions stand whose values are known only when it is rendered."""
        return [path for path, parts in self._compiled.items() if any(isinstance(part, Expression) for part in parts)]

    @property
    def sources(self) -> list[tuple[Path, str]]:
        """The text of each expression, with its place."""
        return [
            (path, part.text)
            for path, parts in self._compiled.items()
            for part in parts
            if isinstance(part, Expression)
        ]

    def render(self, variables: Mapping[str, Any]) -> Any:
        """Return the data with the values in place.

        Raises:
            ExecutionFailedError: An expression cannot be evaluated; its `path` names the field.
        """
        return self._render(self._value, (), variables) if self._compiled else self._value

    def _render(self, value: Any, path: Path, variables: Mapping[str, Any]) -> Any:
        if isinstance(value, dict):
            return {key: self._render(item, (*path, key), variables) for key, item in value.items()}
        if isinstance(value, list):
            return [self._render(item, (*path, index), variables) for index, item in enumerate(value)]
        parts = self._compiled.get(path)
        if parts is None:
            return value
        try:
            values = [part.evaluate(variables) if isinstance(part, Expression) else part for part in parts]
        except OutriderError as error:
            error.path = format_path(path)
            error.about(error.path)
            raise
        return values[0] if len(values) == 1 else "".join(_text(item) for item in values)


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def _parts(text: str, path: Path, variables: tuple[str, ...]) -> list[str | Expression]:
    """Split a text into what stands as it is and what is evaluated."""
    parts: list[str | Expression] = []
    literal, position = "", 0
    while position < len(text):
        if text.startswith(_ESCAPED, position):
            literal, position = literal + _OPEN, position + len(_ESCAPED)
        elif text.startswith(_OPEN, position):
            end = _end(text, position + len(_OPEN), path)
            parts += [literal] if literal else []
            parts.append(_expression(text[position + len(_OPEN) : end], path, variables))
            literal, position = "", end + 1
        else:
            literal, position = literal + text[position], position + 1
    return [*parts, literal] if literal or not parts else parts


def _end(text: str, start: int, path: Path) -> int:
    """Return where the brace is that closes an expression; braces in its strings and maps do not."""
    depth, quote, position = 0, "", start
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "\"'":
            quote = character
        elif character == "{":
            depth += 1
        elif character == "}" and depth == 0:
            return position
        elif character == "}":
            depth -= 1
        position += 1
    raise InvalidConfigError(
        f"{format_path(path)}: an expression that does not end",
        path=format_path(path),
        found=text[start - len(_OPEN) :][:80],
        expected="${ expression }",
        suggestions=["close it with }", "write $${ where the characters ${ are meant"],
    )


def _expression(text: str, path: Path, variables: tuple[str, ...]) -> Expression:
    try:
        return compiled(text.strip(), variables)
    except OutriderError as error:
        error.path = format_path(path)
        error.about(error.path)
        error.suggestions = [*error.suggestions, "write $${ where the characters ${ are meant"]
        raise


def _text(value: Any) -> str:
    """Return a value inside a text: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else encode(value).decode()
