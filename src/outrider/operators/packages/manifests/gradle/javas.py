"""Which Java a project is compiled for: https://docs.gradle.org/current/userguide/building_java_projects.html."""

from outrider.operators.packages.manifests.gradle.evaluating import Evaluator
from outrider.operators.packages.manifests.gradle.flattening import Event
from outrider.operators.packages.manifests.gradle.functions import java_version
from outrider.operators.packages.manifests.gradle.syntax import Expression
from outrider.operators.packages.manifests.gradle.values import Java

COMPATIBILITIES = ("sourceCompatibility", "targetCompatibility")
# Archives of sources and documentation have configurations of their own, but none that is resolved.
_NO_CHANGE = (
    "withSourcesJar",
    "withJavadocJar",
    "modularity",
    "docsDir",
    "testReportDir",
    "testResultsDir",
    "manifest",
)
_NO_CHANGE_OF_TOOLCHAIN = ("vendor", "implementation", "nativeImageCapable")


def take_java(known: Evaluator, event: Event) -> None:
    """Take one statement, whose first step is `java`, or that names what is compiled for by itself.

    Args:
        known: What finds what expressions come to.
        event: It.

    Raises:
        UnsupportedError: It says what is not read here.
    """
    names = event.names[1:] if event.names[0] == "java" else event.names
    java = known.project.java
    if not names or names[0] in _NO_CHANGE:
        return
    if names[0] in COMPATIBILITIES and len(names) == 1:
        version = _version(known, event)
        if names[0] == "sourceCompatibility":
            java.source = version
        else:
            java.target = version
    elif names == ["toolchain", "languageVersion"]:
        java.toolchain = _version(known, event)
    elif names != ["toolchain"] and (names[0] != "toolchain" or names[1] not in _NO_CHANGE_OF_TOOLCHAIN):
        known.script.refuse(event.line, f"java.{'.'.join(names)[:60]} is not read")


def _version(known: Evaluator, event: Event) -> int:
    return java_in(known, event.given[0] if len(event.given) == 1 else None, event.line)


def java_in(known: Evaluator, expression: Expression | None, line: int) -> int:
    """Return the version of Java that is said.

    Args:
        known: What finds what expressions come to.
        expression: It.
        line: Where it stands.
    """
    value = known.value(expression) if expression is not None else None
    if isinstance(value, Java):
        return value.version
    shown = known.shown(value) if value is not None else None
    version = java_version(shown.text) if shown is not None else None
    if version is None:
        known.script.refuse(line, "this is no version of Java that is known here")
    return version
