"""YAML as Ruby writes it of specifications: objects become plain mappings, and nothing of it is ever run.

The classes are those that RubyGems itself admits:
https://github.com/rubygems/rubygems/blob/v3.3.15/lib/rubygems/safe_yaml.rb.
"""

import binascii
from base64 import b64decode
from typing import Any

import yaml

from outrider.core.errors import InvalidConfigError

_DEEPEST = 20
_MOST_ALIASES = 10_000
_OBJECT = "!ruby/object:"
_CLASSES = ("Specification", "Version", "Version::Requirement", "Requirement", "Dependency", "Platform")
_PLAIN = "tag:yaml.org,2002:"
_PLAIN_KINDS = ("str", "int", "float", "bool", "null", "timestamp", "seq", "map")
_BINARY = ("!binary", f"{_PLAIN}binary")
_NULLS = ("", "~", "null", "Null", "NULL")
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def read_mapping(content: bytes) -> dict[str, Any]:
    """Return the mapping that a document is: of mappings, lists, and texts as they are written, None for what is empty.

    Raises:
        InvalidConfigError: It is something else.
    """
    builder = _Builder()
    try:
        for event in yaml.parse(content.decode(), Loader=_Loader):
            builder.take(event)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _wrong(" ".join(str(error).split())) from error
    if len(builder.documents) != 1 or not isinstance(builder.documents[0], dict):
        raise _wrong("no mapping, or several documents")
    return builder.documents[0]


class _Builder:
    """Puts data together from events: the composer of libyaml calls itself for each level and would overflow the stack."""

    def __init__(self) -> None:
        self.documents: list[Any] = []
        self._open: list[Any] = []
        self._keys: list[str | None] = []
        self._anchors: dict[str, Any] = {}
        self._aliases = 0

    def take(self, event: Any) -> None:
        """Take the next event."""
        if isinstance(event, yaml.ScalarEvent):
            self._put(event, _scalar(event))
        elif isinstance(event, yaml.CollectionStartEvent):
            _check_tag(event)
            value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._put(event, value)
            if len(self._open) >= _DEEPEST:
                raise _wrong_at(event, f"nesting deeper than {_DEEPEST}")
            self._open.append(value)
            self._keys.append(None)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._keys.pop()
        elif isinstance(event, yaml.AliasEvent):
            self._add(event, self._meant(event))

    def _put(self, event: Any, value: Any) -> None:
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        self._add(event, value)

    def _meant(self, event: Any) -> Any:
        """Return what an alias stands for: what is around it would make an endless thing of it."""
        self._aliases += 1
        value = self._anchors.get(event.anchor)
        if self._aliases > _MOST_ALIASES or value is None or any(value is one for one in self._open):
            raise _wrong_at(event, "an alias that cannot be followed")
        return value

    def _add(self, event: Any, value: Any) -> None:
        if not self._open:
            self.documents.append(value)
            return
        place, key = self._open[-1], self._keys[-1]
        if isinstance(place, list):
            place.append(value)
        elif key is None:
            # To Ruby `<<` means that all of another mapping is in this one.
            if (value is not None and not isinstance(value, str)) or value == "<<":
                raise _wrong_at(event, "a key that is no text")
            self._keys[-1] = value or ""
        else:
            place[key] = value
            self._keys[-1] = None


def _scalar(event: Any) -> str | None:
    if event.tag in _BINARY:
        try:
            return b64decode("".join(event.value.split()), validate=True).decode("utf-8", "replace")
        except binascii.Error:
            raise _wrong_at(event, "bytes that are no Base64") from None
    _check_tag(event)
    plain = event.style is None or event.style == ""
    text: str = event.value
    return None if plain and text in _NULLS else text


def _check_tag(event: Any) -> None:
    tag = event.tag
    if tag is None or tag in ("!", "!str") or tag.removeprefix(_PLAIN) in _PLAIN_KINDS:
        return
    if tag.startswith(_OBJECT) and tag.removeprefix(_OBJECT).removeprefix("Gem::") in _CLASSES:
        return
    raise _wrong_at(event, f"a thing of the kind {tag[:80]}, which RubyGems does not admit")


def _wrong_at(event: Any, what: str) -> InvalidConfigError:
    return _wrong(f"{what}, in line {event.start_mark.line + 1}")


def _wrong(what: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"the specification of the gem cannot be read: {what}"[:500], path="metadata.gz", found=what[:200],
        expected="what gem build writes", suggestions=["build it anew: gem build"],
    )  # fmt: skip
