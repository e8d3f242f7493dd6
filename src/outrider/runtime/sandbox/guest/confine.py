"""Confines this process step by step and then becomes the plugin; started by seal.py.

The order: cgroups and limits while there are rights for it, then the uid, then PR_SET_NO_NEW_PRIVS, Landlock and seccomp.
Landlock binds the calling thread and what it starts later, so no other thread exists by then (landlock(7)).

Without a pid namespace a keeper stays behind: this process forks, the child is confined and becomes the plugin, the parent
reaps whatever the plugin leaves behind and kills all of it when the plugin ends, when it gets SIGTERM, or when the agent
dies, however it dies (prctl(2), PR_SET_PDEATHSIG). The keeper sits in a Landlock domain that scopes signals, the plugin in
another inside of that one: so the plugin cannot signal its keeper, and `kill(-1)` of the keeper reaches the plugin with all
its descendants at once and nobody else. A fork bomb cannot outrun it.

Standard library only, and little of it: each import here costs every plugin start-up time, and its keeper memory. `signal`,
`json` and `typing` would be the largest (1 MB and 10 ms together), so this does without: `_signal` is the part of `signal`
in C, and the specification is marshalled, by the same interpreter.
"""

from __future__ import annotations

import ctypes
import marshal
import os
import resource
import stat
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn
else:
    signal = __import__("_signal")

NOT_CONFINED = 125
NOT_STARTED = 127

_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_SET_SECCOMP = 1, 8, 22
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 36, 38, 47
_PR_CAP_AMBIENT_RAISE, _SECCOMP_MODE_FILTER = 2, 2
_CAPABILITY_VERSION_3 = 0x20080522
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH, _RULE_NET_PORT = 1, 2
# EXECUTE, WRITE_FILE, READ_FILE, TRUNCATE and IOCTL_DEV: the kernel refuses other rights in a rule for a file.
_FILE_RIGHTS = 0b1100_0000_0000_0111
# The kernel may forget an inode of these and make a new one, which the rule would not cover: keep it open.
_VOLATILE = ("/proc/", "/sys/")
_DOOR_BACKLOG = 1024
_WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Kernel:
    """System calls that the standard library lacks; a failure is an OSError with the call's name."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def prctl(self, option: int, *arguments: int) -> None:
        """Set an attribute of this process; see the manual page of the same name."""
        words = [ctypes.c_ulong(word) for word in (*arguments, 0, 0, 0, 0)[:4]]
        self._checked(f"prctl({option})", self._libc.prctl(option, *words))

    def syscall(self, number: int, *arguments: int | bytes) -> int:
        """Make a call by its number; bytes are passed as their address."""
        words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
        return self._checked(f"system call {number}", self._libc.syscall(ctypes.c_long(number), *words))

    def keep_capabilities(self, numbers: Sequence[int]) -> None:
        """Drop all capabilities but these; capset(2)."""
        mask = sum(1 << number for number in numbers)
        low, high = mask & 0xFFFFFFFF, mask >> 32
        header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
        data = struct.pack("=6I", low, low, low, high, high, high)
        self._checked("capset", self._libc.capset(header, data))

    def filter_system_calls(self, program: bytes) -> None:
        """Install a seccomp filter; seccomp(2)."""
        instructions = ctypes.create_string_buffer(program, len(program))
        header = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
        sock_fprog = ctypes.create_string_buffer(header, len(header))
        self.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(sock_fprog))

    def _checked(self, name: str, result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{name}: {os.strerror(number)}")
        return result


def restrict(kernel: Kernel, ruleset: dict[str, Any]) -> None:
    """Enter a Landlock domain."""
    attributes = struct.pack("=QQQ", ruleset["fs"], ruleset["net"], ruleset["scoped"])
    handle = kernel.syscall(_LANDLOCK_CREATE_RULESET, attributes[: ruleset["size"]], ruleset["size"], 0)
    for path, rights in ruleset["paths"]:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _FILE_RIGHTS  # noqa: PLW2901 - narrowed for a file
        kernel.syscall(_LANDLOCK_ADD_RULE, handle, _RULE_PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
        if path.startswith(_VOLATILE):
            os.set_inheritable(descriptor, True)
        else:
            os.close(descriptor)
    for port, rights in ruleset["ports"]:
        kernel.syscall(_LANDLOCK_ADD_RULE, handle, _RULE_NET_PORT, struct.pack("=QQ", rights, port), 0)
    kernel.syscall(_LANDLOCK_RESTRICT_SELF, handle, 0)
    os.close(handle)


def change_user(kernel: Kernel, uid: int, capabilities: Sequence[int]) -> None:
    """Become another user for good, keeping only these capabilities."""
    kernel.prctl(_PR_SET_KEEPCAPS, 1 if capabilities else 0)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def keep(kernel: Kernel, *, scoped: bool, confined: bool) -> None:
    """Fork, return in the child, and stay behind as its keeper in the parent."""
    kernel.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    kernel.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    keeper = os.getpid()
    child = os.fork()
    if child:
        # An unconfined plugin may become any user, whom the keeper must be able to kill.
        if confined:
            kernel.keep_capabilities(())
        _stand_by(child, scoped=scoped)
    kernel.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:
        os._exit(NOT_STARTED)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
    os.setsid()


def _stand_by(child: int, *, scoped: bool) -> NoReturn:
    """Wait for the end of the plugin or the order to end it, leave nothing of it, and end as it did."""
    nothing = os.open("/dev/null", os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    status: int | None = None
    while status is None:
        status = _reap(child) if signal.sigwait(_WATCHED) == signal.SIGCHLD else signal.SIGKILL
    _sweep(scoped=scoped)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def _reap(child: int) -> int | None:
    """Reap all that ended; return the plugin's wait status if it was among them."""
    while (found := os.waitpid(-1, os.WNOHANG))[0]:
        if found[0] == child:
            return found[1]
    return None


