"""Locks what the pom.xml of a project comes to, within it, and writes checksums of that beside it.

Maven has no lock of its own. What it obeys without any other setting is what a POM manages, so the lock is a profile of the pom.xml itself.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.locks.gradle import FORM as GRADLE_LOCK
from outrider.operators.packages.locks.making import gradle
from outrider.operators.packages.locks.making.manifests import folder_of, manifest_beside
from outrider.operators.packages.locks.making.results import Made
from outrider.operators.packages.locks.writing import pom
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.manifests.pom import FORM, with_lock, without_lock
from outrider.operators.packages.maven.digests import Digests, digests_of
from outrider.operators.packages.maven.own_projects import OwnChoice, OwnProject
from outrider.operators.packages.maven.pinning import pins_of
from outrider.operators.packages.maven.project import modules_of
from outrider.operators.packages.maven.reactor import Reactor, paths_around, paths_of
from outrider.operators.packages.maven.resolver import MavenResolver
from outrider.operators.packages.maven.session import opened
from outrider.operators.packages.maven.sources import MavenSource
from outrider.operators.packages.resolving.outcomes import Impossible
from outrider.operators.packages.resolving.questions import Question

FORMS = ((r"pom\.xml", FORM), (r".*\.lockfile", GRADLE_LOCK))
USUAL_NAME = FORM
_SETTINGS = ".mvn"
_MOST_ROUNDS = 5
NO_CHECKSUMS = f"no checksums are written: a folder {_SETTINGS} further up is the one that counts"


class LockedBuild(NamedTuple):
    """Projects that are locked together.

    Attributes:
        called: How the files of those that are locked are called, by where they are.
        texts: Of these without locks, and of all others that count, such as parents.
        projects: Those of the build that they are of, which need no repository for one another.
        locked: Those that get locks.
    """

    called: Mapping[Path, Path]
    texts: Mapping[Path, str]
    projects: Sequence[Path]
    locked: Sequence[Path]


class LockedTexts(NamedTuple):
    """What is written.

    Attributes:
        texts: Of the files with locks.
        digests: Of what each of them locks, by paths in a repository.
        warnings: What their reader should know.
    """

    texts: dict[Path, str]
    digests: dict[Path, Mapping[str, str]]
    warnings: list[str]

    def checksums(self, projects: Iterable[Path], before: str = "") -> str:
        """Return the file of checksums of some of them; what one before had of others stays."""
        new = {path: digest for one in projects for path, digest in self.digests[one].items()}
        return pom.checksums(pom.noted(before) | new)


def files(path: Path) -> list[Path]:
    """Return the files that are locked: the pom.xml, and those of its modules.

    Raises:
        InvalidConfigError: One cannot be read.
    """
    return [*_projects(path).values()] if path.is_file() and path.name == FORM else [path]


async def make(form: str, path: Path, question: Question) -> Made:
    """Resolve, and return the files; the errors are those of `making.made`."""
    if form == GRADLE_LOCK:
        return await gradle.make(path, question)
    text = manifest_beside(path, FORM, question)
    build = _with_modules(path) if any(modules_of(text.encode())) else _alone(path, text)
    made = await locked_together(build, lambda _: question)
    if isinstance(made, Impossible) and question.locked:
        made = await locked_together(build, lambda _: msgspec.structs.replace(question, locked={}))
    if isinstance(made, Impossible):
        raise made.error()
    first, *others = build.locked
    beside = {build.called[one]: made.texts[one] for one in others}
    place = checksums_beside(path)
    if place is None:
        return Made(made.texts[first], [*made.warnings, NO_CHECKSUMS], beside)
    return Made(made.texts[first], made.warnings, {**beside, place: made.checksums(build.locked)})


def _with_modules(path: Path) -> LockedBuild:
    called = _projects(path)
    return LockedBuild(called, {one: without_lock(read_text(one)) for one in called}, [*called], [*called])


def _alone(path: Path, text: str) -> LockedBuild:
    first, around = path.resolve(), paths_around(path)
    texts = {one: read_text(one) for one in around} | {first: without_lock(text)}
    return LockedBuild({first: path}, texts, around, [first])


async def locked_together(build: LockedBuild, asked: Callable[[Path], Question]) -> LockedTexts | Impossible:
    """Lock projects: what each comes to by itself stays so, though parents have locks of their own.

    Args:
        build: That they are of.
        asked: Returns what may be used for a project.

    Raises:
        OutriderError: As `OwnProject.choice`.
    """
    reactor = Reactor({one: text.encode() for one, text in build.texts.items()}, build.projects)
    choices = dict[Path, OwnChoice]()
    for one in build.locked:
        async with _opened(one, asked(one), reactor) as (_, _, project):
            choice = await project.choice(build.texts[one])
        if isinstance(choice, Impossible):
            return choice
        choices[one] = choice
    made = LockedTexts({}, {}, [])
    for one in reactor.ordered({place: choice.needed_beside for place, choice in choices.items()}):
        if one in choices:
            await _lock_one(made, one, (build, reactor, choices[one]), asked(one))
    return made


async def _lock_one(
    made: LockedTexts, one: Path, within: tuple[LockedBuild, Reactor, OwnChoice], question: Question
) -> None:
    build, reactor, choice = within
    called = build.called[one]
    async with _opened(one, question, reactor) as (source, resolver, project):
        made.texts[one], settled = await _locked(called, build.texts[one], project, choice)
        reactor.contents[one] = made.texts[one].encode()
        found = await digests_of(settled, await resolver.places(settled.nodes), source)
    made.digests[one] = found.by_path
    prefix = f"{called}: " if len(build.locked) > 1 else ""
    made.warnings.extend(f"{prefix}{text}" for text in (*_changed(choice, settled), *_unchecked(found)))
    made.warnings.extend(text for text in source.left_out if text not in made.warnings)


@asynccontextmanager
async def _opened(
    path: Path, question: Question, reactor: Reactor
) -> AsyncIterator[tuple[MavenSource, MavenResolver, OwnProject]]:
    """Have what a project is asked of, with what repositories of its own say."""
    async with opened(msgspec.structs.replace(question, folder=folder_of(path))) as (source, reading, settings):
        resolver = MavenResolver(source, reading, question.policy)
        yield source, resolver, OwnProject(path, reading, settings, resolver, reactor)


def _projects(path: Path) -> dict[Path, Path]:
    """Return how the POMs of a project and its modules are called by whoever calls the first so, by where they are."""
    first, *others = paths_of(path)
    folder = first.parent
    return {first: path} | {
        one: path.parent / one.relative_to(folder) if one.is_relative_to(folder) else one for one in others
    }


async def _locked(path: Path, text: str, project: OwnProject, choice: OwnChoice) -> tuple[str, OwnChoice]:
    """Return the file with the lock, and what Maven chooses with it, which is just what is locked.

    Where all versions are fixed Maven may take another way to an artifact than where a range ruled that out, and so leave out others.
    """
    settled, by_default = choice, project.has_defaults(text)
    for _ in range(_MOST_ROUNDS):
        pins = pins_of(choice, settled)
        lines = pom.profile(pins.managed, pins.dependencies, by_default=by_default)
        locked = with_lock(text, lines) if pins.managed else text
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


def _changed(choice: OwnChoice, settled: OwnChoice) -> Iterator[str]:
    """Yield what the lock itself changes."""
    before, after = choice.shown, settled.shown
    yield from (f"{one} is chosen with the lock alone, which fixes all versions" for one in sorted(after - before))
    yield from (f"{one} is not chosen with the lock, which fixes all versions" for one in sorted(before - after))


def _unchecked(digests: Digests) -> Iterator[str]:
    yield from (f"{one} is a snapshot: its content may change, and has no checksum" for one in digests.changing)
    yield from (f"no repository has the file of {one}, and it has no checksum" for one in digests.absent)


def checksums_beside(path: Path) -> Path | None:
    """Return where checksums are to be that go with a pom.xml; None where Maven would take a folder for the root of a build that is none."""
    folder = folder_of(path)
    if any((above / _SETTINGS).is_dir() for above in folder.parents) and not (folder / _SETTINGS).is_dir():
        return None
    return path.parent / _SETTINGS / "checksums" / pom.CHECKSUMS
