"""What a build of Gradle says: its projects, and what their configurations ask for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

# A library, or a module whose versions count and which brings nothing itself.
Category = Literal["library", "platform", "enforced-platform"]
ALL = "*"


class Place(NamedTuple):
    """Where a text stands, without its quotation marks.

    Attributes:
        path: Of the file.
        start: In its text.
        end: Behind it.
    """

    path: Path
    start: int
    end: int


class RichVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version that is asked for: https://docs.gradle.org/current/userguide/dependency_versions.html.

    Attributes:
        required: At least this one, or one of a range; empty where nothing is said.
        strictly: This one or one of a range and no other, whoever asks; empty where nothing is said.
        preferred: Where there is nothing better; empty where nothing is said.
        rejected: Versions and ranges that will not do.
    """

    required: str = ""
    strictly: str = ""
    preferred: str = ""
    rejected: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is asked for, strictly or at least; empty where that is not said."""
        return self.strictly or self.required


class Exclusion(NamedTuple):
    """Modules that are not to come with something.

    Attributes:
        group: Of them; `*` for any.
        name: Likewise.
    """

    group: str = ALL
    name: str = ALL


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A dependency or a constraint.

    Attributes:
        group: Of the module; empty for a project of the build.
        name: Of the module; likewise.
        project: The path of a project of the build, such as `:lib`; empty for a module.
        version: Which one.
        category: What is wanted of it.
        feature: That is wanted instead of what it is by itself, such as `test-fixtures`; empty for that.
        is_constraint: Whether it counts only where something else asks for the module.
        is_transitive: Whether what it needs comes with it.
        classifier: Of the file that is wanted; empty for the usual one.
        extension: Likewise.
        excluded: What is not to come with it.
        place: Where its version is written; None where it has none, or it is put together from several texts.
        line: Where it stands, for those who read of it, as in `build.gradle:12`.
    """

    group: str = ""
    name: str = ""
    project: str = ""
    version: RichVersion = RichVersion()
    category: Category = "library"
    feature: str = ""
    is_constraint: bool = False
    is_transitive: bool = True
    classifier: str = ""
    extension: str = ""
    excluded: tuple[Exclusion, ...] = ()
    place: Place | None = None
    line: str = ""


class Bom(msgspec.Struct, frozen=True, kw_only=True):
    """A BOM whose versions count for all that a project comes to.

    Attributes:
        group: Of it.
        name: Likewise.
        version: Likewise.
        properties: That are set for it alone.
        line: Where it is imported, which tells it from the same one elsewhere.
    """

    group: str
    name: str
    version: str
    properties: Mapping[str, str] = {}
    line: str = ""


class Management(msgspec.Struct, frozen=True, kw_only=True):
    """Versions in the place of those that are asked for, as the plugin io.spring.dependency-management has them.

    Attributes:
        boms: That are imported; of two that manage the same the last one counts.
        versions: By `group:name`, before those of BOMs.
        excluded: What does not come with a module, by `group:name`.
        properties: Of the build, in the place of those of BOMs; None for one whose value is not known here.
        applies_exclusions: Whether exclusions count by Maven's rules, too.
        is_overridden: Whether versions that the project itself asks for count before these.
        shares_exclusions: Whether exclusions are put on dependencies that several configurations share.
    """

    boms: tuple[Bom, ...] = ()
    versions: Mapping[str, str] = {}
    excluded: Mapping[str, tuple[Exclusion, ...]] = {}
    properties: Mapping[str, str | None] = {}
    applies_exclusions: bool = True
    is_overridden: bool = True
    shares_exclusions: bool = False


class GradleRepository(NamedTuple):
    """A repository, in the order in which they are asked.

    Attributes:
        name: As Gradle calls it: `MavenRepo` for `mavenCentral()`, `Google`, or `maven` for one with an address.
        url: Its address; empty for Maven Central.
    """

    name: str
    url: str = ""


class GradleProject(msgspec.Struct, frozen=True, kw_only=True):
    """A project of a build.

    Attributes:
        path: `:` for the one at the root, else as in `:lib`.
        folder: Of it.
        group: Of it, as others could ask for it.
        name: Likewise.
        version: Likewise; empty where none is said.
        plugins: The ids of those that are applied, such as `java-library`.
        repositories: Those that its modules come from, in their order.
        declared: What is asked for, by the configuration that it is declared in, such as `implementation`; each in the order of the build.
        extended: Configurations from which one has what they declare, besides those that its plugins say; by its name.
        own: Configurations of the build's own, and whether they can be resolved.
        source_sets: Source sets besides main and test, with the version of Java that each is compiled for; None where the build does not say it.
        alone: Configurations that have what they ask for without what that needs.
        excluded: What a configuration is not to have; by its name, `*` for all.
        forced: Modules with versions that every configuration takes, as of `resolutionStrategy.force`.
        locked: The configurations that are locked, None for all of them.
        ignored: Modules that no lock tells of, as `group:name` with `*` for any.
        usual: What is asked for in the version that Gradle takes by itself, with that version, such as `jacoco 0.8.12`.
        lock_file: Where its lock is.
        java: The version of Java that it is compiled for; None where the build does not say it.
        java_of_tests: Likewise of its tests.
        management: Versions in the place of those that are asked for; None where nothing replaces them.
    """

    path: str
    folder: Path
    group: str
    name: str
    version: str
    plugins: tuple[str, ...]
    repositories: tuple[GradleRepository, ...]
    declared: Mapping[str, tuple[Asked, ...]]
    extended: Mapping[str, tuple[str, ...]] = {}
    own: Mapping[str, bool] = {}
    source_sets: Mapping[str, int | None] = {}
    alone: tuple[str, ...] = ()
    excluded: Mapping[str, tuple[Exclusion, ...]]
    forced: tuple[Asked, ...]
    locked: tuple[str, ...] | None
    ignored: tuple[str, ...]
    usual: tuple[str, ...] = ()
    lock_file: Path
    java: int | None
    java_of_tests: int | None = None
    management: Management | None = None


class GradleBuild(msgspec.Struct, frozen=True, kw_only=True):
    """A build.

    Attributes:
        projects: By their paths.
        texts: Of the files that it follows from.
        gradle: The version of Gradle that its wrapper names; empty where it names none.
    """

    projects: Mapping[str, GradleProject]
    texts: Mapping[Path, str]
    gradle: str = ""
