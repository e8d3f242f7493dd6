"""The words of scripts of Gradle, in Groovy and in Kotlin: texts, numbers, names and marks.

https://groovy-lang.org/syntax.html and https://kotlinlang.org/spec/syntax-and-grammar.html. Nothing is run. What is put together within a
text comes as words of its own.
"""

import re
from enum import Enum, auto
from typing import NamedTuple

from outrider.core.errors import InvalidConfigError

_DEEPEST = 8
# Behind these a slash divides; elsewhere it begins a text of Groovy.
_VALUES = (")", "]", "}", "++", "--")
_NO_VALUES = frozenset({"return", "in", "case", "throw", "else", "instanceof", "assert", "as"})


class Kind(Enum):
    """What a word is."""

    TEXT = auto()
    NUMBER = auto()
    NAME = auto()
    MARK = auto()
    LINE_END = auto()
    END = auto()


class Piece(NamedTuple):
    """A part of a text.

    Attributes:
        text: What it says; None where that is not known here.
        start: Where it begins.
        end: Where it ends.
        words: Those that are put in here; None for what is said as it stands.
    """

    text: str | None
    start: int
    end: int
    words: "tuple[Token, ...] | None" = None


class Token(NamedTuple):
    """A word.

    Attributes:
        kind: What it is.
        value: Its name or mark; of a number as it is written.
        start: Where it begins.
        end: Where it ends.
        line: In which it begins, from 1.
        spaced: Whether a blank is before it.
        pieces: Of a text.
    """

    kind: Kind
    value: str
    start: int
    end: int
    line: int
    spaced: bool = False
    pieces: tuple[Piece, ...] = ()


_SPACE = re.compile(r"(?:[ \t\r\f\ufeff]|\\\r?\n|//[^\n]*+)++")
_WORD = re.compile(
    r"""
      (?P<line_end> [\n;] )
    | (?P<number> \d[\d_]*+ (?:\.\d[\d_]*+)?+ [A-Za-z]*+ )
    | `(?P<quoted> [^`\n]++ )`
    | (?P<name> [^\W\d][\w$]*+ | \$[\w$]++ )
    | (?P<mark> ===|!==|==~|\.\.<|<=>|\?\.|\*\.|\?:|->|::|=~|==|!=|<=|>=|&&|\|\||\+=|-=|\*=|/=|<<|\.\.|!!|\+\+|--|=>|. )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*|\*/")
_NAME = re.compile(r"[^\W\d]\w*+")
_QUOTES = ('"""', "'''", '"', "'")
_PLAIN = {quote: re.compile(rf"[^\\$\n{quote}]++") for quote in ('"', "'", "/")}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "\\": "\\", "'": "'", '"': '"', "$": "$", "\n": ""}


