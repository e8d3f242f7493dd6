"""Resolves as pnpm 10 does, with its own settings."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from outrider.operators.packages.npm.details import NpmDetails, at
from outrider.operators.packages.npm.pnpm.deduping import deduplicated
from outrider.operators.packages.npm.pnpm.extensions import Extensions
from outrider.operators.packages.npm.pnpm.graph import Entry
from outrider.operators.packages.npm.pnpm.importers import Importer, importers_of
from outrider.operators.packages.npm.pnpm.links import Links
from outrider.operators.packages.npm.pnpm.lock_entries import may_miss, package_entry, reference, snapshot
from outrider.operators.packages.npm.pnpm.manifests import PnpmManifests
from outrider.operators.packages.npm.pnpm.overrides import Overrides
from outrider.operators.packages.npm.pnpm.patches import Patches
from outrider.operators.packages.npm.pnpm.peers import PeerSearch
from outrider.operators.packages.npm.pnpm.project import PnpmProject
from outrider.operators.packages.npm.pnpm.tree import PnpmTree, endless
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question

# Of what stands directly below an importer: its path, by the folder of that and the name by which it goes.
_Direct = dict[tuple[str, str], str]


async def resolved(source: NpmSource, question: Question) -> Resolved:
    """Choose versions and their peers as `pnpm install --lockfile-only` does.

    Args:
        source: Where packages come from.
        question: What a project and the members of its workspace ask for, in the order of pnpm, and what catalogs have.

    Raises:
        NotFoundError: There is no package or no version of it that is needed.
        UnsupportedError: Something comes from elsewhere than a registry, or peers wait for each other without end.
        OutriderError: What a registry says.
    """
    importers, details = importers_of(question), NpmDetails.of(question)
    extensions, overrides = Extensions(details.extensions), Overrides(details.overrides)
    patches = Patches(details.patches)
    manifests = PnpmManifests(source, lambda said: overrides.applied(extensions.applied(said)), patches)
    try:
        tree = PnpmTree(source, manifests, Links(details.members), question)
        await PnpmProject(tree, source, question, importers).build()
    finally:
        await manifests.close()
    peers = PeerSearch(tree.nodes, tree.peer_names)
    peers.search([one.direct() for one in importers])
    if not peers.done:
        raise endless()
    replaced = deduplicated(peers.entries, peers.variants.values())
    direct = {
        (one.place, alias): replaced.get(path, path) for one in importers for alias, path in _asked(one, peers).items()
    }
    packages = list(_packages(source, peers.entries, direct, details.optional))
    patches.refuse_unused((one.name, one.version) for one in packages)
    return Resolved(target="pnpm", packages=packages, notes=list(dict.fromkeys(tree.notes)))


def _asked(importer: Importer, peers: PeerSearch) -> dict[str, str]:
    """Return the paths of what an importer asks for, by name, without members of the workspace."""
    asked = {one.alias for one in importer.wanted}
    return {
        alias: peers.paths[one.node] for alias, one in importer.direct().items() if alias in asked and not one.is_link
    }


def _packages(
    source: NpmSource, entries: Mapping[str, Entry], direct: _Direct, optional: Collection[str]
) -> Iterable[ResolvedPackage]:
    wanted = [path for (place, alias), path in direct.items() if at(place, alias) not in optional]
    needed, every = _reached(entries, wanted, every=False), _reached(entries, list(direct.values()), every=True)
    needers: dict[str, set[str]] = {}
    for path in every:
        for child in entries[path].children.values():
            needers.setdefault(child, set()).add(entries[path].package.name)
    for path in sorted(every):
        entry, package = entries[path], entries[path].package
        one = ResolvedPackage(name=package.name, version=package.version, place=path)
        one.needed_by = sorted(needers.get(path, ()))
        references: dict[str, dict[str, str]] = {}
        for (place, alias), other in direct.items():
            if other == path:
                references.setdefault(place, {})[alias] = reference(alias, path, package.name)
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


def _reached(entries: Mapping[str, Entry], paths: Sequence[str], *, every: bool) -> set[str]:
    """Return what is needed by some packages, and by what they need; where not every need counts, those that must be met."""
    waiting = list(dict.fromkeys(paths))
    found = set(waiting)
    for path in waiting:
        entry = entries[path]
        for alias, child in entry.children.items():
            # Members of the workspace are no packages of a lock file.
            if child in entries and child not in found and (every or not may_miss(entry.package, alias)):
                found.add(child)
                waiting.append(child)
    return found
