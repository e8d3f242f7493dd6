"""Passes over types in scripts of Gradle: they say nothing of what is locked."""

from collections.abc import Sequence

from outrider.operators.packages.manifests.gradle.cursor import Cursor, NotReadError
from outrider.operators.packages.manifests.gradle.words import Kind, Token

_MOST = 60


def pass_type(cursor: Cursor) -> None:
    """Pass over a type: `a.b.Type<Other>?`.

    Args:
        cursor: At it.

    Raises:
        NotReadError: None is there.
    """
    cursor.name()
    while cursor.takes("."):
        cursor.name()
    if cursor.is_mark("<") and not passes_types(cursor):
        raise NotReadError
    cursor.takes("?")


def pass_cast(cursor: Cursor) -> None:
    """Pass over `as Type`, or `as? Type`.

    Args:
        cursor: At its first word.

    Raises:
        NotReadError: It is more than that.
    """
    cursor.next()
    cursor.takes("?")
    pass_type(cursor)


def passes_types(cursor: Cursor) -> bool:
    """Return whether types between angle brackets are next, and pass over them then.

    Args:
        cursor: At the opening one.
    """
    depth = 0
    for number in range(cursor.at, min(cursor.at + _MOST, len(cursor.words))):
        token = cursor.words[number]
        if token.kind is Kind.MARK and token.value in "<>":
            depth += 1 if token.value == "<" else -1
            if not depth:
                cursor.at = number + 1
                return True
        elif token.kind is not Kind.NAME and not (token.kind is Kind.MARK and token.value in ",.?*"):
            return False
    return False


def behind_type(words: Sequence[Token], start: int) -> int:
    """Return the number of the word behind what is between brackets of a type; that of the first one where they are none.

    Args:
        words: Of the script.
        start: Number of the opening bracket.
    """
    depth = 0
    for number in range(start, min(start + _MOST, len(words))):
        token = words[number]
        depth += (token.value in ("<", "[")) - (token.value in (">", "]"))
        if token.kind not in (Kind.NAME, Kind.MARK):
            return start
        if not depth:
            return number + 1
    return start
