"""What every way of starting a program shares: checks, the environment, and the words for how it ended."""

import os
import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from outrider.core.errors import DeniedError, ExecutionFailedError, InvalidConfigError, NotFoundError

_INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR")


def base_environment() -> dict[str, str]:
    """Return what a program gets when its caller names no environment: where things are, and no secrets."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def checked_argv(argv: Sequence[str]) -> list[str]:
    """Return the arguments as a list.

    Raises:
        InvalidConfigError: Nothing to start, or a NUL character.
    """
    if not argv or not argv[0]:
        raise InvalidConfigError("argv: no program", found="[]", expected="a program and its arguments")
    for index, argument in enumerate(argv):
        if "\0" in argument:
            raise InvalidConfigError(
                f"argv[{index}]: holds a NUL character", path=f"argv[{index}]", found=repr(argument[:80])
            )
    return list(argv)


def not_found(program: str, environment: Mapping[str, str]) -> NotFoundError:
    """Return the error for a program that does not exist."""
    return NotFoundError(
        f"program '{program}' was not found",
        found=program,
        expected=f"a path, or a program in PATH ({environment.get('PATH', 'not set')})",
        suggestions=[f"install {program.rpartition('/')[2]}, or give its full path"],
    )


@contextmanager
def spawn_errors(
    argv: Sequence[str], environment: Mapping[str, str], cwd: os.PathLike[str] | str | None
) -> Iterator[None]:
    """Translate what the operating system says when a program cannot be started."""
    try:
        yield
    except FileNotFoundError as error:
        if cwd is not None and str(error.filename) == os.fspath(cwd):
            raise NotFoundError(
                f"folder {os.fspath(cwd)} does not exist", found=os.fspath(cwd), suggestions=["make the folder"]
            ) from error
        raise not_found(argv[0], environment) from error
    except PermissionError as error:
        if not _is_in_path(argv[0], environment):
            # A folder of PATH that may not be entered: the system says so instead of what was looked for (execvp(3)).
            raise not_found(argv[0], environment) from error
        raise DeniedError(
            f"'{argv[0]}' may not be started: {error.strerror}",
            found=str(error.filename or argv[0]),
            expected="an executable file in folders that may be entered",
            suggestions=[f"chmod +x {shlex.quote(argv[0])}"],
        ) from error
    except OSError as error:
        raise ExecutionFailedError(f"'{argv[0]}' could not be started: {error.strerror}", found=argv[0]) from error


def _is_in_path(program: str, environment: Mapping[str, str]) -> bool:
    """Return whether a program is a path, or a file in one of the folders of PATH that may be entered."""
    folders = environment.get("PATH", os.defpath).split(os.pathsep)
    return "/" in program or any(os.path.lexists(os.path.join(folder, program)) for folder in folders)  # noqa: PTH118


def exit_text(code: int) -> str:
    """Return how a process ended, such as `exit code 3` or `killed by SIGKILL`; a signal is a negative code."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
