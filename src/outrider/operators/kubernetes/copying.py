"""Files and folders copied between here and a container: by `tar` over exec, a single file to there by a few lines of shell."""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import msgspec

from outrider.core.errors import (
    ConflictError,
    ExecutionFailedError,
    MissingRequirementError,
    NotFoundError,
    OutriderError,
)
from outrider.operators.kubernetes.containers import working_seconds
from outrider.operators.kubernetes.packing import Counted, content, count, packed
from outrider.operators.kubernetes.unpacking import Unpacker
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.execution import Container, Kept, MissingProgramError, Pipes, execute
from outrider.runtime.context import Context

_SAID_BYTES = 4096
_CHANGED = "file changed as we read it"  # GNU tar, which then ends with 1
_IS_FOLDER, _INCOMPLETE = 21, 22
# The whole file stands beside its place before it takes it; what the connection lost on the way never does.
_PUT = f"""
[ ! -d "$1" ] || exit {_IS_FOLDER}
new="${{1%/*}}/.outrider-$$"
trap 'rm -f -- "$new"' EXIT
cat > "$new" && chmod "$3" "$new" || exit 1
[ $(wc -c < "$new") -eq "$2" ] || exit {_INCOMPLETE}
mv -f -- "$new" "$1"
"""


class Copy(msgspec.Struct, frozen=True):
    """What is copied: from or to where in a container, and where here."""

    client: KubeClient
    container: Container
    path: PurePosixPath
    local: Path
    counted: Counted
    context: Context

    @property
    def place(self) -> str:
        """Where it is in the container, for errors."""
        return f"{self.container.title}:{self.path}"


async def download(copy: Copy) -> list[str]:
    """Copy from the container, and return what is to be known of it; it is put in its place as a whole.

    Raises:
        NotFoundError: It is not there, or the folder here is not.
        ConflictError: A folder with something in it is here already, or one kind of thing is in the place of the other.
        MissingRequirementError: It is a folder, and the container has no tar.
        ExecutionFailedError: It could not be read, or holds what is not copied.
        LimitedError: It is too large.
    """
    if not copy.local.parent.is_dir():
        raise NotFoundError(
            f"local: there is no folder {copy.local.parent}",
            path="local",
            found=str(copy.local.parent),
            suggestions=["make it first"],
        )
    if copy.local.is_dir() and any(copy.local.iterdir()):
        raise _in_the_way(copy.local, "a folder with something in it")
    stage = Path(tempfile.mkdtemp(prefix=".outrider-", dir=copy.local.parent))
    try:
        warnings = await _fetch(copy, stage)
        found = stage / copy.path.name
        if found.is_dir() and copy.local.exists() and not copy.local.is_dir():
            raise _in_the_way(copy.local, "a file, and what comes is a folder")
        if copy.local.is_dir() and not found.is_dir():
            raise _in_the_way(copy.local, "a folder, and what comes is a file")
        found.replace(copy.local)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return warnings


async def upload(copy: Copy) -> None:
    """Copy to the container: a file as a whole, a folder file by file into what is there.

    Raises:
        NotFoundError: It is not here.
        ConflictError: A folder is in the place of a file.
        MissingRequirementError: The container lacks a program that this needs.
        ExecutionFailedError: It could not be written.
        LimitedError: It is too large.
    """
    if not copy.local.exists():
        raise NotFoundError(
            f"local: there is no {copy.local}", path="local", found=str(copy.local), suggestions=["check the path"]
        )
    root = copy.local.resolve()
    counted = await asyncio.to_thread(count, root, copy.counted.most)
    copy.counted.add(files=counted.files, folders=counted.folders, size=counted.size)
    stderr = Kept(_SAID_BYTES)
    if root.is_dir():
        command = ["tar", "-xof", "-", "-C", str(copy.path.parent)]
        pipes = Pipes(_drop, stderr.take, packed(root, copy.path.name))
    else:
        status = root.stat()
        command = ["sh", "-c", _PUT, "sh", str(copy.path), str(counted.size), f"{status.st_mode & 0o777:o}"]
        pipes = Pipes(_drop, stderr.take, content(root, counted.size))
    code = await _run(copy, command, pipes)
    if code == _IS_FOLDER and not root.is_dir():
        raise ConflictError(
            f"{copy.place} is a folder, and {copy.local} a file", path="path", found="a folder", expected="where the file is to be",
            suggestions=[f"name the file in it: {copy.path}/{copy.local.name}"],
        )  # fmt: skip
    if code:
        why = "not all of it arrived" if code == _INCOMPLETE else _said(stderr)
        rest = "; a part of it may be there" if root.is_dir() else ""
        raise ExecutionFailedError(
            f"{copy.place} could not be written: {why}{rest}", found=f"{command[0]} ended with {code}", expected="0"
        )


