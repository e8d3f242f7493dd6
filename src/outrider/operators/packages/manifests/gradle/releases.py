"""Which Java is compiled for, where the tasks that compile say so."""

from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.flattening import Event, flattened
from outrider.operators.packages.manifests.gradle.javas import COMPATIBILITIES, java_in
from outrider.operators.packages.manifests.gradle.passing import is_set, pass_over
from outrider.operators.packages.manifests.gradle.steps import Step, steps_of
from outrider.operators.packages.manifests.gradle.syntax import Assignment, Call, Index, Member, Name, Statement
from outrider.operators.packages.manifests.gradle.words import Kind, Token

_MARKED = (*COMPATIBILITIES, "release")
_COMPILING = "JavaCompile"


def take_release(known: Evaluator, statement: Statement) -> bool:
    """Take which Java all tasks compile for where a statement says so, and return whether it does.

    Args:
        known: What finds what expressions come to.
        statement: About tasks.

    Raises:
        UnsupportedError: It says that of some tasks alone, or in a way that is not read.
    """
    words = known.script.words[statement.first : statement.end]
    if not any(one.value in _MARKED and one.kind is Kind.NAME and is_set(words, at) for at, one in enumerate(words)):
        return False
    pass_over(known, statement, allowed=_MARKED)
    for event in flattened(known, _event(known, statement)):
        if event.names[-1] in _MARKED:
            _take(known, event, words)
    return True


def _event(known: Evaluator, statement: Statement) -> Event:
    what = statement.what
    if isinstance(what, Assignment):
        return Event(steps_of(what.target), what.value, statement.line, statement)
    if isinstance(what, Call | Member | Index | Name):
        return Event(steps_of(what), None, statement.line, statement)
    raise known.script.unsupported(statement.line, "which Java is compiled for is said in a way that is not read")


def _take(known: Evaluator, event: Event, words: tuple[Token, ...]) -> None:
    if not any(_is_of_all(step, words) for step in event.steps):
        known.script.refuse(
            event.line, "which Java is compiled for is said for some tasks alone, or in a way that is not read"
        )
    version = java_in(known, event.value, event.line)
    java = known.project.java
    if event.names[-1] == "release":
        java.release = version
    elif event.names[-1] == "targetCompatibility":
        java.target = version
    else:
        java.source = version


def _is_of_all(step: Step, words: tuple[Token, ...]) -> bool:
    """Return whether a step chooses all tasks that compile Java."""
    if step.name != "withType":
        return False
    if step.values:
        return isinstance(step.values[0], Name) and step.values[0].name == _COMPILING
    typed = [
        words[at + 2].value
        for at, one in enumerate(words[:-2])
        if one.value == "withType" and words[at + 1].value == "<"
    ]
    return set(typed) == {_COMPILING}
