"""Writes uv.lock to the byte as uv 0.13 does: https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile.

The order of keys and where lines end are those of `crates/uv-resolver/src/lock/serialize.rs`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from outrider.core.errors import PreconditionFailedError
from outrider.operators.packages.locks.writing.texts import toml_text
from outrider.operators.packages.manifests.pyproject import PyProject, PyRequirement
from outrider.operators.packages.pypi.universal.graphs import Edge, LockGraph, Part, version_key
from outrider.operators.packages.pypi.universal.marker_texts import marker_text
from outrider.operators.packages.pypi.universal.pythons import PythonRange
from outrider.operators.packages.pypi.universal.trees import Tree, disjoint, disjunction, restricted
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
    writer = _Writer(graph, pythons, answer)
    blocks = [(project.name, version_key(project.version), list(writer.project(project)))]
    needed = (one for one in answer.packages if Part(one.name, one.version) in graph.reached)
    blocks += [(one.name, version_key(one.version), list(writer.package(one))) for one in needed]
    head = ["version = 1", f"revision = {_REVISION}", f"requires-python = {toml_text(pythons.text)}"]
    head += _array("resolution-markers", writer.markers(graph.kinds))
    lines = [*head, *(line for *_, block in sorted(blocks, key=lambda each: each[:2]) for line in block)]
    return "\n".join(lines) + "\n"


class _Writer:
    """Writes packages.

    Args:
        graph: Of the lock.
        pythons: Of the project.
        answer: All packages.
    """

    def __init__(self, graph: LockGraph, pythons: PythonRange, answer: Resolved) -> None:
        self._graph, self._pythons = graph, pythons
        self._sources = {(one.name, one.version): _source(one.registry) for one in answer.packages}
        self._several = {name for name, count in Counter(one.name for one in answer.packages).items() if count > 1}

    def package(self, one: ResolvedPackage) -> Iterator[str]:
        """Yield the lines of a package."""
        where = self._graph.reached[Part(one.name, one.version)]
        yield from _start(one.name, one.version, self._sources[one.name, one.version])
        if one.name in self._several:
            yield from _array(
                "resolution-markers", self.markers(kind for kind in self._graph.kinds if not disjoint(kind, where))
            )
        yield from self._edges("dependencies", self._graph.edges(Part(one.name, one.version)))
        sources = [file for file in one.files if not _is_wheel(file)]
        if sources:
            # One may be named, and that which every tool reads is preferred.
            best = min(sources, key=lambda file: (not file.name.endswith(".tar.gz"), file.name))
            yield f"sdist = {_file(one.name, best)}"
        wheels = [file for file in one.files if _is_wheel(file) and may_be_reached(file.name, self._pythons, where)]
        yield from _array("wheels", [_file(one.name, file) for file in wheels])
        yield from self._optional(one.name, one.version)

    def project(self, project: PyProject) -> Iterator[str]:
        """Yield the lines of the project itself."""
        kind = "editable" if project.is_package else "virtual"
        yield from _start(project.name, project.version, f'{{ {kind} = "." }}')
        yield from self._edges("dependencies", self._graph.edges(Part(project.name)))
        yield from self._optional(project.name, "")
        groups = [(name, self._graph.edges(Part(project.name, group=name))) for name in sorted(project.groups)]
        yield from self._tables("dev-dependencies", groups)
        yield from _metadata(project)

    def markers(self, kinds: Iterable[Tree]) -> list[str]:
        """Return what kinds of machines are written as."""
        texts = [marker_text(self._pythons.simplified(one)) for one in kinds]
        return [toml_text(one) for one in texts if one]

    def _optional(self, name: str, version: str) -> Iterator[str]:
        extras = self._graph.extras(name, version)
        yield from self._tables(
            "optional-dependencies", [(one, self._graph.edges(Part(name, version, one))) for one in extras]
        )

    def _tables(self, key: str, tables: Iterable[tuple[str, Sequence[Edge]]]) -> Iterator[str]:
        filled = [(name, edges) for name, edges in tables if edges]
        if filled:
            yield from ("", f"[package.{key}]")
        for name, edges in filled:
            yield from self._edges(name, edges)

    def _edges(self, key: str, edges: Iterable[Edge]) -> Iterator[str]:
        yield from _array(key, [self._edge(one) for one in edges])

    def _edge(self, one: Edge) -> str:
        fields = [f"name = {toml_text(one.name)}"]
        if one.name in self._several:
            fields += [f"version = {toml_text(one.version)}", f"source = {self._sources[one.name, one.version]}"]
        if one.extras:
            fields.append(f"extra = [{', '.join(map(toml_text, one.extras))}]")
        if marker := marker_text(
            restricted(one.where, self._pythons.simplified(disjunction(self._graph.kinds or [True])))
        ):
            fields.append(f"marker = {toml_text(marker)}")
        return f"{{ {', '.join(fields)} }}"


def _metadata(project: PyProject) -> Iterator[str]:
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


def _source(registry: str) -> str:
    return f"{{ registry = {toml_text(registry)} }}"


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
