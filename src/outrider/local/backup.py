"""A platform's state in one file, made while it runs, and a platform made from such a file.

Databases are copied before the audit chains: a chain that is longer than what the store has seen of it is sound, a shorter one
is not.
"""

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from outrider.core.codec import decode, encode
from outrider.core.errors import (
    ConflictError,
    ExecutionFailedError,
    InvalidConfigError,
    NotFoundError,
    OutriderError,
    UnsupportedError,
)
from outrider.core.objects import DEFAULT_TENANT
from outrider.local.layout import Layout
from outrider.orchestrator.holds import PAUSE, place
from outrider.orchestrator.tables import MIGRATIONS
from outrider.orchestrator.transaction import Transaction
from outrider.orchestrator.wire import HoldRequest
from outrider.ports.store import copy_sqlite, open_sqlite
from outrider.version import __version__

FORMAT = 1
MANIFEST = "manifest.json"
STORE = "orchestrator/orchestrator.db"
# What belongs to a running process, or to the machine's present boot.
_LEFT_OUT = frozenset({"lock", "endpoint.json", "supervisor.sock", "orchestrator.boot"})
# The streams of the embedded queue are copies, and cannot be copied while they are written.
_FOLDERS_LEFT_OUT = frozenset({"logs", "queue"})
_DATABASE, _DATABASE_PARTS = ".db", (".db-wal", ".db-shm", ".db-journal")
_LARGEST_MANIFEST = 8 * 1024 * 1024


class BackupFile(msgspec.Struct, frozen=True):
    """A file in a backup."""

    path: str
    size: int
    sha256: str


class Backup(msgspec.Struct, kw_only=True):
    """What a backup holds; the first file in it.

    Attributes:
        created: Seconds since the epoch.
    """

    format: int = FORMAT
    version: str = __version__
    name: str
    created: float
    files: list[BackupFile]


def make(layout: Layout, target: Path, *, name: str, now: float) -> Backup:
    """Write a backup of a platform's state, readable by its owner alone; the platform may be running.

    Raises:
        NotFoundError: There is no state.
        ConflictError: The target exists.
        ExecutionFailedError: It cannot be written.
    """
    if not layout.state.is_dir():
        raise NotFoundError(
            f"there is no state in {layout.state}", found=str(layout.state), suggestions=["start the platform once"]
        )
    if not (layout.state / STORE).is_file() and layout.orchestrator_settings.is_file():
        raise UnsupportedError(
            "the store of this platform is a database server, which has its own way to be saved",
            suggestions=["pg_dump --format=custom --file=store.dump DATABASE", f"save {layout.state} beside it"],
        )
    if target.exists():
        raise ConflictError(f"{target} exists", found=str(target), suggestions=["name another file, or remove it"])
    try:
        with tempfile.TemporaryDirectory(prefix=".outrider-backup-", dir=target.parent) as folder:
            copies = _copies(layout.state, Path(folder))
            files = [BackupFile(path, copy.stat().st_size, _digest(copy)) for path, copy in copies.items()]
            backup = Backup(name=name, created=now, files=files)
            whole = Path(folder) / "backup"
            _pack(backup, copies, whole)
            whole.rename(target)
    except OSError as error:
        raise ExecutionFailedError(
            f"the backup cannot be written: {error.strerror}", found=error.filename or str(target),
            suggestions=[f"check space and mode of {target.parent.resolve()}"],
        ) from error  # fmt: skip
    return backup


def _copies(state: Path, folder: Path) -> dict[str, Path]:
    """Copy what is to be kept, databases first, and return the copies by their path in the state folder."""
    kept = sorted(_kept(state), key=lambda path: (path.suffix != _DATABASE, path))
    copies = {}
    for number, path in enumerate(kept):
        copy = folder / str(number)
        if path.suffix == _DATABASE:
            copy_sqlite(path, copy)
        else:
            shutil.copyfile(path, copy)
            if path.suffix == ".jsonl":
                _cut_after_last_line(copy)
        copies[path.relative_to(state).as_posix()] = copy
    return copies


