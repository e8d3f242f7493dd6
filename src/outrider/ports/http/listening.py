"""Sockets to listen on, and what to do when there is none to be had."""

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from outrider.core.errors import ConflictError, InvalidConfigError, OutriderError

BACKLOG = 1024
MAX_PORT = 65535
MAX_UNIX_PATH = 107  # bytes, sun_path of sockaddr_un without its NUL


def listen_unix(path: Path, mode: int) -> tuple[socket.socket, int]:
    """Return a listening socket at `path` and the inode of its file; a file that nobody listens on any more is replaced.

    Args:
        path: Where other processes find it.
        mode: Permission bits; who cannot write to it cannot connect.

    Raises:
        InvalidConfigError: The path cannot hold a socket.
        ConflictError: Another process listens there, or something else is there.
    """
    if len(os.fsencode(path)) > MAX_UNIX_PATH:
        raise InvalidConfigError(
            f"the path of the socket {path} is longer than {MAX_UNIX_PATH} bytes",
            found=str(path),
            expected=f"at most {MAX_UNIX_PATH} bytes",
            suggestions=["use a folder with a shorter path"],
        )
    _clear_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Linux gives the file the mode of the descriptor, so that it is never more open than asked, not even for a moment.
        os.fchmod(listener.fileno(), mode)
        listener.bind(str(path))
        path.chmod(mode)  # the umask may have taken bits away
        inode = path.stat().st_ino
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise cannot_listen(f"unix:{path}", error) from error
    listener.setblocking(False)
    return listener, inode


def remove_unix(path: Path, inode: int) -> None:
    """Remove the socket file unless it is another one by now."""
    with suppress(FileNotFoundError):
        if path.stat().st_ino == inode:
            path.unlink()


def _clear_stale(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConflictError(
                f"cannot listen on unix:{path}: it exists and is no socket",
                suggestions=["choose another path, or remove what is there"],
            )
    except OSError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        # Only a refusal says that nobody listens; a full backlog (EAGAIN) or a missing permission does not.
        if probe.connect_ex(str(path)) == errno.ECONNREFUSED:
            with suppress(OSError):
                path.unlink()


def check_port(port: int) -> None:
    """Refuse what is no port.

    Raises:
        InvalidConfigError: It is none.
    """
    if not 0 <= port <= MAX_PORT:
        raise InvalidConfigError(f"{port} is not a port", path="port", found=str(port), expected=f"0 to {MAX_PORT}")


def cannot_listen(address: str, error: OSError | UnicodeError) -> OutriderError:
    """Return the error for an address that cannot be used, with a remedy."""
    reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return ConflictError(
            f"cannot listen on {address}: another process does",
            found=reason,
            suggestions=["stop the other process", "choose another address, for instance with port 0 for any free one"],
        )
    if number in (errno.EACCES, errno.EPERM):
        remedy = "choose a port from 1024 on, or a folder that this user may write to"
    else:
        remedy = "use an address of this machine, such as 127.0.0.1, or an existing folder"
    return InvalidConfigError(f"cannot listen on {address}: {reason}", found=reason, suggestions=[remedy])
