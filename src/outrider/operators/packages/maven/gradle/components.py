"""What a version of a module is to Gradle: variants, of which a configuration takes the one that fits it best.

https://docs.gradle.org/current/userguide/variant_model.html.
"""

from collections.abc import Mapping

import msgspec

from outrider.operators.packages.manifests.gradle.builds import Exclusion, RichVersion
from outrider.operators.packages.maven.coordinates import Project

Attribute = str | int | bool
CATEGORY = "org.gradle.category"
STATUS = "org.gradle.status"
USAGE = "org.gradle.usage"
JAVA_VERSION = "org.gradle.jvm.version"
LIBRARY, PLATFORM, ENFORCED_PLATFORM = "library", "platform", "enforced-platform"
JAVA_API, JAVA_RUNTIME = "java-api", "java-runtime"


class Need(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A dependency or a constraint of a variant.

    Attributes:
        group: Of the module; empty for a project of the build.
        name: Likewise.
        project: The path of a project of the build; empty for a module.
        version: Which one.
        attributes: What is wanted of its variant, before what the configuration wants.
        capabilities: What its variant is to be, as group and name; none for the module itself.
        excluded: What is not to come with it.
        is_constraint: Whether it counts only where something else asks for the module.
        is_transitive: Whether what it needs comes with it.
        is_forced: Whether its version counts whatever else is asked for.
        endorses: Whether versions that it is strict about count as if they were asked for beside it.
    """

    group: str = ""
    name: str = ""
    project: str = ""
    version: RichVersion = RichVersion()
    attributes: Mapping[str, Attribute] = {}
    capabilities: tuple[tuple[str, str], ...] = ()
    excluded: tuple[Exclusion, ...] = ()
    is_constraint: bool = False
    is_transitive: bool = True
    is_forced: bool = False
    endorses: bool = False

    @property
    def module(self) -> str:
        """What it is of, in any version: group and name, or the path of a project."""
        return self.project or f"{self.group}:{self.name}"


class Variant(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One way to use a component.

    Attributes:
        name: Of it.
        attributes: What it is.
        capabilities: What it can stand for, as group and name; none for the component itself.
        needs: What it needs.
        excluded: What none of that is to bring.
        is_elsewhere: Whether it is but a way to another module, the only one that it needs.
    """

    name: str
    attributes: Mapping[str, Attribute] = {}
    capabilities: tuple[tuple[str, str], ...] = ()
    needs: tuple[Need, ...] = ()
    excluded: tuple[Exclusion, ...] = ()
    is_elsewhere: bool = False


class Component(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A version of a module, or a project of the build.

    Attributes:
        project: Its name and version.
        variants: What it can be used as.
        fault: Why it cannot be used; empty where it can.
        path: Of a project of the build; empty for a module.
    """

    project: Project
    variants: tuple[Variant, ...] = ()
    fault: str = ""
    path: str = ""