async def _fetch(copy: Copy, stage: Path) -> list[str]:
    unpacker, stderr = Unpacker(stage, copy.path.name, copy.counted), Kept(_SAID_BYTES)
    # -h: what a link leads to in the container is copied, never the link. Mounted ConfigMaps are nothing but links.
    command = ["tar", "-chf", "-", "-C", str(copy.path.parent), f"./{copy.path.name}"]
    try:
        code = await _run(copy, command, Pipes(unpacker.feed, stderr.take))
    except MissingRequirementError as error:
        return await _fetch_file(copy, stage, error)
    finally:
        unpacker.close()
    lines = _said(stderr).split("; ")
    if code == 1 and unpacker.ended and all(line.endswith(_CHANGED) for line in lines):
        return lines
    if code or not unpacker.ended or not (stage / copy.path.name).exists():
        raise _unread(copy, code, _said(stderr))
    return []


async def _fetch_file(copy: Copy, stage: Path, no_tar: MissingRequirementError) -> list[str]:
    """Copy what can only be a file, without tar."""
    stderr = Kept(_SAID_BYTES)
    copy.counted.add(files=1)
    with (stage / copy.path.name).open("xb") as file:

        def take(data: bytes) -> None:
            copy.counted.add(size=len(data))
            file.write(data)

        try:
            code = await _run(copy, ["cat", str(copy.path)], Pipes(take, stderr.take))
        except MissingRequirementError:
            raise no_tar from None
    if code and "directory" in _said(stderr).lower() and "no such" not in _said(stderr).lower():
        raise no_tar
    if code:
        raise _unread(copy, code, _said(stderr))
    return []


async def _run(copy: Copy, command: Sequence[str], pipes: Pipes) -> int:
    try:
        return await execute(copy.client, copy.container, command, pipes, timeout=working_seconds(copy.context))
    except MissingProgramError as error:
        raise MissingRequirementError(
            f"the container {copy.container.title} has no program '{error.found}', which copying needs", found="not there", expected=error.found,
            suggestions=["use an image that has it", "name another container of the pod, with the same volume: --container"],
        ) from error  # fmt: skip


def _drop(data: bytes) -> None:
    del data


def _unread(copy: Copy, code: int, said: str) -> OutriderError:
    if "no such file" in said.lower():
        return NotFoundError(
            f"{copy.place} is not there: {said}",
            path="path",
            found=str(copy.path),
            suggestions=["check the path in the container"],
        )
    return ExecutionFailedError(
        f"{copy.place} could not be read: {said or 'nothing came'}", found=f"exit code {code}", expected="0"
    )


def _in_the_way(local: Path, found: str) -> ConflictError:
    return ConflictError(
        f"local: {local} is {found}", path="local", found=found, expected="a new place, or a file to replace by a file",
        suggestions=["name a place that is not there yet"],
    )  # fmt: skip


def _said(stderr: Kept) -> str:
    return "; ".join(stderr.data.decode(errors="replace").strip().splitlines())[:500]
