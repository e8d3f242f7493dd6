"""Resolves as pnpm 10 does, with its own settings."""

from collections.abc import Collection, Iterable, Mapping

from outrider.operators.packages.npm.details import NpmDetails
from outrider.operators.packages.npm.pnpm.deduping import deduplicated
from outrider.operators.packages.npm.pnpm.graph import Entry
from outrider.operators.packages.npm.pnpm.lock_entries import may_miss, package_entry, reference, snapshot
from outrider.operators.packages.npm.pnpm.manifests import PnpmManifests
from outrider.operators.packages.npm.pnpm.peers import PeerSearch
from outrider.operators.packages.npm.pnpm.project import PnpmProject, direct_nodes
from outrider.operators.packages.npm.pnpm.tree import PnpmTree, endless
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question


async def resolved(source: NpmSource, asked: Mapping[str, str], question: Question) -> Resolved:
    """Choose versions and their peers as `pnpm install --lockfile-only` does.

    Args:
        source: Where packages come from.
        asked: What a project asks for, by name, in the order of pnpm.
        question: What else is to be known of it.

    Raises:
        NotFoundError: There is no package or no version of it that is needed.
        UnsupportedError: Something comes from elsewhere than a registry, or peers wait for each other without end.
        OutriderError: What a registry says.
    """
    manifests = PnpmManifests(source)
    try:
        tree = PnpmTree(source, manifests, question)
        found = await PnpmProject(tree, source, question, asked).build()
    finally:
        await manifests.close()
    peers = PeerSearch(tree.nodes, tree.peer_names)
    direct = direct_nodes(found)
    peers.search(direct)
    if not peers.done:
        raise endless()
    replaced = deduplicated(peers.entries, peers.variants.values())
    paths = {alias: peers.paths[node] for alias, node in direct.items() if alias in asked}
    paths = {alias: replaced.get(path, path) for alias, path in paths.items()}
    packages = list(_packages(source, peers.entries, paths, NpmDetails.of(question).optional))
    return Resolved(target="pnpm", packages=packages, notes=list(dict.fromkeys(tree.notes)))


def _packages(
    source: NpmSource, entries: Mapping[str, Entry], direct: Mapping[str, str], optional: Collection[str]
) -> Iterable[ResolvedPackage]:
    needed = _reached(entries, (path for alias, path in direct.items() if alias not in optional), every=False)
    every = _reached(entries, direct.values(), every=True)
    needers: dict[str, set[str]] = {}
    for path in every:
        for child in entries[path].children.values():
            needers.setdefault(child, set()).add(entries[path].package.name)
    for path in sorted(every):
        entry, package = entries[path], entries[path].package
        one = ResolvedPackage(name=package.name, version=package.version, place=path)
        one.needed_by = sorted(needers.get(path, ()))
        references = {alias: reference(alias, entry) for alias, other in direct.items() if other == path}
        one.direct = bool(references)
        npm = package.manifest.package
        assert npm is not None
        one.url, one.hashes = npm.distribution(package.manifest.bit)
        one.entry = {
            "package": package_entry(package, source.client.registry(package.name).url),
            "snapshot": snapshot(entry, entries, optional=path not in needed),
            "references": references,
        }
        yield one


def _reached(entries: Mapping[str, Entry], paths: Iterable[str], *, every: bool) -> set[str]:
    """Return what is needed by some packages, and by what they need; where not every need counts, those that must be met."""
    waiting = list(dict.fromkeys(paths))
    found = set(waiting)
    for path in waiting:
        entry = entries[path]
        for alias, child in entry.children.items():
            if child not in found and (every or not may_miss(entry.package, alias)):
                found.add(child)
                waiting.append(child)
    return found
