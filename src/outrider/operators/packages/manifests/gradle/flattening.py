"""The statements of a block within a block, each as one event: `a { b { c = 1 } }` is `a.b.c = 1`."""

from collections.abc import Iterator
from typing import NamedTuple

from outrider.operators.packages.manifests.gradle.containers import made
from outrider.operators.packages.manifests.gradle.declaring import assign, declare
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.steps import Step, steps_of
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
from outrider.operators.packages.manifests.gradle.values import Constant, Unknown

_ITSELF = ("it",)


class Event(NamedTuple):
    """Something that is called or set.

    Attributes:
        steps: That lead there.
        value: That it is set to; None where it is called.
        line: Where it stands.
        statement: That it is of.
    """

    steps: tuple[Step, ...]
    value: Expression | None
    line: int
    statement: Statement

    @property
    def names(self) -> list[str]:
        """Those of the steps."""
        return [step.name for step in self.steps]

    @property
    def given(self) -> tuple[Expression, ...]:
        """What is set, or given to the last call without a name."""
        return self.steps[-1].values if self.value is None else (self.value,)


def events(known: Evaluator, block: Block, before: tuple[Step, ...] = (), *, deep: bool = True) -> Iterator[Event]:
    """Yield what happens in a block; variables that it declares are known meanwhile.

    Args:
        known: What finds what expressions come to.
        block: It.
        before: The steps that lead to it.
        deep: Whether what happens in blocks within it comes too, else these come with the calls that they are behind.
    """
    known.scope.enter()
    for name in block.parameters or _ITSELF:
        known.scope.declare(name, Unknown(f"what {name[:40]} is here is not known without running it"))
    for statement in block.statements:
        for event in _of_statement(known, statement, block, before):
            if deep and event.value is None:
                yield from flattened(known, event)
            else:
                yield event
    known.scope.leave()


def _of_statement(known: Evaluator, statement: Statement, block: Block, before: tuple[Step, ...]) -> Iterator[Event]:
    what = statement.what
    if isinstance(what, Passed):
        return
    if isinstance(what, Declaration):
        event = declared(known, what, statement, before)
        if event is not None:
            yield event
    elif isinstance(what, Control):
        known.script.refuse(statement.line, f"{what.word}: a condition or a loop is not looked at")
    elif isinstance(what, Unread):
        known.script.refuse(statement.line, "this statement is not read")
    elif isinstance(what, Assignment):
        steps = own_steps(steps_of(what.target), block)
        if not steps:
            known.script.refuse(statement.line, "this statement is not read")
        yield Event((*before, *steps), what.value, statement.line, statement)
    else:
        steps = own_steps(steps_of(what), block)
        if not steps:
            known.script.refuse(statement.line, "this statement is not read")
        yield Event((*before, *steps), None, statement.line, statement)


def declared(
    known: Evaluator, declaration: Declaration, statement: Statement, before: tuple[Step, ...] = ()
) -> Event | None:
    """Take a variable, and return what happens besides: that something is made or found by name.

    Args:
        known: What finds what expressions come to.
        declaration: Of it.
        statement: That it is.
        before: The steps that lead to the block that it is in.
    """
    steps = steps_of(declaration.value) if declaration.value is not None else ()
    found = made(declaration, (*before, *steps)) if steps else None
    if found is None:
        declare(known, declaration, statement)
        return None
    known.scope.declare(declaration.name, found[0])
    return Event(found[1], None, statement.line, statement)


def flattened(known: Evaluator, event: Event) -> Iterator[Event]:
    """Yield what a statement does, with what is in the block behind it.

    Args:
        known: What finds what expressions come to.
        event: Of the statement.
    """
    last = event.steps[-1]
    if event.value is not None:
        yield event
    elif last.block is not None:
        steps = (*event.steps[:-1], last.without_block())
        is_empty = True
        for one in events(known, last.block, steps):
            is_empty = False
            yield one
        if is_empty:
            yield event._replace(steps=steps)
    elif last.name == "set" and len(last.values) == 1 and len(event.steps) > 1:
        yield Event(event.steps[:-1], last.values[0], event.line, event.statement)
    else:
        yield event


def is_assigned(known: Evaluator, event: Event) -> bool:
    """Return whether a variable or a property is set that is there, and set it then.

    Args:
        known: What finds what expressions come to.
        event: Perhaps such.
    """
    what = event.statement.what
    return (
        isinstance(what, Assignment)
        and event.value is not None
        and all(step.arguments is None for step in event.steps)
        and assign(known, event.names, what, event.statement)
    )


def is_true(known: Evaluator, event: Event) -> bool:
    """Return whether something is set to true, or false.

    Args:
        known: What finds what expressions come to.
        event: That it is set by.

    Raises:
        UnsupportedError: It is neither.
    """
    value = known.value(event.given[0]) if len(event.given) == 1 else None
    if not isinstance(value, Constant) or value.is_true is None:
        known.script.refuse(event.line, "neither true nor false")
    return value.is_true


def own_steps(steps: tuple[Step, ...], block: Block) -> tuple[Step, ...]:
    """Return steps without the name of what the block is called with.

    Args:
        steps: Of a statement.
        block: That it is in.
    """
    names = (*(block.parameters or _ITSELF), "this")
    if len(steps) > 1 and steps[0].name in names and steps[0].arguments is None:
        return steps[1:]
    return steps
