"""A YAML document changed in its text: only what differs is written anew, and comments and the form of all else stay as they are.

Libraries that read YAML and write it again keep comments, but choose indentation, spaces and line breaks anew for the whole file.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

import msgspec
import yaml

from outrider.core.errors import OutriderError, UnsupportedError
from outrider.runtime.documents import Document, read_text

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_BLOCKS, _QUOTES = ("|", ">"), ("'", '"')
# Other readers than ours take these for numbers and truth values (YAML 1.1 and 1.2).
_AMBIGUOUS = re.compile(r"[-+.0-9].*|[yYnN]", re.DOTALL)
_WIDTH = 1_000_000


class _Span(msgspec.Struct, frozen=True):
    """A part of a text and what comes in its place."""

    start: int
    end: int
    text: str


def edited(text: str, document: Document, wanted: Any) -> str:
    """Return a text in which one document has other content.

    Args:
        text: All of it.
        document: The one that changes, as `read_text` has read it from this text.
        wanted: Its content.

    Raises:
        UnsupportedError: It cannot be changed without others: the part is shared by an anchor.
    """
    file = document.position.file
    before = read_text(text, file)
    crlf = 0 < text.count("\n") == text.count("\r\n")
    plain = text.replace("\r\n", "\n") if crlf else text
    missing_end = "" if plain.endswith("\n") else "\n"
    result = _changed(plain + missing_end, document, wanted).removesuffix(missing_end or "\0")
    if crlf:
        result = result.replace("\n", "\r\n")
    expected = [wanted if one.position == document.position else one.data for one in before]
    if not same(_read_again(result, file), expected):
        raise _cannot(document)
    return result


def same(first: Any, second: Any) -> bool:
    """Return whether two values are the same data; 1, 1.0 and true are three different ones."""
    return bool(first == second) and msgspec.json.encode(first, order="sorted") == msgspec.json.encode(
        second, order="sorted"
    )


def _dumped(value: Any) -> str:
    """Return a value as a YAML document."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)


def _read_again(text: str, file: str) -> list[Any]:
    try:
        return [one.data for one in read_text(text, file)]
    except OutriderError:
        return []


def _changed(text: str, document: Document, wanted: Any) -> str:
    place = (document.position.line - 1, document.position.column - 1)
    root: Any
    for root in yaml.compose_all(text, Loader=_Loader):
        if (root.start_mark.line, root.start_mark.column) == place:
            top = _Place(root.start_mark.index, flow=bool(root.flow_style))
            found = _Text(text, document).changes(root, document.data, wanted, top)
            # Those at the same place stay in their order: what belongs to an inner part comes first.
            spans = sorted(found, key=lambda span: (span.start, span.end))
            break
    if any(first.end > second.start for first, second in pairwise(spans)):
        raise _cannot(document)
    for span in reversed(spans):
        text = text[: span.start] + span.text + text[span.end :]
    return text


def _cannot(document: Document) -> UnsupportedError:
    return UnsupportedError(
        f"{document.position}: the document cannot be changed in this place alone", source=str(document.position),
        found="anchors, or a form that is seldom used", expected="plain block or flow YAML", suggestions=["change the file by hand"],
    )  # fmt: skip


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and quotes what others could read as something else."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def _text_node(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    block = "\n" in value and not value.endswith("\n\n")  # more line ends than one would join the lines that follow
    style = "|" if block else "'" if _AMBIGUOUS.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text_node)


class _Place(msgspec.Struct, frozen=True):
    """Where a value stands.

    Attributes:
        start: Before this there is only what belongs to others: a value that begins there is an alias.
        column: Of the key or dash that it belongs to.
        dash: Whether that is a dash.
        flow: Whether it stands in brackets.
    """

    start: int
    column: int = 0
    dash: bool = False
    flow: bool = False


