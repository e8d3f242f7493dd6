"""What a file of calls may see of the machine that reads it, and the built-in functions that show it."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from outrider.core.codec import decode_document
from outrider.core.errors import DeniedError, InvalidConfigError, NotFoundError
from outrider.core.timestamps import timestamp

MAX_FILE = 1024 * 1024
_FORMATS = frozenset("YmdHMSjyBbAaIpZ%")


class MissingValueError(NotFoundError):
    """A variable or a field that is not there; `||` gives another value in its place."""


class Surroundings(msgspec.Struct, kw_only=True):
    """The world of one evaluation.

    Attributes:
        environment: Variables that `@env` may read.
        variables: What `@var` gives.
        folder: Root for `@file`; no file may be read without one.
        now: Seconds since the epoch, the same in the whole file.
    """

    environment: Mapping[str, str] = {}
    variables: Mapping[str, Any] = {}
    folder: Path | None = None
    now: float


def lookup(surroundings: Surroundings, scope: str, name: str) -> Any:
    """Return a variable.

    Raises:
        MissingValueError: It is not set.
    """
    values = surroundings.environment if scope == "env" else surroundings.variables
    if name not in values:
        kind = "environment variable" if scope == "env" else "variable"
        raise MissingValueError(
            f"the {kind} {name} is not set", found="nothing", expected=name,
            suggestions=[f'write @{scope}.{name} || "default"', f"give it with --var {name}=..." if scope == "var" else f"set {name}"],
        )  # fmt: skip
    return values[name]


def _env(surroundings: Surroundings, arguments: Sequence[Any]) -> Any:
    name, *default = _arguments("env", arguments, 1, 2)
    if name not in surroundings.environment and default:
        return default[0]
    return lookup(surroundings, "env", _text("env", name))


def _var(surroundings: Surroundings, arguments: Sequence[Any]) -> Any:
    name, *default = _arguments("var", arguments, 1, 2)
    if name not in surroundings.variables and default:
        return default[0]
    return lookup(surroundings, "var", _text("var", name))


def _secret(surroundings: Surroundings, arguments: Sequence[Any]) -> Any:
    """Return the handle: who needs the value opens it."""
    del surroundings
    (name,) = _arguments("secret", arguments, 1, 1)
    return {"secret": _text("secret", name)}


def _file(surroundings: Surroundings, arguments: Sequence[Any]) -> Any:
    (given,) = _arguments("file", arguments, 1, 1)
    name = _text("file", given)
    if surroundings.folder is None:
        raise DeniedError("@file reads nothing here", found=name, suggestions=["put the text into the call"])
    root = surroundings.folder.resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise DeniedError(
            f"@file: {name} is outside the folder of the file", found=name, expected=f"a file below {root}",
            suggestions=["copy it into the folder"],
        )  # fmt: skip
    try:
        data = path.read_bytes()[: MAX_FILE + 1] if path.is_file() else None
    except OSError as error:
        raise NotFoundError(f"@file: {name}: {error.strerror}", found=name, suggestions=["check its mode"]) from error
    if data is None:
        raise MissingValueError(f"@file: there is no file {name}", found=name, suggestions=["check the path"])
    if len(data) > MAX_FILE:
        raise InvalidConfigError(f"@file: {name} is larger than 1 MiB", found=name, suggestions=["use a smaller file"])
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidConfigError(
            f"@file: {name} is not UTF-8 text", found=name, suggestions=["save it as UTF-8"]
        ) from error


def _json(surroundings: Surroundings, arguments: Sequence[Any]) -> Any:
    del surroundings
    (text,) = _arguments("json", arguments, 1, 1)
    return decode_document(_text("json", text).encode())


def _date(surroundings: Surroundings, arguments: Sequence[Any]) -> Any:
    (given,) = _arguments("date", arguments, 1, 1)
    form = _text("date", given)
    if form == "iso":
        return timestamp(surroundings.now)
    letters = form.split("%")[1:]
    unknown = [letter[:1] for letter in form.replace("%%", "").split("%")[1:] if letter[:1] not in _FORMATS]
    if not letters or unknown:
        raise InvalidConfigError(
            f"date: unknown format {form!r}", found=form, expected='"iso", or letters such as %Y-%m-%d %H:%M:%S',
            suggestions=['write @date("iso")'],
        )  # fmt: skip
    return time.strftime(form, time.gmtime(surroundings.now))


def _arguments(name: str, arguments: Sequence[Any], least: int, most: int) -> Sequence[Any]:
    if not least <= len(arguments) <= most:
        raise InvalidConfigError(
            f"@{name}: {len(arguments)} arguments", found=f"{len(arguments)}",
            expected=f"{least}" if least == most else f"{least} or {most}",
            suggestions=[f'write @{name}("...")'],
        )  # fmt: skip
    return arguments


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidConfigError(
            f"@{name}: its argument is no text", found=type(value).__name__, expected="text", suggestions=[f'write @{name}("...")']
        )  # fmt: skip
    return value


FUNCTIONS: dict[str, Callable[[Surroundings, Sequence[Any]], Any]] = {
    "env": _env, "var": _var, "secret": _secret, "file": _file, "json": _json, "date": _date,
}  # fmt: skip
