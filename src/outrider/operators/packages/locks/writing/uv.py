"""Writes uv.lock to the byte as uv 0.13 does: https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile.

The order of keys and where lines end are those of `crates/uv-resolver/src/lock/serialize.rs`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from outrider.core.errors import PreconditionFailedError
from outrider.operators.packages.locks.writing.texts import toml_text
from outrider.operators.packages.locks.writing.uv_metadata import array, manifest_lines, metadata_lines
from outrider.operators.packages.locks.writing.uv_wheels import refuse_missing_wheels
from outrider.operators.packages.manifests.uv_asking import environments
from outrider.operators.packages.manifests.uv_workspace import LocalProject, UvWorkspace
from outrider.operators.packages.pypi.universal.amendments import Amendments
from outrider.operators.packages.pypi.universal.graphs import LAST, Edge, LockGraph, Part, Root, version_key
from outrider.operators.packages.pypi.universal.marker_texts import marker_text
from outrider.operators.packages.pypi.universal.pythons import PythonRange
from outrider.operators.packages.pypi.universal.trees import Tree, disjoint, disjunction, restricted
from outrider.operators.packages.pypi.universal.wheel_tags import may_be_reached
from outrider.operators.packages.registries.published import seconds_of
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedFile, ResolvedPackage

_REVISION = 5


def written(workspace: UvWorkspace, answer: Resolved) -> str:
    """Return the file.

    Args:
        workspace: That it is the lock of.
        answer: What that needs on all machines that it is meant for, with all files.

    Raises:
        PreconditionFailedError: An index names no hash of a file.
        UnsupportedError: Something has no wheels for machines that must have some.
    """
    pythons = PythonRange.of(workspace.pythons)
    amendments = Amendments(*([one.told for one in some] for some in (workspace.constraints, workspace.overrides)))
    answer = _as_written(answer, workspace.addresses)
    graph = LockGraph(_roots(workspace), answer, pythons, amendments)
    local = [one for one in workspace.projects if Part(one.project.name) in graph.reached]
    writer = _Writer(graph, pythons, answer, local)
    supported, required = (
        environments(markers, key, pythons)
        for markers, key in (
            (workspace.environments or [], "environments"),
            (workspace.required, "required-environments"),
        )
    )
    needed = [one for one in answer.packages if Part.of(one) in graph.reached]
    refuse_missing_wheels([*needed, *_wheels(local)], required, graph, pythons)
    blocks = [(one.name, version_key(one.version), one.registry, list(writer.package(one))) for one in needed]
    # Of one version, what comes from a registry comes first.
    blocks += [(one.project.name, version_key(one.project.version), LAST, list(writer.project(one))) for one in local]
    lines = ["version = 1", f"revision = {_REVISION}", f"requires-python = {toml_text(pythons.text)}"]
    lines += array("resolution-markers", writer.markers(graph.kinds))
    if workspace.environments is not None:
        lines += ["supported-markers = [", *(f"    {one}," for one in writer.markers(supported)), "]"]
    lines += array("required-markers", writer.markers(required))
    lines += manifest_lines(workspace)
    lines += [line for *_, block in sorted(blocks, key=lambda each: each[:3]) for line in block]
    return "\n".join(lines) + "\n"


def _wheels(local: Iterable[LocalProject]) -> Iterator[ResolvedPackage]:
    """Yield projects of which there is one wheel alone, as packages."""
    for one in local:
        if one.archive is not None and one.archive.wheel:
            yield ResolvedPackage(
                name=one.project.name, version="", files=[ResolvedFile(name=one.archive.wheel, url="", hashes={})]
            )


def _as_written(answer: Resolved, addresses: Mapping[str, str]) -> Resolved:
    """Return an answer with the addresses of indexes as they are written, and not as they were asked."""
    packages = [replace(one, registry=addresses.get(one.registry, one.registry)) for one in answer.packages]
    forks = [
        replace(one, registries={name: addresses.get(url, url) for name, url in one.registries.items()})
        for one in answer.forks
    ]
    return replace(answer, packages=packages, forks=forks)


def _roots(workspace: UvWorkspace) -> list[Root]:
    found = [Root("", [], [], {name: [one.told for one in group] for name, group in workspace.groups.items()})]
    for one in workspace.projects:
        groups = {name: [each.told for each in group] for name, group in one.project.groups.items()}
        needs = [each.told for each in one.project.requirements]
        found.append(Root(one.project.name, needs, one.project.extras, groups, one.is_member, one.project.version))
    return found


class _Writer:
    """Writes packages.

    Args:
        graph: Of the lock.
        pythons: Of the project.
        answer: All packages of indexes.
        local: All projects that lie here.
    """

    def __init__(self, graph: LockGraph, pythons: PythonRange, answer: Resolved, local: Iterable[LocalProject]) -> None:
        self._graph, self._pythons = graph, pythons
        self._local = {one.project.name: one for one in local}
        names = Counter([*(one.name for one in answer.packages), *self._local])
        self._several = {name for name, count in names.items() if count > 1}

    def package(self, one: ResolvedPackage) -> Iterator[str]:
        """Yield the lines of a package."""
        where = self._graph.reached[Part.of(one)]
        yield from _start(one.name, one.version, _source(one.registry))
        yield from self._kinds(one.name, where)
        yield from self._edges("dependencies", self._graph.edges(Part.of(one)))
        sources = [file for file in one.files if not _is_wheel(file)]
        if sources:
            # One may be named, and that which every tool reads is preferred.
            best = min(sources, key=lambda file: (not file.name.endswith(".tar.gz"), file.name))
            yield f"sdist = {_file(one.name, best)}"
        wheels = [file for file in one.files if _is_wheel(file) and may_be_reached(file.name, self._pythons, where)]
        yield from array("wheels", [_file(one.name, file) for file in wheels])
        yield from self._optional(Part.of(one))

    def project(self, one: LocalProject) -> Iterator[str]:
        """Yield the lines of a project that lies here."""
        project, where = one.project, self._graph.reached[Part(one.project.name)]
        yield from _start(project.name, project.version, f"{{ {one.source} }}")
        yield from self._kinds(project.name, where)
        yield from self._edges("dependencies", self._graph.edges(Part(project.name)))
        if one.archive is not None and not one.archive.wheel:
            yield f"sdist = {one.archive.entry}"
        elif one.archive is not None and may_be_reached(one.archive.wheel, self._pythons, where):
            yield from array("wheels", [one.archive.entry])
        yield from self._optional(Part(project.name))
        groups = [(name, self._graph.edges(Part(project.name, group=name))) for name in sorted(project.groups)]
        yield from self._tables("dev-dependencies", groups)
        # What a commit says stays as it is.
        yield from metadata_lines(project) if not one.source.startswith("git ") else ()

    def _kinds(self, name: str, where: Tree) -> Iterator[str]:
        """Yield the machines on which one of several of a name is needed."""
        if name in self._several:
            kinds = (kind for kind in self._graph.kinds if not disjoint(kind, where))
            yield from array("resolution-markers", self.markers(kinds))

    def markers(self, kinds: Iterable[Tree]) -> list[str]:
        """Return what kinds of machines are written as."""
        texts = [marker_text(self._pythons.simplified(one)) for one in kinds]
        return [toml_text(one) for one in texts if one]

    def _optional(self, part: Part) -> Iterator[str]:
        extras = self._graph.extras(part)
        yield from self._tables(
            "optional-dependencies", [(one, self._graph.edges(part._replace(extra=one))) for one in extras]
        )

    def _tables(self, key: str, tables: Iterable[tuple[str, Sequence[Edge]]]) -> Iterator[str]:
        filled = [(name, edges) for name, edges in tables if edges]
        if filled:
            yield from ("", f"[package.{key}]")
        for name, edges in filled:
            yield from self._edges(name, edges)

    def _edges(self, key: str, edges: Iterable[Edge]) -> Iterator[str]:
        yield from array(key, [self._edge(one) for one in edges])

    def _edge(self, one: Edge) -> str:
        fields = [f"name = {toml_text(one.name)}"]
        if one.name in self._several and one.registry:
            fields += [f"version = {toml_text(one.version)}", f"source = {_source(one.registry)}"]
        elif one.name in self._several:
            local = self._local[one.name]
            fields += [f"version = {toml_text(local.project.version)}"] if local.project.version else []
            fields.append(f"source = {{ {local.source} }}")
        if one.extras:
            fields.append(f"extra = [{', '.join(map(toml_text, one.extras))}]")
        if marker := marker_text(
            restricted(one.where, self._pythons.simplified(disjunction(self._graph.kinds or [True])))
        ):
            fields.append(f"marker = {toml_text(marker)}")
        return f"{{ {', '.join(fields)} }}"


def _start(name: str, version: str, source: str) -> Iterator[str]:
    yield from ("", "[[package]]", f"name = {toml_text(name)}")
    # Of a project whose version only a build can tell uv notes none.
    yield from [f"version = {toml_text(version)}"] if version else []
    yield f"source = {source}"


def _source(registry: str) -> str:
    return f"{{ registry = {toml_text(registry)} }}"


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
