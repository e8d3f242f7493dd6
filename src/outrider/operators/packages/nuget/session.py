"""Resolves packages of NuGet from the sources of this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.nuget.client import NugetClient, is_name
from outrider.operators.packages.nuget.facts import facts_of
from outrider.operators.packages.nuget.feeds import NugetFeed
from outrider.operators.packages.nuget.frameworks import CORE, NET, STANDARD, Framework, read_framework
from outrider.operators.packages.nuget.packages import is_range
from outrider.operators.packages.nuget.resolver import NugetResolver, Wish
from outrider.operators.packages.nuget.settings import NugetSettings
from outrider.operators.packages.nuget.sources import NugetSources
from outrider.operators.packages.nuget.store import NugetStore
from outrider.operators.packages.registries.failures import looked_in
from outrider.operators.packages.registries.keeping import kept
from outrider.operators.packages.resolving.facts import PackageFacts, no_package
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question

DEFAULT_FRAMEWORK = "net8.0"
_SHOWN = 80


async def resolve(question: Question) -> Resolved | Impossible:
    """Choose versions: those that `dotnet restore` would, for a project that names these packages.

    Raises:
        InvalidConfigError: A package is not written as NuGet writes it, or a setting cannot be used.
        MissingRequirementError: No source is known here.
        UnsupportedError: No source can be asked, or the framework is none that is known.
        OutriderError: What a source says.
    """
    asked = [_read(index, text) for index, text in enumerate(question.packages)]
    _refuse_twice(asked)
    text = question.target.strip() or DEFAULT_FRAMEWORK
    async with _opened(question, _target(text)) as sources:
        return await NugetResolver(sources, f"nuget {text}", question).resolve(asked)


async def facts(question: Question, name: str, version: str = "") -> PackageFacts:
    """Return what the sources say of a package; the errors are those of `resolve`."""
    if not is_name(name):
        raise no_package("nuget", name[:_SHOWN])
    async with _opened(question, _target(DEFAULT_FRAMEWORK)) as sources:
        return await facts_of(sources, name.lower(), version)


@asynccontextmanager
async def _opened(question: Question, target: Framework) -> AsyncIterator[NugetSources]:
    settings = NugetSettings(question.environment, question.folder)
    feeds = [
        NugetFeed(
            NugetClient(source.registry, question.clock), NugetStore(question.cache, source.registry.url), question.clock,
            offline=question.offline,
        )
        for source in settings.sources
    ]  # fmt: skip
    sources = NugetSources(settings, feeds, target, question)
    with looked_in(source.registry.url for source in settings.sources), kept(sources.keep):
        try:
            yield sources
        finally:
            await sources.close()


def _target(text: str) -> Framework:
    framework = read_framework(text)
    if framework.name not in (NET, CORE, STANDARD):
        raise InvalidConfigError(
            f"framework: {text[:_SHOWN]!r} is none that packages can be chosen for", path="framework", found=text[:_SHOWN],
            expected="a target framework such as net8.0, netstandard2.0 or net48", suggestions=["write what stands in TargetFramework"],
        )  # fmt: skip
    return framework


def _read(index: int, text: str) -> Wish:
    name, at, wanted = (part.strip() for part in text.partition("@"))
    if not is_name(name) or not is_range(wanted) or (at and not wanted):
        raise InvalidConfigError(
            f"packages[{index}]: {text[:_SHOWN]!r} is not a package of NuGet", path=f"packages[{index}]", found=text[:_SHOWN],
            expected="NAME, NAME@1.2, NAME@[1.0,2.0) or NAME@1.*",
            suggestions=["quote it for your shell, to which brackets and stars mean something"],
        )  # fmt: skip
    return Wish(name, wanted)


def _refuse_twice(asked: list[Wish]) -> None:
    names = [wish.key for wish in asked]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise InvalidConfigError(
                f"packages[{index}]: {asked[index].name} is asked for twice (NU1504)", path=f"packages[{index}]", found=asked[index].name,
                expected="each package once", suggestions=["leave one of them out"],
            )  # fmt: skip
