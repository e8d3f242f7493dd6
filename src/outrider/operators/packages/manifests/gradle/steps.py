"""What a statement of a script of Gradle does, as steps: `configurations.named("x").exclude(group: "a")` has three."""

from typing import NamedTuple

from outrider.operators.packages.manifests.gradle.syntax import (
    Argument,
    Block,
    Call,
    Expression,
    Index,
    Literal,
    Member,
    Name,
    Text,
)


class Step(NamedTuple):
    """A step.

    Attributes:
        name: Of what is taken, set or called.
        arguments: That are given to it; None where it is not called.
        line: Where it stands.
    """

    name: str
    arguments: tuple[Argument, ...] | None
    line: int

    @property
    def values(self) -> tuple[Expression, ...]:
        """What is given to it without a name, and is no block."""
        return tuple(one.value for one in self.arguments or () if one.name is None and not isinstance(one.value, Block))

    @property
    def named(self) -> dict[str, Expression]:
        """What is given to it by a name."""
        return {one.name: one.value for one in self.arguments or () if one.name is not None}

    @property
    def block(self) -> Block | None:
        """The block behind it, if any."""
        if self.arguments and isinstance(self.arguments[-1].value, Block):
            return self.arguments[-1].value
        return None

    def without_block(self) -> "Step":
        """Return it without the block behind it."""
        if self.block is None or self.arguments is None:
            return self
        return self._replace(arguments=self.arguments[:-1] or None)


def steps_of(expression: Expression) -> tuple[Step, ...]:
    """Return the steps of an expression; none where it is none of such.

    Args:
        expression: It.
    """
    found: list[Step] = []
    arguments: tuple[Argument, ...] | None = None
    while True:
        if isinstance(expression, Call):
            if arguments is not None:
                return ()
            arguments = expression.arguments
            expression = expression.function
            continue
        name = _name(expression)
        if name is None:
            return ()
        found.append(Step(name, arguments, expression.line))
        if not isinstance(expression, Member | Index):
            return tuple(reversed(found))
        expression, arguments = expression.target, None


def _name(expression: Expression) -> str | None:
    if isinstance(expression, Name):
        return expression.name
    if isinstance(expression, Member):
        return f"{'*' if expression.is_spread else ''}{expression.name}"
    text = expression.key if isinstance(expression, Index) else expression
    return plain_text(text)


def plain_text(expression: Expression) -> str | None:
    """Return what a text says that stands there whole; None for all else.

    Args:
        expression: Perhaps one.
    """
    if not isinstance(expression, Text):
        return None
    parts = [part.text for part in expression.parts if isinstance(part, Literal) and part.text is not None]
    return "".join(parts) if len(parts) == len(expression.parts) else None
