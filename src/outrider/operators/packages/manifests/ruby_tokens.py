"""The words of a small part of Ruby, in which Gemfiles are usually written: plain texts, symbols, names, lists and blocks.

https://docs.ruby-lang.org/en/3.4/syntax/literals_rdoc.html. Nothing is run. Whatever is more than that comes as `OTHER`, and whoever reads
the words refuses it.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple


class Kind(Enum):
    """What a word is."""

    TEXT = auto()
    SYMBOL = auto()
    LABEL = auto()
    NAME = auto()
    MARK = auto()
    WORDS = auto()
    SYMBOLS = auto()
    LINE_END = auto()
    OTHER = auto()
    END = auto()


class Token(NamedTuple):
    """A word.

    Attributes:
        kind: What it is.
        value: What it stands for; of lists the words, parted by blanks.
        start: Where it begins.
        end: Where it ends.
        line: In which it begins, from 1.
    """

    kind: Kind
    value: str
    start: int
    end: int
    line: int


_TOKEN = re.compile(
    r"""
      (?P<skipped> \\\r?\n | [ \t\r\f\v]++ | \#[^\n]*+ | ^=begin\b.*?(?:^=end\b[^\n]*+|\Z) )
    | (?P<end> ^__END__\r?$ )
    | (?P<line_end> [\n;] )
    | (?P<quoted> '(?:[^'\\]|\\.)*+(?:'|\\?\Z) | "(?:[^"\\]|\\.)*+(?:"|\\?\Z) ) (?P<labelled> :(?!:) )?
    | (?P<quoted_symbol> :(?:'(?:[^'\\]|\\.)*+' | "(?:[^"\\]|\\.)*+") )
    | %(?P<list> [wi] ) (?: \[(?P<in_square>[^\[\]\\]*+)\] | \((?P<in_round>[^()\\]*+)\)
        | \{(?P<in_curly>[^{}\\]*+)\} | <(?P<in_angle>[^<>\\]*+)> )
    | (?P<label> [A-Za-z_]\w*+[?!]? ) :(?!:)
    | :(?P<symbol> [A-Za-z_]\w*+[?!=]? ) (?!=)
    | (?P<name> [A-Za-z_]\w*+[?!]? )
    | (?P<mark> => | [,()\[\]{}|] )
    | (?P<other> . )
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL | re.ASCII,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_INTERPOLATED = re.compile(r"(?<!\\)(?:\\\\)*#[{@$]")


def tokens(text: str) -> Iterator[Token]:
    """Yield the words of a text; the last one is its end."""
    line, position = 1, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        assert match is not None
        if match["end"] is not None:
            break
        if match["skipped"] is None:
            yield Token(*_read(match), match.start(), match.end(), line)
        line += text.count("\n", position, match.end())
        position = match.end()
    yield Token(Kind.END, "", position, position, line)


def _read(match: re.Match[str]) -> tuple[Kind, str]:
    if match["quoted"] is not None:
        plain = _plain(match["quoted"])
        kind = Kind.TEXT if match["labelled"] is None else Kind.LABEL
        return (Kind.OTHER, match[0]) if plain is None else (kind, plain)
    if match["quoted_symbol"] is not None:
        plain = _plain(match["quoted_symbol"][1:])
        return (Kind.OTHER, match[0]) if plain is None else (Kind.SYMBOL, plain)
    if match["list"] is not None:
        groups = (match[group] for group in ("in_square", "in_round", "in_curly", "in_angle"))
        return Kind.WORDS if match["list"] == "w" else Kind.SYMBOLS, next(one for one in groups if one is not None)
    for group, kind in (
        ("label", Kind.LABEL),
        ("symbol", Kind.SYMBOL),
        ("name", Kind.NAME),
        ("mark", Kind.MARK),
        ("line_end", Kind.LINE_END),
    ):
        if match[group] is not None:
            return kind, match[group]
    return Kind.OTHER, match[0]


def _plain(quoted: str) -> str | None:
    """Return what a text between quotation marks says; None where it is put together, has other escapes than of marks, or does not end."""
    quote, inner = quoted[0], quoted[1:-1]
    if len(quoted) < 2 or quoted[-1] != quote or _ESCAPED.sub("", inner).endswith("\\"):
        return None
    if quote == "'":
        return re.sub(r"\\([\\'])", r"\1", inner)
    if _INTERPOLATED.search(inner) or any(one not in '\\"' for one in _ESCAPED.findall(inner)):
        return None
    return _ESCAPED.sub(r"\1", inner)
