"""Writes uv.lock to the byte as uv 0.13 does: https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile.

The order of keys and where lines end are those of `crates/uv-resolver/src/lock/serialize.rs`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from outrider.core.errors import PreconditionFailedError
from outrider.operators.packages.locks.writing.texts import toml_text
from outrider.operators.packages.manifests.pyproject import PyProject, PyRequirement
from outrider.operators.packages.pypi.universal.graphs import Edge, LockGraph, Part
from outrider.operators.packages.pypi.universal.marker_texts import marker_text
from outrider.operators.packages.pypi.universal.pythons import PythonRange
from outrider.operators.packages.pypi.universal.wheel_tags import may_be_reached
from outrider.operators.packages.registries.published import seconds_of
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedFile, ResolvedPackage

_REVISION = 5
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def written(project: PyProject, answer: Resolved) -> str:
    """Return the file.

    Args:
        project: That it is the lock of.
        answer: What that needs on all machines, with all files.

    Raises:
        PreconditionFailedError: An index names no hash of a file.
    """
    pythons = PythonRange.of(project.pythons)
    graph = LockGraph(project.root, answer, pythons)
    blocks = {project.name: list(_project(project, graph))}
    for one in answer.packages:
        where = graph.reached.get(Part(one.name))
        if where is not None:
            files = [file for file in one.files if not _is_wheel(file) or may_be_reached(file.name, pythons, where)]
            blocks[one.name] = list(_package(one, files, graph))
    head = ["version = 1", f"revision = {_REVISION}", f"requires-python = {toml_text(pythons.text)}"]
    lines = [*head, *(line for _, block in sorted(blocks.items()) for line in block)]
    return "\n".join(lines) + "\n"


def _package(one: ResolvedPackage, files: Sequence[ResolvedFile], graph: LockGraph) -> Iterator[str]:
    yield from _start(one.name, one.version, f"{{ registry = {toml_text(one.registry)} }}")
    yield from _edges("dependencies", graph.edges(Part(one.name)))
    sources = [file for file in files if not _is_wheel(file)]
    if sources:
        # One may be named, and that which every tool reads is preferred.
        best = min(sources, key=lambda file: (not file.name.endswith(".tar.gz"), file.name))
        yield f"sdist = {_file(one.name, best)}"
    yield from _array("wheels", [_file(one.name, file) for file in files if _is_wheel(file)])
    yield from _optional(one.name, graph)


def _project(project: PyProject, graph: LockGraph) -> Iterator[str]:
    kind = "editable" if project.is_package else "virtual"
    yield from _start(project.name, project.version, f'{{ {kind} = "." }}')
    yield from _edges("dependencies", graph.edges(Part(project.name)))
    yield from _optional(project.name, graph)
    groups = [(name, graph.edges(Part(project.name, group=name))) for name in sorted(project.groups)]
    yield from _tables("dev-dependencies", groups)
    if project.requirements or project.extras or project.groups:
        yield from ("", "[package.metadata]")
    if project.requirements:
        yield from _few("requires-dist", _requirements(project.requirements))
    if project.extras:
        yield f"provides-extras = [{', '.join(toml_text(one) for one in project.extras)}]"
    if project.groups:
        yield from ("", "[package.metadata.requires-dev]")
    for name in sorted(project.groups):
        yield from _few(name, _requirements(project.groups[name]))


def _start(name: str, version: str, source: str) -> Iterator[str]:
    yield from ("", "[[package]]", f"name = {toml_text(name)}", f"version = {toml_text(version)}")
    yield f"source = {source}"


def _optional(name: str, graph: LockGraph) -> Iterator[str]:
    yield from _tables("optional-dependencies", [(one, graph.edges(Part(name, one))) for one in graph.extras(name)])


def _tables(key: str, tables: Iterable[tuple[str, Sequence[Edge]]]) -> Iterator[str]:
    filled = [(name, edges) for name, edges in tables if edges]
    if filled:
        yield from ("", f"[package.{key}]")
    for name, edges in filled:
        yield from _edges(name, edges)


def _edges(key: str, edges: Iterable[Edge]) -> Iterator[str]:
    yield from _array(key, [_edge(one) for one in edges])


def _edge(one: Edge) -> str:
    extras = f", extra = [{', '.join(map(toml_text, one.extras))}]" if one.extras else ""
    marker = marker_text(one.where)
    return f"{{ name = {toml_text(one.name)}{extras}{f', marker = {toml_text(marker)}' if marker else ''} }}"


def _requirements(requirements: Iterable[PyRequirement]) -> list[str]:
    """Return requirements as metadata of the project, without repetition, in the order of uv."""
    return list(dict.fromkeys(one.entry() for one in sorted(requirements, key=lambda one: one.order)))


def _few(key: str, values: Sequence[str]) -> Iterator[str]:
    """Yield an array that is on one line where it has one value at most."""
    if len(values) > 1:
        yield from _array(key, values)
    else:
        yield f"{_key(key)} = [{''.join(values)}]"


def _array(key: str, values: Sequence[str]) -> Iterator[str]:
    if values:
        yield from (f"{_key(key)} = [", *(f"    {one}," for one in values), "]")


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else toml_text(key)


def _is_wheel(file: ResolvedFile) -> bool:
    return file.name.endswith(".whl")


def _file(name: str, file: ResolvedFile) -> str:
    algorithm = next((one for one in ("sha512", "sha384", "sha256", "md5") if one in file.hashes), "")
    if not algorithm:
        raise PreconditionFailedError(
            f"pypi {name}: its index names no hash of {file.name}", path="packages", found="no hash", expected="a hash",
            suggestions=["use an index that names hashes"],
        )  # fmt: skip
    size = f", size = {file.size}" if file.size else ""
    seconds = seconds_of(file.uploaded)
    time = f", upload-time = {toml_text(_time(seconds))}" if seconds else ""
    return f"{{ url = {toml_text(file.url)}, hash = {toml_text(f'{algorithm}:{file.hashes[algorithm]}')}{size}{time} }}"


def _time(seconds: float) -> str:
    """Return a time to the millisecond, without zeros at its end."""
    milliseconds = int(seconds * 1000 + 1e-4)
    whole = datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    part = f"{milliseconds % 1000:03}".rstrip("0")
    return f"{whole}{'.' + part if part else ''}Z"
