"""com.gradleup.shadow: what goes beside a jar that has all else within.

https://gradleup.com/shadow/configuration/#configuring-the-runtime-classpath.
"""

from outrider.operators.packages.manifests.gradle.external.plugin import External, Part
from outrider.operators.packages.manifests.gradle.state import ProjectState

ID = "com.gradleup.shadow"
_BESIDE_JAVA = f"{ID}:java"
_SHADOW = "shadow"


def _applied(project: ProjectState) -> None:
    project.when_applied("java", lambda: project.apply(_BESIDE_JAVA))


PLUGINS = (
    External(
        id=ID, versions=r"8\.3\.5", expected="8.3.5", artifact="com.gradleup.shadow:shadow-gradle-plugin",
        parts={ID: Part((), (_SHADOW,), (_SHADOW,)), _BESIDE_JAVA: Part(extends={"compileClasspath": (_SHADOW,)})},
        applied=_applied, passed=frozenset(("shadowJar",)),
    ),
)  # fmt: skip
