"""Builds of Gradle for tests, and what Gradle's metadata of a version is."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from outrider.operators.packages.tests.maven_poms import path_of, pom
from outrider.operators.packages.tests.maven_projects import home_of
from outrider.operators.packages.tests.maven_repository import MavenRepositoryServer, full
from outrider.operators.packages.tests.world import variables

HEADER = (
    "# This is a Gradle generated file for dependency locking.\n# Manual edits can break the build and are not advised.\n"
    "# This file is expected to be part of source control.\n"
)
MAIN = ("compileClasspath", "runtimeClasspath")
TESTS = ("testCompileClasspath", "testRuntimeClasspath")
ALL = (*MAIN, *TESTS)
PROCESSORS = ("annotationProcessor", "testAnnotationProcessor")
MARKER = "<!-- do_not_remove: published-with-gradle-metadata -->"
_BUILD = """plugins {{
    id 'java-library'
}}
repositories {{ mavenCentral() }}
java {{ toolchain {{ languageVersion = JavaLanguageVersion.of(17) }} }}
dependencyLocking {{ lockAllConfigurations() }}
{more}dependencies {{
{lines}}}
"""


def script(*lines: str, more: str = "") -> str:
    """Return a build.gradle that declares something."""
    return _BUILD.format(lines="".join(f"    {line}\n" for line in lines), more=f"{more}\n" if more else "")


def write_build(folder: Path, *lines: str, more: str = "") -> Path:
    """Write the build of one project, and return where its lock is to be."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.gradle").write_text("rootProject.name = 'shop'\n")
    (folder / "build.gradle").write_text(script(*lines, more=more))
    return folder / "gradle.lockfile"


def lock_text(modules: Mapping[str, Sequence[str]], empty: Sequence[str] = PROCESSORS) -> str:
    """Return a lock of modules of the group `g`, each with the configurations that it is in."""
    lines = [f"{full(name)}={','.join(names)}\n" for name, names in modules.items()]
    return "".join((HEADER, *lines, f"empty={','.join(empty)}\n"))


@asynccontextmanager
async def repository(folder: Path) -> AsyncIterator[MavenRepositoryServer]:
    """Have an empty repository that stands in for all others."""
    async with MavenRepositoryServer() as made:
        with variables(home_of(folder / "home", made.url)):
            yield made


def add_module(server: MavenRepositoryServer, coordinates: str, *variants: dict[str, Any]) -> None:
    """Have a version with metadata of Gradle; its POM says that it needs nothing."""
    server.add(coordinates, content=MARKER)
    document = {"formatVersion": "1.1", "variants": list(variants)}
    server.files[path_of(full(coordinates)).removesuffix(".pom") + ".module"] = json.dumps(document)


def repository_files(coordinates: str) -> dict[str, str]:
    """Return the files of a module that needs nothing, as `MavenRepositoryServer.files` has them."""
    return {path_of(coordinates): pom(coordinates)}


def library(
    name: str, usage: str, *needs: str, attributes: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """Return a variant of a library.

    Args:
        name: Of it.
        usage: `api` or `runtime`.
        needs: `artifact:version` of the group `g`.
        attributes: What else it is.
        more: Further fields.
    """
    return {
        "name": name,
        "attributes": {"org.gradle.category": "library", "org.gradle.usage": f"java-{usage}", **(attributes or {})},
        "dependencies": [asked(one) for one in needs],
        **more,
    }


def asked(text: str, **more: Any) -> dict[str, Any]:
    """Return a dependency on `artifact:version` of the group `g`, where `version` is `strictly 1` or `prefers 1` or just that."""
    name, _, version = text.partition(":")
    kind, _, wanted = version.rpartition(" ")
    return {"group": "g", "module": name, "version": {kind or "requires": wanted}, **more}
