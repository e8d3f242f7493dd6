"""Reads the statements of a script of Gradle; one that is more than what is known here comes as such, and is refused where it counts."""

from collections.abc import Sequence

from outrider.operators.packages.manifests.gradle.cursor import Cursor, NotReadError
from outrider.operators.packages.manifests.gradle.expressions import Expressions
from outrider.operators.packages.manifests.gradle.syntax import (
    Assignment,
    Block,
    Control,
    Declaration,
    Expression,
    Passed,
    Statement,
    Unread,
)
from outrider.operators.packages.manifests.gradle.typed import behind_type, pass_type
from outrider.operators.packages.manifests.gradle.words import Kind, Token

_CONTROLS = frozenset({"if", "for", "while", "try", "do", "switch", "when"})
_GOING_ON = ("else", "catch", "finally")
_MODIFIERS = frozenset((
    "final", "private", "internal", "static", "public", "protected", "lateinit", "const", "abstract", "open", "data", "enum",
    "sealed", "inline",
))  # fmt: skip
_CLASSES = frozenset({"class", "interface", "object", "trait"})
_DECLARING = frozenset({"def", "val", "var"})
_TYPES = frozenset({"void", "boolean", "int", "long", "double", "float", "byte", "char", "short"})
_ASSIGNING = ("=", "+=", "-=", "*=", "/=")
_MOST_PARAMETERS = 40
# Conditions within one another without brackets.
_MOST_SINGLES = 20


