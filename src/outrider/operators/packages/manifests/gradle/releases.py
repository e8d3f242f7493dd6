"""Which Java is compiled for, where the tasks that compile say so."""

from collections.abc import Iterable

from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.flattening import own_steps
from outrider.operators.packages.manifests.gradle.javas import COMPATIBILITIES, java_in
from outrider.operators.packages.manifests.gradle.passing import is_set, pass_over
from outrider.operators.packages.manifests.gradle.source_sets import MAIN, TEST
from outrider.operators.packages.manifests.gradle.steps import Step, plain_text, steps_of
from outrider.operators.packages.manifests.gradle.syntax import (
    Assignment,
    Block,
    Control,
    Declaration,
    Expression,
    Name,
    Passed,
    Statement,
    Unread,
)
from outrider.operators.packages.manifests.gradle.words import Kind

_MARKED = (*COMPATIBILITIES, "release")
_COMPILING = "JavaCompile"
_OTHER = "which Java is compiled for is said in a way that is not read"


def take_release(known: Evaluator, statement: Statement) -> bool:
    """Take which Java tasks compile for where a statement says so, and return whether it does.

    Args:
        known: What finds what expressions come to.
        statement: About tasks.

    Raises:
        UnsupportedError: It says that in a way that is not read.
    """
    if not _says(known, statement):
        return False
    pass_over(known, statement, allowed=_MARKED)
    _walk(known, Block((), (statement,), statement.line), ())
    return True


def _says(known: Evaluator, statement: Statement) -> bool:
    words = known.script.words[statement.first : statement.end]
    return any(one.value in _MARKED and one.kind is Kind.NAME and is_set(words, at) for at, one in enumerate(words))


def _walk(known: Evaluator, block: Block, before: tuple[Step, ...]) -> None:
    """Go through the statements of a block that say it, whatever others are there."""
    for statement in block.statements:
        if not _says(known, statement):
            continue
        what = statement.what
        if isinstance(what, Control | Declaration | Passed | Unread):
            raise known.script.unsupported(statement.line, _OTHER)
        steps = (*before, *own_steps(steps_of(what.target if isinstance(what, Assignment) else what), block))
        last = steps[-1] if len(steps) > len(before) else None
        if last is None:
            raise known.script.unsupported(statement.line, _OTHER)
        if isinstance(what, Assignment):
            _take(known, steps, what.value, statement)
        elif last.block is not None:
            _walk(known, last.block, (*steps[:-1], last.without_block()))
        elif last.name == "set" and len(last.values) == 1:
            _take(known, steps[:-1], last.values[0], statement)
        elif last.name in _MARKED and len(last.values) == 1:
            _take(known, steps, last.values[0], statement)
        else:
            raise known.script.unsupported(statement.line, _OTHER)


def _take(known: Evaluator, steps: tuple[Step, ...], value: Expression, statement: Statement) -> None:
    name = steps[-1].name
    if name not in _MARKED or (name == "release" and steps[-2:-1] and steps[-2].name != "options"):
        raise known.script.unsupported(statement.line, _OTHER)
    sides = [side for step in steps[:-1] for side in _sides(known, step)]
    if not sides:
        raise known.script.unsupported(statement.line, _OTHER)
    for side in sides:
        known.project.java.say(side, name, java_in(known, value, statement.line))


def _sides(known: Evaluator, step: Step) -> Iterable[str | None]:
    """Return the source sets that a step chooses the tasks of that compile them; None for all of them."""
    if step.name != "withType":
        name = step.name if not step.values else plain_text(step.values[0]) if step.name == "named" else ""
        return [one for one in (MAIN, TEST, *known.project.source_sets) if name == _compiling(one)]
    words = known.script.words
    if step.values:
        return (None,) if isinstance(step.values[0], Name) and step.values[0].name == _COMPILING else ()
    typed = [
        words[at + 2].value
        for at, one in enumerate(words[:-2])
        if one.value == "withType" and words[at + 1].value == "<" and one.line == step.line
    ]
    return (None,) if set(typed) == {_COMPILING} else ()


def _compiling(source_set: str) -> str:
    """Return the name of the task that compiles the Java of a source set."""
    return f"compile{'' if source_set == MAIN else source_set[:1].upper() + source_set[1:]}Java"
