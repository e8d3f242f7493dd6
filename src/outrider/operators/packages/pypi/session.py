"""Resolves Python packages from the indexes of this machine."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from outrider.operators.packages.pypi.asked import asked_of
from outrider.operators.packages.pypi.client import PypiClient
from outrider.operators.packages.pypi.details import PypiDetails
from outrider.operators.packages.pypi.facts import facts_of
from outrider.operators.packages.pypi.poetry_target import PoetryTarget
from outrider.operators.packages.pypi.resolver import PypiResolver
from outrider.operators.packages.pypi.settings import pypi_registries, pypi_registry, refuse_choices
from outrider.operators.packages.pypi.sources import PypiSource
from outrider.operators.packages.pypi.store import PypiStore
from outrider.operators.packages.pypi.targets import PypiTarget, Target
from outrider.operators.packages.pypi.uv_indexes import index_at
from outrider.operators.packages.registries.downloads import Downloads
from outrider.operators.packages.registries.failures import looked_in
from outrider.operators.packages.registries.keeping import kept
from outrider.operators.packages.registries.registry import Registry
from outrider.operators.packages.resolving.facts import PackageFacts
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question
from outrider.runtime.discovery import import_module


async def resolve(question: Question) -> Resolved | Impossible:
    """Choose versions.

    Raises:
        InvalidConfigError: A package is not written as Python writes it, or a setting cannot be used.
        UnsupportedError: A setting cannot be heeded.
        MissingRequirementError: No index is known here.
        OutriderError: What an index says.
    """
    if question.client == "poetry":
        return await _resolve_for_poetry(question)
    if question.client == "pipenv":
        return await _resolve_for_pipenv(question)
    asked = asked_of(question)
    target = _target(question)
    async with _opened(question, target) as source:
        if PypiDetails.of(question).pythons:
            answer: Resolved | Impossible = await _universal().resolve(source, asked, question)
        else:
            # What is for all machines is chosen as uv does it, to which pip's settings mean nothing.
            refuse_choices(question.environment)
            answer = await PypiResolver(source, target, question).resolve(asked)
        if isinstance(answer, Resolved):
            await _tell_more(answer, source, question)
        return answer


async def _resolve_for_poetry(question: Question) -> Resolved | Impossible:
    # Its own library is imported where it is asked for alone.
    poetry = import_module("outrider.operators.packages.pypi.poetry.resolver", extra="packages")
    registries = {key: _at(question, url) for key, url in poetry.addresses_of(question).items()}
    target = PoetryTarget(question.target)
    with looked_in(one.url for some in registries.values() for one in some):
        async with AsyncExitStack() as stack:
            indexes = {
                key: await stack.enter_async_context(_source_of(question, target, {"": some}))
                for key, some in registries.items()
            }
            answer: Resolved | Impossible = await poetry.resolve(indexes, question)
            if isinstance(answer, Resolved):
                answer.notes += _passed_over(*indexes.values())
            return answer


async def _resolve_for_pipenv(question: Question) -> Resolved | Impossible:
    pipenv = import_module("outrider.operators.packages.pypi.pipenv.answering")
    asked = pipenv.asked_of(question)
    async with _opened(question, asked.target, asked.indexes, asked.named) as source:
        answer: Resolved | Impossible = await pipenv.resolve(source, asked, question)
        if isinstance(answer, Resolved):
            answer.notes += _passed_over(source)
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
    # For all machines each kind of them may have its own index, and all of it is told there.
    if PypiDetails.of(question).pythons:
        answer.notes += _passed_over(source)
    elif question.files:
        for one in answer.packages:
            one.files = await source.files(one.name, one.version)
            one.registry = source.projects[one.name].record.index


def _passed_over(*sources: PypiSource) -> list[str]:
    without = {name for source in sources for name in source.without_wheels()}
    some = {name for source in sources for name in without if source.has_wheels(name)}
    return [f"no version of {name} has a wheel, and what needs it was passed over" for name in sorted(without - some)]


@asynccontextmanager
async def _opened(
    question: Question,
    target: Target,
    registries: Sequence[Registry] = (),
    named: Mapping[str, Sequence[Registry]] | None = None,
) -> AsyncIterator[PypiSource]:
    """Have a source of packages, and errors say where it is.

    Args:
        question: What may be used for an answer.
        target: For what packages are meant.
        registries: That are asked; none for those of the settings.
        named: Those that alone are asked for single projects, by their normalised names; None for those of the question, by their addresses.
    """
    groups = {
        "": registries or _at(question, PypiDetails.of(question).index),
        **(_named(question) if named is None else named),
    }
    with looked_in(one.url for some in groups.values() for one in some):
        async with _source_of(question, target, groups) as source:
            yield source


@asynccontextmanager
async def _source_of(
    question: Question, target: Target, groups: Mapping[str, Sequence[Registry]]
) -> AsyncIterator[PypiSource]:
    opened = {(one.url, one.source): Downloads(one, question.clock) for some in groups.values() for one in some}
    downloads = {name: [opened[one.url, one.source] for one in some] for name, some in groups.items()}
    # What is kept of a project is of the indexes that are asked for it.
    asked = " ".join(f"{name}={one.url}" if name else one.url for name in sorted(groups) for one in groups[name])
    client = PypiClient(downloads.pop(""), downloads)
    source = PypiSource(client, PypiStore(question.cache, asked), target, question)
    source.indexes = {one.name: one.place or one.url for one in reversed(PypiDetails.of(question).indexes)}
    with kept(source.keep):
        try:
            yield source
        finally:
            await client.close()


def _named(question: Question) -> dict[str, Sequence[Registry]]:
    return {one.url or one.name: _at(question, one.url) for one in PypiDetails.of(question).indexes if not one.place}


def _at(question: Question, url: str) -> Sequence[Registry]:
    """Return the index at an address; where there is none those of the settings."""
    if not url:
        return pypi_registries(question.environment, question.folder)
    # A member of a workspace may have said so; errors name the file that all of it begins with.
    index = index_at(url, question.environment, question.folder)
    return [pypi_registry(index, str(question.folder / "pyproject.toml"), question.environment)]
