"""Resolves as bun 1.4 does."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from outrider.operators.packages.npm.bun.choosing import BunChoice
from outrider.operators.packages.npm.bun.collapsing import collapse
from outrider.operators.packages.npm.bun.entries import entry_of
from outrider.operators.packages.npm.bun.graph import BunPackage, Graph
from outrider.operators.packages.npm.bun.hoisting import Folder, hoisted
from outrider.operators.packages.npm.bun.members import MEMBER
from outrider.operators.packages.npm.bun.needs import (
    FIELDS,
    OPTIONAL,
    WORKSPACE,
    BunNeed,
    Wanted,
    needs_of_manifest,
    read_wanted,
    texts,
)
from outrider.operators.packages.npm.bun.replacing import Replacements
from outrider.operators.packages.npm.catalogs import CATALOG, Catalogs
from outrider.operators.packages.npm.details import NpmDetails
from outrider.operators.packages.npm.documents import NpmDocuments
from outrider.operators.packages.npm.members import Asked
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.resolving.outcomes import Resolved, ResolvedPackage
from outrider.operators.packages.resolving.questions import Question

# The field that counts of those that name a package comes last.
_FIELDS = ("peerDependencies", "dependencies", "optionalDependencies", "devDependencies")


async def resolved(source: NpmSource, asked: Asked, question: Question, default: str) -> Resolved:
    """Choose versions and their places as `bun install --lockfile-only` does.

    Args:
        source: Where packages come from.
        asked: What is asked for, by folder or catalog and name; it counts in place of what the manifests and catalogs of the question say.
        question: What else is to be known of the project.
        default: The address of the registry that npm comes with, which a lock does not write.

    Raises:
        NotFoundError: There is no package or no version of it that is needed.
        DeniedError: Policy admits none.
        UnsupportedError: Something comes from elsewhere than a registry.
        OutriderError: What a registry says.
    """
    details = NpmDetails.of(question)
    catalogs = _asked_of_catalogs(details.catalogs, asked)
    graph = _begun(details, asked, catalogs)
    replacements = Replacements(graph, details.overrides, catalogs)
    documents = NpmDocuments(source)
    try:
        choice = BunChoice(source, documents, question, graph, replacements)
        await choice.choose()
    finally:
        await documents.close()
    collapse(graph, replacements.wanted)
    packages = list(_packages(hoisted(graph.root), graph, default))
    return Resolved(target="bun", packages=packages, notes=list(dict.fromkeys(choice.notes)))


def _asked_of_catalogs(catalogs: Catalogs, asked: Asked) -> Catalogs:
    """Return catalogs, with what is asked for in place of what they have."""
    return {
        catalog: {name: _later(text, asked[f"{CATALOG}{catalog}"].get(name, text)) for name, text in said.items()}
        for catalog, said in catalogs.items()
    }


def _later(text: str, asked: str) -> str:
    """Return what is asked for in place of what is written; that itself, where both are the same."""
    return text if asked.strip() == (text.strip() or "*") else asked


def _begun(details: NpmDetails, asked: Asked, catalogs: Catalogs) -> Graph:
    """Return the project with the members of its workspace, of which it needs each by its name."""
    members = [
        BunPackage(
            one.name,
            _asked_by(one.manifest, asked[one.place], catalogs, is_member=True),
            said=one.manifest,
            place=one.place,
        )
        for one in sorted(details.members, key=lambda one: one.name.encode())
    ]
    names = [BunNeed(one.name, f"{MEMBER}{one.place}", WORKSPACE, Wanted("", "", False, False)) for one in members]
    needs = [*names, *_asked_by(details.project, asked[""], catalogs)]
    return Graph(BunPackage("", needs, said=details.project), members)


def _asked_by(
    document: Mapping[str, Any], asked: Mapping[str, str], catalogs: Catalogs, *, is_member: bool = False
) -> list[BunNeed]:
    """Return what a manifest needs, with what is asked for in place of what it says."""
    fields = {name: field for field in _FIELDS for name in texts(document, field)}
    return [
        one._replace(wanted=read_wanted(one.name, asked[one.name]))
        if one.name in asked and _differs(one, asked[one.name], fields[one.name])
        else one
        for one in needs_of_manifest(document, catalogs, is_member=is_member)
    ]


def _differs(need: BunNeed, text: str, field: str) -> bool:
    """Return whether something else is asked for than a manifest says."""
    return min(need.kind, FIELDS["peerDependencies"]) == FIELDS[field] and text.strip() != (need.text.strip() or "*")


def _packages(folders: Iterable[Folder], graph: Graph, default: str) -> Iterator[ResolvedPackage]:
    placed = {(*folder.path, name): slot for folder in folders for name, slot in folder.slots.items() if slot.target}
    needers = _needers(graph)
    for path, slot in placed.items():
        target = slot.target
        if target is None or slot.need.kind == WORKSPACE:
            continue
        one = ResolvedPackage(name=target.name, version=target.version, place="/".join(path))
        by = needers[target]
        one.needed_by, one.direct = sorted({each.name for each in by if each.npm}), any(not each.npm for each in by)
        if target.npm is not None:
            one.url, one.hashes = target.npm.distribution(target.bit)
        unmet = _unmet(target, path, placed)
        one.entry = {
            "bun": entry_of(target, default, is_bundled=slot.need.is_bundled, unmet=unmet),
            "met_for": _met_for(target, path[-1], by),
            "order": (len(path), "/".join(path[:-1]).encode(), path[-1].encode()),
        }
        yield one


def _needers(graph: Graph) -> dict[BunPackage, set[BunPackage]]:
    found: dict[BunPackage, set[BunPackage]] = {}
    for package in graph.reached():
        for target in package.targets:
            if target is not None:
                found.setdefault(target, set()).add(package)
    return found


def _met_for(target: BunPackage, name: str, by: Iterable[BunPackage]) -> list[str]:
    """Return the folders of those of a workspace whose needs by a name a package meets."""
    return sorted(
        each.place
        for each in by
        if each.npm is None
        and any(need.name == name and one is target for need, one in zip(each.needs, each.targets, strict=True))
    )


def _unmet(package: BunPackage, path: tuple[str, ...], placed: Collection[tuple[str, ...]]) -> list[str]:
    """Return the names of needs that nothing meets, though node would find something by that name from a place."""
    needs = zip(package.needs, package.targets, strict=True)
    names = (need.name for need, target in needs if target is None and need.kind == OPTIONAL)
    return sorted(name for name in names if any((*path[:depth], name) in placed for depth in range(len(path) + 1)))