def _kept(state: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(state):
        here = Path(folder)
        if here == state:
            names[:] = [name for name in names if name not in _FOLDERS_LEFT_OUT]
        for name in files:
            path = here / name
            if (
                name not in _LEFT_OUT
                and not name.endswith(_DATABASE_PARTS)
                and path.is_file()
                and not path.is_symlink()
            ):
                yield path


def _cut_after_last_line(path: Path) -> None:
    """Leave out a record that was being written."""
    with path.open("rb+") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def _pack(backup: Backup, copies: dict[str, Path], target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with (
        os.fdopen(descriptor, "wb") as file,
        tarfile.open(fileobj=file, mode="w:gz", format=tarfile.PAX_FORMAT) as archive,
    ):
        manifest = encode(backup)
        archive.addfile(_member(MANIFEST, len(manifest), backup.created), io.BytesIO(manifest))
        for path, copy in copies.items():
            with copy.open("rb") as content:
                archive.addfile(_member(path, copy.stat().st_size, backup.created), content)
        archive.close()
        file.flush()
        os.fsync(file.fileno())


def _member(path: str, size: int, created: float) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.size, member.mode, member.mtime = size, 0o600, int(created)
    return member


async def restore(source: Path, layout: Layout, *, now: float) -> Backup:
    """Make a platform's state from a backup. The platform will be paused, so that a person looks before anything is done.

    Raises:
        NotFoundError: There is no such file.
        ConflictError: There is a state already.
        InvalidConfigError: It is no backup, damaged, or of a newer version.
    """
    if layout.state.exists() and any(layout.state.iterdir()):
        raise ConflictError(
            f"{layout.state} is not empty", found=str(layout.state),
            suggestions=["outrider down --purge removes a state", "name another folder"],
        )  # fmt: skip
    layout.state.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".outrider-restore-", dir=layout.state.parent) as folder:
        made = Path(folder) / "state"
        made.mkdir(mode=0o700)
        backup = _unpack(source, made)
        if STORE not in {file.path for file in backup.files}:
            raise _damaged(source, f"{STORE} is missing")
        await _paused(made / STORE, now)
        if layout.state.exists():
            layout.state.rmdir()
        made.rename(layout.state)
    return backup


def _unpack(source: Path, folder: Path) -> Backup:
    try:
        with tarfile.open(source, "r:gz") as archive:
            backup = _manifest(archive)
            wanted = {file.path: file for file in backup.files}
            while (member := archive.next()) is not None:
                file = wanted.pop(member.name, None)
                content = archive.extractfile(member) if file is not None else None
                if file is None or content is None:
                    raise _damaged(source, f"{member.name} does not belong to it")
                _write(content, folder, file)
    except FileNotFoundError as error:
        raise NotFoundError(f"{source}: no such file", found=str(source), suggestions=["check the path"]) from error
    except (tarfile.TarError, EOFError, OSError) as error:
        raise _damaged(source, str(error)) from error
    if wanted:
        raise _damaged(source, f"{next(iter(wanted))} is missing")
    return backup


def _manifest(archive: tarfile.TarFile) -> Backup:
    first = archive.next()
    content = archive.extractfile(first) if first is not None and first.name == MANIFEST else None
    if content is None:
        raise _damaged(Path(str(archive.name)), f"it does not begin with {MANIFEST}")
    try:
        backup = decode(content.read(_LARGEST_MANIFEST), Backup)
    except OutriderError as error:
        raise _damaged(Path(str(archive.name)), error.message) from error
    if backup.format != FORMAT:
        raise InvalidConfigError(
            "the backup is of a newer version", found=f"format {backup.format}, made by {backup.version}",
            expected=f"format {FORMAT}", suggestions=[f"restore it with outrider {backup.version}"],
        )  # fmt: skip
    for file in backup.files:
        path = PurePosixPath(file.path)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise _damaged(Path(str(archive.name)), f"{file.path} leads out of the folder")
    return backup


def _write(content: IO[bytes], folder: Path, file: BackupFile) -> None:
    path = folder / file.path
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    hashed, left = hashlib.sha256(), file.size
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        while left and (data := content.read(min(left, 1024 * 1024))):
            hashed.update(data)
            target.write(data)
            left -= len(data)
    if left or content.read(1) or hashed.hexdigest() != file.sha256:
        raise _damaged(path, f"{file.path} is not what was saved")


async def _paused(database: Path, now: float) -> None:
    """Leave a pause in the store: what it would do was decided at another time."""
    store = open_sqlite(database)
    try:
        store.migrate("orchestrator", MIGRATIONS)
        request = HoldRequest(kind=PAUSE, comment="restored from a backup")
        try:
            await store.write(lambda c: place(Transaction(c, now), DEFAULT_TENANT, request, "platform:restore"))
        except ConflictError:
            return  # it was paused when the backup was made
    finally:
        await store.close()
        # The next start must not believe that it goes on where this store was left: claims may have been confirmed since.
        database.with_suffix(".boot").unlink(missing_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(source: Path, what: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"not a whole backup: {what}", found=str(source), expected="a file that outrider backup wrote",
        suggestions=["use another backup"],
    )  # fmt: skip
