"""The layout of a .tsk file: one way to write it, with its comments and its order as they were."""

import re
from bisect import bisect_right
from collections.abc import Iterator

from outrider.core.tsk.nodes import Source
from outrider.core.tsk.scanner import NEWLINE, Tokens, scan

_INDENT = "  "
_EMPTY_LINES = re.compile(r"\n{3,}")
_ENTRY = re.compile(r"""([A-Za-z_$][\w-]*|"(?:[^"\\]|\\.)*"|'[^']*')[ \t]*[:=][ \t]*(?=\S)""", re.ASCII)
_SEPARATORS = frozenset({NEWLINE, ";", ",", "{"})
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


def formatted(source: Source) -> str:
    """Return the file with even indentation, `key: value`, no blanks at the end of lines and no double empty lines.

    What stands inside heredocs stays as it is.

    Raises:
        InvalidConfigError: It cannot be read.
    """
    tokens = scan(source)
    starts = [0, *(at + 1 for at, sign in enumerate(source.text) if sign == "\n")]
    lines = source.text.split("\n")
    depths = list(_depths(tokens, starts))
    fixed = set(_lines_in_texts(source, tokens, starts))
    return _EMPTY_LINES.sub(
        "\n\n", "\n".join(line if n in fixed else _line(line, *depths[n]) for n, line in enumerate(lines))
    ).strip("\n") + "\n"  # fmt: skip


def _line(line: str, depth: int, entry: bool) -> str:
    text = line.strip()
    if text and entry:
        text = _ENTRY.sub(r"\1: ", text, count=1) if _ENTRY.match(text) else text
    return f"{_INDENT * depth}{text}" if text else ""


def _depths(tokens: Tokens, starts: list[int]) -> Iterator[tuple[int, bool]]:
    """Yield for each line how deep it is, and whether an entry begins with it.

    Of the brackets that a line opens and leaves open, the last one alone makes the next lines deeper.
    """
    open_brackets: list[int] = []
    index, kinds = 0, tokens.kinds
    for number in range(len(starts)):
        end = starts[number + 1] if number + 1 < len(starts) else tokens.places[-1] + 1
        first = index
        begins = first == 0 or kinds[first - 1] in _SEPARATORS
        before = len(open_brackets)
        depth = None
        while index < len(kinds) - 1 and tokens.places[index] < end:
            step = _step(tokens, index)
            if depth is None and step >= 0:
                depth = sum(open_brackets)
            if step > 0:
                open_brackets.append(0)
            elif step < 0 and open_brackets:
                open_brackets.pop()
                before = min(before, len(open_brackets))
            index += 1
        yield sum(open_brackets) if depth is None else depth, begins
        if len(open_brackets) > before:
            open_brackets[-1] = 1


def _step(tokens: Tokens, index: int) -> int:
    """Return whether a token opens something, closes it, or neither: 1, -1, 0."""
    kind = tokens.kinds[index]
    if kind in _OPENING:
        return 1
    if kind in _CLOSING:
        return -1
    before = tokens.kinds[index - 1] if index else NEWLINE
    after = tokens.kinds[index + 1]
    if kind == ">" and after == NEWLINE and before in ("key", "string", "global"):
        return int(index < 2 or tokens.kinds[index - 2] in _SEPARATORS)
    return -1 if kind == "<" and before in _SEPARATORS else 0


def _lines_in_texts(source: Source, tokens: Tokens, starts: list[int]) -> Iterator[int]:
    """Yield the lines that begin inside a heredoc."""
    for kind, at in zip(tokens.kinds, tokens.places, strict=True):
        if kind == "string" and source.text.startswith('"""', at):
            end = source.text.index('"""', at + 3)
            yield from range(bisect_right(starts, at), bisect_right(starts, end))
