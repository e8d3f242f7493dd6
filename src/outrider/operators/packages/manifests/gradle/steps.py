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
    Number,
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
    """Return the steps of an expression that begins with a name; none where it does not.

    Args:
        expression: It.
    """
    root, steps = rooted(expression)
    return steps if root is None else ()


def rooted(expression: Expression) -> tuple[Expression | None, tuple[Step, ...]]:
    """Return what an expression begins with that is no name, and the steps from there on.

    Args:
        expression: It.
    """
    found: list[Step] = []
    arguments: tuple[Argument, ...] | None = None
    while True:
        if isinstance(expression, Call) and arguments is None:
            arguments = expression.arguments
            expression = expression.function
            continue
        name = _name(expression, is_called=arguments is not None)
        if name is None:
            # What is called without a name is no step.
            whole = expression if arguments is None else Call(expression, arguments, expression.line)
            return whole, tuple(reversed(found))
        found.append(Step(name, arguments, expression.line))
        if not isinstance(expression, Member | Index):
            return None, tuple(reversed(found))
        expression, arguments = expression.target, None


def _name(expression: Expression, *, is_called: bool) -> str | None:
    if isinstance(expression, Name):
        return expression.name
    if isinstance(expression, Member):
        return f"{'*' if expression.is_spread else ''}{expression.name}"
    if isinstance(expression, Index):
        return f"[{expression.key.text}]" if isinstance(expression.key, Number) else plain_text(expression.key)
    # In Kotlin a text is called as the configuration that it names.
    return plain_text(expression) if is_called else None


def plain_text(expression: Expression) -> str | None:
    """Return what a text says that stands there whole; None for all else.

    Args:
        expression: Perhaps one.
    """
    if not isinstance(expression, Text):
        return None
    parts = [part.text for part in expression.parts if isinstance(part, Literal) and part.text is not None]
    return "".join(parts) if len(parts) == len(expression.parts) else None
