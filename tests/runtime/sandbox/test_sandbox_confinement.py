"""Hostile programs at every level that this machine offers."""

import asyncio
import os
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from outrider.runtime.sandbox.model import MIB, Grants, Level, Limits
from outrider.runtime.sandbox.paths import interpreter
from outrider.runtime.sandbox.syscalls import ARCHITECTURES, FORBIDDEN
from tests.runtime.sandbox.box import Box, offered

pytestmark = [pytest.mark.real, pytest.mark.parametrize("level", offered(), ids=lambda level: level.label)]
ROOT = os.geteuid() == 0


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def outcome(box: Box, level: Level, work: str, grants: Grants | None = None) -> str:
    return (await box.run(level, f"import socket\nattempt(lambda: {work})", grants=grants)).output


async def test_files_of_others_are_out_of_reach(box: Box, level: Level) -> None:
    (box.folder / "key").write_text("secret")
    (box.folder / "key").chmod(0o600)
    for path in ("/etc/shadow", box.folder / "key", Path(__file__).resolve(), "/etc/passwd", "/root"):
        assert await outcome(box, level, f"os.open({str(path)!r}, os.O_RDONLY)") in ("EACCES", "ENOENT")


@pytest.mark.parametrize("folder", ["/etc", "/tmp", "/usr", "/dev/shm", "/"])
async def test_nothing_is_written_elsewhere(box: Box, level: Level, folder: str) -> None:
    path = f"{folder}/outrider-test-{os.getpid()}"
    found = await outcome(box, level, f"os.open({path!r}, os.O_CREAT | os.O_WRONLY)")
    assert found in ("EACCES", "EROFS", "ENOENT")
    assert not Path(path).exists()


async def test_its_own_folder_is_not_writable(box: Box, level: Level) -> None:
    assert await outcome(box, level, f"os.open({str(box.plugin / 'x')!r}, os.O_CREAT | os.O_WRONLY)") in (
        "EACCES",
        "EROFS",
    )
    assert await outcome(box, level, f"os.truncate({str(box.plugin / 'plugin0.py')!r}, 0)") in ("EACCES", "EROFS")


async def test_what_it_writes_it_cannot_start(box: Box, level: Level) -> None:
    source = """
    with open("tool", "w") as file:
        file.write("#!/bin/sh\\nexit 0\\n")
    os.chmod("tool", 0o755)
    attempt(lambda: os.posix_spawn("./tool", ["tool"], {}))
    """
    assert (await box.run(level, source)).output == "EACCES"


async def test_a_read_grant_is_for_reading_only(box: Box, level: Level) -> None:
    shared = box.folder / "shared"
    shared.mkdir()
    (shared / "log").write_text("line")
    (shared / "log").chmod(0o600)
    grants = Grants(read_paths=[str(shared)])
    assert await outcome(box, level, f"print(open({str(shared / 'log')!r}).read())", grants) == "line\npossible"
    assert await outcome(box, level, f"open({str(shared / 'log')!r}, 'a')", grants) in ("EACCES", "EROFS")
    assert await outcome(box, level, f"os.unlink({str(shared / 'log')!r})", grants) in ("EACCES", "EROFS")


async def test_a_write_grant_covers_its_folder_only(box: Box, level: Level) -> None:
    shared = box.folder / "shared"
    shared.mkdir(mode=0o700)
    grants = Grants(write_paths=[str(shared)])
    assert await outcome(box, level, f"open({str(shared / 'report')!r}, 'w').write('x')", grants) == "possible"
    assert (shared / "report").read_text() == "x"
    assert await outcome(box, level, f"open({str(box.folder / 'beside')!r}, 'w')", grants) in ("EACCES", "EROFS")


async def test_a_granted_file_of_proc_stays_readable(box: Box, level: Level) -> None:
    """Landlock ties a rule to an inode, and procfs makes a new one for a path that nobody holds open."""
    source = "print([os.readlink(f'/proc/self/fd/{n}') for n in range(3, 64) if os.path.exists(f'/proc/self/fd/{n}')])"
    found = await box.run(level, source, grants=Grants(read_paths=["/proc/loadavg"]))
    assert found.output == "['/proc/loadavg']"
    assert await outcome(box, level, "open('/proc/loadavg').read()", Grants(read_paths=["/proc/loadavg"])) == "possible"


