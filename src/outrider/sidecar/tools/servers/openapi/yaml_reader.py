"""Reads YAML as OpenAPI has it: the types of JSON (YAML 1.2, core schema), keys as text.

Data are made from events: the composer of libyaml calls itself for each level and would overflow the stack.
"""

import math
import re
from typing import Any

import msgspec
import yaml

from outrider.core.errors import InvalidConfigError

MAX_DEPTH = 200
# Keys that `<<` brings in all: each of a chain brings those of the one before anew.
MOST_MERGED = 1_000_000
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
# Python refuses to convert very long digits; they stay text.
_LONGEST_NUMBER = 100
_CONSTANTS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
              "null": None, "Null": None, "NULL": None, "~": None, "": None}  # fmt: skip
_TAG = "tag:yaml.org,2002:"
_TEXT, _GUESSED = (
    frozenset({"!", f"{_TAG}str"}),
    frozenset({None, *(f"{_TAG}{one}" for one in ("int", "float", "bool", "null"))}),
)
_PLAIN_TAGS = frozenset({None, "!", f"{_TAG}map", f"{_TAG}seq"})
_MERGE = "<<"
_NONE: Any = object()


class _Open(msgspec.Struct):
    """A list or mapping whose end has not come; a mapping has the key whose value comes next."""

    value: Any
    anchor: str | None
    key: Any = _NONE
    merged: Any = _NONE


def read_yaml(text: str) -> Any:
    """Return the data of the one document in a text.

    Raises:
        InvalidConfigError: It is no YAML, several documents, nested too deeply, or has what JSON has not; the line is named.
    """
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InvalidConfigError(f"not YAML: {error.problem}{f' in line {mark.line + 1}' if mark else ''}") from error
    except yaml.YAMLError as error:
        raise InvalidConfigError(f"not YAML: {str(error)[:200]}") from error
    return builder.result


class _Builder:
    """Puts data together from events.

    Attributes:
        result: The whole, once the last event was taken.
    """

    def __init__(self) -> None:
        self.result: Any = None
        self._open: list[_Open] = []
        self._anchors: dict[str, Any] = {}
        self._documents = self._merged = 0

    def take(self, event: Any) -> None:
        """Take the next event."""
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event)
            if event.anchor is not None:
                self._anchors[event.anchor] = value
            self._add(value, event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end(event)
        elif isinstance(event, yaml.AliasEvent):
            anchor = str(event.anchor)
            if anchor not in self._anchors:  # also one that is in what it names
                raise _wrong(event, f"*{anchor[:40]} stands for nothing that is complete before it")
            self._add(self._anchors[anchor], event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise _wrong(event, "a second document begins")

    def _begin(self, event: Any) -> None:
        if event.tag not in _PLAIN_TAGS:
            raise _wrong(event, f"the tag {event.tag} is not that of plain data")
        if len(self._open) >= MAX_DEPTH:
            raise _wrong(event, f"nested deeper than {MAX_DEPTH} levels")
        self._anchors.pop(event.anchor, None)
        self._open.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor))

    def _end(self, event: Any) -> None:
        done = self._open.pop()
        if done.merged is not _NONE:
            done.value = self._merge(done.value, done.merged, event)
        if done.anchor is not None:
            self._anchors[done.anchor] = done.value
        self._add(done.value, event)

    def _merge(self, own: dict[str, Any], merged: Any, event: Any) -> dict[str, Any]:
        """Return a mapping with what `<<` brings; its own keys count first, then those of what stands first."""
        made = dict(own)
        for one in merged if isinstance(merged, list) else [merged]:
            if not isinstance(one, dict):
                raise _wrong(event, "<< takes mappings")
            self._merged += len(one) + len(made)
            if self._merged > MOST_MERGED:
                raise _wrong(event, f"<< brings more than {MOST_MERGED} keys in all,")
            made = {**one, **made}
        return made

    def _add(self, value: Any, event: Any) -> None:
        if not self._open:
            self.result = value
            return
        place = self._open[-1]
        if isinstance(place.value, list):
            place.value.append(value)
        elif place.key is _NONE:
            place.key = _key(value, event)
            if place.key in place.value:
                raise _wrong(event, f"the key {place.key[:80]!r} stands twice")
        else:
            if place.key == _MERGE:
                place.merged = value
            else:
                place.value[place.key] = value
            place.key = _NONE


def _key(value: Any, event: Any) -> str:
    """Return a key as text, as it is written."""
    if isinstance(event, yaml.ScalarEvent):
        return str(event.value)
    if not isinstance(value, str):
        raise _wrong(event, "a key is a list, a mapping or an alias of something else than text")
    return value


def _scalar(event: Any) -> Any:
    text = str(event.value)
    if event.tag in _TEXT:
        return text
    if event.tag not in _GUESSED:
        raise _wrong(event, f"the tag {event.tag} is not that of plain data")
    return text if event.style else _plain(text)  # in quotes, or a block


def _plain(text: str) -> Any:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and not re.match(r"[-+]?0[0-9]", text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


def _wrong(event: Any, what: str) -> InvalidConfigError:
    mark = event.start_mark
    return InvalidConfigError(f"{what}{f' in line {mark.line + 1}' if mark else ''}")