def _sweep(*, scoped: bool) -> None:
    while True:
        for pid in [-1] if scoped else _children():
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        try:
            os.waitpid(-1, 0)
            # One look at all processes is for many of them.
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return


def _children() -> list[int]:
    """Return the children of this process, adopted ones too."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - pathlib is too heavy here
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:  # noqa: PTH123 - as above
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == os.getpid():
            found.append(int(entry))
    return found


def seal(kernel: Kernel, spec: dict[str, Any]) -> None:
    """Apply everything that the specification says; where there is a keeper, this returns in its child."""
    for number, value in spec["rlimits"]:
        hard = resource.getrlimit(number)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)  # noqa: PLW2901 - never above what is allowed
        resource.setrlimit(number, (value, value))
    if spec["uid"] is not None:
        change_user(kernel, spec["uid"], spec["capabilities"])
    kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if spec["keeper"]:
        if spec["keeper_ruleset"]:
            restrict(kernel, spec["keeper_ruleset"])
        keep(kernel, scoped=bool(spec["keeper_ruleset"]), confined=spec["confined"])
    if spec["confined"]:
        kernel.keep_capabilities(spec["capabilities"])
        for number in spec["capabilities"]:
            kernel.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, number)
    os.chdir(spec["folder"])
    if spec["ruleset"]:
        restrict(kernel, spec["ruleset"])
    if spec["filter"]:
        kernel.filter_system_calls(bytes.fromhex(spec["filter"]))


def open_door(port: int, descriptor: int) -> None:
    """Listen on a port of this network, and send what listens to whoever started this process; there it is served."""
    import _socket  # noqa: PLC0415 - `socket` would cost 4 ms, and most programs have no door

    listening = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listening.bind(("127.0.0.1", port))
    listening.listen(_DOOR_BACKLOG)
    end = _socket.socket(fileno=descriptor)
    end.sendmsg([b"d"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("=i", listening.fileno()))])
    end.close()
    listening.close()


def read_spec(descriptor: int) -> dict[str, Any]:
    """Read the specification, and leave the pipe open as a sign of life of the agent."""
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        try:
            spec: dict[str, Any] = marshal.load(file)  # noqa: S302 - from the agent, over a pipe of its own
        except EOFError:
            os._exit(NOT_STARTED)
    return spec


def require_agent(lifeline: int) -> None:
    """End here if the agent died before its death would have been signalled to this process."""
    os.set_blocking(lifeline, False)
    try:
        os.read(lifeline, 1)
    except BlockingIOError:
        os.close(lifeline)
    else:
        os._exit(NOT_STARTED)


def run(spec: dict[str, Any]) -> None:
    """Become the program, or run a Python file in this very interpreter."""
    program: list[str] = spec["program"]
    if not spec["python"]:
        _execute(program, spec["env"])
    from importlib.machinery import SourceFileLoader  # noqa: PLC0415 - not needed by other programs

    sys.argv = program
    sys.path[:0] = spec["python_path"]
    module = type(sys)("__main__")
    module.__file__ = program[0]
    sys.modules["__main__"] = module
    SourceFileLoader("__main__", program[0]).exec_module(module)


def _execute(program: list[str], env: dict[str, str]) -> NoReturn:
    """Replace this process, with the signal handling of a fresh one."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        os.execvpe(program[0], program, env)  # noqa: S606 - no shell is the point
    except OSError as error:
        _fail(f"cannot start {program[0]}: {error.strerror}", NOT_STARTED)


def _fail(text: str, status: int) -> NoReturn:
    sys.stderr.write(f"sandbox: {text}\n")
    sys.stderr.flush()
    os._exit(status)


def main(lifeline: int, wait_until_joined: Callable[[], None]) -> None:
    """Confine this process and run the program.

    Args:
        lifeline: Read end of the pipe that holds the specification.
        wait_until_joined: Returns once this process is in its cgroups and has one thread only.
    """
    spec = read_spec(lifeline)
    try:
        wait_until_joined()
        if "door" in spec:
            open_door(*spec["door"])
        seal(Kernel(), spec)
    except OSError as error:
        _fail(f"not confined: {error.strerror} {error.filename or ''}".rstrip(), NOT_CONFINED)
    require_agent(lifeline)
    run(spec)
