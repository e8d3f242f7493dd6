"""Reads the expressions of a script of Gradle: calls with and without brackets, blocks, texts, lists and what is between signs."""

from collections.abc import Callable
from typing import TypeVar

from outrider.operators.packages.manifests.gradle.cursor import Cursor, NotReadError
from outrider.operators.packages.manifests.gradle.syntax import (
    Argument,
    Block,
    Call,
    Expression,
    Index,
    Literal,
    Member,
    Name,
    Number,
    Operation,
    Series,
    Table,
    Text,
    takes_block,
    with_block,
)
from outrider.operators.packages.manifests.gradle.typed import pass_cast, passes_types
from outrider.operators.packages.manifests.gradle.words import Kind, Token

_CONSTANTS = frozenset({"true", "false", "null", "this"})
# Names that stand between two expressions, and those that begin something else.
_BETWEEN = frozenset({"in", "instanceof", "is"})
_NO_NAMES = frozenset({"as", "else", "by", "catch", "finally", "while", "if", "for", "when", "switch", "try", "return"})
_SIGNS = frozenset((
    "+", "-", "*", "/", "%", "==", "!=", "===", "!==", "=~", "==~", "<", ">", "<=", ">=", "<=>", "&&", "||", "?:", "..", "..<", "|",
    "&", "^", "<<", "?",
))  # fmt: skip
_BEFORE = ("!", "-", "+", "*", "~")
_DEEPEST = 60

_Found = TypeVar("_Found")


