"""Where modules come from: https://docs.gradle.org/current/userguide/declaring_repositories.html."""

from outrider.operators.packages.manifests.gradle.builds import GradleRepository
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.flattening import Event, events, is_assigned
from outrider.operators.packages.manifests.gradle.steps import Step
from outrider.operators.packages.manifests.gradle.syntax import Block, Expression
from outrider.operators.packages.manifests.gradle.values import Folder

_NAMES = {"mavenCentral": "MavenRepo", "google": "Google"}
_WHY = {
    "mavenLocal": "what is in the local repository of a machine is not looked at",
    "flatDir": "files without a description of what they need are not read",
    "ivy": "repositories of Ivy are not read",
    "exclusiveContent": "which repository has which modules is not looked at",
    "gradlePluginPortal": "it is for plugins, and these are not looked at",
    "jcenter": "this repository is gone",
}
_NO_CHANGE = (
    "name",
    "allowInsecureProtocol",
    "isAllowInsecureProtocol",
    "credentials",
    "authentication",
    "description",
)
_ADDRESS = ("url", "setUrl")
_MOST = 200


def read_repositories(known: Evaluator, block: Block) -> list[GradleRepository]:
    """Return the repositories that a block names.

    Args:
        known: What finds what expressions come to.
        block: It.

    Raises:
        UnsupportedError: One is of a kind that is not read here.
    """
    found: list[GradleRepository] = []
    for event in events(known, block, deep=False):
        step = event.steps[0]
        if is_assigned(known, event):
            continue
        if event.value is not None or len(event.steps) != 1 or step.arguments is None or len(found) >= _MOST:
            known.script.refuse(event.line, f"{'.'.join(event.names)[:60]} is no repository that is read here")
        found.append(_repository(known, step))
    return found


def _repository(known: Evaluator, step: Step) -> GradleRepository:
    if step.name in _NAMES:
        if step.values or step.named:
            known.script.refuse(step.line, f"{step.name} is taken as it is here")
        for event in events(known, step.block) if step.block is not None else ():
            _pass(known, event)
        return GradleRepository(_NAMES[step.name])
    if step.name != "maven":
        known.script.refuse(step.line, f"{step.name[:40]}: {_WHY.get(step.name, 'no repository that is read here')}")
    given = [*step.values, *(one for key, one in step.named.items() if key == "url")]
    if set(step.named) - {"url", "name"}:
        known.script.refuse(step.line, "of a repository its address alone is read")
    for event in events(known, step.block) if step.block is not None else ():
        if event.names[0] in _ADDRESS and len(event.steps) == 1:
            given = list(event.given)
        else:
            _pass(known, event)
    if len(given) != 1:
        known.script.refuse(step.line, "a repository has one address")
    return GradleRepository("maven", _address(known, given[0], step.line))


def _pass(known: Evaluator, event: Event) -> None:
    if event.names[0] not in _NO_CHANGE:
        known.script.refuse(event.line, f"{'.'.join(event.names)[:60]} of a repository is not looked at")


def _address(known: Evaluator, expression: Expression, line: int) -> str:
    """Return an address; `uri(…)` around it says nothing more."""
    value = known.value(expression)
    shown = known.shown(value)
    if isinstance(value, Folder):
        return value.path.as_uri()
    if shown is None:
        known.script.refuse(line, "the address of a repository is no text that is known here")
    if "://" in shown.text:
        return shown.text
    if shown.text.startswith("file:"):
        return shown.text
    return (known.project.folder / shown.text).as_uri()
