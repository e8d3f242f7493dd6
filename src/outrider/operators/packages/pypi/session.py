"""Resolves Python packages from the indexes of this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from outrider.operators.packages.pypi.asked import asked_of
from outrider.operators.packages.pypi.client import PypiClient
from outrider.operators.packages.pypi.details import PypiDetails
from outrider.operators.packages.pypi.facts import facts_of
from outrider.operators.packages.pypi.poetry_target import PoetryTarget
from outrider.operators.packages.pypi.resolver import PypiResolver
from outrider.operators.packages.pypi.settings import pypi_registries, pypi_registry
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.pypi.store import PypiStore
from outrider.operators.packages.pypi.targets import PypiTarget, Target
from outrider.operators.packages.registries.downloads import Downloads
from outrider.operators.packages.registries.keeping import kept
from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.runtime.discovery import import_module


async def resolve(question: Question) -> Resolved | Impossible:
    """Choose versions.

    Raises:
        InvalidConfigError: A package is not written as Python writes it, or a setting cannot be used.
        MissingRequirementError: No index is known here.
        OutriderError: What an index says.
    """
    if question.client == "poetry":
        return await _resolve_for_poetry(question)
    asked = asked_of(question)
    async with _opened(question, _target(question)) as source:
        if PypiDetails.of(question).pythons:
            answer: Resolved | Impossible = await _universal().resolve(source, asked, question)
        else:
            answer = await PypiResolver(source, _target(question), question.check).resolve(asked)
        if isinstance(answer, Resolved):
            await _tell_more(answer, source, question)
        return answer


async def _resolve_for_poetry(question: Question) -> Resolved | Impossible:
    # Its own library is imported where it is asked for alone.
    resolve_with = import_module("outrider.operators.packages.pypi.poetry.resolver", extra="packages").resolve
    async with _opened(question, PoetryTarget(question.target)) as source:
        answer: Resolved | Impossible = await resolve_with(source, question)
        if isinstance(answer, Resolved):
            await _tell_more(answer, source, question)
        return answer


async def facts(question: Question, name: str, version: str = "") -> PackageFacts:
    """Return what the indexes say of a project; the errors are those of `resolve`."""
    async with _opened(question, _target(question)) as source:
        return await facts_of(source, name, version)


def _target(question: Question) -> Target:
    if PypiDetails.of(question).pythons:
        target: Target = _universal().target_of(question)
        return target
    return PypiTarget.of(question.target)


def _universal() -> Any:
    # Few ask for all machines at once, and it takes as long to be imported as the rest.
    return import_module("outrider.operators.packages.pypi.universal.answering")


async def _tell_more(answer: Resolved, source: PypiSource, question: Question) -> None:
    for one in answer.packages:
        if question.files:
            one.files = await source.files(one.name, one.version)
            one.registry = source.projects[one.name].record.index
    if PypiDetails.of(question).pythons or question.client:
        passed = sorted(name for name, one in source.projects.items() if one.record.versions and not one.has_wheels)
        answer.notes += [f"no version of {name} has a wheel, and what needs it was passed over" for name in passed]


@asynccontextmanager
async def _opened(question: Question, target: Target) -> AsyncIterator[PypiSource]:
    registries = pypi_registries(question.environment, question.folder)
    indexes = PypiDetails.of(question).indexes
    named = {url: pypi_registry(url, "tool.uv.index", question.environment) for url in sorted({*indexes.values()})}
    downloads = [Downloads(registry, question.clock) for registry in registries]
    others = {url: Downloads(registry, question.clock) for url, registry in named.items()}
    alone = {name: others[url] for name, url in indexes.items()}
    # What one index has of a name is not what another one has of it.
    told = [registry.url for registry in registries]
    told += [f"{name}={one.registry.url}" for name, one in sorted(alone.items())]
    source = PypiSource(PypiClient(downloads, alone), PypiStore(question.cache, " ".join(told)), target, question)
    with kept(source.keep):
        try:
            yield source
        finally:
            for one in (*downloads, *others.values()):
                await one.close()
