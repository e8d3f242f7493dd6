"""Members of a workspace as they stand in the tree of its project: folders of their own, to which node_modules has links."""

from collections.abc import Collection, Mapping, Sequence

from outrider.operators.packages.npm.catalogs import CATALOG
from outrider.operators.packages.npm.details import PLACE_ENDS, Member, NpmDetails, at
from outrider.operators.packages.npm.nodes import LINK, Node
from outrider.operators.packages.npm.overrides import Rules
from outrider.operators.packages.npm.packages import Manifest, Need, NpmPackage
from outrider.operators.packages.npm.records import OPTIONAL, PEER, compiled_inside
from outrider.operators.packages.npm.specs import read_argument, read_spec
from outrider.operators.packages.npm.targets import NpmTarget
from outrider.operators.packages.resolving.questions import Question

# Of a member that has no version; only its other fields count.
_NO_VERSION = "0.0.0"
Asked = dict[str, dict[str, str]]


def folder_name(place: str) -> str:
    """Return the name that a folder gives to a package which has none."""
    scope, _, base = place.rpartition("/")
    scope = scope.rpartition("/")[2]
    return f"{scope}/{base}" if scope.startswith("@") else base


def texts_with_places(question: Question) -> list[tuple[str, str]]:
    """Return what is asked for, each with the folder of the manifest that does, or its catalog; that of the project has none."""
    details = NpmDetails.of(question)
    places = {one.place for one in details.members} - {""} | {f"{CATALOG}{name}" for name in details.catalogs}
    split = [(text, *text.partition(PLACE_ENDS)) for text in question.packages]
    return [(place, rest) if mark and place in places else ("", text) for text, place, mark, rest in split]


def asked_by_place(question: Question) -> Asked:
    """Return what each manifest asks for, by its folder and by name, and what catalogs do, by theirs.

    Raises:
        InvalidConfigError: A package is not written as npm writes it.
    """
    found: Asked = {"": {}, **{one.place: {} for one in NpmDetails.of(question).members}}
    found |= {f"{CATALOG}{name}": {} for name in NpmDetails.of(question).catalogs}
    for index, (place, text) in enumerate(texts_with_places(question)):
        name, wanted = read_argument(index, text)
        found[place][name] = wanted
    return found


def kind_of(question: Question, place: str, name: str) -> int:
    """Return the kind of a need of a manifest: whether it is one of a peer, and whether it may be left out."""
    details, said = NpmDetails.of(question), at(place, name)
    return (PEER if said in details.peers else 0) + (OPTIONAL if said in details.optional else 0)


def links_to(members: Sequence[Member]) -> list[Need]:
    """Return the needs by which a project finds the members of its workspace."""
    return [Need(one.name.lower(), one.name, "", f"{LINK}{one.place}", 0) for one in members]


def nodes_of(question: Question, asked: Asked, target: NpmTarget, rules: Rules | None) -> dict[str, Node]:
    """Return the members of a workspace by name.

    Args:
        question: What is asked.
        asked: By whom.
        target: For what packages are meant.
        rules: Overrides of the project; None where it has none.
    """
    found = {}
    for one in NpmDetails.of(question).members:
        needs = [
            Need(name.lower(), name, *read_spec(name, text), kind_of(question, one.place, name))
            for name, text in asked[one.place].items()
        ]
        manifest = _manifest(one, needs, target)
        node = found[one.name] = Node(folder_name(one.place), manifest)
        node.folder, node.is_member = one.place, bool(one.manifest.get("name"))
        node.rules = rules.of_version(one.name, manifest.version) if rules is not None else None
    return found


def development_at(development: Collection[str], place: str) -> set[str]:
    """Return the names of what a manifest needs for development alone."""
    return {name for one in development if at(place, name := one.removeprefix(at(place, ""))) == one}


def _manifest(member: Member, needs: list[Need], target: NpmTarget) -> Manifest:
    said: Mapping[str, object] = {**member.manifest, "name": member.name}
    inside = compiled_inside((member.name,), said)
    version = inside.record.versions[0] if inside is not None else ""
    inside = inside or compiled_inside((member.name,), {**said, "version": _NO_VERSION})
    assert inside is not None
    package = NpmPackage(member.name, inside.record, target, "")
    return Manifest(package, 0, version, needs, package.manifest(0).shape)
