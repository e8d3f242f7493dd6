"""io.freefair.lombok: Lombok, for what is compiled.

https://docs.freefair.io/gradle-plugins/8.10/reference/#_lombok.
"""

from outrider.operators.packages.manifests.gradle.builds import Asked, RichVersion
from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.external.plugin import External, Part
from outrider.operators.packages.manifests.gradle.flattening import Event, flattened
from outrider.operators.packages.manifests.gradle.source_sets import ANNOTATION_PROCESSOR, COMPILE_ONLY
from outrider.operators.packages.manifests.gradle.state import Default, ProjectState

ID = "io.freefair.lombok"
_BESIDE_JAVA = f"{ID}:java"
_LOMBOK = "lombok"
# The version of Lombok that the plugin takes by itself.
_USUAL = "1.18.34"
_COMPILING = (COMPILE_ONLY, ANNOTATION_PROCESSOR)


def _applied(project: ProjectState) -> None:
    _use(project, _USUAL)
    project.when_applied("java", lambda: project.apply(_BESIDE_JAVA))


def _use(project: ProjectState, version: str) -> None:
    asked = Asked(group="org.projectlombok", name="lombok", version=RichVersion(required=version))
    project.defaults[_LOMBOK] = Default((asked,))


def _take(known: Evaluator, event: Event) -> None:
    for one in flattened(known, event):
        if one.names != ["lombok", "version"] or len(one.given) != 1:
            known.script.refuse(one.line, "of lombok, its version alone is read")
        _use(known.project, known.text(one.given[0]).text)


PLUGINS = (
    External(
        id=ID, versions=r"8\.10", expected="8.10", artifact="io.freefair.gradle:lombok-plugin",
        parts={ID: Part(), _BESIDE_JAVA: Part((), (_LOMBOK,), (_LOMBOK,), of_source_sets=dict.fromkeys(_COMPILING, (_LOMBOK,)))},
        applied=_applied, takes={_LOMBOK: _take}, types={"LombokExtension": _LOMBOK},
    ),
)  # fmt: skip
