"""Locks what the pom.xml of a project comes to, within it, and writes checksums of that beside it.

Maven has no lock of its own. What it obeys without any other setting is what a POM manages, so the lock is a profile of the pom.xml itself.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec

from outrider.core.errors import ExecutionFailedError, UnsupportedError
from outrider.operators.packages.locks.making.manifests import folder_of, manifest_beside
from outrider.operators.packages.locks.making.results import Made
from outrider.operators.packages.locks.writing import pom
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.pom import FORM, with_lock, without_lock
from outrider.operators.packages.maven.digests import Digests, digests_of
from outrider.operators.packages.maven.own_projects import OwnChoice, OwnProject, refuse_modules
from outrider.operators.packages.maven.pinning import pins_of
from outrider.operators.packages.maven.poms import read_pom
from outrider.operators.packages.maven.project import modules_of
from outrider.operators.packages.maven.reactor import Reactor, build_around, paths_of
from outrider.operators.packages.maven.resolver import MavenResolver
from outrider.operators.packages.maven.session import opened
from outrider.operators.packages.maven.sources import MavenSource
from outrider.operators.packages.resolving.outcomes import Impossible
from outrider.operators.packages.resolving.questions import Question

FORMS = ((r"pom\.xml", FORM),)
USUAL_NAME = FORM
_SETTINGS = ".mvn"
_MOST_ROUNDS = 5


def files(path: Path) -> list[Path]:
    """Return the files that are locked: the pom.xml, and those of its modules.

    Raises:
        InvalidConfigError: One cannot be read.
    """
    return [*_projects(path).values()] if path.is_file() else [path]


async def make(form: str, path: Path, question: Question) -> Made:
    """Resolve, and return the files; the errors are those of `making.made`."""
    del form
    text = manifest_beside(path, FORM, question)
    if not modules_of(text.encode()):
        return await made_of(path, without_lock(text), question)
    return await _made_anyhow(partial(_made_together, path), question)


async def _made_together(path: Path, question: Question) -> Made | Impossible:
    """Lock a project and its modules: what each comes to by itself stays so, though parents have locks of their own."""
    shown = _projects(path)
    texts = {one: without_lock(read_text(one)) for one in shown}
    reactor, choices = Reactor({one: text.encode() for one, text in texts.items()}), dict[Path, OwnChoice]()
    for one, text in texts.items():
        _refuse_defaults(shown[one], text)
        async with _opened(one, question, reactor) as (_, _, project):
            choice = await project.choice(text)
        if isinstance(choice, Impossible):
            return choice
        choices[one] = choice
    written, digests, warnings = dict[Path, str](), dict[str, str](), list[str]()
    for one in reactor.ordered({place: choice.needed_beside for place, choice in choices.items()}):
        async with _opened(one, question, reactor) as (source, resolver, project):
            written[shown[one]], settled = await _locked(shown[one], texts[one], project, choices[one])
            reactor.contents[one] = written[shown[one]].encode()
            found = await digests_of(settled, await resolver.places(settled.nodes), source)
        digests |= found.by_path
        warnings += [f"{shown[one]}: {text}" for text in (*_changed(choices[one], settled), *_unchecked(found))]
        warnings += [text for text in source.left_out if text not in warnings]
    return _with_checksums(
        path, Made(written[path], warnings, {one: written[one] for one in shown.values() if one != path}), digests
    )


@asynccontextmanager
async def _opened(
    path: Path, question: Question, reactor: Reactor | None
) -> AsyncIterator[tuple[MavenSource, MavenResolver, OwnProject]]:
    """Have what a project is asked of, with what repositories of its own say."""
    async with opened(msgspec.structs.replace(question, folder=folder_of(path))) as (source, reading, settings):
        resolver = MavenResolver(source, reading, question.policy)
        yield source, resolver, OwnProject(path, reading, settings, resolver, reactor)


def _with_checksums(path: Path, made: Made, digests: Mapping[str, str]) -> Made:
    place = _checksums_beside(path)
    if place is None:
        why = f"no checksums are written: a folder {_SETTINGS} further up is the one that counts"
        return msgspec.structs.replace(made, warnings=[*made.warnings, why])
    return msgspec.structs.replace(made, beside={**made.beside, place: pom.checksums(digests)})


def _projects(path: Path) -> dict[Path, Path]:
    """Return how the POMs of a project and its modules are called by whoever calls the first so, by where they are."""
    first, *others = paths_of(path)
    folder = first.parent
    return {first: path} | {
        one: path.parent / one.relative_to(folder) if one.is_relative_to(folder) else one for one in others
    }


async def _made_anyhow(work: Callable[[Question], Awaitable[Made | Impossible]], question: Question) -> Made:
    """Return what is made, if need be without the versions that are tried first.

    Raises:
        ConflictError: What is asked for cannot be had at once.
    """
    made = await work(question)
    if isinstance(made, Impossible) and question.locked:
        made = await work(msgspec.structs.replace(question, locked={}))
    if isinstance(made, Impossible):
        raise made.error()
    return made


async def made_of(path: Path, text: str, question: Question) -> Made:
    """Resolve, and return the files.

    Args:
        path: Of the pom.xml.
        text: What is to be locked in it: without a lock.
        question: As `making.made` has it; so are the errors.
    """
    refuse_modules(path, text)
    _refuse_defaults(path, text)
    return await _made_anyhow(partial(_made, path, text), question)


async def _made(path: Path, text: str, question: Question) -> Made | Impossible:
    async with _opened(path, question, build_around(path)) as (source, resolver, project):
        choice = await project.choice(text)
        if isinstance(choice, Impossible):
            return choice
        locked, settled = await _locked(path, text, project, choice)
        digests = await digests_of(settled, await resolver.places(settled.nodes), source)
    warnings = [*_changed(choice, settled), *_unchecked(digests), *source.left_out]
    return _with_checksums(path, Made(locked, warnings), digests.by_path)


async def _locked(path: Path, text: str, project: OwnProject, choice: OwnChoice) -> tuple[str, OwnChoice]:
    """Return the file with the lock, and what Maven chooses with it, which is just what is locked.

    Where all versions are fixed Maven may take another way to an artifact than where a range ruled that out, and so leave out others.
    """
    settled = choice
    for _ in range(_MOST_ROUNDS):
        pins = pins_of(choice, settled)
        locked = with_lock(text, pom.profile(pins.managed, pins.dependencies)) if pins.managed else text
        again = await project.choice(locked)
        if isinstance(again, Impossible):
            raise again.error()
        if again.facts == settled.facts:
            return locked, settled
        settled = again
    raise ExecutionFailedError(
        f"{path}: what Maven chooses does not stay the same when it is fixed", path="file", found=f"another choice {_MOST_ROUNDS} times",
        expected="the same choice", suggestions=["give the dependencies that have ranges one version each"],
    )  # fmt: skip


def _refuse_defaults(path: Path, text: str) -> None:
    """Refuse profiles that Maven would not take any more beside that of the lock."""
    profiles = read_pom(text.encode()).profiles
    by_default = [one.id for one in profiles if one.activation is not None and one.activation.by_default]
    if by_default:
        raise UnsupportedError(
            f"{path}: profiles that are active by default are not where another one is, and the lock is one", path="project.profiles",
            found=f"activeByDefault in {', '.join(by_default)}", expected="profiles with another activation",
            suggestions=["activate it by <property><name>!NAME</name></property>, and leave it out with -DNAME"],
        )  # fmt: skip


def _changed(choice: OwnChoice, settled: OwnChoice) -> Iterator[str]:
    """Yield what the lock itself changes."""
    before, after = choice.shown, settled.shown
    yield from (f"{one} is chosen with the lock alone, which fixes all versions" for one in sorted(after - before))
    yield from (f"{one} is not chosen with the lock, which fixes all versions" for one in sorted(before - after))


def _unchecked(digests: Digests) -> Iterator[str]:
    yield from (f"{one} is a snapshot: its content may change, and has no checksum" for one in digests.changing)
    yield from (f"no repository has the file of {one}, and it has no checksum" for one in digests.absent)


def _checksums_beside(path: Path) -> Path | None:
    """Return where checksums are to be; None where Maven would take a folder for the root of a build that is none."""
    folder = folder_of(path)
    if any((above / _SETTINGS).is_dir() for above in folder.parents) and not (folder / _SETTINGS).is_dir():
        return None
    return path.parent / _SETTINGS / "checksums" / pom.CHECKSUMS
