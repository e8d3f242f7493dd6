"""Resolves gems from the sources of this machine, for the Ruby of this machine."""

import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.gem.client import GemClient
from outrider.operators.packages.gem.details import GemDetails
from outrider.operators.packages.gem.facts import facts_of
from outrider.operators.packages.gem.lines import ANY, GemNeed, is_name
from outrider.operators.packages.gem.platforms import RUBY
from outrider.operators.packages.gem.program import ruby_program
from outrider.operators.packages.gem.resolver import GemResolver
from outrider.operators.packages.gem.settings import GemSettings
from outrider.operators.packages.gem.sources import GemSource
from outrider.operators.packages.gem.store import GemStore
from outrider.operators.packages.gem.targets import BUNDLER
from outrider.operators.packages.registries.downloads import Downloads
from outrider.operators.packages.registries.failures import looked_in
from outrider.operators.packages.registries.keeping import kept
from outrider.operators.packages.resolving.facts import PackageFacts, no_package
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.versions.ecosystems import scheme_of

_SHOWN = 80
_ASKED = re.compile(r"(?P<name>[^@\s]+)(?:@(?P<range>[^@]+))?")


async def resolve(question: Question) -> Resolved | Impossible:
    """Choose versions: those that `bundle lock` would choose.

    Raises:
        InvalidConfigError: A package is not written as `NAME` or `NAME@REQUIREMENT, REQUIREMENT`, or a setting cannot be used.
        MissingRequirementError: No source is known here.
        UnsupportedError: A source is none that can be asked.
        OutriderError: What a source says.
    """
    asked: dict[str, GemNeed] = {}
    for index, text in enumerate(question.packages):
        need = _read(index, text)
        before = asked.get(need.name)
        texts = [one.range for one in (before, need) if one is not None and one.range != ANY]
        asked[need.name] = GemNeed(need.name, ", ".join(texts) or ANY)
    async with _opened(question, asked) as source:
        resolver = GemResolver(source, question.check, locked=question.locked, whole=question.files)
        return await resolver.resolve([*asked.values()], GemDetails.of(question).optional)


async def facts(question: Question, name: str, version: str = "") -> PackageFacts:
    """Return what sources say of a gem; the errors are those of `resolve`."""
    if not is_name(name):
        raise no_package("gem", name[:_SHOWN])
    async with _opened(question) as source:
        return await facts_of(source, name, version)


@asynccontextmanager
async def _opened(question: Question, asked: Collection[str] = ()) -> AsyncIterator[GemSource]:
    program = await ruby_program(question.environment, question.cache)
    settings = GemSettings(question.environment, question.folder)
    registries = settings.registries(program.sources, GemDetails.of(question).sources)
    downloads = [Downloads(registry, question.clock) for registry in registries]
    target = msgspec.structs.replace(program.target, platform=RUBY) if settings.any_platform else program.target
    source = GemSource(
        GemClient(downloads), GemStore(question.cache, " ".join(registry.url for registry in registries)), target,
        policy=question.policy, clock=question.clock, offline=question.offline, platforms=GemDetails.of(question).platforms, asked=asked,
        whole=question.files,
    )  # fmt: skip
    with looked_in(registry.url for registry in registries), kept(source.keep):
        try:
            yield source
        finally:
            for one in downloads:
                await one.close()


def _read(index: int, text: str) -> GemNeed:
    match = _ASKED.fullmatch(text.strip())
    try:
        requirement = (match["range"] or ANY).strip() if match is not None else ""
        scheme_of("gem").range(requirement)
    except InvalidConfigError:
        match = None
    if match is None or not is_name(match["name"]):
        raise InvalidConfigError(
            f"packages[{index}]: {text[:_SHOWN]!r} is not a package of RubyGems", path=f"packages[{index}]", found=text[:_SHOWN],
            expected="NAME, NAME@1.2 or NAME@~> 1.2, >= 1.2.3", suggestions=["quote it for your shell, to which ~ and > mean something"],
        )  # fmt: skip
    # In order, as requirements in an index are.
    words = sorted({word.strip() for word in requirement.split(",") if word.strip()})
    return GemNeed(BUNDLER if match["name"] == "bundler" else match["name"], ", ".join(words))
