"""What a pyproject.toml asks for, as uv reads it: https://packaging.python.org/en/latest/specifications/pyproject-toml/.

With groups of dependencies: https://packaging.python.org/en/latest/specifications/dependency-groups/.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from packaging.version import InvalidVersion, Version

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.packages.locks.documents import read_toml
from outrider.operators.packages.locks.writing.texts import toml_text
from outrider.operators.packages.manifests.uv_settings import refuse_settings
from outrider.operators.packages.pypi.core_metadata import Need, read_need
from outrider.operators.packages.pypi.details import PypiDetails
from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.pypi.universal.expressions import marker_tree
from outrider.operators.packages.pypi.universal.graphs import Root
from outrider.operators.packages.pypi.universal.marker_texts import marker_text
from outrider.operators.packages.pypi.universal.trees import Tree, order_of
from outrider.operators.packages.resolving.questions import Question

FORM = "pyproject.toml"
_DYNAMIC = ("dependencies", "optional-dependencies", "requires-python", "version")
_OPERATOR = re.compile(r"(===|[<>=!~]=|[<>])\s*(.+)")
_EXTRAS = re.compile(r"[^\[;<>=!~(]*\[([^\]]*)\]")
_DEEPEST = 20


class PyRequirement(msgspec.Struct, kw_only=True, frozen=True):
    """A requirement.

    Attributes:
        where: Keys and numbers that lead to it in the file.
        need: What it asks for.
        extras: That are asked of it, in the order in which they are written.
        clauses: Of its specifier, likewise.
        extra: Of the project; empty for what it needs anyway.
    """

    where: tuple[str | int, ...]
    need: Need
    extras: tuple[str, ...]
    clauses: tuple[str, ...]
    extra: str = ""

    @property
    def told(self) -> Need:
        """What it asks for, as core metadata of the project have it."""
        if not self.extra:
            return self.need
        if not self.need.marker:
            return msgspec.structs.replace(self.need, marker=f'extra == "{self.extra}"', only=self.extra)
        return msgspec.structs.replace(self.need, marker=f'({self.need.marker}) and extra == "{self.extra}"')

    @property
    def order(self) -> tuple[Any, ...]:
        """What it is sorted by."""
        return self.need.name, self.extras, order_of(self._where), _sorted(self.clauses)

    def entry(self) -> str:
        """Return it as uv.lock writes it."""
        fields = [f"name = {toml_text(self.need.name)}"]
        if self.extras:
            fields.append(f"extras = [{', '.join(map(toml_text, self.extras))}]")
        if marker := marker_text(self._where):
            fields.append(f"marker = {toml_text(marker)}")
        if self.clauses:
            fields.append(f"specifier = {toml_text(','.join(_sorted(self.clauses)))}")
        return f"{{ {', '.join(fields)} }}"

    @property
    def _where(self) -> Tree:
        return marker_tree(self.told.marker)


class PyProject(msgspec.Struct, kw_only=True, frozen=True):
    """A project.

    Attributes:
        name: Normalised.
        version: Of it.
        pythons: On which it runs.
        requirements: What it and its extras need.
        extras: Names of them.
        groups: What its groups need, with what they include, by name.
        is_package: Whether it is built and installed itself.
    """

    name: str
    version: str
    pythons: str
    requirements: list[PyRequirement]
    extras: list[str]
    groups: dict[str, list[PyRequirement]]
    is_package: bool

    @property
    def root(self) -> Root:
        """What a lock of it is of."""
        groups = {name: [one.need for one in group] for name, group in self.groups.items()}
        return Root(self.name, [one.told for one in self.requirements], self.extras, groups)

    def asked(self) -> list[PyRequirement]:
        """Return what is asked of others, each once."""
        every = [*self.requirements, *(one for _, group in sorted(self.groups.items()) for one in group)]
        return list({one.where: one for one in every if one.need.name != self.name}.values())

    def lists(self, asked: Sequence[PyRequirement]) -> list[list[int]]:
        """Return the numbers of what is asked of others that stands in one list: of the project, of an extra, of a group."""
        extras = [_reached(extra, self.requirements, self.name) for extra in ("", *self.extras)]
        wheres = [{one.where for one in self.requirements if one.extra in names} for names in extras]
        wheres += [{one.where for one in group} for group in self.groups.values()]
        return [[number for number, one in enumerate(asked) if one.where in some] for some in wheres]


def read_pyproject(text: str) -> PyProject:
    """Read a pyproject.toml.

    Raises:
        InvalidConfigError: It is none, or asks for what cannot be read.
        UnsupportedError: It has what is not read here, and what a lock of uv would follow from.
    """
    document = read_toml(FORM, text)
    project = _table(document, "project", "project")
    uv = _table(_table(document, "tool", "tool"), "uv", "tool.uv")
    _refuse(project, uv)
    name = normalised(_text(project, "name"))
    extras = _table(project, "optional-dependencies", "project.optional-dependencies")
    requirements = [*_requirements(project.get("dependencies", []), ("project", "dependencies"))]
    for extra, listed in extras.items():
        requirements += _requirements(listed, ("project", "optional-dependencies", extra), normalised(extra))
    groups = _table(document, "dependency-groups", "dependency-groups")
    named = {normalised(group): group for group in groups}
    return PyProject(
        name=name, version=_version(_text(project, "version")), pythons=_text(project, "requires-python"), requirements=requirements,
        extras=[normalised(extra) for extra in extras], is_package=bool(uv.get("package", "build-system" in document)),
        groups={group: list(_group(groups, named, group, ())) for group in named},
    )  # fmt: skip


def asked_by(project: PyProject, question: Question, folder: Path, kinds: Sequence[str] = ()) -> Question:
    """Return the question for what a project needs on all machines, with all files.

    Args:
        project: Who asks.
        question: What may be used for an answer.
        folder: Of it, whose settings count.
        kinds: Markers of machines that its lock tells apart.
    """
    asked = project.asked()
    return msgspec.structs.replace(
        question, packages=[one.need.text() for one in asked], folder=folder, files=True,
        details=PypiDetails(lists=project.lists(asked), pythons=project.pythons, kinds=kinds),
    )  # fmt: skip


def _reached(extra: str, requirements: Sequence[PyRequirement], name: str) -> set[str]:
    """Return an extra, and those of the project that it asks for."""
    found, waiting = set[str](), [extra]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            for each in requirements:
                waiting += each.need.extras if each.extra == one and each.need.name == name else ()
    return found


def _refuse(project: Mapping[str, Any], uv: Mapping[str, Any]) -> None:
    refuse_settings(uv, f"{FORM}: tool.uv.")
    if not project:
        raise UnsupportedError(
            f"{FORM}: there is no [project], which alone is locked", path="project", found="none", expected="a project",
            suggestions=["use uv itself: uv lock"],
        )  # fmt: skip
    dynamic = project.get("dynamic", [])
    if not isinstance(dynamic, list):
        raise _malformed(("project", "dynamic"), dynamic, "a list of names")
    for key in dynamic:
        if key in _DYNAMIC:
            raise UnsupportedError(
                f"{FORM}: project.dynamic has {key}, which only a build of the project can tell", path="project.dynamic", found=key,
                expected=f"project.{key}", suggestions=[f"write {key} into [project]", "use uv itself: uv lock"],
            )  # fmt: skip


def _requirements(listed: Any, where: Sequence[str | int], extra: str = "") -> Iterator[PyRequirement]:
    if not isinstance(listed, list):
        raise _malformed(where, listed, "a list of requirements")
    for number, text in enumerate(listed):
        yield _requirement(text, (*where, number), extra)


def _requirement(text: Any, where: tuple[str | int, ...], extra: str) -> PyRequirement:
    needs = read_need(text) if isinstance(text, str) else []
    if not needs:
        raise _malformed(where, text, "a requirement such as NAME>=1.2")
    need = needs[0]
    if "@" in need.range:
        raise UnsupportedError(
            f"{FORM}: {_shown(where)} comes from elsewhere than a registry", path=_shown(where), found=text[:80], expected="a range",
            suggestions=["use uv itself: uv lock"],
        )  # fmt: skip
    return PyRequirement(where=where, need=need, extras=_extras(text), clauses=_clauses(text, need), extra=extra)


def _extras(text: str) -> tuple[str, ...]:
    """Return the extras of a requirement in the order in which they are written."""
    match = _EXTRAS.match(text)
    return tuple(dict.fromkeys(normalised(one.strip()) for one in match[1].split(",") if one.strip())) if match else ()


def _clauses(text: str, need: Need) -> tuple[str, ...]:
    """Return the clauses of a requirement likewise."""
    head = _EXTRAS.sub("", text.partition(";")[0])
    first = _OPERATOR.search(head)
    if not need.range or first is None:
        return ()
    return tuple(re.sub(r"\s", "", one) for one in head[first.start() :].strip().rstrip(")").split(",") if one.strip())


def _sorted(clauses: Iterable[str]) -> list[str]:
    """Return clauses sorted by their versions, as uv does."""
    return sorted(clauses, key=_clause_version)


def _clause_version(clause: str) -> Version:
    match = _OPERATOR.fullmatch(clause)
    assert match is not None
    try:
        return Version(match[2].removesuffix(".*"))
    except InvalidVersion:
        return Version("0")


def _group(
    groups: Mapping[str, Any], named: Mapping[str, str], group: str, above: tuple[str, ...]
) -> Iterator[PyRequirement]:
    """Yield what a group needs, and what those need that it includes."""
    if group in above or len(above) > _DEEPEST or group not in named:
        raise _malformed(
            ("dependency-groups", *above, group),
            " -> ".join((*above, group)),
            "groups that are there, and not in a circle",
        )
    listed = groups[named[group]]
    where = ("dependency-groups", named[group])
    if not isinstance(listed, list):
        raise _malformed(where, listed, "a list of requirements")
    for number, one in enumerate(listed):
        if isinstance(one, dict):
            if set(one) != {"include-group"} or not isinstance(one["include-group"], str):
                raise _malformed((*where, number), one, '{ include-group = "NAME" }')
            yield from _group(groups, named, normalised(one["include-group"]), (*above, group))
        else:
            yield _requirement(one, (*where, number), "")


def _version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion as error:
        raise _malformed(("project", "version"), text, "a version") from error


def _table(document: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    found = document.get(key, {})
    if not isinstance(found, dict):
        raise _malformed((where,), found, "a table")
    return found


def _text(table: Mapping[str, Any], key: str) -> str:
    found = table.get(key)
    if not isinstance(found, str) or not found:
        raise _malformed(("project", key), found, "a text")
    return found


def _shown(where: Iterable[str | int]) -> str:
    return ".".join(map(str, where))


def _malformed(where: Iterable[str | int], found: Any, expected: str) -> InvalidConfigError:
    shown = _shown(where)
    return InvalidConfigError(
        f"{FORM}: {shown} cannot be read", path=shown, found=str(found)[:80], expected=expected, suggestions=["correct it"]
    )  # fmt: skip