class Expressions:
    """Reads expressions.

    Args:
        cursor: Where the words come from.
        block: Reads a block whose opening bracket is next.
        is_kotlin: Whether they are in Kotlin, else in Groovy.
    """

    def __init__(self, cursor: Cursor, block: Callable[[], Block], *, is_kotlin: bool) -> None:
        self._cursor, self._block, self._is_kotlin = cursor, block, is_kotlin
        self._depth = 0

    def read(self, *, is_command: bool = False) -> Expression:
        """Read an expression.

        Args:
            is_command: Whether it may be a call without brackets.

        Raises:
            NotReadError: It is more than what is known here.
        """
        if self._depth >= _DEEPEST:
            raise NotReadError
        self._depth += 1
        try:
            return self._read(is_command=is_command)
        finally:
            self._depth -= 1

    def _read(self, *, is_command: bool) -> Expression:
        line = self._cursor.peek().line
        operands, signs = [self._operand(is_command=is_command)], list[str]()
        while (sign := self._sign()) is not None:
            signs.append(sign)
            self._cursor.skip_lines()
            if sign == "?":
                operands.append(self.read())
                self._cursor.skip_lines()
                self._cursor.needs(":")
                self._cursor.skip_lines()
            operands.append(self._operand(is_command=False))
        return Operation(tuple(signs), tuple(operands), line) if signs else operands[0]

    def _sign(self) -> str | None:
        cursor = self._cursor
        if cursor.goes_on() and not cursor.is_mark("?:", "&&", "||"):
            raise NotReadError
        token = cursor.peek()
        if (token.kind is Kind.MARK and token.value in _SIGNS) or cursor.is_name(*_BETWEEN):
            return cursor.next().value
        return None

    def _operand(self, *, is_command: bool) -> Expression:
        cursor, before = self._cursor, []
        while cursor.is_mark(*_BEFORE) or (cursor.is_name("new") and cursor.peek(1).kind is Kind.NAME):
            before.append(cursor.next())
        found = self._behind(self._first())
        found = self._chained(found, is_command=is_command)
        return Operation(tuple(one.value for one in before), (found,), before[0].line) if before else found

    def _first(self) -> Expression:
        cursor = self._cursor
        token = cursor.peek()
        if token.kind is Kind.TEXT:
            return self._text(cursor.next())
        if token.kind is Kind.NUMBER:
            return Number(cursor.next().value, token.line)
        if token.kind is Kind.NAME and token.value not in _NO_NAMES:
            return Name(cursor.next().value, token.line)
        if cursor.is_mark("{"):
            return self._block()
        if cursor.is_mark("["):
            return self._series()
        if cursor.is_mark("("):
            found = self._inside(self.read)
            if self._is_kotlin or not cursor.starts() or cursor.is_mark("[", "(", "{", "-", "+", "*"):
                return found
        raise NotReadError

    def _inside(self, read: Callable[[], _Found]) -> _Found:
        """Read what is between two brackets."""
        cursor = self._cursor
        end = cursor.closing[cursor.at]
        cursor.next()
        cursor.within.append(True)
        try:
            found = read()
            cursor.skip_lines()
        finally:
            cursor.within.pop()
        if cursor.at != end:
            raise NotReadError
        cursor.next()
        return found

    def _behind(self, found: Expression) -> Expression:
        """Read what belongs to an expression: members, what is given, entries and blocks."""
        cursor = self._cursor
        while True:
            cursor.goes_on()
            token = cursor.peek()
            if cursor.is_mark(".", "?.", "*.", "::"):
                found = self._member(found)
            elif cursor.is_mark("("):
                found = Call(found, tuple(self._inside(self._arguments)), token.line)
            elif cursor.is_mark("["):
                items = self._inside(self._items)
                if len(items) != 1:
                    raise NotReadError
                found = Index(found, items[0], token.line)
            elif cursor.is_mark("{") and takes_block(found, is_kotlin=self._is_kotlin):
                found = with_block(found, Argument(None, self._block()))
            elif cursor.is_mark("!!", "++", "--"):
                cursor.next()
            elif cursor.is_name("as"):
                pass_cast(cursor)
            elif not (cursor.is_mark("<") and passes_types(cursor)):
                return found

    def _member(self, found: Expression) -> Expression:
        cursor = self._cursor
        sign = cursor.next()
        cursor.skip_lines()
        token = cursor.peek()
        if token.kind is Kind.TEXT:
            plain = self._text(cursor.next())
            name = "".join(part.text or "" for part in plain.parts if isinstance(part, Literal))
            if len(plain.parts) != 1 or not name:
                raise NotReadError
        else:
            name = cursor.name()
        return Member(found, name, token.line, sign.value == "*.")

    def _chained(self, found: Expression, *, is_command: bool) -> Expression:
        """Read what is given without brackets: `id 'x' version '1'`, in Kotlin `"x" to "y"`."""
        cursor = self._cursor
        if is_command and not self._is_kotlin and isinstance(found, Name | Member) and self._takes_command(found):
            found = Call(found, tuple(self._list()), cursor.peek().line)
        while (self._is_kotlin or (is_command and isinstance(found, Call))) and self._is_infix():
            token = cursor.next()
            function = Member(found, token.value, token.line)
            if self._is_kotlin:
                found = Call(function, (Argument(None, self._behind(self._first())),), token.line)
            else:
                found = Call(function, tuple(self._list()), token.line)
        return found

    def _takes_command(self, found: Name | Member) -> bool:
        cursor = self._cursor
        if isinstance(found, Name) and found.name in _CONSTANTS:
            return False
        token = cursor.peek()
        if token.kind is Kind.NAME:
            return token.value not in _BETWEEN | _NO_NAMES and not self._is_sign_behind()
        return token.kind in (Kind.TEXT, Kind.NUMBER)

    def _is_sign_behind(self) -> bool:
        """Return whether `name name =` is there, which gives the second one a type."""
        following = self._cursor.peek(1)
        return following.kind is Kind.MARK and following.value == "="

    def _is_infix(self) -> bool:
        cursor = self._cursor
        if not cursor.is_name() or cursor.peek().value in _BETWEEN | _NO_NAMES:
            return False
        following = cursor.words[min(cursor.at + 1, len(cursor.words) - 1)]
        if following.kind in (Kind.TEXT, Kind.NUMBER, Kind.NAME):
            return True
        return following.kind is Kind.MARK and following.value in "[({"

    def _list(self) -> list[Argument]:
        """Read what is given without brackets around it."""
        found = [self._argument()]
        while self._cursor.takes(","):
            self._cursor.skip_lines()
            found.append(self._argument())
        return found

    def _arguments(self) -> list[Argument]:
        found: list[Argument] = []
        while not self._cursor.is_mark(")"):
            found.append(self._argument())
            if not self._cursor.takes(","):
                break
        return found

    def _argument(self) -> Argument:
        key = self._key(":") or (self._key("=") if self._is_kotlin else None)
        return Argument(key, self.read())

    def _key(self, sign: str) -> str | None:
        """Take a name with a sign behind it."""
        cursor = self._cursor
        token, following = cursor.peek(), cursor.peek(1)
        if following.kind is not Kind.MARK or following.value != sign:
            return None
        if token.kind is Kind.TEXT and len(token.pieces) == 1 and token.pieces[0].text is not None:
            key = token.pieces[0].text
        elif token.kind is Kind.NAME:
            key = token.value
        else:
            return None
        cursor.next()
        cursor.next()
        cursor.skip_lines()
        return key

    def _items(self) -> list[Expression]:
        found: list[Expression] = []
        while not self._cursor.is_mark("]"):
            found.append(self.read())
            if not self._cursor.takes(","):
                break
        return found

    def _series(self) -> Expression:
        line = self._cursor.peek().line
        return self._inside(lambda: self._entries(line))

    def _entries(self, line: int) -> Expression:
        cursor = self._cursor
        if cursor.takes(":"):
            return Table((), line)
        entries: list[tuple[str, Expression]] = []
        while not cursor.is_mark("]"):
            key = self._key(":")
            if key is None:
                if entries:
                    raise NotReadError
                return Series(tuple(self._items()), line)
            entries.append((key, self.read()))
            if not cursor.takes(","):
                break
        return Table(tuple(entries), line) if entries else Series((), line)

    def _text(self, token: Token) -> Text:
        parts: list[Literal | Expression | None] = []
        for piece in token.pieces:
            if piece.words is None:
                parts.append(Literal(piece.text, piece.start, piece.end))
            else:
                parts.append(self._put_in(piece.words))
        return Text(tuple(parts), token.line)

    def _put_in(self, words: tuple[Token, ...]) -> Expression | None:
        cursor = Cursor(self._cursor.form, words, self._cursor.depth + 8)
        inner = Expressions(cursor, self._no_block, is_kotlin=self._is_kotlin)
        try:
            found = inner.read()
        except NotReadError:
            return None
        return found if cursor.peek().kind is Kind.END else None

    def _no_block(self) -> Block:
        raise NotReadError
