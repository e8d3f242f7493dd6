"""What indexes say of a Python project."""

import re

from outrider.operators.packages.pypi.pages import normalised
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.resolving.facts import PackageFacts, newest, no_package, position, times_of

# https://packaging.python.org/en/latest/specifications/name-normalization/
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_SHOWN = 80


async def facts_of(source: PypiSource, name: str, version: str = "") -> PackageFacts:
    """Return what is known of a project.

    Raises:
        NotFoundError: No index has it.
        OutriderError: What an index says.
    """
    if not _NAME.fullmatch(name):
        raise no_package("pypi", name[:_SHOWN])
    name = normalised(name)
    await source.load([name])
    project = source.projects[name]
    table, record = project.table, project.record
    if not table.versions:
        raise no_package("pypi", name)
    yanked = sum(1 << bit for bit in record.yanked)
    latest = newest(table.everything, ~yanked, table.releases)
    # What it needs stands in a wheel, and it may have none for this machine.
    shown = position("pypi", name, table.versions, version) if version else latest
    await source.explore(project, [shown] if project.usable >> shown & 1 else [])
    wheel = project.wheel(shown)
    metadata = wheel[1] if wheel is not None else None
    return PackageFacts(
        ecosystem="pypi", name=name, latest=table.versions[latest], version=table.versions[shown], versions=[*reversed(table.versions)],
        prereleases=[*reversed(table.named(table.everything & ~table.releases))], taken_back=[*reversed(table.named(yanked))],
        needs=[need.text() for need in metadata.needs] if metadata else [], extras=metadata.extras if metadata else [],
        licence=metadata.licence if metadata else "", status=record.status,
        published=times_of(table.versions, record.published),
    )  # fmt: skip
