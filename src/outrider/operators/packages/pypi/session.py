"""Resolves Python packages from the indexes of this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.pypi.client import PypiClient
from outrider.operators.packages.pypi.core_metadata import Need, read_need
from outrider.operators.packages.pypi.details import PypiDetails
from outrider.operators.packages.pypi.facts import facts_of
from outrider.operators.packages.pypi.poetry_target import PoetryTarget
from outrider.operators.packages.pypi.resolver import PypiResolver
from outrider.operators.packages.pypi.settings import pypi_registries
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.pypi.store import PypiStore
from outrider.operators.packages.pypi.targets import PypiTarget, Target
from outrider.operators.packages.registries.downloads import Downloads
from outrider.operators.packages.registries.failures import looked_in
from outrider.operators.packages.registries.keeping import kept
from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.runtime.discovery import import_module

_SHOWN = 80


async def resolve(question: Question) -> Resolved | Impossible:
    """Choose versions.

    Raises:
        InvalidConfigError: A package is not written as Python writes it, or a setting cannot be used.
        MissingRequirementError: No index is known here.
        OutriderError: What an index says.
    """
    if question.client == "poetry":
        return await _resolve_for_poetry(question)
    asked = [_read(index, text, question) for index, text in enumerate(question.packages)]
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
    if PypiDetails.of(question).pythons or question.client:
        passed = sorted(name for name, one in source.projects.items() if one.record.versions and not one.has_wheels)
        answer.notes += [f"no version of {name} has a wheel, and what needs it was passed over" for name in passed]


@asynccontextmanager
async def _opened(question: Question, target: Target) -> AsyncIterator[PypiSource]:
    registries = pypi_registries(question.environment, question.folder)
    downloads = [Downloads(registry, question.clock) for registry in registries]
    store = PypiStore(question.cache, " ".join(registry.url for registry in registries))
    source = PypiSource(PypiClient(downloads), store, target, question)
    with looked_in(registry.url for registry in registries), kept(source.keep):
        try:
            yield source
        finally:
            for one in downloads:
                await one.close()


def _read(index: int, text: str, question: Question) -> Need:
    need = read_need(text)
    if not need or (need[0].marker and not PypiDetails.of(question).pythons) or "@" in need[0].range:
        raise InvalidConfigError(
            f"packages[{index}]: {text[:_SHOWN]!r} is not a package of PyPI", path=f"packages[{index}]", found=text[:_SHOWN],
            expected="NAME, NAME>=1,<2 or NAME[EXTRA]", suggestions=["quote it for your shell, to which < and > mean something"],
        )  # fmt: skip
    return need[0]
