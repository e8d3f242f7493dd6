"""Builds of Gradle that are drawn by chance, on repositories that are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from outrider.operators.packages.manifests.gradle.builds import (
    ALL,
    Asked,
    Bom,
    Category,
    Exclusion,
    GradleBuild,
    GradleProject,
    GradleRepository,
    Management,
    RichVersion,
)
from outrider.operators.packages.manifests.gradle.functions import TEST_FIXTURES
from outrider.operators.packages.manifests.gradle.source_sets import DECLARED, FIXTURES, of_source_set
from outrider.operators.packages.tests.gradle_scripts import BROUGHT_VERSION, MANAGING, SUITE, ScriptWriter
from outrider.operators.packages.tests.gradle_universes import (
    METADATA,
    PLAIN,
    POMS,
    RANGES,
    RARE,
    Universe,
    UniverseDrawing,
)
from outrider.operators.packages.tests.maven_poms import dependency, parts, path_of, pom

_CONFIGURATIONS = ("implementation",) * 4 + (
    "runtimeOnly", "runtimeOnly", "compileOnly", "testImplementation", "testImplementation", "testRuntimeOnly", "annotationProcessor",
)  # fmt: skip
_OF_LIBRARIES = ("api",) * 4 + ("compileOnlyApi",)
_OF_PLATFORMS = ("api", "api", "runtime")
_DYNAMIC = (*RANGES, "1.+", "+", "2.+", "latest.release", "latest.integration")
_PLATFORM = "java-platform"
_OWN = ("tools", "extra", "shared")
_OWN_EXTEND = ("implementation", "runtimeOnly", "compileOnly")
_SOURCE_SETS = ("integrationTest", "generated", SUITE)
# What plugins bring, all in the one version that the repository has.
_BROUGHT = {
    "jacoco": ("org.jacoco:org.jacoco.agent", "org.jacoco:org.jacoco.ant"), "checkstyle": ("com.puppycrawl.tools:checkstyle",),
    "codenarc": ("org.codenarc:CodeNarc",), "antlr": ("antlr:antlr",), "jvm-test-suite": ("junit:junit",),
}  # fmt: skip


class Drawn(NamedTuple):
    """A build and its repository, both written into a folder.

    Attributes:
        build: What it says; without places and lines.
        repository: The address of what stands for Maven Central.
        universe: What is in there.
    """

    build: GradleBuild
    repository: str
    universe: Universe


def draw(
    folder: Path, seed: int, *, hard: int = RARE, modules: int = 6, circles: float = 0.0, managed: bool = False
) -> Drawn:
    """Write a repository and a build on it that the real Gradle locks, or fails on.

    Args:
        folder: Where; the build is in `build` in there.
        seed: What chance follows from.
        hard: `PLAIN`, `POMS`, `METADATA` or `RARE`.
        modules: How many there are.
        circles: How often modules need one another in circles; as for `UniverseDrawing`.
        managed: Whether versions are managed by a plugin, too.
    """
    random = Random(f"{seed} {hard} {modules} {circles}")
    universe = UniverseDrawing(random, modules, hard, circles).universe()
    universe = universe._replace(files={**universe.files, **_brought(random, universe)})
    drawing = BuildDrawing(random, universe, hard)
    build = drawing.build(folder / "build")
    build = drawing.managed(build) if managed else build
    ScriptWriter(random).write(build)
    return Drawn(build, universe.write(folder / "repository"), universe)


def _brought(random: Random, universe: Universe) -> dict[str, str]:
    """Return the POMs of what plugins bring, which need modules that are drawn, or are excluded."""
    found: dict[str, str] = {}
    for name in [name for names in _BROUGHT.values() for name in names]:
        needed = random.choice([*universe.modules])
        needs = [dependency(f"{needed}:{random.choice(universe.modules[needed])}"), dependency("org.slf4j:slf4j-api:1")]
        whole = f"{name}:{BROUGHT_VERSION}"
        found[path_of(whole)] = pom(whole, parts(needs))
    return {path_of("org.slf4j:slf4j-api:1"): pom("org.slf4j:slf4j-api:1"), **found}


class BuildDrawing:
    """Draws builds.

    Args:
        random: Where chance comes from.
        universe: What they can ask for.
        hard: As for `draw`.
    """

    def __init__(self, random: Random, universe: Universe, hard: int = RARE) -> None:
        self._random, self._universe, self._hard = random, universe, hard
        self._modules, self._platforms = [*universe.modules], [*universe.platforms]
        self._fixtures: set[str] = set()

    def build(self, folder: Path) -> GradleBuild:
        """Return one, for a folder."""
        count = self._random.choice((1, 1, 2, 3)) if self._hard >= METADATA else 1
        paths = [":", ":lib", ":core"][:count]
        plugins = {path: self._plugin(path) for path in paths}
        self._fixtures = {path for path in paths if plugins[path] != _PLATFORM and self._chance(0.2, POMS)}
        # Those for an older Java could not use the others.
        java = self._random.choice((11, 17)) if self._chance(0.15, RARE) else None
        projects = {path: self._project(folder, path, plugins, java) for path in paths}
        return GradleBuild(projects=projects, texts={})

    def managed(self, build: GradleBuild) -> GradleBuild:
        """Return a build with versions that a plugin manages in those of its projects that are libraries."""
        projects = {
            path: one if _PLATFORM in one.plugins else msgspec.structs.replace(
                one, plugins=(*one.plugins, MANAGING), management=self._management(), declared=self._versionless(one.declared),
            )
            for path, one in build.projects.items()
        }  # fmt: skip
        return GradleBuild(projects=projects, texts={})

    def _management(self) -> Management:
        random = self._random
        names = random.sample([*self._universe.platforms], random.choice((0, 1, 1, 2)))
        boms = [Bom(group="boms", name=name.partition(":")[2], version=self._known(name)) for name in names]
        chosen = random.sample(self._modules, random.choice((0, 1, 1, 2)))
        return Management(
            boms=tuple(boms),
            versions={
                name: random.choice(_DYNAMIC) if random.random() < 0.05 else self._known(name) for name in chosen
            },
            excluded={name: (self._exclusion(),) for name in chosen if random.random() < 0.3},
            applies_exclusions=random.random() < 0.85,
            is_overridden=random.random() < 0.85,
        )

    def _versionless(self, declared: Mapping[str, tuple[Asked, ...]]) -> Mapping[str, tuple[Asked, ...]]:
        return {
            name: tuple(
                msgspec.structs.replace(one, version=RichVersion())
                if one.category == "library" and not (one.is_constraint or one.classifier or one.project) and self._random.random() < 0.3
                else one
                for one in those
            )
            for name, those in declared.items()
        }  # fmt: skip

    def _chance(self, often: float, least: int = PLAIN) -> bool:
        return self._hard >= least and self._random.random() < often

    def _plugin(self, path: str) -> str:
        if path != ":" and self._chance(0.15, RARE):
            return _PLATFORM
        return self._random.choice(("java-library", "java-library", "java"))

    def _project(self, folder: Path, path: str, plugins: dict[str, str], java: int | None) -> GradleProject:
        name = path.removeprefix(":")
        own, random = folder / name, self._random
        forced = [self._forced() for _ in range(random.choice((1, 1, 2)))] if self._chance(0.1, RARE) else []
        is_library = plugins[path] != _PLATFORM
        locked = ("compileClasspath", "testRuntimeClasspath") if is_library and self._chance(0.1, POMS) else None
        # What is not locked may fail, and then it is another build that Gradle fails on.
        configurations, source_sets = self._own(is_library=is_library) if locked is None else ({}, [])
        is_whole = is_library and locked is None
        more = [one for one in _BROUGHT if is_whole and one != "jvm-test-suite" and self._chance(0.08, POMS)]
        if path in self._fixtures:
            more.append("java-test-fixtures")
        whole = [*source_sets, *([FIXTURES] if path in self._fixtures else [])]
        names = (*configurations, *(of_source_set(one, name) for one in whole for name in DECLARED))
        names += ("testFixturesApi",) if path in self._fixtures else ()
        return GradleProject(
            path=path,
            folder=own,
            group="own",
            name=name or "shop",
            version="1",
            plugins=(plugins[path], *more),
            repositories=(GradleRepository("MavenRepo"),),
            declared=self._declared(path, plugins, names),
            extended=self._extended(configurations, source_sets, is_library=is_library),
            own=configurations,
            source_sets=dict.fromkeys(source_sets, java),
            alone=tuple(name for name in configurations if self._chance(0.1)),
            excluded=self._excluded(tuple(configurations)) if is_library else {},
            forced=tuple(forced),
            locked=locked,
            ignored=tuple(random.choices(("g:*", "h:*", "g:a", "boms:bom0"), k=1)) if self._chance(0.1, POMS) else (),
            lock_file=own / "gradle.lockfile",
            java=java if is_library else None,
        )

    def _own(self, *, is_library: bool) -> tuple[dict[str, bool], list[str]]:
        """Return configurations of the build's own, and whether they can be resolved, and source sets."""
        random = self._random
        own = random.sample(_OWN, random.randint(1, 3)) if self._chance(0.3, POMS) else []
        source_sets = (
            random.sample(_SOURCE_SETS, random.randint(1, 2)) if is_library and self._chance(0.3, POMS) else []
        )
        return {name: random.random() < 0.7 for name in own}, source_sets

    def _extended(
        self, own: Mapping[str, bool], source_sets: Sequence[str], *, is_library: bool
    ) -> dict[str, tuple[str, ...]]:
        """Return which configurations extend others, without a circle."""
        random, found = self._random, dict[str, tuple[str, ...]]()
        before = [*(_OWN_EXTEND if is_library else _OF_PLATFORMS[1:])]
        for name in own:
            if random.random() < 0.5:
                found[name] = tuple(random.sample(before, random.randint(1, 2)))
            before.append(name)
        for one in source_sets:
            for name in ("implementation", "runtimeOnly"):
                if random.random() < 0.5:
                    found[of_source_set(one, name)] = (random.choice((name, of_source_set("test", name), *own)),)
        return found

    def _excluded(self, own: tuple[str, ...]) -> dict[str, tuple[Exclusion, ...]]:
        if not self._chance(0.12, POMS):
            return {}
        where = self._random.choice((ALL, ALL, "runtimeClasspath", "implementation", "compileClasspath", *own))
        return {where: (self._exclusion(),)}

    def _exclusion(self) -> Exclusion:
        group, name = self._random.choice(self._modules).split(":")
        return self._random.choice((Exclusion(group, name), Exclusion(group, name), Exclusion(name=name)))

    def _forced(self) -> Asked:
        name = self._random.choice(self._modules)
        group, artifact = name.split(":")
        return Asked(group=group, name=artifact, version=RichVersion(required=self._known(name)))

    def _known(self, name: str) -> str:
        """Return a version, nearly always one that there is."""
        known = self._universe.modules.get(name) or self._universe.platforms[name]
        return "9.9" if self._random.random() < 0.01 else self._random.choice(known)

    def _declared(self, path: str, plugins: dict[str, str], own: Sequence[str]) -> dict[str, tuple[Asked, ...]]:
        random, plugin = self._random, plugins[path]
        if plugin == _PLATFORM:
            modules = [(name, self._library(random.choice(self._modules), managed=False)) for name in own]
            return self._sorted([*((random.choice(_OF_PLATFORMS), self._constraint()) for _ in range(3)), *modules])
        names = _CONFIGURATIONS + (*own, *own) + (_OF_LIBRARIES if plugin == "java-library" else ())
        asked = [(random.choice(names), self._project_asked(other, plugins)) for other in self._needed(path, plugins)]
        managed = self._chance(0.35, POMS)
        if managed:
            asked.append((random.choice(names[:4] + names[-4:-1]), self._platform()))
        chosen = random.sample(self._modules, min(random.randint(1, 4), len(self._modules)))
        asked += [(random.choice(names), self._library(name, managed=managed)) for name in chosen]
        if self._chance(0.2, POMS):
            asked += [(random.choice(names), self._constraint()) for _ in range(random.choice((1, 2)))]
        return self._sorted(asked)

    def _sorted(self, asked: list[tuple[str, Asked]]) -> dict[str, tuple[Asked, ...]]:
        """Return what is asked for by configuration, constraints behind dependencies, as they are written."""
        listed = {name: [one for other, one in asked if other == name] for name, _ in asked}
        return {name: tuple(sorted(ones, key=lambda one: one.is_constraint)) for name, ones in listed.items()}

    def _needed(self, path: str, plugins: dict[str, str]) -> list[str]:
        """Return projects that one may need without a circle."""
        paths = [*plugins]
        return [other for other in paths[paths.index(path) + 1 :] if self._random.random() < 0.7]

    def _project_asked(self, path: str, plugins: dict[str, str]) -> Asked:
        if plugins[path] != _PLATFORM:
            feature = TEST_FIXTURES if path in self._fixtures and self._random.random() < 0.5 else ""
            return Asked(project=path, is_transitive=not self._chance(0.03, RARE), feature=feature)
        return Asked(project=path, category=self._category())

    def _category(self) -> Category:
        return "enforced-platform" if self._chance(0.2, RARE) else "platform"

    def _platform(self) -> Asked:
        # What is no platform can be asked for as one where a POM manages nothing, too.
        name = self._random.choice(self._modules if self._chance(0.04, RARE) else self._platforms)
        group, artifact = name.split(":")
        return Asked(
            group=group, name=artifact, version=RichVersion(required=self._known(name)), category=self._category()
        )

    def _constraint(self) -> Asked:
        name = self._random.choice(self._modules)
        group, artifact = name.split(":")
        return Asked(group=group, name=artifact, version=self._version(name), is_constraint=True)

    def _library(self, name: str, *, managed: bool) -> Asked:
        group, artifact = name.split(":")
        with_file = self._chance(0.04, POMS)
        is_versionless = managed and self._chance(0.08)
        return Asked(
            group=group,
            name=artifact,
            version=RichVersion() if is_versionless else self._version(name),
            is_transitive=not self._chance(0.04, POMS),
            classifier="extra" if with_file and not is_versionless else "",
            extension="zip" if with_file and self._random.random() < 0.3 and not is_versionless else "",
            excluded=(self._exclusion(),) if self._chance(0.12, POMS) else (),
        )

    def _version(self, name: str) -> RichVersion:
        random, version = self._random, self._known(name)
        if self._chance(0.05, METADATA):
            return RichVersion(strictly=version)
        if self._chance(0.03, RARE):
            return RichVersion(strictly=random.choice(RANGES), preferred=version)
        if self._chance(0.03, RARE):
            return RichVersion(preferred=version)
        if self._chance(0.03, RARE):
            return RichVersion(required=version, rejected=(random.choice(("1.0", "[1.1,1.2)", "2.+")),))
        if self._chance(0.08):
            return RichVersion(required=random.choice(_DYNAMIC))
        return RichVersion(required=version)
