"""org.springframework.boot: its BOM, and the configurations that it adds to a project of Java.

https://docs.spring.io/spring-boot/gradle-plugin/reacting.html.
"""

import msgspec

from outrider.operators.packages.manifests.gradle.builds import Bom, Management
from outrider.operators.packages.manifests.gradle.external import dependency_management
from outrider.operators.packages.manifests.gradle.external.plugin import External, Part
from outrider.operators.packages.manifests.gradle.state import ProjectState

ID = "org.springframework.boot"
# What it adds beside Java: in 2.7, in 3.1, and since 3.2.
_OF_2, _OF_3_1, _OF_3_2 = (f"{ID}:{version}" for version in ("2.7", "3.1", "3.2"))
_BOM = ("org.springframework.boot", "spring-boot-dependencies")
_DEVELOPMENT, _BOTH, _PRODUCTION = "developmentOnly", "testAndDevelopmentOnly", "productionRuntimeClasspath"
_EXTENDS = {_PRODUCTION: ("runtimeOnly", "implementation"), "runtimeClasspath": (_DEVELOPMENT,)}
_EXTENDS_3_2 = {**_EXTENDS, "runtimeClasspath": (_DEVELOPMENT, _BOTH), "testImplementation": (_BOTH,)}
_LIKE = {_PRODUCTION: "runtimeClasspath"}
_OLD_RUNTIME = {
    "org.gradle.dependency.bundling": "external", "org.gradle.libraryelements": "jar", "org.gradle.usage": "java-runtime",
}  # fmt: skip


def _applied(project: ProjectState) -> None:
    version = project.versions[ID]
    release = tuple(map(int, version.split(".")[:2]))
    part = _OF_2 if release < (3, 0) else _OF_3_1 if release < (3, 2) else _OF_3_2
    project.when_applied("java", lambda: project.apply(part))
    project.when_applied(dependency_management.ID, lambda: _import(project, version))


def _import(project: ProjectState, version: str) -> None:
    """Import its BOM, as it does itself where versions are managed."""
    management = project.management or Management()
    bom = Bom(group=_BOM[0], name=_BOM[1], version=version)
    rest = (one for one in management.boms if (one.group, one.name) != _BOM)
    project.management = msgspec.structs.replace(management, boms=(*rest, bom))


PLUGINS = (
    External(
        id=ID, versions=r"(2\.7|3\.[1-5])\.\d+", expected="2.7 and 3.1 to 3.5", artifact="org.springframework.boot:spring-boot-gradle-plugin",
        parts={
            ID: Part((), ("bootArchives",)),
            _OF_2: Part((), (_DEVELOPMENT, _PRODUCTION), (_DEVELOPMENT, _PRODUCTION), _EXTENDS, wanted={_PRODUCTION: _OLD_RUNTIME}),
            _OF_3_1: Part((), (_DEVELOPMENT, _PRODUCTION), (_DEVELOPMENT, _PRODUCTION), _EXTENDS, like=_LIKE),
            _OF_3_2: Part((), (_DEVELOPMENT, _BOTH, _PRODUCTION), (_DEVELOPMENT, _BOTH, _PRODUCTION), _EXTENDS_3_2, like=_LIKE),
        },
        applied=_applied, passed=frozenset(("springBoot", "bootJar", "bootWar", "bootRun", "bootBuildImage", "bootTestRun")),
        types={"SpringBootExtension": "springBoot"},
        constants={"SpringBootPlugin.BOM_COORDINATES": f"{':'.join(_BOM)}:{{version}}"},
    ),
)  # fmt: skip
