"""Resolves npm packages from the registries of this machine."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec

from outrider.core.errors import NotFoundError, UnsupportedError
from outrider.operators.packages.npm.building import NpmTree
from outrider.operators.packages.npm.bun import resolving as bun
from outrider.operators.packages.npm.choices import refuse_choices
from outrider.operators.packages.npm.client import NpmClient
from outrider.operators.packages.npm.details import NpmDetails, at
from outrider.operators.packages.npm.explaining import sentences
from outrider.operators.packages.npm.facts import facts_of
from outrider.operators.packages.npm.lock_entries import lock_entries
from outrider.operators.packages.npm.members import Asked, asked_by_place, kind_of, links_to, nodes_of
from outrider.operators.packages.npm.nodes import Node
from outrider.operators.packages.npm.overrides import read_rules
from outrider.operators.packages.npm.packages import Manifest, Need
from outrider.operators.packages.npm.peers import PeerConflict
from outrider.operators.packages.npm.pnpm.resolving import resolved
from outrider.operators.packages.npm.program import npm_program
from outrider.operators.packages.npm.records import OPTIONAL, PEER_OPTIONAL, PROD
from outrider.operators.packages.npm.results import misfits, packages_of, refuse_missing
from outrider.operators.packages.npm.settings import NpmSettings
from outrider.operators.packages.npm.sources import NpmSource
from outrider.operators.packages.npm.specs import Spec, read_argument, read_spec
from outrider.operators.packages.npm.targets import NpmTarget
from outrider.operators.packages.registries.failures import looked_in
from outrider.operators.packages.registries.unheeded import is_on
from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.yarn.choosing import chosen

_REMEDIES = 3
_MOST_LINES = 6


async def resolve(question: Question) -> Resolved | Impossible:
    """Choose versions and their places, as `npm install` does in an empty folder, or as another client does.

    Raises:
        InvalidConfigError: A package is not written as npm writes it, or a setting cannot be used.
        UnsupportedError: A setting is not heeded.
        MissingRequirementError: No registry is known here.
        NotFoundError: There is no package or no version of it that is needed.
        OutriderError: What a registry says.
    """
    if question.client:
        return await _by_client(question)
    asked, details = asked_by_place(question), NpmDetails.of(question)
    rules = read_rules(details.overrides)
    async with _opened(question) as source:
        refuse_choices(source.client.settings)
        if rules is not None and (clashes := list(rules.refused(asked[""], links_to(details.members)))):
            return Impossible(asked=question.packages, reasons=clashes)
        try:
            root = await _tree(source, asked, question)
        except PeerConflict as conflict:
            reasons = sentences(conflict)
            remedies = await _remedies(source, asked, question, reasons)
            return Impossible(asked=question.packages, reasons=reasons, remedies=remedies)
        refuse_missing(root)
        if reasons := misfits(root, source.target):
            return Impossible(asked=question.packages, reasons=reasons)
        packages = packages_of(root)
        if question.files:
            entries = await lock_entries(source, root, details.development)
            for one in packages:
                one.entry = entries[one.place]
    return Resolved(target="npm", packages=packages)


async def _by_client(question: Question) -> Resolved:
    async with _opened(question) as source:
        if question.client == "pnpm":
            return await resolved(source, question)
        if question.client == "bun":
            return await bun.resolved(source, asked_by_place(question), question, source.client.default)
        return await chosen(source, question)


async def facts(question: Question, name: str, version: str = "") -> PackageFacts:
    """Return what the registry says of a package; the errors are those of `resolve`."""
    read_argument(0, name)
    async with _opened(question) as source:
        return await facts_of(source, name, version)


@asynccontextmanager
async def _opened(question: Question) -> AsyncIterator[NpmSource]:
    program = await npm_program(question.environment, question.cache)
    settings = NpmSettings(question.environment, question.folder, program)
    if is_on(settings.value("offline")):
        question = msgspec.structs.replace(question, offline=True)
    client = NpmClient(settings, question.clock)
    target = NpmTarget(program.node, program.version)
    source = NpmSource(client, target, question)
    with looked_in(client.addresses()):
        try:
            yield source
        finally:
            await source.close()
            await client.close()


async def _tree(source: NpmSource, asked: Asked, question: Question) -> Node:
    details = NpmDetails.of(question)
    links = links_to(details.members)
    names = {one.name for one in links}
    needs = [await _need(source, name, text, question) for name, text in asked[""].items() if name not in names]
    # A link takes the place of what else is asked for by its name; overrides may refer to that.
    hidden = [
        Need(name.lower(), name, *read_spec(name, text), PROD) for name, text in asked[""].items() if name in names
    ]
    rules = read_rules(details.overrides)
    members = nodes_of(question, asked, source.target, rules)
    # Whoever wants to know all that a lock file has asks for what stands in a manifest.
    tree = NpmTree(
        source, Manifest.of_user([*hidden, *links, *needs]), question.check, rules, members, by_name=not question.files
    )
    try:
        await tree.build()
    except RecursionError as error:
        raise UnsupportedError(
            "overrides: they reach too far down", path="overrides", found="too many packages below one another", expected="fewer",
            suggestions=["have npm write the lock file"],
        ) from error  # fmt: skip
    return tree.root


async def _need(source: NpmSource, name: str, text: str, question: Question) -> Need:
    """Return what a user asks for; of a tag the version that it stands for now.

    Raises:
        NotFoundError: There is none, and it may not be left out.
        DeniedError: Policy admits none.
    """
    spec, kind = read_spec(name, text), kind_of(question, "", name)
    package = await source.package(spec.package)
    if package.pick(spec.text) is None:
        error = package.nothing(spec.text)
        if kind not in (OPTIONAL, PEER_OPTIONAL) or not isinstance(error, NotFoundError):
            raise error
    tagged = package.record.tags.get(spec.text)
    return Need(name.lower(), name, spec.package, tagged or spec.text, kind)


async def _remedies(source: NpmSource, asked: Asked, question: Question, reasons: Sequence[str]) -> list[str]:
    """Return which wishes would do no harm if another version were allowed."""
    found: list[str] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(question.patience()):
            for place, wishes in asked.items():
                for name, text in wishes.items():
                    spec = read_spec(name, text)
                    if spec.text == "*" or len(found) == _REMEDIES:
                        continue
                    is_named = any(one.startswith(f"You ask for {name}@") for one in reasons)
                    others = (await source.package(spec.package)).others(spec.text) if is_named else []
                    if version := await _remedy(source, asked, (place, name, spec), others[:_MOST_LINES], question):
                        found.append(f"allow {name} {version}: you ask for {at(place, f'{name}@{text}')}")
    return found


async def _remedy(
    source: NpmSource, asked: Asked, wish: tuple[str, str, Spec], others: list[str], question: Question
) -> str:
    """Return the version of something that would do: of any, or else the first of some; empty where none does."""
    place, name, spec = wish

    async def found(text: str) -> str:
        wanted = text if spec.package == name else f"npm:{spec.package}@{text}"
        try:
            root = await _tree(source, {**asked, place: {**asked[place], name: wanted}}, question)
            refuse_missing(root)
        except (PeerConflict, NotFoundError):
            return ""
        node = next((one for one in root.subtree() if one.place == place), root).resolve(name.lower())
        return node.manifest.version if node is not None and node.manifest is not None else ""

    # Beside what is asked for in any version npm puts up with peers that it refuses beside that version itself.
    for version in [await found("*"), *others]:
        if version and await found(version):
            return version
    return ""
