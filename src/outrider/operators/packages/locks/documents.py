"""JSON, TOML, YAML and XML as strangers write them: bounded in size and depth, and refused with the line that is wrong."""

import re
import tomllib
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import yaml

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.locks.lock import unreadable

MAX_SIZE = 64 << 20
MAX_DEPTH = 128
# Each dot of a key costs tomllib as much as all dots before it.
_MOST_DOTS = 100
_TOML_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*+"?|\'[^\'\n]*+\'?')
_JSON_PLACE = re.compile(r"\(byte (\d+)\)$")
_COMMA = re.compile(r'"(?:[^"\\]|\\.)*+"?|//[^\n]*+|,(?=\s*+[\]}])', re.DOTALL)
_YamlLoader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def checked(form: str, text: str) -> str:
    """Return the text of a file without its byte order mark.

    Args:
        form: The name of its format.
        text: As it was read.

    Raises:
        InvalidConfigError: It is too large, or no Unicode text.
    """
    if len(text) > MAX_SIZE:
        raise unreadable(form, f"{len(text)} characters", f"at most {MAX_SIZE} characters")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise unreadable(form, f"a lone surrogate in line {line}", "Unicode text") from error
    return text.removeprefix("\ufeff")


def read_json(form: str, text: str, *, lenient: bool = False) -> dict[str, Any]:
    """Return the object that a JSON text is.

    Args:
        form: The name of the format, for errors.
        text: Of the file.
        lenient: Whether commas before a closing bracket, and comments to the end of a line, are allowed.

    Raises:
        InvalidConfigError: It is something else.
    """
    text = checked(form, text)
    if lenient:
        text = _COMMA.sub(lambda match: match[0] if match[0].startswith('"') else "", text)
    try:
        content = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        place = _JSON_PLACE.search(str(error))
        where = f" in line {_line(text, int(place[1]))}" if place else ""
        raise unreadable(form, f"{_JSON_PLACE.sub('', str(error)).strip()}{where}", "JSON") from error
    except RecursionError as error:
        raise _too_deep(form) from error
    return _mapping(form, content)


def read_toml(form: str, text: str) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Args:
        form: The name of the format, for errors.
        text: Of the file.

    Raises:
        InvalidConfigError: It is something else.
    """
    text = checked(form, text)
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > _MOST_DOTS and _TOML_STRING.sub("", line).count(".") > _MOST_DOTS:
            raise unreadable(form, f"a key of more than {_MOST_DOTS} parts in line {number}", "short keys")
    try:
        return tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError is one, and so is what int() says to very many digits
        raise unreadable(form, str(error), "TOML") from error
    except RecursionError as error:
        raise _too_deep(form) from error


def read_yaml(form: str, text: str) -> list[dict[str, Any]]:
    """Return the mappings that the documents of a YAML text are; every scalar stays the text that is written.

    Data are made from events: the composer of libyaml calls itself for each level and would overflow the stack.

    Args:
        form: The name of the format, for errors.
        text: Of the file.

    Raises:
        InvalidConfigError: It is something else, or has aliases, which no lock file needs.
    """
    builder = _YamlBuilder(form)
    text = checked(form, text)
    try:
        for event in yaml.parse(text, Loader=_YamlLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise unreadable(form, f"{error.problem}{f' in line {mark.line + 1}' if mark else ''}", "YAML") from error
    except yaml.reader.ReaderError as error:
        raise unreadable(form, f"{error.reason} in line {_line(text, error.position)}", "YAML") from error
    except yaml.YAMLError as error:
        raise unreadable(form, str(error), "YAML") from error
    return [_mapping(form, one) for one in builder.documents if one != ""]


def read_xml(form: str, text: str) -> ET.Element:
    """Return the root of an XML text; names of elements are without their namespaces.

    Args:
        form: The name of the format, for errors.
        text: Of the file.

    Raises:
        InvalidConfigError: It is something else, or has a DOCTYPE, which can declare entities.
    """
    parser = ET.XMLParser(target=_Tree(form))  # noqa: S314 - _Tree refuses the declarations that can do harm
    try:
        parser.feed(checked(form, text))
        root: ET.Element = parser.close()
    except ET.ParseError as error:
        raise unreadable(form, str(error), "XML") from error
    return root


def _line(text: str, position: int) -> int:
    """Return the line in which a byte is."""
    return text.encode().count(b"\n", 0, position) + 1


def _mapping(form: str, content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise unreadable(form, f"{type(content).__name__} at the top", "a mapping at the top")
    return content


def _too_deep(form: str) -> InvalidConfigError:
    return unreadable(form, "it is nested too deeply", "a shallow file")


class _YamlBuilder:
    """Puts data together from events; `documents` has the whole after the last one."""

    def __init__(self, form: str) -> None:
        self.documents: list[Any] = []
        self._form = form
        self._open: list[Any] = []
        self._keys: list[Any] = []

    def take(self, event: Any) -> None:
        """Take the next event."""
        if isinstance(event, yaml.ScalarEvent):
            self._add(event.value, event)
        elif isinstance(event, yaml.CollectionStartEvent):
            value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._add(value, event)
            if len(self._open) >= MAX_DEPTH:
                raise self._wrong(event, f"nesting deeper than {MAX_DEPTH}")
            self._open.append(value)
            self._keys.append(None)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._keys.pop()
        elif isinstance(event, yaml.AliasEvent):
            raise self._wrong(event, "an alias")

    def _add(self, value: Any, event: Any) -> None:
        if not self._open:
            self.documents.append(value)
            return
        place = self._open[-1]
        if isinstance(place, list):
            place.append(value)
        elif self._keys[-1] is None:
            if not isinstance(value, str):
                raise self._wrong(event, "a key that is no text")
            self._keys[-1] = value
        else:
            place[self._keys[-1]] = value
            self._keys[-1] = None

    def _wrong(self, event: Any, what: str) -> InvalidConfigError:
        return unreadable(self._form, f"{what} in line {event.start_mark.line + 1}", "plain mappings and lists")


class _Tree(ET.TreeBuilder):
    """Makes elements, and refuses what can make a small file large."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._form = form
        self._depth = 0

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Refuse a DOCTYPE."""
        del name, pubid, system
        raise unreadable(self._form, "a DOCTYPE", "XML without one")

    def start(self, tag: str, attrs: dict[Any, Any], /) -> ET.Element:
        """Take the start of an element."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _too_deep(self._form)
        return super().start(tag.rpartition("}")[2], attrs)

    def end(self, tag: str, /) -> ET.Element:
        """Take the end of an element."""
        self._depth -= 1
        return super().end(tag.rpartition("}")[2])
