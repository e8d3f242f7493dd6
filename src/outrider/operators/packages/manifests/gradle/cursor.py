"""Goes through the words of a script of Gradle, and knows which brackets belong together."""

from collections.abc import Sequence

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.manifests.gradle.words import Kind, Token

_DEEPEST = 40
_CLOSING = {"(": ")", "[": "]", "{": "}"}
# Behind these a statement goes on in the next line, and so it does before those.
_OPEN_BEFORE = frozenset(
    ["=", "+", "-", "*", "/", ",", ".", "?.", "?:", "&&", "||", "==", "!=", "<", ">", "->", "::", "+=", "?", ":"]
)
_OPEN_BEHIND = frozenset([".", "?.", "?:", "&&", "||", "*.", "::"])
_STARTING = frozenset("[({!-+*~@")


class NotReadError(Exception):
    """Words are no expression that is known here; whoever reads the statement passes over it."""


class Cursor:
    """Goes through words.

    Args:
        form: What the script is called, for errors.
        words: Of it; the last one is the end.
        depth: Of the brackets around.

    Raises:
        InvalidConfigError: Brackets do not belong together, or are too deep.
    """

    def __init__(self, form: str, words: Sequence[Token], depth: int = 0) -> None:
        self.form, self.words, self.depth = form, words, depth
        self.at = 0
        self.closing = self._pairs()
        # Within round and square brackets a line does not end.
        self.within = [False]

    def _pairs(self) -> dict[int, int]:
        pairs: dict[int, int] = {}
        opened: list[int] = []
        for number, token in enumerate(self.words):
            if token.kind is not Kind.MARK:
                continue
            if token.value in _CLOSING:
                opened.append(number)
                if len(opened) + self.depth > _DEEPEST:
                    raise self.wrong(token, f"{len(opened)} brackets within one another", f"at most {_DEEPEST}")
            elif token.value in _CLOSING.values():
                if not opened or _CLOSING[self.words[opened[-1]].value] != token.value:
                    raise self.wrong(token, f"{token.value} closes nothing", "brackets in pairs")
                pairs[opened.pop()] = number
        if opened:
            token = self.words[opened[-1]]
            raise self.wrong(token, f"{token.value} that is not closed", "brackets in pairs")
        return pairs

    def wrong(self, token: Token, found: str, expected: str) -> InvalidConfigError:
        """Return the error for what is no script.

        Args:
            token: Where it is.
            found: What is wrong.
            expected: What would be right.
        """
        return InvalidConfigError(
            f"{self.form}:{token.line}: it cannot be read: {found}", source=f"{self.form}:{token.line}", found=found, expected=expected,
            suggestions=[f"correct line {token.line}"],
        )  # fmt: skip

    def peek(self, ahead: int = 0) -> Token:
        """Return a word that follows, over ends of lines where these do not count."""
        if self.within[-1]:
            self.skip_lines()
        return self.words[min(self.at + ahead, len(self.words) - 1)]

    def next(self) -> Token:
        """Take the next word; the end comes again and again."""
        token = self.peek()
        self.at = min(self.at + 1, len(self.words) - 1)
        return token

    def is_mark(self, *values: str) -> bool:
        """Return whether one of some marks is next."""
        token = self.peek()
        return token.kind is Kind.MARK and token.value in values

    def is_name(self, *values: str) -> bool:
        """Return whether a name is next, or one of some."""
        token = self.peek()
        return token.kind is Kind.NAME and (not values or token.value in values)

    def takes(self, value: str) -> bool:
        """Return whether a mark is next, and take it then."""
        if self.is_mark(value):
            self.next()
            return True
        return False

    def needs(self, value: str) -> None:
        """Take a mark.

        Raises:
            NotReadError: Something else is there.
        """
        if not self.takes(value):
            raise NotReadError

    def name(self) -> str:
        """Take a name.

        Raises:
            NotReadError: Something else is there.
        """
        if not self.is_name():
            raise NotReadError
        return self.next().value

    def skip_lines(self) -> None:
        """Pass over ends of lines."""
        while self.words[self.at].kind is Kind.LINE_END and self.words[self.at].value == "\n":
            self.at += 1

    def goes_on(self) -> bool:
        """Return whether the next line goes on with this one, and go there then."""
        behind = self.at
        while self.words[behind].kind is Kind.LINE_END and self.words[behind].value == "\n":
            behind += 1
        token = self.words[behind]
        if behind > self.at and token.kind is Kind.MARK and token.value in _OPEN_BEHIND:
            self.at = behind
            return True
        return False

    def starts(self) -> bool:
        """Return whether an expression begins with the next word."""
        token = self.peek()
        if token.kind in (Kind.TEXT, Kind.NUMBER, Kind.NAME):
            return True
        return token.kind is Kind.MARK and token.value in _STARTING

    def is_over(self) -> bool:
        """Return whether a statement ends here."""
        token = self.words[self.at]
        return token.kind in (Kind.LINE_END, Kind.END) or (token.kind is Kind.MARK and token.value == "}")

    def skip_statement(self, start: int) -> None:
        """Go behind a statement that is not read.

        Args:
            start: Its first word.
        """
        self.at = start
        while self.words[self.at].kind is not Kind.END:
            token = self.words[self.at]
            if token.kind is Kind.MARK and token.value in _CLOSING.values():
                return
            if token.kind is Kind.LINE_END:
                before = self.words[self.at - 1] if self.at > start else None
                open_before = before is not None and before.kind is Kind.MARK and before.value in _OPEN_BEFORE
                if token.value == ";" or not (open_before or self.goes_on()):
                    return
            self.at = self.closing.get(self.at, self.at) + 1
