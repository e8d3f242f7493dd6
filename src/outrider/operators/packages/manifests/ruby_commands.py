"""Commands of Ruby with what is given to them, one after the other: `name "text", :symbol, key: [...] do`."""

from itertools import pairwise
from typing import NamedTuple, NoReturn

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.manifests.ruby_tokens import Kind, Token, tokens

_SHOWN = 80
_CLOSING = (")", "]", "}")
_CONSTANTS = ("true", "false", "nil")


class Value(NamedTuple):
    """Something that is given.

    Attributes:
        texts: The texts and symbols in it; None where it is something else.
        plain: Whether it is a text, or a list of texts.
        start: Where it begins.
        end: Where it ends.
    """

    texts: tuple[str, ...] | None
    plain: bool
    start: int
    end: int


class Given(NamedTuple):
    """What is given to a command: values by position, and by name."""

    values: list[Value]
    named: dict[str, Value]


class Commands:
    """Reads a file.

    Args:
        form: The name of its format, for errors.
        text: Of it.
        expected: What is read, for errors.
        remedy: What to do where something else is there.
    """

    def __init__(self, form: str, text: str, *, expected: str, remedy: str) -> None:
        self._form, self._text, self._expected, self._remedy = form, text, expected, remedy
        self._tokens = [*tokens(text)]
        self._position = 0

    def peek(self) -> Token:
        """Return the next word."""
        return self._tokens[self._position]

    def next(self) -> Token:
        """Take the next word; the end comes again and again."""
        token = self._tokens[self._position]
        self._position += token.kind is not Kind.END
        return token

    def takes(self, kind: Kind, value: str) -> bool:
        """Return whether a word comes next, and take it then."""
        token = self.peek()
        if token.kind is kind and token.value == value:
            self._position += 1
            return True
        return False

    def given(self) -> Given:
        """Take what is given to a command, between brackets or not.

        Raises:
            UnsupportedError: Something is more than texts, symbols, lists of these, and what is true, false or nil.
        """
        given = Given([], {})
        inside = self.takes(Kind.MARK, "(")
        while not self._is_over(inside):
            self._take_one(given)
            if not self.takes(Kind.MARK, ","):
                break
            self._blanks()
        if inside:
            self._blanks()
            if not self.takes(Kind.MARK, ")"):
                self.refuse(self.peek())
        return given

    def _take_one(self, given: Given) -> None:
        if self.peek().kind is Kind.LABEL:
            key = self.next().value
            given.named[key] = self._value()
            return
        value = self._value()
        if self.takes(Kind.MARK, "=>"):
            given.named["".join(value.texts or ())] = self._value()
        else:
            given.values.append(value)

    def _is_over(self, inside: bool) -> bool:
        if inside:
            self._blanks()
        token = self.peek()
        if token.kind is Kind.MARK:
            return token.value in (*_CLOSING, "{")
        return token.kind in (Kind.LINE_END, Kind.END) or (token.kind is Kind.NAME and token.value not in _CONSTANTS)

    def _blanks(self) -> None:
        while self.peek().kind is Kind.LINE_END and self.peek().value == "\n":
            self._position += 1

    def _value(self) -> Value:
        self._blanks()
        token = self.next()
        if token.kind in (Kind.TEXT, Kind.SYMBOL):
            return Value((token.value,), token.kind is Kind.TEXT, token.start, token.end)
        if token.kind in (Kind.WORDS, Kind.SYMBOLS):
            return Value(tuple(token.value.split()), token.kind is Kind.WORDS, token.start, token.end)
        if token.kind is Kind.NAME and token.value in _CONSTANTS:
            return Value(None, False, token.start, token.end)
        if (token.kind, token.value) != (Kind.MARK, "["):
            self.refuse(token)
        return self._list(token)

    def _list(self, opening: Token) -> Value:
        found: list[Value] = []
        self._blanks()
        while not self.takes(Kind.MARK, "]"):
            if self.peek().value == "[":
                self.refuse(opening)
            found.append(self._value())
            self._blanks()
            if not self.takes(Kind.MARK, ",") and self.peek().value != "]":
                self.refuse(opening)
            self._blanks()
        texts = tuple(text for one in found for text in one.texts or ())
        whole = all(one.texts is not None for one in found)
        end = self._tokens[self._position - 1].end
        return Value(texts if whole else None, all(one.plain for one in found), opening.start, end)

    def between(self, values: list[Value]) -> str:
        """Return what stands between values."""
        return "".join(self._text[one.end : other.start] for one, other in pairwise(values))

    def refuse(self, token: Token, why: str = "") -> NoReturn:
        """Refuse what is not read here.

        Args:
            token: Where it is.
            why: It is.

        Raises:
            UnsupportedError: Always.
        """
        what = why or "only plain texts, symbols and lists of these are read, and Ruby is not run"
        raise UnsupportedError(
            f"{self._form}: line {token.line}: {what}", path=f"line {token.line}", found=self._shown(token), expected=self._expected,
            suggestions=[self._remedy],
        )  # fmt: skip

    def wrong(self, token: Token, expected: str) -> InvalidConfigError:
        """Return the error for what is no Ruby, or means nothing.

        Args:
            token: Where it is.
            expected: What would be right there.
        """
        return InvalidConfigError(
            f"{self._form}: line {token.line} cannot be read", path=f"line {token.line}", found=self._shown(token), expected=expected,
            suggestions=[f"correct line {token.line}"],
        )  # fmt: skip

    def _shown(self, token: Token) -> str:
        start = self._text.rfind("\n", 0, token.start) + 1
        return self._text[start:].partition("\n")[0].strip()[:_SHOWN] or "the end of the file"