class _Text:
    """Finds the spans of a text that change."""

    def __init__(self, text: str, document: Document) -> None:
        self._text = text
        self._document = document

    def changes(self, node: Any, before: Any, after: Any, place: _Place) -> Iterator[_Span]:
        """Yield what must be written anew for a value to be another."""
        if same(before, after):
            return
        if node.start_mark.index < place.start:
            raise _cannot(self._document)
        both = (type(before), type(after))
        if (
            both == (dict, dict)
            and before.keys() & after.keys()
            and not (node.flow_style and before.keys() != after.keys())
        ):
            yield from self._mapping(node, before, after, flow=node.flow_style)
        elif both == (list, list) and before and after and not (node.flow_style and len(before) != len(after)):
            yield from (
                self._flow_items(node, before, after) if node.flow_style else self._items(node, before, after, place)
            )
        else:
            yield self._replaced(node, after, place)

    def _mapping(self, node: Any, before: dict[str, Any], after: dict[str, Any], *, flow: bool) -> Iterator[_Span]:
        column = node.value[0][0].start_mark.column
        for key, value in node.value:
            if key.value in after:
                place = _Place(self._text.index(":", key.end_mark.index) + 1, column, flow=flow)
                yield from self.changes(value, before[key.value], after[key.value], place)
        yield from self._removed(node, after)
        if new := {key: value for key, value in after.items() if key not in before}:
            end = self._line_end(self._entry_end(*node.value[-1]))
            yield _Span(end, end, _indented(_dumped(new), column))

    def _removed(self, node: Any, after: dict[str, Any]) -> Iterator[_Span]:
        first, *_ = (key.start_mark.index for key, _ in node.value if key.value in after)
        start = node.value[0][0].start_mark.index
        if inline := start < first and not self._begins_line(start):
            yield _Span(start, first, "")  # after the dash of an item: the first one that stays comes in its place
        for key, value in node.value:
            start = key.start_mark.index
            if key.value not in after and not (inline and start < first):
                yield _Span(self._line_start(start), self._line_end(self._entry_end(key, value)), "")

    def _items(self, node: Any, before: list[Any], after: list[Any], place: _Place) -> Iterator[_Span]:
        """Yield the changes of a block sequence; items that have names are told apart by them."""
        dashes = self._dashes(node)
        if not dashes or not self._begins_line(dashes[0]):
            yield self._replaced(node, after, place)
            return
        column = dashes[0] - self._line_start(dashes[0])
        ends = [self._line_end(self._end(item)) for item in node.value]
        matcher = SequenceMatcher(
            None, [_name(item) for item in before], [_name(item) for item in after], autojunk=False
        )
        for _, first, last, new_first, new_last in matcher.get_opcodes():
            pairs = min(last - first, new_last - new_first)
            for old, new in zip(range(first, first + pairs), range(new_first, new_first + pairs), strict=True):
                item = _Place(dashes[old] + 1, column, dash=True)
                yield from self.changes(node.value[old], before[old], after[new], item)
            for old in range(first + pairs, last):
                yield _Span(self._line_start(dashes[old]), ends[old], "")
            if added := after[new_first + pairs : new_last]:
                at = ends[last - 1] if last else self._line_end(place.start)  # before a comment on the first one
                yield _Span(at, at, _indented(_dumped(added), column))

    def _flow_items(self, node: Any, before: list[Any], after: list[Any]) -> Iterator[_Span]:
        start = node.start_mark.index
        for item, old, new in zip(node.value, before, after, strict=True):
            yield from self.changes(item, old, new, _Place(start, flow=True))

    def _replaced(self, node: Any, after: Any, place: _Place) -> _Span:
        start, end = node.start_mark.index, self._end(node)
        scalar = isinstance(node, yaml.ScalarNode)
        flow = place.flow or not (scalar or not node.flow_style or isinstance(after, str))
        inline = _inline(after, node.style if scalar else None, flow=flow)
        if inline and start < end and (flow or (scalar and node.style not in _BLOCKS)):
            return _Span(start, end, inline)
        text = f" {inline}" if inline else _below(after, place)
        if "\n" in text:
            end = self._line_end(end) - 1  # a comment there would become part of the value
        return _Span(place.start, max(end, place.start), text)

    def _dashes(self, node: Any) -> list[int]:
        """Return where the items of a block sequence begin; none where that is not plain."""
        column, found = None, []
        at = node.start_mark.index
        for item in node.value:
            pattern = re.compile(r"^( *)-(?=\s)" if column is None else rf"^( {{{column}}})-(?=\s)", re.MULTILINE)
            here = self._line_start(at) if self._begins_line(at) else at
            match = pattern.search(self._text, here, item.start_mark.index)
            if match is None:
                return []
            column = len(match[1])
            found.append(match.end() - 1)
            at = self._line_end(self._end(item))
        return found

    def _entry_end(self, key: Any, value: Any) -> int:
        return max(self._end(value), self._text.index(":", key.end_mark.index) + 1)

    def _end(self, node: Any) -> int:
        """Return where the content of a node ends; the parser counts the comments after it to it."""
        if isinstance(node, yaml.ScalarNode) or node.flow_style:
            start: int = node.start_mark.index
            return start + len(self._text[start : node.end_mark.index].rstrip())
        last = node.value[-1]
        return self._entry_end(*last) if isinstance(last, tuple) else self._end(last)

    def _begins_line(self, index: int) -> bool:
        return not self._text[self._line_start(index) : index].strip(" ")

    def _line_start(self, index: int) -> int:
        return self._text.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        return self._text.index("\n", index) + 1


def _name(item: Any) -> str:
    named = isinstance(item, dict) and isinstance(item.get("name"), str)
    return str(item["name"]) if named else msgspec.json.encode(item).decode()


def _inline(value: Any, style: str | None, *, flow: bool) -> str:
    """Return a value that fits into a line, in the quotes of the one before; nothing where it needs several."""
    if not flow and ((isinstance(value, str) and "\n" in value) or (isinstance(value, dict | list) and value)):
        return ""
    if isinstance(value, str) and style in _QUOTES:
        quoted: str = yaml.dump([value], default_style=style, default_flow_style=True, allow_unicode=True, width=_WIDTH)
        return quoted.strip()[1:-1]
    return _flow(value) if flow else _dumped([value]).removeprefix("- ").removesuffix("\n")


def _flow(value: Any) -> str:
    text: str = yaml.dump(
        [value], Dumper=_Dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=_WIDTH
    )
    return text.strip()[1:-1]


def _below(value: Any, place: _Place) -> str:
    """Return what stands after the colon of a key, or after a dash."""
    text = _dumped([value]).removeprefix("-") if place.dash else _dumped({"k": value}).removeprefix("k:")
    first, _, rest = text.removesuffix("\n").partition("\n")
    return f"{first}\n{_indented(rest, place.column)}" if rest else first


def _indented(text: str, column: int) -> str:
    return re.sub(r"^(?=[^\n])", " " * column, text, flags=re.MULTILINE)
