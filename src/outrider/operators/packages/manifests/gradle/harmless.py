"""Conditions and loops: they are passed over where nothing in them changes what is locked, whichever way they go."""

from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.passing import PASSED, pass_over
from outrider.operators.packages.manifests.gradle.steps import steps_of
from outrider.operators.packages.manifests.gradle.syntax import (
    Assignment,
    Control,
    Declaration,
    Passed,
    Statement,
    Unread,
)


def check_harmless(known: Evaluator, control: Control, statement: Statement) -> None:
    """Pass over a condition or a loop; variables that are set in it are not known any more.

    Args:
        known: What finds what expressions come to.
        control: It.
        statement: That it is.

    Raises:
        UnsupportedError: Something in it may change what is locked.
    """
    pass_over(known, statement)
    for block in control.blocks:
        for one in block.statements:
            if not _is_harmless(known, one):
                known.script.refuse(
                    statement.line,
                    f"{control.word}: a condition or a loop around what may change the lock is not looked at (line {one.line})",
                )


def _is_harmless(known: Evaluator, statement: Statement) -> bool:
    what = statement.what
    if isinstance(what, Declaration | Passed):
        return True
    if isinstance(what, Control):
        check_harmless(known, what, statement)
        return True
    if isinstance(what, Unread):
        return what.name in PASSED or what.name == "throw"
    steps = steps_of(what.target if isinstance(what, Assignment) else what)
    if not steps:
        return False
    is_variable = isinstance(what, Assignment) and len(steps) == 1 and known.scope.find(steps[0].name) is not None
    return is_variable or steps[0].name in PASSED
