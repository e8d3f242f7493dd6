"""Publishes files that native tools have built, in the registry that the settings of the native client name."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec

from outrider.core.errors import ConflictError, OutriderError, UnauthenticatedError
from outrider.core.operation import Change, Difference
from outrider.core.quantities import Size
from outrider.operators.packages.locks.writing.files import refuse_changed
from outrider.operators.packages.registries.publications import LocalFile, Publication, Publisher, State, read_file
from outrider.operators.packages.registries.registry import Registry, address_alone
from outrider.operators.packages.sessions import Terms, publisher_of, question_of
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class PublishParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to publish.

    Attributes:
        ecosystem: Of the packages.
        files: That the native tool has built, such as a wheel, or what npm pack writes; of Maven all of a version, with its POM.
        registry: The address to publish at, as the native client takes it; what its settings say if empty. Credentials are those of the
            native client.
    """

    ecosystem: Literal["cargo", "composer", "gem", "maven", "npm", "nuget", "pypi"]
    files: Annotated[list[str], msgspec.Meta(min_length=1, max_length=100)]
    registry: Annotated[str, msgspec.Meta(max_length=2000)] = ""


class PublishedFile(msgspec.Struct, kw_only=True):
    """A file that is in a registry now.

    Attributes:
        name: Of the package.
        version: Of the package.
        file: Its path here.
        size: In bytes.
        sha256: Of its content.
        registry: Where it is.
        state: `unchanged` where the registry had the same bytes already.
    """

    name: str
    version: str
    file: str
    size: int
    sha256: str
    registry: str
    state: Literal["published", "unchanged"] = "published"


class PublishResult(msgspec.Struct, kw_only=True):
    """What is published.

    Attributes:
        files: In the order in which they were named.
    """

    files: list[PublishedFile]


class _Step(NamedTuple):
    """A publication, where it goes, and whether it is there."""

    publication: Publication
    registry: Registry
    state: State

    def warnings(self) -> list[str]:
        """Return what to know before it is sent."""
        path = self.publication.file.path
        if self.state == "there":
            return [f"{path}: it is there already, with the same content"]
        return [f"{path}: {self.registry.url} does not tell us whether it is there"] if self.state == "unknown" else []

    def shown(self) -> list[PublishedFile]:
        """Return how its files are told."""
        one = self.publication
        return [
            PublishedFile(
                name=one.name, version=one.version, file=file.path, size=len(file.content), sha256=file.sha256, registry=self.registry.url,
                state="unchanged" if self.state == "there" else "published",
            )
            for file in (one.file, *one.beside)
        ]  # fmt: skip


async def plan(params: PublishParams, context: Context) -> Change:
    """Say what would go where; the errors are those of `run`, but for what a registry says to what it is sent."""
    files = [read_file(path) for path in params.files]
    async with _opened(params, context) as publisher:
        steps = await _steps(publisher, files)
    shown = [file for one in steps for file in one.shown()]
    return Change(
        target=_targets(params)[0],
        difference=[told for one in shown if one.state == "published" for told in _told(one)],
        warnings=[warning for one in steps for warning in one.warnings()],
        preconditions={file.path: file.sha256 for file in files},
    )  # fmt: skip


async def run(params: PublishParams, context: Context) -> PublishResult:
    """Publish.

    Raises:
        InvalidConfigError: A file contradicts itself, or its native tool has not built it.
        NotFoundError: A file is not there, or nothing takes packages at the address.
        ConflictError: The version is there already, with another content.
        UnauthenticatedError, DeniedError: The registry does not take the credentials, or they may not publish that name.
        PreconditionFailedError: A file is another one than when the plan was made.
        OutcomeUnknownError: The connection ended before the registry has answered.
        OutriderError: What else a registry says.
    """
    files = [read_file(path) for path in params.files]
    refuse_changed(context.preconditions, {file.path: file.sha256 for file in files})
    done: list[PublishedFile] = []
    async with _opened(params, context) as publisher:
        for step in await _steps(publisher, files):
            if step.state != "there":
                await _send(publisher, step, done)
            done += step.shown()
    return PublishResult(files=done)


async def _send(publisher: Publisher, step: _Step, done: list[PublishedFile]) -> None:
    try:
        await publisher.send(step.registry, step.publication)
    except OutriderError as error:
        published = [one.file for one in done if one.state == "published"]
        if published:
            # To do it again is safe: these are there with the same content then.
            error.context["published"] = published
        raise error.about(step.publication.file.path) from error


@asynccontextmanager
async def _opened(params: PublishParams, context: Context) -> AsyncIterator[Publisher]:
    registry = address_alone(params.registry) if params.registry else ""
    with question_of(context, params.ecosystem, [], Terms()) as question:
        async with publisher_of(params.ecosystem, question, registry) as publisher:
            yield publisher


async def _steps(publisher: Publisher, files: list[LocalFile]) -> list[_Step]:
    """Return what is to be done; nothing is sent where a part of it cannot be.

    Raises:
        ConflictError: A version is there already, with another content.
    """
    steps: list[_Step] = []
    for one in await publisher.read(files):
        registry = await publisher.registry(one)
        state = await _state(publisher, registry, one)
        if state == "other":
            raise ConflictError(
                f"{one.file.path}: {registry.url} has {one.name} {one.version} already, with another content", path="files",
                found=f"sha256 {one.file.sha256}", expected="a version that is not there yet",
                suggestions=["raise the version, and build it anew"],
            )  # fmt: skip
        steps.append(_Step(one, registry, state))
    return steps


async def _state(publisher: Publisher, registry: Registry, publication: Publication) -> State:
    try:
        return await publisher.state(registry, publication)
    except UnauthenticatedError:
        # Tokens that may publish and not read are usual for builds.
        return "unknown"


def _told(file: PublishedFile) -> Iterator[Difference]:
    """Yield what is to be known of a file before it is sent."""
    facts = {"registry": file.registry, "size": file.size, "sha256": file.sha256}
    yield from (
        Difference(f"{file.name} {file.version} {Path(file.file).name}: {field}", None, value)
        for field, value in facts.items()
    )


def _targets(params: PublishParams) -> tuple[str, ...]:
    return tuple(f"package/{params.ecosystem}/{Path(path).name}" for path in params.files)


def _text(result: PublishResult) -> Iterable[str]:
    for one in result.files:
        yield f"{one.state:9}  {one.name} {one.version}  {one.file}, {Size(one.size).readable()}, at {one.registry}"


OPERATION = Implementation(
    params=PublishParams,
    result=PublishResult,
    run=run,
    plan=plan,
    target=_targets,
    text=_text,
)
