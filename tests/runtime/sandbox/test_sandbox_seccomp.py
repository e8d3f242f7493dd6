import errno
import re
from pathlib import Path

import pytest

from outrider.core.errors import UnsupportedError
from outrider.runtime.sandbox.model import Grants
from outrider.runtime.sandbox.seccomp import ALLOW, ERRNO, KILL, seccomp_filter
from outrider.runtime.sandbox.syscalls import ARCHITECTURES, FORBIDDEN, JUDGED, Architecture
from tests.runtime.sandbox.bpf_machine import call, run

PERMISSION, FAMILY, UNKNOWN = (ERRNO | code for code in (errno.EPERM, errno.EAFNOSUPPORT, errno.ENOSYS))
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
# Numbers of ordinary calls: read, write, openat, mmap, exit_group, futex, prctl, kill, landlock_restrict_self.
ORDINARY = {"x86_64": (0, 1, 257, 9, 231, 202, 157, 62, 446), "aarch64": (63, 64, 56, 222, 94, 98, 167, 129, 446)}
BOTH = pytest.mark.parametrize("machine", list(ARCHITECTURES.values()), ids=lambda machine: machine.name)
NONE, CLIENT = Grants(), Grants(connect_ports=[443], dns=False)
RESOLVING, SERVER = Grants(connect_ports=[443]), Grants(listen_ports=[8080])


def verdict(machine: Architecture, grants: Grants, name: str | int, *arguments: int) -> int:
    number = name if isinstance(name, int) else machine.numbers[name]
    return run(seccomp_filter(machine.name, grants), call(machine.audit, number, *arguments))


@BOTH
@pytest.mark.parametrize("grants", [NONE, CLIENT, RESOLVING, SERVER])
def test_forbidden_calls(machine: Architecture, grants: Grants) -> None:
    names = [name for name in FORBIDDEN if name in machine.numbers]
    assert {verdict(machine, grants, name) for name in names} == {PERMISSION}
    assert len(names) > 70


@BOTH
def test_ordinary_calls(machine: Architecture) -> None:
    assert {verdict(machine, NONE, number, 5, 5, 5) for number in ORDINARY[machine.name]} == {ALLOW}


@BOTH
def test_another_architecture_is_killed(machine: Architecture) -> None:
    program = seccomp_filter(machine.name, NONE)
    assert {run(program, call(audit, 0)) for audit in (0x40000003, 0x40000028, 0)} == {KILL}


def test_the_second_table_of_x86_does_not_exist() -> None:
    assert verdict(ARCHITECTURES["x86_64"], NONE, 0x40000000 + 101) == UNKNOWN


@BOTH
def test_new_namespaces(machine: Architecture) -> None:
    flags = (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
    assert {verdict(machine, NONE, "clone", flag | 17) for flag in flags} == {PERMISSION}
    assert verdict(machine, NONE, "clone", 0x3D0F00) == ALLOW, "a thread"
    assert verdict(machine, NONE, "clone3", 0) == UNKNOWN


@BOTH
@pytest.mark.parametrize(
    ("grants", "arguments", "expected"),
    [
        (NONE, (2, 1, 0), FAMILY),
        (NONE, (1, 1, 0), FAMILY),
        (NONE, (16, 3, 0), FAMILY),
        (CLIENT, (2, 1, 0), ALLOW),
        (CLIENT, (10, 1 | 0o2004000, 6), ALLOW),
        (CLIENT, (2, 1, 262), PERMISSION),
        (CLIENT, (2, 1, 132), PERMISSION),
        (CLIENT, (2, 2, 0), PERMISSION),
        (CLIENT, (2, 3, 1), PERMISSION),
        (CLIENT, (1, 1, 0), FAMILY),
        (CLIENT, (16, 3, 0), FAMILY),
        (CLIENT, (40, 1, 0), FAMILY),
        (RESOLVING, (2, 2, 17), ALLOW),
        (RESOLVING, (10, 2 | 0o2000000, 0), ALLOW),
        (RESOLVING, (2, 2, 1), PERMISSION),
        (SERVER, (2, 1, 0), ALLOW),
        (SERVER, (2, 2, 0), PERMISSION),
    ],
)
def test_sockets(machine: Architecture, grants: Grants, arguments: tuple[int, ...], expected: int) -> None:
    assert verdict(machine, grants, "socket", *arguments) == expected


@BOTH
@pytest.mark.parametrize(
    ("family", "kind", "expected"),
    [(1, 1, ALLOW), (1, 5 | 0o2000000, ALLOW), (1, 2, PERMISSION), (1, 3, PERMISSION), (2, 1, FAMILY)],
)
def test_pairs(machine: Architecture, family: int, kind: int, expected: int) -> None:
    assert verdict(machine, NONE, "socketpair", family, kind) == expected


@BOTH
def test_fast_open_passes_no_port_rule(machine: Architecture) -> None:
    flag = 0x20000000
    for name, place in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)):
        arguments = [0] * place
        assert verdict(machine, CLIENT, name, *arguments, flag | 0x4000) == PERMISSION
        assert verdict(machine, CLIENT, name, *arguments, 0x4000) == ALLOW


@BOTH
def test_listening(machine: Architecture) -> None:
    assert [verdict(machine, grants, "listen", 3) for grants in (NONE, RESOLVING, SERVER)] == [
        PERMISSION,
        PERMISSION,
        ALLOW,
    ]


@BOTH
@pytest.mark.parametrize("name", ["prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setattr"])
def test_only_itself(machine: Architecture, name: str) -> None:
    assert [verdict(machine, NONE, name, pid) for pid in (0, 1, -1)] == [ALLOW, PERMISSION, PERMISSION]


@BOTH
def test_priorities(machine: Architecture) -> None:
    tries = [
        ("setpriority", 0, 0),
        ("setpriority", 0, 5),
        ("setpriority", 2, 0),
        ("ioprio_set", 1, 0),
        ("ioprio_set", 3, 0),
    ]
    verdicts = [verdict(machine, NONE, name, *arguments) for name, *arguments in tries]
    assert verdicts == [ALLOW, PERMISSION, PERMISSION, ALLOW, PERMISSION]


@pytest.mark.parametrize("name", [name for name, path in HEADERS.items() if path.exists()])
def test_numbers_are_those_of_the_headers(name: str) -> None:
    text = HEADERS[name].read_text(encoding="utf-8")
    known = {match[1]: int(match[2]) for match in re.finditer(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    listed = ARCHITECTURES[name].numbers
    wrong = {call: (listed[call], known[call]) for call in listed.keys() & known.keys() if listed[call] != known[call]}
    assert not wrong
    assert len(listed.keys() & known.keys()) > 70


def test_from_424_on_both_count_alike() -> None:
    for name, (first, second) in (FORBIDDEN | JUDGED).items():
        if (first or 0) >= 424 or (second or 0) >= 424:
            assert first == second, name


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="no system call filter"):
        seccomp_filter("riscv64", NONE)
