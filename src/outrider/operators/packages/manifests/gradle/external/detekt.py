"""io.gitlab.arturbosch.detekt: the tool itself, and what it is extended by.

https://detekt.dev/docs/gettingstarted/gradle/.
"""

from outrider.operators.packages.manifests.gradle.builds import Asked, RichVersion
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.external.plugin import External, Part
from outrider.operators.packages.manifests.gradle.flattening import Event, flattened
from outrider.operators.packages.manifests.gradle.passing import pass_over
from outrider.operators.packages.manifests.gradle.state import Default, ProjectState

ID = "io.gitlab.arturbosch.detekt"
_DETEKT, _PLUGINS = "detekt", "detektPlugins"


def _applied(project: ProjectState) -> None:
    _use(project, project.versions[ID])


def _use(project: ProjectState, version: str) -> None:
    tool = Asked(group="io.gitlab.arturbosch.detekt", name="detekt-cli", version=RichVersion(required=version))
    project.defaults[_DETEKT] = Default((tool,))


def _take(known: Evaluator, event: Event) -> None:
    pass_over(known, event.statement)
    for one in flattened(known, event):
        if one.names == [_DETEKT, "toolVersion"] and len(one.given) == 1:
            _use(known.project, known.text(one.given[0]).text)


PLUGINS = (
    External(
        id=ID, versions=r"1\.23\.7", expected="1.23.7", artifact="io.gitlab.arturbosch.detekt:detekt-gradle-plugin",
        parts={ID: Part((), (_DETEKT, _PLUGINS), (_DETEKT, _PLUGINS))}, applied=_applied, takes={_DETEKT: _take},
        types={"DetektExtension": _DETEKT},
    ),
)  # fmt: skip
