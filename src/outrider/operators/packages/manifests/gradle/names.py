"""What names stand for in every script of Gradle, and behind `libs` and `projects`."""

from collections.abc import Callable, Mapping

from outrider.operators.packages.manifests.gradle.state import BuildState, ProjectState
from outrider.operators.packages.manifests.gradle.traced import Traced
from outrider.operators.packages.manifests.gradle.values import Accessor, Alias, Bundle, Folder, OfProject, Value


def of_catalog(build: BuildState, alias: Alias) -> Value | None:
    """Return what an alias of the catalog stands for; None where there is no such.

    Args:
        build: With the catalog.
        alias: As it is written, behind `libs`.
    """
    catalog = build.catalog
    if catalog is None:
        return None
    first, rest = alias.names[:1], ".".join(alias.names[1:])
    if first == ("versions",) and rest in catalog.versions:
        return catalog.versions[rest]
    if first == ("bundles",) and rest in catalog.bundles:
        return Bundle(catalog.bundles[rest])
    if first == ("plugins",) and rest in catalog.plugins:
        return catalog.plugins[rest]
    return catalog.libraries.get(".".join(alias.names))


def of_build(build: BuildState, project: ProjectState, name: str) -> Value | None:
    """Return what a name stands for that every project has; None where there is no such.

    Args:
        build: Of the project.
        project: It.
        name: The name.
    """
    own, extra, root = OfProject(project.path), OfProject(project.path, is_extra=True), OfProject(build.root.path)
    names: Mapping[str, Callable[[], Value | None]] = {
        "project": lambda: own, "this": lambda: own, "properties": lambda: own, "ext": lambda: extra, "extra": lambda: extra,
        "rootProject": lambda: root, "parent": lambda: OfProject(project.parent.path) if project.parent else None,
        "projectDir": lambda: Folder(project.folder), "rootDir": lambda: Folder(build.folder),
        "name": lambda: Traced(project.name), "path": lambda: Traced(project.path),
        "group": lambda: project.group or Traced(project.own_group), "version": lambda: project.version or Traced("unspecified"),
        "libs": lambda: Alias(()) if build.catalog is not None else None, "projects": lambda: Accessor(""),
    }  # fmt: skip
    found = names.get(name)
    return found() if found is not None else None


def of_accessor(build: BuildState, accessor: Accessor, name: str) -> Value | None:
    """Return a project that is named as in `projects.lib`; None where there is no such.

    Args:
        build: Of the project.
        accessor: Of the project around it.
        name: As it is written.
    """
    for path in build.projects:
        above, _, last = path.rpartition(":")
        if above == accessor.path and last and _camel(last) == name:
            return Accessor(path)
    is_root = accessor.path == "" and _camel(build.root.name) == name
    return Accessor(build.root.path) if is_root else None


def _camel(name: str) -> str:
    """Return the name of a project as scripts write it."""
    first, *rest = [part for part in name.replace("_", "-").replace(".", "-").split("-") if part] or [name]
    return first + "".join(part[:1].upper() + part[1:] for part in rest)
