"""Resolves crates from the registry of this machine."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.cargo.all_sources import CargoSources
from outrider.operators.packages.cargo.client import CargoClient
from outrider.operators.packages.cargo.compiler import rust_of
from outrider.operators.packages.cargo.crates import Want
from outrider.operators.packages.cargo.default import default_index
from outrider.operators.packages.cargo.details import CargoDetails
from outrider.operators.packages.cargo.facts import facts_of
from outrider.operators.packages.cargo.git_repositories import GitRepositories
from outrider.operators.packages.cargo.lock_source import lock_source
from outrider.operators.packages.cargo.places import GIT, SPARSE, USUAL, key_of
from outrider.operators.packages.cargo.resolver import ANY, CargoResolver
from outrider.operators.packages.cargo.rust import RustVersion
from outrider.operators.packages.cargo.settings import CargoSettings
from outrider.operators.packages.cargo.sources import CargoSource
from outrider.operators.packages.cargo.store import CargoStore
from outrider.operators.packages.registries.failures import looked_in
from outrider.operators.packages.registries.keeping import kept
from outrider.operators.packages.registries.own_settings import own_address, with_own_login
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.resolving.facts import PackageFacts, no_package
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.versions.ecosystems import scheme_of

_SHOWN = 80
_NO_RUST = "Cargo tries versions first that go with the Rust of this machine (resolver 3), and there is none here: write rust-version"
_ASKED = re.compile(r"(?P<name>[A-Za-z0-9_-]+)(?:\[(?P<features>[^\[\]@]*)\])?(?:@(?P<range>.+))?")


async def resolve(question: Question) -> Resolved | Impossible:
    """Choose versions, on any machine and with the features of all: those that Cargo.lock would have.

    Raises:
        InvalidConfigError: A package is not written as Cargo writes it, or a setting cannot be used.
        MissingRequirementError: No registry is known here.
        UnsupportedError: The registry is none that can be asked.
        OutriderError: What the registry says.
    """
    rust, details = await rust_of(question), CargoDetails.of(question)
    places = details.places or [USUAL] * len(question.packages)
    async with _all_opened(question, rust or ()) as sources:
        asked = [
            _read(index, text, sources.place_of(place))
            for index, (text, place) in enumerate(zip(question.packages, places, strict=True))
        ]
        answer = await CargoResolver(sources, question.check, details.local, details.patches).resolve(asked)
    if rust is None and isinstance(answer, Resolved):
        answer.notes.append(_NO_RUST)
    return answer


async def facts(question: Question, name: str, version: str = "") -> PackageFacts:
    """Return what the registry says of a crate; the errors are those of `resolve`."""
    if _ASKED.fullmatch(name) is None or "@" in name or "[" in name:
        raise no_package("cargo", name[:_SHOWN])
    async with _opened(question, (), USUAL) as source:
        return await facts_of(source, name, version)


@asynccontextmanager
async def _all_opened(question: Question, rust: Sequence[RustVersion]) -> AsyncIterator[CargoSources]:
    """Have all that crates come from; registries are opened where something is of them."""
    settings, details = CargoSettings(question.environment, question.folder), CargoDetails.of(question)
    if details.local:
        settings.refuse_patches()
    async with AsyncExitStack() as stack:

        async def opened(place: str) -> CargoSource:
            return await stack.enter_async_context(_opened(question, rust, place))

        yield CargoSources(opened, GitRepositories(question), settings)


@asynccontextmanager
async def _opened(question: Question, rust: Sequence[RustVersion], place: str) -> AsyncIterator[CargoSource]:
    if place:
        registry = CargoSettings(question.environment, question.folder).at(place)
    else:
        registry = await registry_of(question.environment, question.folder, question.cache)
    client, store = CargoClient(registry, question.clock), CargoStore(question.cache, registry.url)
    usual = partial(lock_source, question.environment, question.cache)
    source = CargoSource(client, store, question, rust, place=place, usual=usual)
    with looked_in([registry.url]), kept(source.keep):
        try:
            yield source
        finally:
            await client.close()


async def registry_of(environment: Mapping[str, str], folder: Path, cache: Path) -> Registry:
    """Return the registry that Cargo uses.

    Args:
        environment: Variables.
        folder: Of the project.
        cache: The folder of what is kept of all ecosystems.

    Raises:
        InvalidConfigError: A setting cannot be used.
        MissingRequirementError: No registry is known here.
        UnsupportedError: The registry is none that can be asked.
    """
    settings = CargoSettings(environment, folder)
    replacement = settings.replacement()
    if replacement is not None:
        return replacement
    own = own_address("cargo", environment)
    if own is not None:
        return with_own_login(settings.registry(own.url.removeprefix(SPARSE), own.source), environment)
    url = await default_index(environment, cache)
    return settings.registry(url, "Cargo's own default", built_in=True)


def _read(index: int, text: str, place: str) -> Want:
    match = _ASKED.fullmatch(text)
    # Of what is in a repository prereleases will do, too.
    usual = "" if place.startswith(GIT) else ANY
    try:
        requirement = (match["range"] or usual).strip() if match is not None else ""
        scheme_of("cargo").range(requirement or ANY)
    except InvalidConfigError:
        match = None
    if match is None:
        raise InvalidConfigError(
            f"packages[{index}]: {text[:_SHOWN]!r} is not a package of Cargo", path=f"packages[{index}]", found=text[:_SHOWN],
            expected="NAME, NAME@1.2, NAME[FEATURE,FEATURE]@1.2 or NAME[-default]@1.2", suggestions=["quote it for your shell, to which < and > mean something"],
        )  # fmt: skip
    features = {one.strip() for one in (match["features"] or "").split(",")} - {""}
    # No feature begins with a hyphen.
    wanted = features - {"-default"} if "-default" in features else {*features, "default"}
    return Want(key_of(match["name"], place), requirement, tuple(sorted(wanted)))
