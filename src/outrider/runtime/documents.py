"""YAML and JSON documents, read strictly and with the place of every value.

What YAML 1.1 guesses is not guessed here: `NO`, `on`, `010`, `12:30`, `1.20`, dates and `1_000` stay text or are numbers
only in their plain decimal form. Duplicate keys, tags, anchors beyond a budget and oversized files are refused.
"""

import re
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

import msgspec
import yaml

from outrider.core.errors import InvalidConfigError, NotFoundError, OutriderError
from outrider.core.source import Path, Position, SourceMap

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_ALIASES = 100
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_LONGEST_NUMBER = 100  # longer digits stay text, and Python refuses to convert very long ones
_QUOTED = frozenset("'\"|>")
_CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class Document(msgspec.Struct):
    """One YAML document: plain data and the places of its values."""

    data: Any
    source: SourceMap
    position: Position


def read_file(path: FilePath, *, shown_as: str = "") -> list[Document]:
    """Read every document of a file.

    Args:
        path: The file.
        shown_as: Its name in errors; the path itself if empty.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: It cannot be read, or is not what we accept; the place is named.
    """
    name = shown_as or str(path)
    return read_text(read_bytes(path, name), name)


def read_bytes(path: FilePath, name: str) -> bytes:
    """Return what stands in a file, of one that is too large for `read_text` the beginning.

    Raises:
        NotFoundError: There is no such file.
        InvalidConfigError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # what never ends is too large
    except FileNotFoundError as error:
        raise NotFoundError(
            f"{name}: no such file", found=name, suggestions=[f"check the path: {path.resolve()}"]
        ) from error
    except OSError as error:
        raise InvalidConfigError(
            f"{name}: cannot be read: {error.strerror}", source=name, suggestions=[f"check its mode: ls -l {path}"]
        ) from error


def read_text(data: bytes | str, name: str) -> list[Document]:
    """Read every document of a text; `name` stands for its file in errors. Empty documents are left out.

    Raises:
        InvalidConfigError: Naming line and column.
    """
    if len(data) > MAX_BYTES:
        raise InvalidConfigError(
            f"{name}: too large",
            source=name,
            found=f"more than {MAX_BYTES} bytes",
            expected=f"at most {MAX_BYTES} bytes",
            suggestions=["split it into several files"],
        )
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
    except UnicodeDecodeError as error:
        raise InvalidConfigError(
            f"{name}: not UTF-8 text",
            source=name,
            found=f"byte 0x{error.object[error.start]:02x} at offset {error.start}",
        ) from error
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidConfigError(f"{name}: not Unicode text: it holds a lone surrogate", source=name)
    return list(_documents(text, name))


def _documents(text: str, name: str) -> Iterator[Document]:
    loader = _Loader(text)
    try:
        _check_depth(text, name)
        while loader.check_node():
            node = loader.get_node()
            reader = _NodeReader(name)
            data = reader.read(node, ())
            if data is not None:
                yield Document(data, SourceMap(reader.values, reader.keys), reader.values[()])
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text, name) from error
    except yaml.YAMLError as error:
        raise InvalidConfigError(f"{name}: not YAML: {error}", source=name) from error
    except RecursionError as error:
        raise _too_deep(name) from error
    finally:
        loader.dispose()


def _check_depth(text: str, name: str) -> None:
    """Look at the nesting before nodes are made: the C loader makes them recursively and would overflow its stack."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH + 1:
            mark = event.start_mark
            raise InvalidConfigError(
                f"nested deeper than {MAX_DEPTH} levels",
                source=f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name,
                expected=f"at most {MAX_DEPTH} levels",
                suggestions=["flatten the document"],
            )


class _NodeReader:
    """Turns YAML nodes into plain data and notes where each value and key stands."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.values: dict[Path, Position] = {}
        self.keys: dict[Path, Position] = {}
        self._seen: set[int] = set()
        self._aliases = 0

    def read(self, node: Any, path: Path) -> Any:
        self.values[path] = self._position(node)
        self._check_budget(node, path)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self._check_tag(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._mapping(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, "a key must be plain text", found="a list or mapping as key")
            key = str(key_node.value)
            if key in result:
                raise self._error(
                    key_node,
                    f"key '{key}' is given twice",
                    found=f"first at {self.keys[*path, key]}",
                    fix=f"remove one '{key}'",
                )
            self.keys[*path, key] = self._position(key_node)
            result[key] = self.read(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        self._check_tag(node)
        text = str(node.value)
        if node.style in _QUOTED:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if len(text) <= _LONGEST_NUMBER and _INTEGER.fullmatch(text):
            return int(text)
        # A number that would be written differently (1.20, a version) keeps its text.
        return float(text) if _NUMBER.fullmatch(text) and repr(float(text)) == text else text

    def _check_tag(self, node: Any) -> None:
        # The base loader gives every node its default tag unless the document names one.
        if node.tag not in _DEFAULT_TAGS:
            raise self._error(node, f"the tag {node.tag} is not allowed", fix="remove the tag; values are plain data")

    def _check_budget(self, node: Any, path: Path) -> None:
        if len(path) > MAX_DEPTH:
            raise self._error(node, f"nested deeper than {MAX_DEPTH} levels", fix="flatten the document")
        if id(node) in self._seen and not isinstance(node, yaml.ScalarNode):
            self._aliases += 1
            if self._aliases > MAX_ALIASES:
                raise self._error(node, f"more than {MAX_ALIASES} uses of anchors", fix="write the values out")
        self._seen.add(id(node))

    def _position(self, node: Any) -> Position:
        return Position(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _error(self, node: Any, message: str, *, found: str = "", fix: str = "") -> OutriderError:
        place = str(self._position(node))
        return InvalidConfigError(f"{message}", source=place, found=found, suggestions=[fix] if fix else [])


_DEFAULT_TAGS = frozenset({None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"})


def _syntax_error(error: yaml.MarkedYAMLError, text: str, name: str) -> InvalidConfigError:
    mark = error.problem_mark or error.context_mark
    place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
    lines = text.splitlines()
    line = lines[mark.line].strip() if mark and mark.line < len(lines) else ""
    suggestions = ["check indentation, quotes and brackets on this line and the one before"]
    if "'@'" in (error.problem or "") or (
        "character that cannot start any token" in (error.problem or "") and "@" in line
    ):
        suggestions = [f'put quotes around the name that starts with @, as in "{_at_word(line)}"']
    elif "\\t" in (error.problem or ""):
        suggestions = ["replace the tab by spaces"]
    return InvalidConfigError(f"not YAML: {error.problem}", source=place, found=line, suggestions=suggestions)


def _at_word(line: str) -> str:
    match = re.search(r"@[\w.-]*", line)
    return match[0] if match else "@name"


def _too_deep(name: str) -> InvalidConfigError:
    return InvalidConfigError(f"{name}: nested too deeply", source=name, expected=f"at most {MAX_DEPTH} levels")
