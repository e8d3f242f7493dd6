"""A file or folder copied between here and a container."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.core.quantities import Size, size
from outrider.operators.kubernetes.containers import ContainerParams, container_of
from outrider.operators.kubernetes.copying import Copy, download, upload
from outrider.operators.kubernetes.packing import Counted
from outrider.operators.kubernetes.places import connected
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation
from outrider.runtime.paths import checked_path

Absolute = Annotated[str, msgspec.Meta(pattern=r"^/[^/]", max_length=4096, examples=["/srv/report"])]


class CpParams(ContainerParams, kw_only=True):
    """What is copied from where to where. Both paths are those of the file or folder itself, not of the folder that it goes into.

    Attributes:
        direction: download copies from the container to here, upload from here to the container.
        path: Absolute path in the container.
        local: Absolute path here, where the operation runs; a folder that is downloaded must not be there yet, or be empty.
        max_size: Of all files together.
    """

    direction: Literal["download", "upload"]
    path: Absolute
    local: Absolute
    max_size: Size = size("1GiB")

    def __post_init__(self) -> None:
        """Bring target and paths into their one form.

        Raises:
            InvalidConfigError: One of them has none.
        """
        ContainerParams.__post_init__(self)
        self.path = str(checked_path(self.path))
        self.local = str(checked_path(self.local, "local"))
        if self.path == "/":
            raise InvalidConfigError(
                "path: a whole container is not copied", path="path", found="/", expected="a file or folder in it"
            )


class CpResult(msgspec.Struct, kw_only=True):
    """What was copied.

    Attributes:
        size: Bytes of all files together.
        warnings: What changed while it was read, as tar says it.
    """

    pod: str
    container: str
    path: str
    local: str
    files: int
    folders: int
    size: int
    warnings: list[str] = []


async def run(params: CpParams, context: Context) -> CpResult:
    """Copy it.

    Raises:
        InvalidConfigError: A path is none, or the pod has several containers and none is named.
        NotFoundError: There is no such object, container, file or folder.
        UnavailableError: The container does not run, or no pod is ready.
        ConflictError: Something is in the place of what comes.
        MissingRequirementError: The container lacks a program that this needs.
        ExecutionFailedError: It could not be read or written, or holds what is not copied.
        LimitedError: It is too large.
        DeadlineExceededError: It was not done in time.
    """
    async with connected(params, context) as place:
        container = await container_of(params, place)
        copy = Copy(
            place.client, container, PurePosixPath(params.path), Path(params.local), Counted(params.max_size), context
        )
        warnings: list[str] = []
        if params.direction == "download":
            warnings = await download(copy)
        else:
            await upload(copy)
    counted = copy.counted
    return CpResult(
        pod=container.pod, container=container.name, path=params.path, local=params.local, files=counted.files, folders=counted.folders,
        size=counted.size, warnings=warnings,
    )  # fmt: skip


OPERATION = Implementation(
    params=CpParams, result=CpResult, run=run, target=lambda params: (params.target, f"file/{params.local}")
)
