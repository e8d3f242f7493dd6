"""Resolves packages of Composer from the repositories of this machine."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.composer.branches import inline_aliases, reference_of
from outrider.operators.packages.composer.constraints import Constraints
from outrider.operators.packages.composer.details import ComposerDetails
from outrider.operators.packages.composer.facts import facts_of
from outrider.operators.packages.composer.platforms import ComposerPlatform, is_platform
from outrider.operators.packages.composer.pool import Wish
from outrider.operators.packages.composer.program import composer_program
from outrider.operators.packages.composer.projects import project_candidates
from outrider.operators.packages.composer.resolver import ComposerResolver
from outrider.operators.packages.composer.roots import is_name
from outrider.operators.packages.composer.settings import ComposerSettings
from outrider.operators.packages.composer.sources import ComposerSource
from outrider.operators.packages.composer.stabilities import flags_of, rank_of
from outrider.operators.packages.registries.failures import looked_in
from outrider.operators.packages.registries.keeping import kept
from outrider.operators.packages.resolving.facts import PackageFacts, no_package
from outrider.operators.packages.resolving.outcomes import Impossible, Resolved
from outrider.operators.packages.resolving.questions import Question

_SHOWN = 80
_ASKED = re.compile(r"(?P<name>[^\s:=@]+)(?:(?P<mark>[:=@ ])(?P<range>.+))?", re.DOTALL)
ANY = "*"


async def resolve(question: Question) -> Resolved | Impossible:
    """Choose versions: those that composer.lock would have, of a project, or of one that requires nothing else.

    Raises:
        InvalidConfigError: A package is not written as Composer writes it, or a setting cannot be used.
        MissingRequirementError: No repository is known here.
        UnsupportedError: A repository is none that can be asked.
        OutriderError: What a repository says.
    """
    read = [_read(index, text) for index, text in enumerate(question.packages)]
    async with opened(question) as (source, platform):
        wishes = [_wish(index, *one, source.settings.minimum) for index, one in enumerate(read)]
        for index, wish in enumerate(wishes):
            if any(wish.name == other.name for other in wishes[:index]):
                raise _not_a_package(index, question.packages[index], "each package once")
        return await ComposerResolver(source, platform, question).resolve(wishes)


async def facts(question: Question, name: str, version: str = "") -> PackageFacts:
    """Return what repositories say of a package, and of a version of it; the errors are those of `resolve`."""
    if not is_name(name.lower()):
        raise no_package("composer", name[:_SHOWN])
    async with opened(question) as (source, _):
        return await facts_of(source, name, version)


@asynccontextmanager
async def opened(question: Question) -> AsyncIterator[tuple[ComposerSource, ComposerPlatform]]:
    """Have the repositories of a question, and what packages find here; what was learned of them is kept."""
    program = await composer_program(question.environment, question.cache, question.clock)
    settings = ComposerSettings(question.environment, question.folder, program.default)
    document = ComposerDetails.of(question).project
    project = project_candidates(document, question.environment) if document else []
    platform = ComposerPlatform(program, settings.platform, project)
    source = ComposerSource(settings, question)
    with looked_in(client.url for client in source.clients), kept(source.keep):
        try:
            yield source, platform
        finally:
            await source.close()


def _read(index: int, text: str) -> tuple[str, str]:
    """Return the name and the constraint of what is asked for: `NAME`, `NAME:^1.2`, and with `=`, `@` or a blank in place of the colon."""
    match = _ASKED.fullmatch(text.strip())
    name = match["name"].lower() if match is not None else ""
    if match is None or not (is_name(name) or is_platform(name)):
        raise _not_a_package(index, text, "vendor/name, vendor/name:^1.2 or vendor/name:@dev")
    constraint = (match["range"] or ANY).strip()
    # That would be a version without the mark, and with it says how stable one has to be.
    is_flag = match["mark"] == "@" and rank_of(constraint) is not None
    return name, f"@{constraint}" if is_flag else constraint


def _wish(index: int, name: str, constraint: str, minimum: int) -> Wish:
    try:
        return Wish(
            name, Constraints().read(constraint), tuple(inline_aliases(constraint)),
            tuple(flags_of(name, constraint, minimum).items()), reference_of(constraint),
        )  # fmt: skip
    except InvalidConfigError as error:
        raise _not_a_package(index, f"{name}:{constraint}", error.expected or "a constraint such as ^1.2") from error


def _not_a_package(index: int, text: str, expected: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"packages[{index}]: {text[:_SHOWN]!r} is not a package of Composer", path=f"packages[{index}]", found=text[:_SHOWN],
        expected=expected, suggestions=["quote it for your shell, to which < and > mean something"],
    )  # fmt: skip
