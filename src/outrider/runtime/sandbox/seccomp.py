"""The system call filter of a confined program (seccomp(2)), beside Landlock and the namespaces.

It also closes what Landlock leaves open: path sockets of AF_UNIX (no socket of that family can be made, and the pairs that
can be made cannot be connected elsewhere), MPTCP and TCP fast open, which pass the port rules of Landlock, listening without
a bound port, and limits, priorities and processor masks of other processes of the same user.
"""

import errno
import functools

from outrider.core.errors import UnsupportedError
from outrider.runtime.sandbox.bpf import JEQ, JGE, JSET, And, Jump, Label, Line, Load, Return, assemble
from outrider.runtime.sandbox.model import Grants
from outrider.runtime.sandbox.syscalls import ARCHITECTURES, FORBIDDEN, Architecture

ALLOW = 0x7FFF0000
KILL = 0x80000000
ERRNO = 0x00050000
_NR, _ARCH = 0, 4
_X32_BIT = 0x40000000
# Every CLONE_NEW* flag (linux/sched.h).
_CLONE_NEW = 0x7E020080
_MSG_FASTOPEN = 0x20000000
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_SOCK_STREAM, _SOCK_DGRAM, _SOCK_SEQPACKET = 1, 2, 5
_SOCK_TYPE_MASK = 0xF
_IPPROTO_TCP, _IPPROTO_UDP = 6, 17
_IOPRIO_WHO_PROCESS = 1
# Calls whose first argument must be 0, which is the caller itself.
_ONLY_SELF = ("prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr")
# Place of the flags among the arguments.
_SEND_FLAGS = {"sendto": 3, "sendmsg": 2, "sendmmsg": 3}


def seccomp_filter(machine: str, grants: Grants) -> bytes:
    """Return the filter program.

    Args:
        machine: As `os.uname().machine` says.
        grants: What of the network is granted.

    Raises:
        UnsupportedError: The numbers of this machine's system calls are not known.
    """
    architecture = ARCHITECTURES.get(machine)
    if architecture is None:
        raise UnsupportedError(
            "sandbox: no system call filter for this machine", found=machine, expected=" or ".join(ARCHITECTURES)
        )
    tcp = bool(grants.connects or grants.listen_ports)
    return _build(machine, tcp=tcp, udp=bool(grants.connect_ports) and grants.dns, listens=bool(grants.listen_ports))


@functools.cache
def _build(machine: str, *, tcp: bool, udp: bool, listens: bool) -> bytes:
    architecture = ARCHITECTURES[machine]
    lines = [*_dispatch(architecture, listens=listens), *_clone(), *_sockets(tcp=tcp, udp=udp)]
    for name, flags in _SEND_FLAGS.items():
        lines += [Label(name), Load(_argument(flags)), Jump(JSET, _MSG_FASTOPEN, "deny", "allow")]
    lines += [Label("only self"), Load(_argument(0)), Jump(JEQ, 0, "allow", "deny")]
    lines += _priorities()
    lines += [Label("allow"), Return(ALLOW), Label("deny"), Return(ERRNO | errno.EPERM)]
    lines += [Label("unknown"), Return(ERRNO | errno.ENOSYS), Label("no family"), Return(ERRNO | errno.EAFNOSUPPORT)]
    lines += [Label("kill"), Return(KILL)]
    return assemble(lines)


def _argument(index: int) -> int:
    """Offset of the low word of an argument; both machines are little endian."""
    return 16 + 8 * index


def _dispatch(architecture: Architecture, *, listens: bool) -> list[Line]:
    numbers = architecture.numbers
    lines: list[Line] = [Load(_ARCH), Jump(JEQ, architecture.audit, "", "kill"), Load(_NR)]
    if architecture.x32:
        lines.append(Jump(JGE, _X32_BIT, "unknown"))
    lines += [Jump(JEQ, numbers[name], "deny") for name in FORBIDDEN if name in numbers]
    # Its flags lie in memory, where a filter cannot look; the C library falls back to clone.
    lines.append(Jump(JEQ, numbers["clone3"], "unknown"))
    if not listens:
        lines.append(Jump(JEQ, numbers["listen"], "deny"))
    lines += [Jump(JEQ, numbers[name], "only self") for name in _ONLY_SELF]
    judged = ("clone", "socket", "socketpair", *_SEND_FLAGS, "setpriority", "ioprio_set")
    lines += [Jump(JEQ, numbers[name], name) for name in judged]
    return [*lines, Return(ALLOW)]


def _clone() -> list[Line]:
    return [Label("clone"), Load(_argument(0)), Jump(JSET, _CLONE_NEW, "deny", "allow")]


def _sockets(*, tcp: bool, udp: bool) -> list[Line]:
    lines: list[Line] = [Label("socket")]
    if tcp:
        lines += [
            Load(_argument(0)), Jump(JEQ, _AF_INET, "internet"), Jump(JEQ, _AF_INET6, "internet", "no family"),
            Label("internet"), Load(_argument(1)), And(_SOCK_TYPE_MASK),
            Jump(JEQ, _SOCK_STREAM, "stream"), Jump(JEQ, _SOCK_DGRAM, "datagram" if udp else "deny", "deny"),
            Label("stream"), Load(_argument(2)), Jump(JEQ, 0, "allow"), Jump(JEQ, _IPPROTO_TCP, "allow", "deny"),
            Label("datagram"), Load(_argument(2)), Jump(JEQ, 0, "allow"), Jump(JEQ, _IPPROTO_UDP, "allow", "deny"),
        ]  # fmt: skip
    else:
        lines.append(Return(ERRNO | errno.EAFNOSUPPORT))
    # A pair of datagram sockets could be connected to any path; one of streams stays connected for ever.
    return [
        *lines, Label("socketpair"), Load(_argument(0)), Jump(JEQ, _AF_UNIX, "", "no family"),
        Load(_argument(1)), And(_SOCK_TYPE_MASK),
        Jump(JEQ, _SOCK_STREAM, "allow"), Jump(JEQ, _SOCK_SEQPACKET, "allow", "deny"),
    ]  # fmt: skip


def _priorities() -> list[Line]:
    return [
        Label("setpriority"), Load(_argument(0)), Jump(JEQ, 0, "own", "deny"),
        Label("ioprio_set"), Load(_argument(0)), Jump(JEQ, _IOPRIO_WHO_PROCESS, "own", "deny"),
        Label("own"), Load(_argument(1)), Jump(JEQ, 0, "allow", "deny"),
    ]  # fmt: skip