class Words:
    """Reads the words of a script.

    Args:
        form: What it is called, for errors.
        text: Of it.
        is_kotlin: Whether it is in Kotlin, else in Groovy.
    """

    def __init__(self, form: str, text: str, *, is_kotlin: bool) -> None:
        self._form, self._text, self._is_kotlin = form, text, is_kotlin
        self._at, self._line = 0, 1
        if text.startswith("#!"):
            self._at = len(text.partition("\n")[0])

    def read(self) -> list[Token]:
        """Return the words; the last one is the end.

        Raises:
            InvalidConfigError: A text or a comment does not end.
        """
        found = self._until_end(0)
        return [*found, Token(Kind.END, "", self._at, self._at, self._line)]

    def _until_end(self, depth: int) -> list[Token]:
        """Return the words to the end, or within a text to its closing bracket."""
        found: list[Token] = []
        open_brackets = 0
        while self._at < len(self._text):
            spaced = self._space()
            if self._at >= len(self._text):
                break
            token = self._token(found, depth, spaced=spaced)
            open_brackets += (token.value == "{") - (token.value == "}") if token.kind is Kind.MARK else 0
            if depth and open_brackets < 0:
                return found
            found.append(token)
        if depth:
            raise self._wrong("a text that does not end", "a closing bracket in it")
        return found

    def _token(self, before: list[Token], depth: int, *, spaced: bool) -> Token:
        start, line, text = self._at, self._line, self._text
        quote = self._quote(before)
        if quote:
            self._move(len(quote))
            pieces = self._pieces(quote, depth)
            return Token(Kind.TEXT, "", start, self._at, line, spaced, pieces)
        match = _WORD.match(text, start)
        assert match is not None
        self._move(len(match[0]))
        kind = Kind.MARK
        if match["line_end"]:
            kind = Kind.LINE_END
        elif match["number"]:
            kind = Kind.NUMBER
        elif match["name"] or match["quoted"]:
            kind = Kind.NAME
        return Token(kind, match["quoted"] or match[0], start, self._at, line, spaced)

    def _quote(self, before: list[Token]) -> str:
        """Return what a text begins with that begins here; nothing where none does."""
        for quote in _QUOTES:
            if self._text.startswith(quote, self._at):
                return quote if quote != "'''" or not self._is_kotlin else "'"
        if not self._is_kotlin and self._text[self._at] in "/$":
            last = before[-1] if before else None
            if last is None or not _is_value(last):
                return next((one for one in ("$/", "/") if self._text.startswith(one, self._at)), "")
        return ""

    def _pieces(self, quote: str, depth: int) -> tuple[Piece, ...]:
        found: list[Piece] = []
        text, closing = self._text, "/$" if quote == "$/" else quote
        while not self._closes(closing):
            if self._at >= len(text) or (text[self._at] == "\n" and quote in ('"', "'")):
                raise self._wrong("a text that does not end", f"a closing {closing}")
            start = self._at
            if text[start] == "$" and quote[0] != "'":
                found.append(self._put_in(depth))
            elif text[start] == "\\" and not (quote == '"""' and self._is_kotlin):
                found.append(self._escaped(quote))
            else:
                plain = _PLAIN[quote[-1]].match(text, start)
                self._move(len(plain[0]) if plain else 1)
                found.append(Piece(text[start : self._at], start, self._at))
        self._move(len(closing))
        return tuple(found)

    def _closes(self, closing: str) -> bool:
        """Return whether a text ends here; quotation marks before the last three belong to a raw text of Kotlin."""
        if not self._text.startswith(closing, self._at):
            return False
        return not (closing == '"""' and self._is_kotlin and self._text.startswith('"', self._at + 3))

    def _escaped(self, quote: str) -> Piece:
        start, text = self._at, self._text
        following = text[start + 1 : start + 2]
        if quote in ("/", "$/"):
            # Only the slash itself is escaped in these.
            self._move(2 if following == "/" else 1)
            return Piece(None if following == "u" else text[self._at - 1 : self._at], start, self._at)
        if following == "u" and re.fullmatch("[0-9a-fA-F]{4}", text[start + 2 : start + 6]):
            self._move(6)
            number = int(text[start + 2 : start + 6], 16)
            return Piece(None if 0xD800 <= number < 0xE000 else chr(number), start, self._at)
        self._move(2)
        return Piece(_ESCAPES.get(following), start, self._at)

    def _put_in(self, depth: int) -> Piece:
        """Take a name or words between brackets that are put into a text; else the dollar sign stands for itself."""
        start, text = self._at, self._text
        if text.startswith("${", start):
            if depth >= _DEEPEST:
                raise self._wrong("texts within texts", f"at most {_DEEPEST} of them")
            self._move(2)
            words = self._until_end(depth + 1)
            return Piece(None, start, self._at, (*words, Token(Kind.END, "", self._at, self._at, self._line)))
        self._move(1)
        found: list[Token] = []
        while (name := _NAME.match(text, self._at)) is not None:
            self._move(len(name[0]))
            found.append(Token(Kind.NAME, name[0], name.start(), name.end(), self._line))
            if self._is_kotlin or not text.startswith(".", self._at) or not _NAME.match(text, self._at + 1):
                break
            found.append(Token(Kind.MARK, ".", self._at, self._at + 1, self._line))
            self._move(1)
        if not found:
            return Piece("$", start, self._at)
        return Piece(None, start, self._at, (*found, Token(Kind.END, "", self._at, self._at, self._line)))

    def _space(self) -> bool:
        """Pass over blanks and comments, and return whether there were any."""
        start = self._at
        while self._at < len(self._text):
            match = _SPACE.match(self._text, self._at)
            if match is not None:
                self._move(len(match[0]))
            elif self._text.startswith("/*", self._at):
                self._comment()
            else:
                break
        return self._at > start

    def _comment(self) -> None:
        """Pass over a comment; in Kotlin others can be within it."""
        depth, line = 0, self._line
        for match in _COMMENT.finditer(self._text, self._at):
            if match[0] == "*/":
                depth -= 1
            elif self._is_kotlin or not depth:
                depth += 1
            if not depth:
                self._move(match.end() - self._at)
                return
        raise self._wrong(f"a comment in line {line} that does not end", "*/")

    def _move(self, count: int) -> None:
        self._line += self._text.count("\n", self._at, self._at + count)
        self._at += count

    def _wrong(self, found: str, expected: str) -> InvalidConfigError:
        return InvalidConfigError(
            f"{self._form}:{self._line}: it cannot be read: {found}", source=f"{self._form}:{self._line}", found=found, expected=expected,
            suggestions=[f"correct line {self._line}"],
        )  # fmt: skip


def _is_value(token: Token) -> bool:
    if token.kind is Kind.NAME:
        return token.value not in _NO_VALUES
    return token.kind in (Kind.TEXT, Kind.NUMBER) or (token.kind is Kind.MARK and token.value in _VALUES)
