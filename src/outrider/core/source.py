"""Where a value came from: paths inside a document, and their places in a file."""

from collections.abc import Mapping

import msgspec

Path = tuple[str | int, ...]


class Position(msgspec.Struct, frozen=True):
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def format_path(path: Path) -> str:
    """Return `spec.triggers[0].config` for `("spec", "triggers", 0, "config")`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


class SourceMap:
    """The places of the keys and values of one document."""

    def __init__(self, values: Mapping[Path, Position], keys: Mapping[Path, Position]) -> None:
        self._values = values
        self._keys = keys

    def with_overlay(self, over: "SourceMap") -> "SourceMap":
        """Return the places of a document that another one was merged over."""
        return SourceMap({**self._values, **over._values}, {**self._keys, **over._keys})  # noqa: SLF001 - of its own class

    def key(self, path: Path) -> str:
        """Return the place of the key at `path`, or of the nearest enclosing value that has one."""
        position = self._keys.get(path)
        return str(position) if position else self.value(path)

    def value(self, path: Path) -> str:
        """Return the place of the value at `path`, or of the nearest enclosing value that has one."""
        for end in range(len(path), -1, -1):
            position = self._values.get(path[:end])
            if position:
                return str(position)
        return ""


NO_SOURCE = SourceMap({}, {})
