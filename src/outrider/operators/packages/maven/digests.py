"""SHA-256 of what a build of a project reads from repositories: of the files that were chosen, of their POMs and of the parents of these."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from outrider.operators.packages.maven.coordinates import Artifact, Project, file_name, is_snapshot
from outrider.operators.packages.maven.holdings import Holdings
from outrider.operators.packages.maven.own_projects import OwnChoice
from outrider.operators.packages.maven.sources import MavenSource

_AT_A_TIME = 12


class Digests(NamedTuple):
    """Digests of files.

    Attributes:
        by_path: By their paths in a repository.
        changing: Snapshots, which have none that lasts.
        absent: Files that no repository has though it has their POM.
    """

    by_path: dict[str, str]
    changing: list[str]
    absent: list[str]


async def digests_of(
    choice: OwnChoice, places: Mapping[Artifact, tuple[Holdings, str]], source: MavenSource
) -> Digests:
    """Return the digests of what was chosen.

    Args:
        choice: What was.
        places: The repository that has each artifact, as the resolver has it.
        source: Has the POMs.

    Raises:
        UnavailableError: One is not kept, and nobody is to be asked.
        OutriderError: What a repository says.
    """
    lasting = [artifact for artifact in places if not is_snapshot(artifact.version)]
    limit = asyncio.Semaphore(_AT_A_TIME)

    async def digest(artifact: Artifact) -> str:
        async with limit:
            return await places[artifact][0].sha256(artifact)

    found = dict(zip(lasting, await asyncio.gather(*map(digest, lasting)), strict=True))
    by_path = {_path(artifact): sha256 for artifact, sha256 in found.items() if sha256}
    for project in _projects(choice, source):
        pom = source.poms[project]
        if pom is not None and pom.holdings is not None and not is_snapshot(project.version):
            by_path[_path(Artifact(*project, "pom"))] = pom.sha256
    return Digests(
        by_path, sorted(one.shown for one in places if one not in found), sorted(one.shown for one in found if not found[one])
    )  # fmt: skip


def _projects(choice: OwnChoice, source: MavenSource) -> Iterator[Project]:
    """Yield what has a POM that counts."""
    starts: list[Project] = []
    for node in choice.nodes:
        if node.artifact is not None and (not node.is_local or source.is_beside(node.artifact.project)):
            starts += [node.artifact.project, *node.moves]
    parent = choice.line[-1].parent
    starts += [Project(parent.group, parent.artifact, parent.version)] if parent is not None else []
    yield from _with_ancestors(starts, source)


def _with_ancestors(projects: Iterable[Project], source: MavenSource) -> Iterator[Project]:
    for project in projects:
        yield from source.ancestors(project)


def _path(artifact: Artifact) -> str:
    """Return where a repository has a file, as Maven Resolver names it in its files of checksums."""
    return f"{artifact.group.replace('.', '/')}/{artifact.artifact}/{artifact.version}/{file_name(artifact)}"
