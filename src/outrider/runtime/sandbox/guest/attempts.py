"""Tries inside a sandbox what a hostile plugin would try, and what every plugin needs.

It reads one line of JSON (where the agent's things are, and which attempts to leave out) from stdin and writes one to stdout:
`[[name, kind, succeeded, detail], ...]`. Every attempt that changes something takes it back. Standard library only.
"""

import ctypes
import errno
import json
import mmap
import os
import socket
import struct
import sys
import tempfile
from collections.abc import Callable
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_PTRACE_SEIZE = 0x4206
_CLONE_NEWUSER = 0x10000000
_MSG_FASTOPEN = 0x20000000
_IPPROTO_MPTCP = 262
_MIB = 1024 * 1024
Target = dict[str, Any]


def _call(target: Target, name: str, *arguments: int | bytes) -> int:
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    result: int = _LIBC.syscall(ctypes.c_long(target["calls"][name]), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def _in_child(work: Callable[[], object]) -> int:
    """Do it in a child process and return the child's wait status; an OSError there is one here."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise OSError(os.WEXITSTATUS(status), "in a child")
    return status


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib is heavy
        return file.read(4096)


def _make(folder: str) -> None:
    path = f"{folder}/outrider-probe-{os.getpid()}"
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    os.unlink(path)  # noqa: PTH108 - as above


def _same_pids(target: Target) -> int:
    """Return the agent's pid if it means the agent here; in another pid namespace it is nobody or somebody else."""
    if os.readlink("/proc/self/ns/pid") != target["pid_namespace"]:  # noqa: PTH115 - not a path of a file
        raise OSError(errno.ESRCH, "own pid namespace")
    pid: int = target["agent"]
    return pid


def _agent_environment(target: Target) -> None:
    if not _read(f"/proc/{_same_pids(target)}/environ"):
        raise OSError(errno.ENODATA, "empty")


def _first_environment(target: Target) -> str:
    names = {part.partition(b"=")[0].decode() for part in _read("/proc/1/environ").split(b"\0") if part}
    foreign = names - set(target["env"])
    if not foreign:
        raise OSError(errno.ENODATA, "nothing foreign")
    return f"{len(foreign)} variables"


def _list_processes(target: Target) -> None:
    if str(_same_pids(target)) not in os.listdir("/proc"):  # noqa: PTH208 - as above
        raise OSError(errno.ESRCH, "not listed")


def _trace(target: Target) -> None:
    agent = _same_pids(target)
    _in_child(lambda: _call(target, "ptrace", _PTRACE_SEIZE, agent, 0, 0))


def _connect(family: int, kind: int, address: Any, protocol: int = 0) -> None:
    with socket.socket(family, kind, protocol) as opened:
        opened.settimeout(2)
        opened.connect(address)


def _fast_open(port: int) -> None:
    # Blocking: what goes on in the background would not be seen.
    with socket.socket() as opened:
        opened.sendto(b"x", _MSG_FASTOPEN, ("127.0.0.1", port))


def _send_datagram(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.sendto(b"x", ("127.0.0.1", port))


def _redirect_pair(path: str) -> None:
    first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with first, second:
        first.connect(path)


def _listen(port: int) -> None:
    with socket.socket() as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(("127.0.0.1", port))
        opened.listen()


def _mount(target: Target) -> None:
    def work() -> None:
        _call(target, "mount", b"none", os.fsencode(os.getcwd()), b"tmpfs", 0, b"")  # noqa: PTH109 - as above
        _call(target, "umount2", os.fsencode(os.getcwd()), 2)  # noqa: PTH109 - as above

    _in_child(work)


def _performance_event(target: Target) -> None:
    attributes = struct.pack("=IIQ", 1, 112, 0).ljust(112, b"\0")
    os.close(_call(target, "perf_event_open", attributes, 0, -1, -1, 0))


def _shared_memory(target: Target) -> None:
    segment = _call(target, "shmget", 0, 4096, 0o1600)
    _call(target, "shmctl", segment, 0, 0)


def _allocate(size: int) -> None:
    def work() -> None:
        with mmap.mmap(-1, size) as memory:
            for offset in range(0, size, mmap.PAGESIZE):
                memory[offset] = 1

    if os.WIFSIGNALED(_in_child(work)):
        raise OSError(errno.ENOMEM, "killed")


def _fork_many(count: int) -> None:
    hold_read, hold_write = os.pipe()
    children = []
    try:
        for _ in range(count):
            child = os.fork()
            if child == 0:
                os.close(hold_write)
                os.read(hold_read, 1)
                os._exit(0)
            children.append(child)
    finally:
        os.close(hold_write)
        os.close(hold_read)
        for child in children:
            os.waitpid(child, 0)


def _write_far(size: int) -> None:
    with tempfile.TemporaryFile() as file:
        os.pwrite(file.fileno(), b"x", size)


def _open_many(count: int) -> None:
    opened: list[int] = []
    try:
        opened.extend(os.open("/dev/null", os.O_RDONLY) for _ in range(count))
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _start_program() -> None:
    status = os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", "exit 0"], os.environ), 0)[1]
    if status:
        raise OSError(errno.ENOEXEC, f"status {status}")


def _start_thread() -> None:
    import threading  # noqa: PLC0415 - after the seal, as plugins do

    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def _pair() -> None:
    first, second = socket.socketpair()
    first.close()
    second.close()


def forbidden(target: Target) -> dict[str, Callable[[], object]]:
    """Return what must be refused to a program without any grant."""
    internet, local, stream = socket.AF_INET, socket.AF_UNIX, socket.SOCK_STREAM
    parameters = ctypes.create_string_buffer(120).raw
    return {
        "read /etc/shadow": lambda: _read("/etc/shadow"),
        "read the agent's key": lambda: _read(target["key"]),
        "write /etc": lambda: _make("/etc"),
        "write the shared temporary folder": lambda: _make(target["shared"]),
        "read the agent's environment": lambda: _agent_environment(target),
        "read the environment of process 1": lambda: _first_environment(target),
        "list processes of the host": lambda: _list_processes(target),
        "signal the agent": lambda: os.kill(_same_pids(target), 0),
        "trace the agent": lambda: _trace(target),
        "set limits of the agent": lambda: _call(target, "prlimit64", _same_pids(target), 7, 0, 0),
        "TCP to the host": lambda: _connect(internet, stream, ("127.0.0.1", target["tcp"])),
        "UDP to the host": lambda: _send_datagram(target["udp"]),
        "abstract socket of the agent": lambda: _connect(local, stream, "\0" + target["abstract"]),
        "path socket of the agent": lambda: _connect(local, stream, target["stream"]),
        "path socket by a redirected pair": lambda: _redirect_pair(target["datagram"]),
        "user namespace": lambda: _in_child(lambda: _call(target, "unshare", _CLONE_NEWUSER)),
        "mount": lambda: _mount(target),
        "bpf": lambda: os.close(_call(target, "bpf", 0, struct.pack("=4I", 2, 4, 4, 1), 16)),
        "io_uring": lambda: os.close(_call(target, "io_uring_setup", 1, parameters)),
        "keyctl": lambda: _call(target, "keyctl", 0, -3, 1),
        "perf_event_open": lambda: _performance_event(target),
        "userfaultfd": lambda: os.close(_call(target, "userfaultfd", 1)),
        "System V shared memory": lambda: _shared_memory(target),
    }


def needed(target: Target) -> dict[str, Callable[[], object]]:
    """Return what must work for every program."""
    return {
        "write in the work folder": lambda: _make(target["work_dir"]),
        "temporary files": lambda: tempfile.TemporaryFile().close(),
        "read its own folder": lambda: _read(__file__),
        "start a program": _start_program,
        "start a thread": _start_thread,
        "pair of stream sockets": _pair,
    }


def network(target: Target) -> dict[str, tuple[str, Callable[[], object]]]:
    """Return what is tried where one port to connect to, and one to listen on, are granted."""
    internet, stream = socket.AF_INET, socket.SOCK_STREAM
    granted, other = ("127.0.0.1", target["granted"]), ("127.0.0.1", target["tcp"])
    return {
        "granted: connect to the port": ("needed", lambda: _connect(internet, stream, granted)),
        "granted: listen on the port": ("needed", lambda: _listen(target["listen"])),
        "granted: connect to another port": ("forbidden", lambda: _connect(internet, stream, other)),
        "granted: another port by MPTCP": ("forbidden", lambda: _connect(internet, stream, other, _IPPROTO_MPTCP)),
        "granted: another port by fast open": ("forbidden", lambda: _fast_open(target["tcp"])),
        "granted: listen on any port": ("forbidden", lambda: _listen(0)),
        "granted: UDP": ("forbidden", lambda: _send_datagram(target["udp"])),
        "granted: path socket of the agent": (
            "forbidden",
            lambda: _connect(socket.AF_UNIX, stream, target["stream"]),
        ),
    }


def limits(target: Target) -> dict[str, tuple[str, Callable[[], object]]]:
    """Return attempts to exceed the limits in `target["limits"]`, by the names of the limits."""
    bound = target["limits"]
    tries: dict[str, tuple[str, Callable[[], object]]] = {
        "memory": ("allocate beyond the limit", lambda: _allocate(bound["memory"] + 32 * _MIB)),
        "pids": ("fork beyond the limit", lambda: _fork_many(bound["pids"] + 1)),
        "open_files": ("open files beyond the limit", lambda: _open_many(bound["open_files"])),
        "file_size": ("write a file beyond the limit", lambda: _write_far(bound["file_size"])),
    }
    return {name: attempt for name, attempt in tries.items() if name in bound}


def outcome(attempt: Callable[[], object]) -> tuple[bool, str]:
    """Return whether it could be done, and what was seen or refused it."""
    try:
        seen = attempt()
    except OSError as error:
        return False, errno.errorcode.get(error.errno or 0, str(error))
    return True, seen if isinstance(seen, str) else ""


def main() -> None:
    """Run as a program; see the top of this file."""
    target: Target = json.loads(sys.stdin.readline())
    tries: list[tuple[str, str, Callable[[], object]]] = []
    if target["network"]:
        tries += [(name, kind, attempt) for name, (kind, attempt) in network(target).items()]
    else:
        tries += [(name, "forbidden", attempt) for name, attempt in forbidden(target).items()]
        tries += [(name, "needed", attempt) for name, attempt in needed(target).items()]
        tries += [(name, "limit", attempt) for name, attempt in limits(target).values()]
    results = [(name, kind, *outcome(attempt)) for name, kind, attempt in tries]
    sys.stdout.write(json.dumps(results) + "\n")


main()