class Statements:
    """Reads statements.

    Args:
        form: What the script is called, for errors.
        words: Of it; the last one is the end.
        is_kotlin: Whether they are in Kotlin, else in Groovy.

    Raises:
        InvalidConfigError: Brackets do not belong together.
    """

    def __init__(self, form: str, words: Sequence[Token], *, is_kotlin: bool) -> None:
        self._cursor = Cursor(form, words)
        self._is_kotlin = is_kotlin
        self._singles = 0
        self._expressions = Expressions(self._cursor, self._block, is_kotlin=is_kotlin)

    def read(self) -> tuple[Statement, ...]:
        """Return the statements.

        Raises:
            InvalidConfigError: A bracket is where none can be.
        """
        return tuple(self._until(len(self._cursor.words) - 1))

    def _until(self, end: int) -> list[Statement]:
        found: list[Statement] = []
        cursor = self._cursor
        while True:
            while cursor.words[cursor.at].kind is Kind.LINE_END:
                cursor.at += 1
            if cursor.at >= end:
                return found
            found.append(self._statement())

    def _statement(self) -> Statement:
        """Read a statement; whatever is not known in it, the words behind it are found."""
        cursor = self._cursor
        start, within = cursor.at, len(cursor.within)
        token = cursor.words[start]
        what: Expression | Assignment | Declaration | Control | Passed | Unread
        try:
            what = self._known()
            is_read = cursor.is_over()
        except NotReadError:
            is_read = False
        if not is_read:
            del cursor.within[within:]
            cursor.skip_statement(start)
            what = Unread(token.value if token.kind is Kind.NAME else "")
            if cursor.at == start:
                cursor.at += 1
        return Statement(what, start, cursor.at, token.line)

    def _known(self) -> Expression | Assignment | Declaration | Control | Passed | Unread:
        cursor = self._cursor
        self._pass_annotations()
        while cursor.is_name(*_MODIFIERS) and cursor.peek(1).kind is Kind.NAME:
            cursor.next()
        if cursor.is_name("import", "package", "return") and cursor.peek(1).kind is not Kind.MARK:
            return self._line()
        if cursor.is_name(*_CLASSES) and cursor.peek(1).kind is Kind.NAME:
            return self._body(cursor.peek(1).value)
        if cursor.is_name(*_CONTROLS):
            return self._control()
        if cursor.is_name(*_DECLARING, "fun"):
            return self._declared()
        if not self._is_kotlin and self._is_typed():
            return self._typed()
        return self._plain()

    def _line(self) -> Passed | Unread:
        word = self._cursor.next()
        self._cursor.skip_statement(self._cursor.at)
        return Unread("return") if word.value == "return" else Passed("")

    def _plain(self) -> Expression | Assignment:
        cursor = self._cursor
        target = self._expressions.read(is_command=True)
        if not cursor.is_mark(*_ASSIGNING):
            return target
        sign = cursor.next().value
        cursor.skip_lines()
        return Assignment(target, sign, self._expressions.read(is_command=True))

    def _pass_annotations(self) -> None:
        cursor = self._cursor
        while cursor.takes("@"):
            cursor.name()
            while cursor.takes(":") or cursor.takes("."):
                cursor.name()
            if cursor.is_mark("("):
                cursor.at = cursor.closing[cursor.at] + 1
            cursor.skip_lines()

    def _declared(self) -> Declaration | Passed:
        cursor = self._cursor
        word = cursor.next().value
        if cursor.is_mark("<"):
            raise NotReadError
        if word == "def" and cursor.is_name() and cursor.peek(1).kind is Kind.NAME:
            # A type stands before the name: `def String name`.
            cursor.next()
        name = cursor.name()
        if word == "fun" or (word == "def" and cursor.is_mark("(")):
            return self._body(name)
        if word != "def" and cursor.takes(":"):
            pass_type(cursor)
        return self._value(name)

    def _value(self, name: str) -> Declaration:
        cursor = self._cursor
        if cursor.is_name("by"):
            cursor.next()
            return Declaration(name, self._expressions.read(), is_provided=True)
        if not cursor.takes("="):
            return Declaration(name, None)
        cursor.skip_lines()
        return Declaration(name, self._expressions.read(is_command=True))

    def _is_typed(self) -> bool:
        """Return whether a type and a name are next: `String name = …` or `String name(…) {`."""
        cursor = self._cursor
        if not cursor.is_name():
            return False
        behind = cursor.at + 1
        words = cursor.words
        while words[behind].value == "." and words[behind + 1].kind is Kind.NAME:
            behind += 2
        if words[behind].value in ("<", "["):
            behind = behind_type(words, behind)
        if words[behind].kind is not Kind.NAME:
            return False
        following = words[behind + 1]
        if following.kind is Kind.MARK and following.value == "=":
            return True
        is_type = cursor.peek().value in _TYPES or cursor.peek().value[0].isupper()
        return is_type and following.kind is Kind.MARK and following.value == "("

    def _typed(self) -> Declaration | Passed:
        cursor = self._cursor
        cursor.next()
        while cursor.takes("."):
            cursor.name()
        if cursor.is_mark("<", "["):
            cursor.at = behind_type(cursor.words, cursor.at)
        name = cursor.name()
        return self._body(name) if cursor.is_mark("(") else self._value(name)

    def _body(self, name: str) -> Passed:
        """Pass over a function or a class."""
        cursor = self._cursor
        while not cursor.is_over():
            if cursor.is_mark("{"):
                cursor.at = cursor.closing[cursor.at] + 1
                return Passed(name)
            if cursor.is_mark("="):
                cursor.skip_statement(cursor.at)
                return Passed(name)
            cursor.at = cursor.closing.get(cursor.at, cursor.at) + 1
        return Passed(name)

    def _control(self) -> Control:
        cursor = self._cursor
        word = cursor.next().value
        blocks: list[Block] = []
        while True:
            if cursor.is_mark("("):
                cursor.at = cursor.closing[cursor.at] + 1
            cursor.skip_lines()
            blocks.append(self._block() if cursor.is_mark("{") else self._single())
            behind = cursor.at
            cursor.skip_lines()
            if cursor.is_name(*_GOING_ON):
                cursor.next()
                if cursor.is_name("if"):
                    cursor.next()
            elif word == "do" and cursor.is_name("while"):
                cursor.next()
                cursor.at = cursor.closing.get(cursor.at, cursor.at) + 1
                return Control(word, tuple(blocks))
            else:
                cursor.at = behind
                return Control(word, tuple(blocks))

    def _single(self) -> Block:
        if self._singles >= _MOST_SINGLES or self._cursor.is_over():
            raise NotReadError
        self._singles += 1
        statement = self._statement()
        self._singles -= 1
        return Block((), (statement,), statement.line)

    def _block(self) -> Block:
        cursor = self._cursor
        start = cursor.at
        end = cursor.closing[start]
        cursor.at += 1
        cursor.within.append(False)
        parameters = self._parameters(end)
        statements = self._until(end)
        cursor.within.pop()
        if cursor.at != end:
            raise NotReadError
        cursor.at = end + 1
        return Block(parameters, tuple(statements), cursor.words[start].line)

    def _parameters(self, end: int) -> tuple[str, ...]:
        """Take the names of what is given to a block: `{ name, other -> `."""
        cursor = self._cursor
        names: list[str] = []
        for number in range(cursor.at, min(cursor.at + _MOST_PARAMETERS, end)):
            token = cursor.words[number]
            if token.kind is Kind.MARK and token.value == "->":
                cursor.at = number + 1
                return tuple(names)
            if token.kind is Kind.NAME:
                names.append(token.value)
            elif not (token.kind is Kind.MARK and token.value in ",:<>.?"):
                break
        return ()
