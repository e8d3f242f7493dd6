"""What uv.lock says of manifests: those of projects that lie here, and that of the whole."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from outrider.operators.packages.locks.writing.texts import toml_text
from outrider.operators.packages.manifests.py_requirements import PyRequirement
from outrider.operators.packages.manifests.pyproject import PyProject
from outrider.operators.packages.manifests.uv_workspace import UvWorkspace

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def manifest_lines(workspace: UvWorkspace) -> Iterator[str]:
    """Yield the lines of what counts for all members; none where nothing does."""
    names = [one.project.name for one in workspace.members]
    # The only member needs not be told, where it is the root.
    members = [toml_text(one) for one in names] if len(names) != 1 or not workspace.has_project else []
    constraints, overrides = _requirements(workspace.constraints), _requirements(workspace.overrides)
    if members or constraints or overrides:
        yield from ("", "[manifest]")
    yield from array("members", members)
    if constraints:
        yield from _few("constraints", constraints)
    if overrides:
        yield from _few("overrides", overrides)
    yield from _groups("manifest.dependency-groups", workspace.groups)


def metadata_lines(project: PyProject) -> Iterator[str]:
    """Yield the lines of what a project says it needs."""
    if project.requirements or project.extras or project.groups:
        yield from ("", "[package.metadata]")
    if project.requirements:
        yield from _few("requires-dist", _requirements(project.requirements))
    if project.extras:
        yield f"provides-extras = [{', '.join(toml_text(one) for one in project.extras)}]"
    yield from _groups("package.metadata.requires-dev", project.groups)


def array(key: str, values: Sequence[str]) -> Iterator[str]:
    """Yield the lines of an array; none where it has no values."""
    if values:
        yield from (f"{_key(key)} = [", *(f"    {one}," for one in values), "]")


def _groups(table: str, groups: Mapping[str, Sequence[PyRequirement]]) -> Iterator[str]:
    if groups:
        yield from ("", f"[{table}]")
    for name in sorted(groups):
        yield from _few(name, _requirements(groups[name]))


def _requirements(requirements: Iterable[PyRequirement]) -> list[str]:
    """Return requirements as manifests have them, without repetition, in the order of uv."""
    return list(dict.fromkeys(one.entry() for one in sorted(requirements, key=lambda one: one.order)))


def _few(key: str, values: Sequence[str]) -> Iterator[str]:
    """Yield an array that is on one line where it has one value at most."""
    if len(values) > 1:
        yield from array(key, values)
    else:
        yield f"{_key(key)} = [{''.join(values)}]"


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else toml_text(key)
