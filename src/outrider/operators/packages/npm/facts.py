"""What a registry says of an npm package."""

from outrider.operators.packages.npm.records import OPTIONAL, PEER, PEER_OPTIONAL
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.resolving.facts import PackageFacts, newest, no_package, position, times_of

_KINDS = {OPTIONAL: " (optional)", PEER: " (peer)", PEER_OPTIONAL: " (optional peer)"}


async def facts_of(source: NpmSource, name: str, version: str = "") -> PackageFacts:
    """Return what is known of a package.

    Raises:
        NotFoundError: The registry does not have it.
        OutriderError: What the registry says.
    """
    package = await source.package(name)
    table, record = package.table, package.record
    if not table.versions:
        raise no_package("npm", name)
    deprecated = int.from_bytes(record.deprecated, "little")
    tagged = record.tags.get("latest", "")
    latest = (
        table.versions.index(tagged)
        if tagged in table.versions
        else newest(table.everything, ~deprecated, table.releases)
    )
    shown = position("npm", name, table.versions, version) if version else latest
    needs = sorted(package.manifest(shown).needs, key=lambda need: need.kind)
    return PackageFacts(
        ecosystem="npm", name=name, latest=table.versions[latest], version=table.versions[shown], versions=[*reversed(table.versions)],
        needs=[f"{need.name}@{need.text}{_KINDS.get(need.kind, '')}" for need in needs],
        prereleases=[*reversed(table.named(table.everything & ~table.releases))],
        taken_back=[*reversed(table.named(deprecated))], tags=record.tags, licence=record.licences[shown] if record.licences else "",
        published=times_of(table.versions, record.published),
    )  # fmt: skip
