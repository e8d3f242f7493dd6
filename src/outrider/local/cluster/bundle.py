"""The programs of a cluster in one file, for machines that are not to build them."""

import asyncio
import hashlib
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from outrider.core.errors import DeadlineExceededError, ExecutionFailedError, InvalidConfigError, NotFoundError
from outrider.core.http.urls import request_target
from outrider.local.cluster.programs import all_programs, lock_digest, missing_programs
from outrider.ports.http.client import Client

FETCH_SECONDS = 900.0
_CHECKSUM = "sha256="


class Bundle(msgspec.Struct):
    """A bundle that was written.

    Attributes:
        size: Bytes.
        lock: What its programs are built from.
    """

    file: Path
    size: int
    sha256: str
    lock: str


def write_bundle(folder: Path, file: Path) -> Bundle:
    """Write the programs of a folder into a file, replaced in one step.

    Raises:
        ExecutionFailedError: The file cannot be written.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=file.absolute().parent, prefix=".bundle-", delete=False) as temporary:
            path = Path(temporary.name)
            try:
                with tarfile.open(fileobj=temporary, mode="w:gz", compresslevel=4, dereference=True) as tar:
                    for name in all_programs():
                        tar.add(folder / name, name, filter=_plain)
                temporary.flush()
                path.replace(file)
            finally:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise ExecutionFailedError(f"{error.filename or file}: {error.strerror}", found=str(file)) from error
    with file.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    return Bundle(file, file.stat().st_size, digest, lock_digest())


async def read_bundle(address: str, folder: Path) -> None:
    """Take the programs from a bundle, which must be the very one that its address names.

    Args:
        address: A file, or an address of http or https, with `#sha256=DIGEST`.
        folder: Where to.

    Raises:
        InvalidConfigError: The address names no checksum, or what is there has another one or is no bundle.
        NotFoundError: There is none.
        OutriderError: It cannot be fetched.
    """
    where, _, fragment = address.partition("#")
    if not fragment.startswith(_CHECKSUM):
        raise InvalidConfigError(
            f"the bundle {where} comes without a checksum", found=address, expected=f"{where}#sha256=DIGEST",
            suggestions=["take the address that `outrider cluster bundle` prints"],
        )  # fmt: skip
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing else runs beside it
    with tempfile.TemporaryDirectory(dir=folder, prefix="bundle-") as scratch:
        file = Path(scratch) / "bundle"
        await _fetch(where, file)
        with file.open("rb") as fetched:
            digest = hashlib.file_digest(fetched, "sha256").hexdigest()
        if digest != fragment.removeprefix(_CHECKSUM):
            raise InvalidConfigError(
                f"the bundle {where} is not the one that is meant", found=f"sha256={digest}", expected=fragment, suggestions=["fetch it anew, or correct the checksum"],
            )  # fmt: skip
        _unpack(file, Path(scratch), where)
        if missing := missing_programs(Path(scratch)):
            raise InvalidConfigError(
                f"the bundle {where} lacks {', '.join(missing)}", found=where, expected="all programs"
            )
        for name in all_programs():
            (Path(scratch) / name).replace(folder / name)


async def _fetch(where: str, file: Path) -> None:
    try:
        parts = urlsplit(where)
    except ValueError as error:
        raise InvalidConfigError(
            f"{where} is no address", found=where, expected="a file, or https://HOST/PATH"
        ) from error
    if parts.scheme not in ("http", "https"):
        try:
            shutil.copyfile(where, file)
        except OSError as error:
            raise NotFoundError(f"{where}: {error.strerror}", found=where, expected="a bundle") from error
        return
    client = Client(f"{parts.scheme}://{parts.netloc}")
    try:
        with file.open("wb") as output:
            async with asyncio.timeout(FETCH_SECONDS):
                response = await client.stream("GET", request_target(where), output.write)
    except TimeoutError as error:
        raise DeadlineExceededError(
            f"{where}: not fetched within {FETCH_SECONDS:g} s", suggestions=["try again"]
        ) from error
    finally:
        await client.close()
    if response.status != 200:
        raise NotFoundError(f"{where}: status {response.status}", found=str(response.status), expected="a bundle")


def _unpack(file: Path, folder: Path, where: str) -> None:
    try:
        with tarfile.open(file) as tar:
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise InvalidConfigError(
            f"{where} is no bundle: {error}", found=where, expected="a file of `outrider cluster bundle`"
        ) from error


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755
    return entry
