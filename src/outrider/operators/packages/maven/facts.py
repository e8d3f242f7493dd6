"""What repositories say of an artifact."""

from outrider.operators.packages.maven.coordinates import Project
from outrider.operators.packages.maven.descriptors import need_of
from outrider.operators.packages.maven.models import Model
from outrider.operators.packages.maven.reading import Reading
from outrider.operators.packages.maven.sources import MavenSource
from outrider.operators.packages.resolving.facts import PackageFacts, newest, no_package, position
from outrider.operators.packages.versions.ecosystems import scheme_of
from outrider.operators.packages.versions.tables import VersionTable

_NOT_NEEDED = ("test", "provided", "system")


async def facts_of(source: MavenSource, reading: Reading, name: str, version: str = "") -> PackageFacts:
    """Return what is known of an artifact.

    Args:
        source: Has POMs and versions.
        reading: What is known of them.
        name: Group and artifact.
        version: Whose needs and licence are told; those of the latest one if none is given.

    Raises:
        NotFoundError: No repository has it.
        OutriderError: What a repository says.
    """
    await source.load((), [name])
    versions = source.versions[name]
    table = VersionTable(scheme_of("maven"), versions.table.versions)
    if not table.versions:
        raise no_package("maven", name)
    latest = table.versions[newest(table.everything, table.releases)]
    if version:
        version = table.versions[position("maven", name, table.versions, version)]
    group, _, artifact = name.partition(":")
    project = Project(group, artifact, version or latest)
    model = await reading.model(project)
    tags = {"latest": versions.latest, "release": versions.release}
    return PackageFacts(
        ecosystem="maven", name=name, latest=latest, version=version or latest, versions=[*reversed(table.versions)], needs=[] if model is None else _needs(model),
        prereleases=[*reversed(table.named(table.everything & ~table.releases))],
        licence="" if model is None else " OR ".join(model.licences),
        tags={tag: version for tag, version in tags.items() if version}, status="" if model is None else _status(project, model),
    )  # fmt: skip


def _needs(model: Model) -> list[str]:
    needs = [need_of(one) for one in (() if model.faults else model.dependencies)]
    return [
        f"{one.artifact.shown.replace(' ', ':')}{' (optional)' if one.optional else ''}"
        for one in needs
        if one.scope not in _NOT_NEEDED
    ]


def _status(project: Project, model: Model) -> str:
    if model.moved is None:
        return ""
    return f"moved to {Project(*(new or old for new, old in zip(model.moved, project, strict=True)))}"
