"""Where secrets come from besides the store: environment, file, command."""

import asyncio
import os
import shlex
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import msgspec

from outrider.core.errors import (
    DeniedError,
    ExecutionFailedError,
    InvalidConfigError,
    NotFoundError,
    OutriderError,
    near_names,
)
from outrider.core.quantities import Duration, duration
from outrider.ports.process import exit_text, run

VALUE_LIMIT = 64 * 1024
_FORMS = ("env", "file", "folder", "command")
# The entry that counts where a folder has several and none is asked for.
_USUAL_ENTRY = "value"


class SecretSource(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where one secret is read: exactly one of `env`, `file`, `folder` and `command`.

    Attributes:
        env: Variable of this process's environment.
        file: Path, relative to the platform's folder.
        folder: Path of a folder with a file for each entry, as Kubernetes mounts a Secret. Where no entry is asked for it is the
            only one, or `value`.
        command: Program and arguments; what it prints is the value. No shell is involved.
        key: Entry of a value that is a JSON object or lines of `KEY=value`.
        timeout: For the command.
    """

    env: str | None = None
    file: str | None = None
    folder: str | None = None
    command: Annotated[list[str], msgspec.Meta(min_length=1)] | None = None
    key: str | None = None
    timeout: Duration = duration("10s")

    def __post_init__(self) -> None:
        given = [form for form in _FORMS if getattr(self, form) is not None]
        if len(given) != 1:
            raise InvalidConfigError(
                "a secret has one source",
                found=" and ".join(given) or "none",
                expected="exactly one of env, file, folder, command",
                suggestions=["write for example {env: DATABASE_URL}"],
            )


def read_source(name: str, source: SecretSource, folder: Path, key: str | None = None) -> str:
    """Return the value that a source has now; one line end at the end of a file or of printed text is not part of it.

    Args:
        name: The secret's name, for errors.
        source: Where to read.
        folder: Where relative paths and commands start.
        key: Which entry; of a folder alone, of all else it is taken from the value.

    Raises:
        NotFoundError: No such variable, file or program.
        DeniedError: The file may not be read.
        InvalidConfigError: The value is too long, or no UTF-8 text.
        ExecutionFailedError: The command failed.
        DeadlineExceededError: The command did not end in time.
    """
    if source.env is not None:
        return _from_environment(name, source.env)
    if source.folder is not None:
        return _text(name, _from_file(name, folder / source.folder / _entry_file(name, folder / source.folder, key)))
    data = _from_file(name, folder / source.file) if source.file else _from_command(name, source, folder)
    return _text(name, data)


def _text(name: str, data: bytes) -> str:
    if len(data) > VALUE_LIMIT:
        raise InvalidConfigError(
            f"secret '{name}': the value is too long", found="more", expected=f"at most {VALUE_LIMIT} bytes"
        )
    try:
        return data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:  # that error holds the whole value
        raise InvalidConfigError(f"secret '{name}': the value is not UTF-8 text", expected="UTF-8 text") from None


def unknown_secret(name: str, known: Iterable[str], store: Path | None = None) -> NotFoundError:
    """Return the error for a name that nothing defines; it says how to define it, and where that was looked for."""
    return NotFoundError(
        f"secret '{name}' is not known",
        found=name,
        expected=f"a name under spec.secrets of the Platform, or in {store or 'the store'}",
        suggestions=[f"outrider secret set {name}", *(f"did you mean '{near}'?" for near in near_names(name, known))],
    )


def _entry_file(name: str, folder: Path, key: str | None) -> str:
    if key is not None:
        if "/" in key or key.startswith("."):
            raise InvalidConfigError(
                f"secret '{name}': {key!r} is the name of no entry", found=key, expected="the name of a file"
            )
        return key
    try:
        # Kubernetes keeps the versions of a Secret in folders that begin with two dots.
        entries = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise NotFoundError(f"secret '{name}': there is no folder {folder}", found=str(folder)) from error
    if len(entries) == 1:
        return entries[0]
    if _USUAL_ENTRY in entries:
        return _USUAL_ENTRY
    raise InvalidConfigError(
        f"secret '{name}' has several entries, and none is named", found=", ".join(entries) or "none", expected="the name of one",
        suggestions=[f"write {{secret: {name}, key: {entries[0] if entries else _USUAL_ENTRY}}}"],
    )  # fmt: skip


def _from_environment(name: str, variable: str) -> str:
    value = os.environ.get(variable)
    if value is None:
        raise NotFoundError(
            f"secret '{name}': environment variable {variable} is not set",
            found="not set",
            expected=variable,
            suggestions=[f"export {variable}=..., then start again"],
        )
    return value


def _from_file(name: str, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(VALUE_LIMIT + 1)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFoundError(
            f"secret '{name}': there is no file {path}", found=str(path), suggestions=[f"write the file {path}"]
        ) from error
    except PermissionError as error:
        raise DeniedError(
            f"secret '{name}': {path} may not be read",
            found=str(path),
            suggestions=[f"ls -l {shlex.quote(str(path))}"],
        ) from error


def _from_command(name: str, source: SecretSource, folder: Path) -> bytes:
    """Run the command in this process's environment: programs that fetch secrets have their own secrets there."""
    argv = source.command or []
    command = run(argv, timeout=source.timeout, env=os.environ, cwd=folder, output_limit=VALUE_LIMIT + 1)
    try:
        with ThreadPoolExecutor(max_workers=1) as thread:  # the caller's own thread may run an event loop already
            done = thread.submit(asyncio.run, command).result()
    except OutriderError as error:
        raise type(error)(
            f"secret '{name}': {error.message}",
            found=error.found,
            expected=error.expected,
            suggestions=error.suggestions,
        ) from error
    if done.exit_code != 0:
        raise ExecutionFailedError(
            f"secret '{name}': '{argv[0]}' failed: {exit_text(done.exit_code)}",
            found=exit_text(done.exit_code),
            expected="exit code 0",
            suggestions=[f"run it by hand: {shlex.join(argv)}"],
        )
    return done.stdout
