"""Resolves packages of NuGet from the sources of this machine."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.nuget.client import NugetClient, is_name
from outrider.operators.packages.nuget.details import NugetDetails, NugetTarget, is_for, without_frameworks
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
    named = NugetDetails.of(question).targets
    targets = named or [NugetTarget(framework=question.target.strip() or DEFAULT_FRAMEWORK)]
    asked = [(text, _read(index, without_frameworks(text))) for index, text in enumerate(question.packages)]
    answers: list[Resolved] = []
    async with _opened(question) as (settings, feeds):
        for one in targets:
            wishes = [wish for text, wish in asked if is_for(one.framework, text)]
            _refuse_twice(wishes)
            sources = NugetSources(settings, feeds, _target(one.framework), question, one)
            answer = await NugetResolver(sources, one, question).resolve(wishes)
            if isinstance(answer, Impossible):
                return answer
            answers.append(answer)
    packages = [
        msgspec.structs.replace(each, place=one.framework if named else "")
        for one, answer in zip(targets, answers, strict=True)
        for each in answer.packages
    ]
    notes = [note for answer in answers for note in answer.notes]
    frameworks = ", ".join(one.framework for one in targets)
    return Resolved(target=f"nuget {frameworks}", packages=packages, notes=[*dict.fromkeys(notes)])


async def facts(question: Question, name: str, version: str = "") -> PackageFacts:
    """Return what the sources say of a package; the errors are those of `resolve`."""
    if not is_name(name):
        raise no_package("nuget", name[:_SHOWN])
    async with _opened(question) as (settings, feeds):
        return await facts_of(
            NugetSources(settings, feeds, _target(DEFAULT_FRAMEWORK), question), name.lower(), version
        )


@asynccontextmanager
async def _opened(question: Question) -> AsyncIterator[tuple[NugetSettings, list[NugetFeed]]]:
    settings = NugetSettings(question.environment, question.folder)
    feeds = [
        NugetFeed(
            NugetClient(source.registry, question.clock), NugetStore(question.cache, source.registry.url), question.clock,
            offline=question.offline,
        )
        for source in settings.sources
    ]  # fmt: skip
    with looked_in(source.registry.url for source in settings.sources), ExitStack() as keeping:
        for feed in feeds:
            keeping.enter_context(kept(feed.keep))
        try:
            yield settings, feeds
        finally:
            for feed in feeds:
                await feed.close()


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
                f"packages: {asked[index].name} is asked for twice (NU1504)", path="packages", found=asked[index].name,
                expected="each package once", suggestions=["leave one of them out"],
            )  # fmt: skip
