"""Writes a build as the files of Gradle that say it, in one of the many ways that they can."""

from collections.abc import Iterable
from pathlib import Path
from random import Random

from outrider.operators.packages.manifests.gradle.builds import (
    ALL,
    Asked,
    Exclusion,
    GradleBuild,
    GradleProject,
    Management,
)

MANAGING = "io.spring.dependency-management"
_VERSIONS = {MANAGING: " version '1.1.7'"}
# A source set that a suite of tests makes, and the version of what runs it and of what plugins bring.
SUITE, BROUGHT_VERSION = "endToEnd", "1.0"
_CATEGORIES = {"platform": "platform", "enforced-platform": "enforcedPlatform"}


class ScriptWriter:
    """Writes builds in Groovy.

    Args:
        random: Decides between what means the same.
    """

    def __init__(self, random: Random) -> None:
        self._random = random

    def write(self, build: GradleBuild) -> None:
        """Write the files of a build."""
        root = build.projects[":"].folder
        included = [path for path in build.projects if path != ":"]
        is_managed = any(one.management is not None for one in build.projects.values())
        lines = block("pluginManagement", block("repositories", ["mavenCentral()"])) if is_managed else []
        lines += [f"rootProject.name = {self._quoted(build.projects[':'].name)}"]
        if included:
            lines.append(f"include {', '.join(self._quoted(path.removeprefix(':')) for path in included)}")
        self._save(root / "settings.gradle", lines)
        for project in build.projects.values():
            self._save(project.folder / "build.gradle", self._project(project))

    def _save(self, path: Path, lines: Iterable[str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join((*lines, "")))

    def _quoted(self, text: str) -> str:
        quotation = '"' if self._random.random() < 0.2 else "'"
        return f"{quotation}{text}{quotation}"

    def _project(self, project: GradleProject) -> list[str]:
        random = self._random
        if random.random() < 0.8 or project.management is not None:
            lines = block("plugins", (f"id {self._quoted(one)}{_VERSIONS.get(one, '')}" for one in project.plugins))
        else:
            lines = [f"apply plugin: {self._quoted(one)}" for one in project.plugins]
        lines += ["", f"group = {self._quoted(project.group)}", f"version = {self._quoted(project.version)}", ""]
        if project.java is not None:
            lines += block("java", [f"sourceCompatibility = JavaVersion.VERSION_{project.java}"])
        if "java-platform" in project.plugins:
            lines += block("javaPlatform", ["allowDependencies()"])
        lines += block("repositories", ["mavenCentral()"])
        lines += [*self._source_sets(project), *self._own(project)]
        lines += [*self._configurations(project), *self._dependencies(project), *self._locking(project)]
        lines += [] if project.management is None else self._management(project.management)
        return lines

    def _management(self, management: Management) -> list[str]:
        boms = [f"mavenBom {self._quoted(f'{one.group}:{one.name}:{one.version}')}" for one in management.boms]
        lines: list[str] = []
        for module, version in management.versions.items():
            excluded = [f"exclude '{one.group}:{one.name}'" for one in management.excluded.get(module, ())]
            group, name = module.split(":")
            if self._random.random() < 0.3:
                lines += block(
                    f"dependencySet(group: '{group}', version: '{version}')", block(f"entry('{name}')", excluded)
                )
            else:
                lines += block(f"dependency('{module}:{version}')", excluded)
        settings = [] if management.applies_exclusions else ["applyMavenExclusions = false"]
        settings += [] if management.is_overridden else ["overriddenByDependencies = false"]
        return block("dependencyManagement", [*settings, *block("imports", boms), *block("dependencies", lines)])

    def _source_sets(self, project: GradleProject) -> list[str]:
        version = self._quoted(BROUGHT_VERSION)
        tools = [one for one in ("jacoco", "checkstyle", "codenarc") if one in project.plugins]
        lines = [line for one in tools for line in block(one, [f"toolVersion = {version}"])]
        lines += block("dependencies", [f"antlr 'antlr:antlr:{BROUGHT_VERSION}'"]) if "antlr" in project.plugins else []
        for name in project.source_sets:
            if name == SUITE:
                lines += block("testing", block("suites", block(f"{SUITE}(JvmTestSuite)", [f"useJUnit({version})"])))
                continue
            more = [f"{path} += sourceSets.main.output" for path in ("compileClasspath", "runtimeClasspath")]
            lines += self._random.choice((
                block("sourceSets", [name]), block("sourceSets", block(name, more)), [f"sourceSets.create({self._quoted(name)})"],
                block(f"def {name} = sourceSets.register({self._quoted(name)})", more),
            ))  # fmt: skip
        return lines

    def _own(self, project: GradleProject) -> list[str]:
        """Return what makes configurations, and says what they extend."""
        lines: list[str] = []
        extended = dict(project.extended)
        for name, is_resolved in project.own.items():
            said = [] if is_resolved else [self._random.choice(("canBeResolved = false", "canBeResolved false"))]
            said += ["transitive = false"] if name in project.alone else []
            if name in extended and self._random.random() < 0.5:
                said.append(f"extendsFrom {', '.join(f'configurations.{one}' for one in extended.pop(name))}")
            if name in project.declared or self._random.random() < 0.5:
                lines += self._made(name, said)
            else:
                role = "resolvable" if is_resolved else "dependencyScope"
                lines += block(
                    f"configurations.{role}({self._quoted(name)})", [one for one in said if "Resolved" not in one]
                )
        for name, others in extended.items():
            whole = ", ".join(f"configurations.{one}" for one in others)
            lines += self._random.choice((
                [f"configurations.{name}.extendsFrom {whole}"], block("configurations", [f"{name}.extendsFrom({', '.join(others)})"]),
                block("configurations", block(name, [f"extendsFrom {whole}"])), block(f"configurations.named('{name}')", [f"extendsFrom({whole})"]),
            ))  # fmt: skip
        return lines

    def _made(self, name: str, said: list[str]) -> list[str]:
        quoted = self._quoted(name)
        return self._random.choice((
            block("configurations", block(name, said) if said else [name]), block("configurations", block(name, [*said, "canBeConsumed = false"])),
            block(f"configurations.{self._random.choice(('create', 'register'))}({quoted})", [*said, "visible = false"]),
            block("configurations", block(f"create({quoted})", [*said, "description = 'x'"])),
            block(f"def its{name} = configurations.create({quoted})", said),
        ))  # fmt: skip

    def _configurations(self, project: GradleProject) -> list[str]:
        lines: list[str] = []
        for name, excluded in project.excluded.items():
            said = [self._excluded(one) for one in excluded]
            lines += block("configurations.all", said) if name == ALL else block("configurations", block(name, said))
        if project.forced:
            forced = [self._quoted(self._coordinates(one, one.version.required)) for one in project.forced]
            if self._random.random() < 0.5:
                lines += block("configurations.all", [f"resolutionStrategy.force {', '.join(forced)}"])
            else:
                said = block("resolutionStrategy", (f"force({one})" for one in forced))
                lines += block("configurations.all", said)
        return lines

    def _locking(self, project: GradleProject) -> list[str]:
        ignored = [f"ignoredDependencies.add({self._quoted(one)})" for one in project.ignored]
        if project.locked is None:
            return block("dependencyLocking", ["lockAllConfigurations()", *ignored])
        inner: list[str] = []
        for name in project.locked:
            inner += block(name, ["resolutionStrategy.activateDependencyLocking()"])
        return [*block("configurations", inner), *(block("dependencyLocking", ignored) if ignored else ())]

    def _dependencies(self, project: GradleProject) -> list[str]:
        asked = [(name, one) for name, listed in project.declared.items() for one in listed]
        lines = [line for name, one in asked if not one.is_constraint for line in self._asked(name, one)]
        constraints = [line for name, one in asked if one.is_constraint for line in self._asked(name, one)]
        return block("dependencies", [*lines, *(block("constraints", constraints) if constraints else ())])

    def _asked(self, configuration: str, asked: Asked) -> list[str]:
        version, inner = asked.version, self._inner(asked)
        written = version.required
        if version.strictly and not version.preferred and self._random.random() < 0.3 and not asked.classifier:
            written, inner = f"{version.strictly}!!", self._inner(asked, is_strict=False)
        named = self._named(asked, written)
        if not inner and self._random.random() < 0.7:
            return [f"{configuration} {named}"]
        return block(f"{configuration}({named})", inner) if inner else [f"{configuration}({named})"]

    def _named(self, asked: Asked, version: str) -> str:
        if asked.project:
            named = f"project({self._quoted(asked.project)})"
            named = f"testFixtures({named})" if asked.feature else named
        elif self._random.random() < 0.15 and "!!" not in version:
            said = {"group": asked.group, "name": asked.name, "version": version}
            more = {"classifier": asked.classifier, "ext": asked.extension}
            pairs = ", ".join(f"{name}: {self._quoted(text)}" for name, text in {**said, **more}.items() if text)
            named = f"[{pairs}]" if asked.category != "library" or self._inner(asked) else pairs
        else:
            named = self._quoted(self._coordinates(asked, version))
        return named if asked.category == "library" else f"{_CATEGORIES[asked.category]}({named})"

    def _coordinates(self, asked: Asked, version: str) -> str:
        parts = [asked.group, asked.name, *([version] if version or asked.classifier else [])]
        text = ":".join([*parts, *([asked.classifier] if asked.classifier else [])])
        return f"{text}@{asked.extension}" if asked.extension else text

    def _inner(self, asked: Asked, *, is_strict: bool = True) -> list[str]:
        version = asked.version
        said = [f"strictly {self._quoted(version.strictly)}"] if version.strictly and is_strict else []
        said += [f"prefer {self._quoted(version.preferred)}"] if version.preferred else []
        if version.rejected:
            said.append(f"reject {', '.join(self._quoted(one) for one in version.rejected)}")
        inner = block("version", said) if said else []
        inner += [self._excluded(one) for one in asked.excluded]
        return inner if asked.is_transitive else [*inner, "transitive = false"]

    def _excluded(self, exclusion: Exclusion) -> str:
        said = {"group": exclusion.group, "module": exclusion.name}
        return f"exclude {', '.join(f'{name}: {self._quoted(text)}' for name, text in said.items() if text != ALL)}"


def block(name: str, inner: Iterable[str]) -> list[str]:
    """Return the lines of something with braces."""
    return [f"{name} {{", *(f"    {line}" for line in inner), "}"]
