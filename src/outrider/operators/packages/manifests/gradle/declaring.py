"""Variables and properties that scripts of Gradle set."""

from collections.abc import Sequence

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.passing import pass_over
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
from outrider.operators.packages.manifests.gradle.values import Entries, Several, Unknown, Value

_EXTRA = ("extra", "ext")


def declare(known: Evaluator, declaration: Declaration, statement: Statement) -> None:
    """Take a variable; one that comes to what is not known may not be used.

    Args:
        known: What finds what expressions come to.
        declaration: Of it.
        statement: That it is.

    Raises:
        UnsupportedError: What gives it its value may change what is locked.
    """
    if declaration.value is None:
        known.scope.declare(declaration.name, Unknown(f"{declaration.name[:40]} has no value where it is declared"))
    elif isinstance(declaration.value, Block):
        # It does nothing before it is called, and then the call is not known or passed over.
        pass_over(known, statement)
        known.scope.declare(declaration.name, Unknown(f"{declaration.name[:40]} is a block, and is not run"))
    elif declaration.is_provided:
        _provide(known, declaration.name, declaration.value, statement)
    else:
        known.scope.declare(declaration.name, found_or_unknown(known, declaration.value, statement))


def found_or_unknown(known: Evaluator, expression: Expression, statement: Statement) -> Value:
    """Return what an expression comes to, or why that is not known.

    Args:
        known: What finds what expressions come to.
        expression: It.
        statement: That it is in.

    Raises:
        UnsupportedError: It may change what is locked.
    """
    try:
        return known.value(expression)
    except UnsupportedError as error:
        pass_over(known, statement)
        return Unknown(str(error).partition(": ")[2] or str(error))


def assign(known: Evaluator, names: Sequence[str], assignment: Assignment, statement: Statement) -> bool:
    """Set a variable or a property that is there, or an entry of one, and return whether it is.

    Args:
        known: What finds what expressions come to.
        names: Of it, and of the entry.
        assignment: That sets it.
        statement: That it is.

    Raises:
        UnsupportedError: What it is set to may change what is locked.
    """
    name = names[0]
    before = known.scope.find(name) or known.project.properties.get(name)
    if before is None or len(names) > 2 or (len(names) == 2 and not isinstance(before, Entries)):
        return False
    found = found_or_unknown(known, assignment.value, statement)
    value: Value | None = found
    if isinstance(before, Entries) and len(names) == 2:
        value = Entries({**before.entries, names[1]: found})
    if assignment.sign != "=":
        value = _added(before, found, assignment.sign) if len(names) == 1 else None
    if value is None:
        value = Unknown(f"{name[:40]} is worked out where it is set")
    if not known.scope.assign(name, value):
        known.project.properties[name] = value
    return True


def _added(before: Value, value: Value, sign: str) -> Value | None:
    """Return lists and maps as one; None for all else."""
    if sign == "+=" and isinstance(before, Entries) and isinstance(value, Entries):
        return Entries({**before.entries, **value.entries})
    if sign == "+=" and isinstance(before, Several) and isinstance(value, Several):
        return Several((*before.items, *value.items))
    return None


def _provide(known: Evaluator, name: str, expression: Expression, statement: Statement) -> None:
    """Take a variable that something gives its value: `val name by extra("1.0")`, `val name: String by project`."""
    steps = steps_of(expression)
    if len(steps) == 1 and steps[0].name in _EXTRA and steps[0].arguments:
        value = found_or_unknown(known, _given(steps[0]), statement)
        known.project.properties[name] = value
    elif steps and steps[-1].name in ("project", "rootProject", "settings", *_EXTRA):
        value = _property(known, name, steps)
    else:
        pass_over(known, statement)
        value = Unknown(f"what gives {name[:40]} its value is not read")
    known.scope.declare(name, value)


def _given(step: Step) -> Expression:
    """Return what is given between brackets, or at the end of a block."""
    block = step.block
    if block is not None and len(block.statements) == 1 and not step.values:
        what = block.statements[0].what
        if not isinstance(what, Assignment | Declaration | Control | Passed | Unread):
            return what
    return step.values[0] if step.values else block or Block((), (), step.line)


def _property(known: Evaluator, name: str, steps: tuple[Step, ...]) -> Value:
    of = known.build.root if steps[0].name == "rootProject" else known.project
    found = of.find(name)
    return Unknown(f"nothing in the build sets {name[:40]}") if found is None else found