async def test_no_environment_of_others(box: Box, level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTRIDER_TEST_TOKEN", "secret")
    source = f"""
    print(sorted(os.environ))
    for pid in ({os.getpid()}, os.getppid(), 1):
        try:
            print(pid, open(f"/proc/{{pid}}/environ").read())
        except OSError:
            continue
    """
    found = await box.run(level, source)
    assert "TOKEN" not in found.output
    assert f"{os.getpid()} " not in found.output
    assert {"PATH", "HOME", "TMPDIR", "LANG"} <= set(eval(found.output.splitlines()[0]))


async def test_processes_of_the_host_are_out_of_reach(box: Box, level: Level) -> None:
    victim = await asyncio.create_subprocess_exec("sleep", "1000")
    try:
        source = f"""
        import ctypes, resource, signal
        pid = {victim.pid}
        for number in (0, signal.SIGTERM, signal.SIGKILL):
            attempt(lambda: os.kill(pid, number))
        attempt(lambda: resource.prlimit(pid, resource.RLIMIT_CPU, (0, 0)))
        attempt(lambda: os.sched_setaffinity(pid, {{0}}))
        attempt(lambda: os.setpriority(os.PRIO_PROCESS, pid, 19))
        attempt(lambda: os.setpriority(os.PRIO_USER, 0, 19))
        libc = ctypes.CDLL(None, use_errno=True)
        for request in (16, 0x4206):
            print(libc.ptrace(request, pid, 0, 0), errno.errorcode[ctypes.get_errno()])
        """
        found = await box.run(level, source)
        assert set(found.output.split()) <= {"EPERM", "ESRCH", "-1"}, found
        assert victim.returncode is None
        assert os.getpriority(os.PRIO_PROCESS, victim.pid) == 0
    finally:
        victim.kill()
        await victim.wait()


@pytest.mark.parametrize("kind", ["socket.AF_INET", "socket.AF_INET6", "socket.AF_UNIX", "16", "17", "40"])
async def test_without_a_grant_there_are_no_sockets(box: Box, level: Level, kind: str) -> None:
    for how in ("socket.SOCK_STREAM", "socket.SOCK_DGRAM", "socket.SOCK_RAW"):
        assert await outcome(box, level, f"socket.socket({kind}, {how})") == "EAFNOSUPPORT"


async def test_names_fail_at_once_without_network(box: Box, level: Level) -> None:
    source = """
    import socket, time
    begun = time.monotonic()
    try:
        socket.getaddrinfo("example.org", 80)
    except socket.gaierror:
        print(time.monotonic() - begun < 1)
    """
    assert (await box.run(level, source)).output == "True"


async def test_local_names_resolve_with_network(box: Box, level: Level, listener: int) -> None:
    source = f"import socket\nattempt(lambda: socket.create_connection(('localhost', {listener}), 2))"
    found = await box.run(level, source, grants=Grants(connect_ports=[listener]))
    assert found.output == "possible", found.log


async def test_only_the_granted_port_is_reached(box: Box, level: Level, listener: int) -> None:
    grants = Grants(connect_ports=[listener])
    connect = "socket.create_connection(('127.0.0.1', {}), 2)"
    assert await outcome(box, level, connect.format(listener), grants) == "possible"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert await outcome(box, level, connect.format(port), grants) == "EACCES"
        mptcp = f"socket.socket(2, 1, 262).connect(('127.0.0.1', {port}))"
        assert await outcome(box, level, mptcp, grants) == "EPERM"
        fast_open = f"socket.socket().sendto(b'x', socket.MSG_FASTOPEN, ('127.0.0.1', {port}))"
        assert await outcome(box, level, fast_open, grants) == "EPERM"


async def test_udp_only_where_names_are_resolved(box: Box, level: Level, listener: int) -> None:
    send = "socket.socket(2, 2).sendto(b'x', ('127.0.0.1', 9))"
    assert await outcome(box, level, send, Grants(connect_ports=[listener])) == "possible"
    assert await outcome(box, level, send, Grants(connect_ports=[listener], dns=False)) == "EPERM"


async def test_listening_needs_its_port(box: Box, level: Level) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    listen = "socket.create_server(('127.0.0.1', {}))"
    assert await outcome(box, level, listen.format(port), Grants(listen_ports=[port])) == "possible"
    assert await outcome(box, level, listen.format(0), Grants(listen_ports=[port])) == "EACCES"
    assert await outcome(box, level, "socket.socket().listen()", Grants(connect_ports=[port])) == "EPERM"


@pytest.mark.parametrize("network", [False, True])
async def test_unix_sockets_of_the_agent(box: Box, level: Level, listener: int, network: bool) -> None:
    path = box.folder / "agent.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as by_path, socket.socket(socket.AF_UNIX) as abstract:
        by_path.bind(str(path))
        path.chmod(0o777)
        abstract.bind(f"\0outrider-test-{os.getpid()}")
        abstract.listen()
        source = f"""
        import socket
        attempt(lambda: socket.socket(1, 2).connect({str(path)!r}))
        attempt(lambda: socket.socket(1).connect("\\0outrider-test-{os.getpid()}"))
        attempt(lambda: socket.socketpair(1, 2)[0].connect({str(path)!r}))
        attempt(lambda: socket.socketpair()[0].connect({str(path)!r}))
        """
        found = await box.run(level, source, grants=Grants(connect_ports=[listener] if network else None))
    *refused, last = found.output.split()
    assert refused == ["EAFNOSUPPORT", "EAFNOSUPPORT", "EPERM"]
    assert last in ("EPROTOTYPE", "ENOENT"), "a pair of streams is bound to itself"


async def test_kernel_interfaces_are_closed(box: Box, level: Level) -> None:
    numbers = box_numbers(box)
    source = f"""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    for name, number in {numbers}.items():
        result = libc.syscall(number, 0, 0, 0, 0, 0, 0)
        print(name, errno.errorcode.get(ctypes.get_errno()) if result < 0 else "possible")
    """
    found = dict(line.split() for line in (await box.run(level, source)).output.splitlines())
    assert set(found.values()) == {"EPERM"}, found
    assert {"bpf", "io_uring_setup", "keyctl", "userfaultfd", "perf_event_open", "mount", "unshare"} <= set(found)


def box_numbers(box: Box) -> dict[str, int]:
    known = ARCHITECTURES[box.machine.architecture].numbers
    return {name: known[name] for name in FORBIDDEN if name in known}


async def test_new_namespaces_are_refused(box: Box, level: Level) -> None:
    source = """
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    for flag in (0x10000000, 0x20000000, 0x40000000, 0x00020000, 0x80):
        print(libc.syscall({clone}, flag | 17, 0, 0, 0, 0), errno.errorcode[ctypes.get_errno()])
    """.replace("{clone}", "56" if box.machine.architecture == "x86_64" else "220")
    assert set((await box.run(level, source)).output.splitlines()) == {"-1 EPERM"}


async def test_it_has_no_rights_of_root(box: Box, level: Level) -> None:
    source = """
    import ctypes
    print(os.getuid(), os.getgid(), os.getgroups(), ctypes.CDLL(None).prctl(39, 0, 0, 0, 0))
    attempt(lambda: os.setuid(0))
    """
    words = (await box.run(level, source)).output.replace("\n", " ").split(" ")
    assert (int(words[0]) >= 0x7000_0000) is (box.machine.uids is not None)
    assert words[3] == "1", "no new privileges"
    assert words[4] in ("EPERM", "EINVAL"), "not mapped in a user namespace"


async def test_a_file_of_root_in_its_own_folder_stays_closed(box: Box, level: Level) -> None:
    """A user namespace alone would let it be read: inside, root of the host is still who it was.

    Without namespaces the program keeps the right to read past modes where its interpreter lies below a closed folder.
    """
    (box.plugin / "key").write_text("secret")
    (box.plugin / "key").chmod(0o600)
    found = await outcome(box, level, f"open({str(box.plugin / 'key')!r})")
    entered = all(folder.stat().st_mode & stat.S_IXOTH for folder in Path(interpreter()).parents)
    assert found == ("EACCES" if ROOT and (entered or level is Level.NAMESPACED) else "possible")


async def test_two_hosts_of_root_have_two_uids(box: Box, level: Level, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    other = Box(tmp_path, box.machine)
    first, second = await box.run(level, "print(os.getuid())"), await other.run(level, "print(os.getuid())")
    assert (first.output != second.output) is ROOT
    assert (await box.run(level, "print(os.getuid())")).output == first.output, "it finds its files again"


async def test_folders_below_closed_ones_work(level: Level, tmp_path: Path, box: Box) -> None:
    """Checkouts and state folders of root usually lie where no other user may look."""
    closed = tmp_path / "closed"
    closed.mkdir()
    inner = Box(closed, box.machine)
    closed.chmod(0o700)
    found = await inner.run(level, "open('state', 'a').write('x')\nimport json\nprint(open(__file__).read() != '')")
    assert (found.status, found.output) == (0, "True"), found.log


async def test_it_is_confined_at_import_and_without_threads(box: Box, level: Level) -> None:
    source = "print(open('/proc/self/status').read())"
    found = await box.run(level, source, grants=Grants(read_paths=["/proc"]))
    facts = dict(line.split(":\t") for line in found.output.splitlines() if ":\t" in line)
    assert (facts["Threads"], facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "1", "2")


@pytest.mark.parametrize(
    "command", [["/bin/sh", "-c", "echo $0 $1; cat; exit 7", "a", "b"], ["sh", "-c", "cat; exit 7"]]
)
async def test_other_programs(box: Box, level: Level, command: list[str]) -> None:
    found = await box.run(level, "", given=b"input", program=command)
    assert (found.status, found.output.split()[-1]) == (7, "input")


async def test_a_program_of_its_own_folder(box: Box, level: Level) -> None:
    tool = box.plugin / "tool"
    tool.write_text("#!/bin/sh\nhead -c 5 /dev/urandom | wc -c; date > $TMPDIR/now && cat /dev/null\n")
    tool.chmod(0o755)
    found = await box.run(level, "", program=[str(tool)])
    assert (found.status, found.output) == (0, "5"), found.log


async def test_an_absent_program(box: Box, level: Level) -> None:
    found = await box.run(level, "", program=["no-such-program"])
    assert (found.status, found.log) == (127, "sandbox: cannot start no-such-program: No such file or directory")


async def test_modules_of_the_given_folders(box: Box, level: Level) -> None:
    (box.plugin / "helper.py").write_text("answer = 42\n")
    found = await box.run(level, "import asyncio, helper, ssl, sys\nprint(helper.answer, __name__, sys.argv[1:])")
    assert found.output == "42 __main__ []", found.log


async def test_an_event_loop_and_children_work(box: Box, level: Level) -> None:
    source = """
    import asyncio, concurrent.futures, subprocess, threading
    async def main():
        child = await asyncio.create_subprocess_exec("echo", "child", stdout=subprocess.PIPE)
        print((await child.communicate())[0].decode().strip(), await asyncio.to_thread(lambda: "thread"))
    asyncio.run(main())
    """
    assert (await box.run(level, source)).output == "child thread"


async def test_memory_is_bounded_where_it_can_be(box: Box, level: Level) -> None:
    source = """
    data = bytearray(400 << 20)
    for place in range(0, len(data), 4096):
        data[place] = 1
    print("possible")
    """
    enforced = box.machine.limits(level)["memory"]
    found = await box.run(level, source if enforced else "print('possible')", limits=Limits(memory=64 * MIB))
    assert (found.status, found.output) == ((137, "") if enforced else (0, "possible"))


async def test_forks_are_bounded_where_they_can_be(box: Box, level: Level) -> None:
    source = """
    import time
    made = 0
    try:
        for _ in range(200):
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
            made += 1
    except OSError as error:
        print(errno.errorcode[error.errno])
    print(made)
    """
    words = (await box.run(level, source, limits=Limits(pids=20))).output.split()
    bounded = box.machine.limits(level)["pids"]
    if bounded:
        assert words[0] == "EAGAIN"
        assert 15 <= int(words[1]) <= 22
    else:  # a look at the processes has ended it, or the bound of the user, who has other processes that come and go
        assert words in ([], ["200"]) or (words[0] == "EAGAIN" and 15 <= int(words[1]) <= 150)


async def test_cpu_is_bounded_where_it_can_be(box: Box, level: Level) -> None:
    source = """
    import time
    end = time.monotonic() + 2
    while time.monotonic() < end:
        pass
    print(time.process_time())
    """
    used = float((await box.run(level, source, limits=Limits(cpu=0.2))).output)
    assert (used < 0.8) is box.machine.limits(level)["cpu"]


async def test_files_are_bounded(box: Box, level: Level) -> None:
    source = """
    attempt(lambda: open("large", "wb").write(bytes(2 << 20)))
    print(os.path.getsize("large"))
    attempt(lambda: [os.open("/dev/null", os.O_RDONLY) for _ in range(64)])
    """
    found = await box.run(level, source, limits=Limits(file_size=MIB, open_files=64))
    assert found.output.split() == ["EFBIG", str(MIB), "EMFILE"]


async def test_both_interpreters_work(box: Box, level: Level) -> None:
    """The agent runs in a virtual environment; the program gets the interpreter behind it, without site-packages."""
    found = await box.run(level, "import sys\nprint(sys.executable)\nimport msgspec")
    assert found.output == os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    assert "ModuleNotFoundError" in found.log


async def test_settings_that_programs_need(box: Box, level: Level) -> None:
    """A program linked with OpenSSL does not start where its settings are there and closed."""
    for path in ("/etc/ssl/openssl.cnf", "/etc/ld.so.cache", "/etc/localtime"):
        there = Path(path).exists()
        assert (await outcome(box, level, f"open({path!r}).close()")) in (
            ("possible",) if there else ("ENOENT", "EACCES")
        )


async def test_files_of_an_earlier_level_stay_its_own(box: Box, level: Level) -> None:
    await box.run(Level.NONE, "os.mkdir('state')\nopen('state/journal', 'w').write('old')")
    linked = box.folder / "elsewhere"
    linked.write_text("x")
    os.link(linked, box.work / "link")
    found = await box.run(level, "open('state/journal', 'a').write('new')\nprint(open('state/journal').read())")
    assert found.output == "oldnew"
    assert linked.stat().st_uid == os.getuid(), "a second name gives nothing away"
