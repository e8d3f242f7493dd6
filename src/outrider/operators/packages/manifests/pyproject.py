"""What a pyproject.toml asks for: https://packaging.python.org/en/latest/specifications/pyproject-toml/.

With groups of dependencies: https://packaging.python.org/en/latest/specifications/dependency-groups/.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from packaging.version import InvalidVersion, Version

from outrider.core.errors import UnsupportedError
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.manifests.py_requirements import (
    FORM,
    PyRequirement,
    malformed,
    read_requirement,
    read_requirements,
)
from outrider.operators.packages.pypi.pages import normalised

# What only a build can tell, and a lock follows from; of the version it does not.
_DYNAMIC = ("dependencies", "optional-dependencies", "requires-python")
_GROUPS = "dependency-groups"
_DEEPEST = 20


class PyProject(msgspec.Struct, kw_only=True, frozen=True):
    """A project.

    Attributes:
        name: Normalised; empty where there is no [project], but groups alone.
        version: Of it; empty where only a build can tell.
        pythons: On which it runs; empty where it does not say.
        requirements: What it and its extras need.
        extras: Names of them.
        groups: What its groups need, with what they include, by name.
    """

    name: str
    version: str
    pythons: str
    requirements: list[PyRequirement]
    extras: list[str]
    groups: dict[str, list[PyRequirement]]

    def every(self) -> list[PyRequirement]:
        """Return what it, its extras and its groups need."""
        return [*self.requirements, *(one for group in self.groups.values() for one in group)]

    def asked(self) -> list[PyRequirement]:
        """Return what is asked of others, each once."""
        return list({one.where: one for one in self.every() if one.need.name != self.name}.values())

    def lists(self) -> list[list[PyRequirement]]:
        """Return what is asked of others by list: of the project, of each extra by name, of each group."""
        extras = [self._reached(extra) for extra in ("", *sorted(self.extras))]
        found = [[one for one in self.requirements if one.extra in names] for names in extras]
        return [[one for one in some if one.need.name != self.name] for some in (*found, *self.groups.values())]

    def _reached(self, extra: str) -> set[str]:
        """Return an extra, and those of the project that it asks for."""
        found, waiting = set[str](), [extra]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                for each in self.requirements:
                    waiting += each.need.extras if each.extra == one and each.need.name == self.name else ()
        return found


def read_pyproject(text: str, form: str = FORM) -> PyProject:
    """Read a pyproject.toml.

    Args:
        text: Of the file.
        form: What it is called in errors.

    Raises:
        InvalidConfigError: It is none, or asks for what cannot be read.
        UnsupportedError: It has no [project], or what only a build of it can tell.
    """
    document = read_toml(form, text)
    project = table_in(document, "project", form)
    if not project:
        raise UnsupportedError(
            f"{form}: there is no [project], which alone is locked", path="project", found="none", expected="a project",
            suggestions=["use uv itself: uv lock"],
        )  # fmt: skip
    _refuse_dynamic(project, form)
    extras = table_in(document, "project.optional-dependencies", form)
    requirements = [*read_requirements(project.get("dependencies", []), ("project", "dependencies"), form=form)]
    for extra, listed in extras.items():
        where = ("project", "optional-dependencies", extra)
        requirements += read_requirements(listed, where, normalised(extra), form=form)
    return PyProject(
        name=normalised(_text(project, "name", form)), version=_version(project, form),
        pythons=_text(project, "requires-python", form) if "requires-python" in project else "", requirements=requirements,
        extras=[normalised(extra) for extra in extras], groups=read_groups(document, form),
    )  # fmt: skip


def refuse_built(document: Mapping[str, Any], form: str = FORM) -> None:
    """Refuse what uv would build to know what it needs, where more than its version is to be known.

    Args:
        document: What the file says.
        form: What it is called in errors.

    Raises:
        UnsupportedError: Only a build can tell.
    """
    project = table_in(document, "project", form)
    is_of_poetry = "poetry" in table_in(document, "tool", form) and "dependencies" not in project
    if is_of_poetry or "version" in project.get("dynamic", []):
        raise UnsupportedError(
            f"{form}: only a build can tell what [project] leaves out", path="project", found="tool.poetry" if is_of_poetry else "a dynamic version",
            expected="name, version and dependencies", suggestions=["write them into [project]", "use uv itself: uv lock"],
        )  # fmt: skip


def read_groups(document: Mapping[str, Any], form: str = FORM) -> dict[str, list[PyRequirement]]:
    """Return the groups of a pyproject.toml, sorted by their names; what uv calls `dev-dependencies` is in that of this name.

    Args:
        document: What the file says.
        form: What it is called in errors.

    Raises:
        InvalidConfigError: One of them cannot be read.
    """
    groups = table_in(document, _GROUPS, form)
    named = {normalised(group): group for group in groups}
    where = ("tool", "uv", "dev-dependencies")
    older = table_in(document, "tool.uv", form).get(where[-1])
    development = None if older is None else list(read_requirements(older, where, form=form))
    reader = _Groups(groups, named, development, form)
    return {group: list(reader.group(group, ())) for group in sorted({*named, *(["dev"] if older is not None else [])})}


def table_in(document: Mapping[str, Any], where: str, form: str = FORM) -> Mapping[str, Any]:
    """Return a table of a file; an empty one where it is not there.

    Args:
        document: What the file says.
        where: Keys that lead to it, with points between them.
        form: What the file is called in errors.

    Raises:
        InvalidConfigError: Something else stands there.
    """
    found: Any = document
    for key in where.split("."):
        found = found.get(key, {})
        if not isinstance(found, dict):
            raise malformed((where,), found, "a table", form=form)
    table: Mapping[str, Any] = found
    return table


class _Groups:
    """Reads groups.

    Args:
        groups: The table of them.
        named: Their names in it, by their normalised names.
        development: What else the group for development has; None where nothing is said of that.
        form: What the file is called in errors.
    """

    def __init__(
        self, groups: Mapping[str, Any], named: Mapping[str, str], development: list[PyRequirement] | None, form: str
    ) -> None:
        self._groups, self._named, self._development, self._form = groups, named, development, form

    def group(self, group: str, above: tuple[str, ...]) -> Iterator[PyRequirement]:
        """Yield what a group needs, and what those need that it includes."""
        development = self._development if group == "dev" else None
        if group in above or len(above) > _DEEPEST or (group not in self._named and development is None):
            raise malformed(
                (_GROUPS, *above, group), " -> ".join((*above, group)), "groups that are there, and not in a circle", form=self._form
            )  # fmt: skip
        if group in self._named:
            yield from self._listed(group, above)
        yield from development or ()

    def _listed(self, group: str, above: tuple[str, ...]) -> Iterator[PyRequirement]:
        listed = self._groups[self._named[group]]
        where = (_GROUPS, self._named[group])
        if not isinstance(listed, list):
            raise malformed(where, listed, "a list of requirements", form=self._form)
        for number, one in enumerate(listed):
            if isinstance(one, dict):
                if set(one) != {"include-group"} or not isinstance(one["include-group"], str):
                    raise malformed((*where, number), one, '{ include-group = "NAME" }', form=self._form)
                yield from self.group(normalised(one["include-group"]), (*above, group))
            else:
                yield read_requirement(one, (*where, number), form=self._form)


def _refuse_dynamic(project: Mapping[str, Any], form: str) -> None:
    dynamic = project.get("dynamic", [])
    if not isinstance(dynamic, list):
        raise malformed(("project", "dynamic"), dynamic, "a list of names", form=form)
    for key in dynamic:
        if key in _DYNAMIC:
            raise UnsupportedError(
                f"{form}: project.dynamic has {key}, which only a build of the project can tell", path="project.dynamic", found=key,
                expected=f"project.{key}", suggestions=[f"write {key} into [project]", "use uv itself: uv lock"],
            )  # fmt: skip


def _version(project: Mapping[str, Any], form: str) -> str:
    if "version" in project.get("dynamic", []):
        return ""
    text = _text(project, "version", form)
    try:
        return str(Version(text))
    except InvalidVersion as error:
        raise malformed(("project", "version"), text, "a version", form=form) from error


def _text(table: Mapping[str, Any], key: str, form: str) -> str:
    found = table.get(key)
    if not isinstance(found, str) or not found:
        raise malformed(("project", key), found, "a text", form=form)
    return found
