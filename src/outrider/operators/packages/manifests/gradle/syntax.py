"""The tree of a script of Gradle, the same one for Groovy and for Kotlin."""

from typing import NamedTuple, Union

# What something comes to is said by an expression.
Expression = Union["Text", "Number", "Name", "Member", "Call", "Index", "Series", "Table", "Block", "Operation"]


class Literal(NamedTuple):
    """A part of a text that says what it says.

    Attributes:
        text: What that is; None where it is not known here.
        start: Where it begins.
        end: Where it ends.
    """

    text: str | None
    start: int
    end: int


class Text(NamedTuple):
    """A text: parts that stand there, and what is put in; None for what is put in and is not read."""

    parts: tuple[Literal | Expression | None, ...]
    line: int


class Number(NamedTuple):
    """A number, as it is written."""

    text: str
    line: int


class Name(NamedTuple):
    """Something that has a name."""

    name: str
    line: int


class Member(NamedTuple):
    """Something of something; of each of several where it is spread."""

    target: Expression
    name: str
    line: int
    is_spread: bool = False


class Argument(NamedTuple):
    """What is given to a call; its name is None where it has none."""

    name: str | None
    value: Expression


class Call(NamedTuple):
    """A call; a block behind it is the last of what is given."""

    function: Expression
    arguments: tuple[Argument, ...]
    line: int


class Index(NamedTuple):
    """An entry of something."""

    target: Expression
    key: Expression
    line: int


class Series(NamedTuple):
    """A list."""

    items: tuple[Expression, ...]
    line: int


class Table(NamedTuple):
    """Values by their names."""

    entries: tuple[tuple[str, Expression], ...]
    line: int


class Operation(NamedTuple):
    """Something that is worked out of others."""

    signs: tuple[str, ...]
    operands: tuple[Expression, ...]
    line: int


class Block(NamedTuple):
    """Statements between brackets.

    Attributes:
        parameters: The names of what is given to it.
        statements: Those in it.
        line: Where it begins.
    """

    parameters: tuple[str, ...]
    statements: "tuple[Statement, ...]"
    line: int


class Assignment(NamedTuple):
    """Something is set, with `=` or another sign."""

    target: Expression
    sign: str
    value: Expression


class Declaration(NamedTuple):
    """A name is given to a value, or with `by` to what provides one."""

    name: str
    value: Expression | None
    is_provided: bool = False


class Control(NamedTuple):
    """A condition, a loop and the like."""

    word: str
    blocks: tuple[Block, ...]


class Passed(NamedTuple):
    """An import, a class or a function: nothing happens here. The name of what it declares is empty for an import."""

    name: str


class Unread(NamedTuple):
    """What is not read here; the name that it begins with, if any."""

    name: str


class Statement(NamedTuple):
    """A statement.

    Attributes:
        what: It says.
        first: Number of its first word.
        end: Number of the word behind it.
        line: Where it begins.
    """

    what: Expression | Assignment | Declaration | Control | Passed | Unread
    first: int
    end: int
    line: int


def takes_block(found: Expression, *, is_kotlin: bool) -> bool:
    """Return whether a block behind an expression belongs to it.

    Args:
        found: It.
        is_kotlin: Whether it is in Kotlin, where a text may be called, else in Groovy.
    """
    is_text = is_kotlin and isinstance(found, Text)
    return is_text or not isinstance(found, Text | Number | Series | Table | Block)


def with_block(found: Expression, block: Argument) -> Call:
    """Give a block to a call, or make a call of what is none.

    Args:
        found: What the block is behind.
        block: It.
    """
    if isinstance(found, Call) and not (found.arguments and isinstance(found.arguments[-1].value, Block)):
        return Call(found.function, (*found.arguments, block), found.line)
    return Call(found, (block,), found.line)
