import marshal
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outrider.core.errors import InvalidConfigError, LimitedError, OutriderError, SandboxUnavailableError
from outrider.runtime.sandbox.cgroup_facts import CgroupFacts
from outrider.runtime.sandbox.identity import UidRange
from outrider.runtime.sandbox.launch import Launch, prepare
from outrider.runtime.sandbox.machine import Machine
from outrider.runtime.sandbox.model import MIB, Grants, Level, Limits
from outrider.runtime.sandbox.paths import GUEST, interpreter
from tests.runtime.sandbox.box import surrounded

PLAIN = Machine(
    architecture="x86_64",
    landlock=7,
    bubblewrap="/usr/bin/bwrap",
    root=False,
    capabilities=0,
    uids=None,
    cgroups=CgroupFacts(),
)
ROOT = msgspec.structs.replace(PLAIN, root=True, capabilities=(1 << 41) - 1, uids=UidRange(os.getuid(), 1))


@pytest.fixture
def launches() -> Iterator[list[Launch]]:
    made: list[Launch] = []
    yield made
    for launch in made:
        launch.close()


@pytest.fixture
def launched(tmp_path: Path, launches: list[Launch]) -> Any:
    def make(level: Level, grants: Grants | None = None, machine: Machine = PLAIN, **options: Any) -> Launch:
        defaults: dict[str, Any] = {"program": ["sh", "-c", "true"], "work_dir": tmp_path, "machine": machine}
        limits = options.pop("limits", Limits())
        launch = prepare(level, grants or Grants(), limits, **surrounded(defaults | options))
        launches.append(launch)
        return launch

    return make


def specification(launch: Launch) -> dict[str, Any]:
    found: dict[str, Any] = marshal.loads(os.read(launch.pass_fds[0], 1 << 20))
    return found


def held_by_a_cgroup() -> Machine:
    facts = CgroupFacts(version=2, folders={"pids": "/sys/fs/cgroup/x"})
    return msgspec.structs.replace(PLAIN, cgroups=facts)


def pairs(argv: list[str], option: str) -> list[str]:
    return [argv[place + 1] for place, word in enumerate(argv) if word == option]


def test_without_namespaces_the_launcher_is_started(launched: Any) -> None:
    launch = launched(Level.LANDLOCK)
    assert launch.argv == [
        interpreter(), "-I", "-S", "-B", str(GUEST / "seal.py"), str(launch.pass_fds[0]),
    ]  # fmt: skip


def test_the_environment_is_clean(launched: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    launch = launched(Level.NAMESPACED, env={"MODE": "x", "LANG": "de"})
    folder = str(tmp_path)
    usual = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": folder, "TMPDIR": folder}
    assert launch.env == usual | {"LANG": "C.UTF-8"}, "what confines a program is not under its variables"
    assert specification(launch)["env"] == usual | {"LANG": "de", "MODE": "x"}


def test_what_each_level_asks_for(launched: Any) -> None:
    none, landlock, namespaced = (specification(launched(level)) for level in Level)
    assert [spec["keeper"] for spec in (none, landlock, namespaced)] == [True, True, False]
    assert [spec["confined"] for spec in (none, landlock, namespaced)] == [False, True, True]
    assert (none["ruleset"], none["filter"], none["keeper_ruleset"]) == (None, "", None)
    assert landlock["filter"] == namespaced["filter"] != ""
    assert ("/proc", 12) in namespaced["ruleset"]["paths"]
    assert "/proc" not in dict(landlock["ruleset"]["paths"])


def test_a_python_file_runs_in_the_launcher(launched: Any, tmp_path: Path) -> None:
    (tmp_path / "sdk").mkdir()
    spec = specification(
        launched(Level.LANDLOCK, program=["python", str(tmp_path / "p.py"), "x"], read_only=[tmp_path / "sdk"])
    )
    assert (spec["python"], spec["program"]) == (True, [str(tmp_path / "p.py"), "x"])
    assert spec["python_path"] == [str(tmp_path), str(tmp_path / "sdk")]


def test_the_command_of_bubblewrap(launched: Any, tmp_path: Path) -> None:
    argv = launched(Level.NAMESPACED).argv
    assert argv[0] == "/usr/bin/bwrap"
    assert {"--die-with-parent", "--new-session", "--unshare-user", "--unshare-pid", "--unshare-net"} <= set(argv)
    assert "--as-pid-1" not in argv
    assert pairs(argv, "--bind") == [str(tmp_path)]
    assert "/usr" in pairs(argv, "--ro-bind")
    assert argv[argv.index("--remount-ro") + 1] == "/"
    assert not {"/", "/etc", "/root", "/home", "/tmp"} & {*pairs(argv, "--ro-bind"), *pairs(argv, "--bind")}


def test_network_is_shared_only_where_granted(launched: Any) -> None:
    assert "--unshare-net" not in launched(Level.NAMESPACED, Grants(connect_ports=[443])).argv
    assert "--unshare-net" not in launched(Level.NAMESPACED, Grants(listen_ports=[443])).argv
    assert "--unshare-net" in launched(Level.NAMESPACED, Grants(connect_ports=[])).argv


def test_root_changes_its_uid_instead_of_mapping_it(launched: Any) -> None:
    launch = launched(Level.NAMESPACED, machine=ROOT)
    assert "--unshare-user" not in launch.argv
    assert pairs(launch.argv, "--cap-add")[:2] == ["CAP_SETGID", "CAP_SETUID"]
    spec = specification(launch)
    assert spec["uid"] == os.getuid()
    assert resource.RLIMIT_NPROC in dict(spec["rlimits"])


def test_processes_are_counted_where_they_are_the_programs_alone(launched: Any) -> None:
    assert resource.RLIMIT_NPROC in dict(specification(launched(Level.NAMESPACED))["rlimits"])
    held = dict(specification(launched(Level.LANDLOCK))["rlimits"])[resource.RLIMIT_NPROC]
    assert held > Limits().pids, "all of its user count: that only bounds how fast it grows"
    assert resource.RLIMIT_NPROC not in dict(
        specification(launched(Level.LANDLOCK, machine=held_by_a_cgroup()))["rlimits"]
    )


def test_without_a_cgroup_the_data_of_a_process_is_bounded(launched: Any) -> None:
    limits = Limits(memory=64 * MIB, pids=4)
    assert dict(specification(launched(Level.LANDLOCK, limits=limits))["rlimits"])[resource.RLIMIT_DATA] == 96 * MIB
    facts = CgroupFacts(version=2, folders={"memory": "/sys/fs/cgroup/x"})
    held = msgspec.structs.replace(PLAIN, cgroups=facts)
    assert resource.RLIMIT_DATA not in dict(specification(launched(Level.LANDLOCK, machine=held))["rlimits"])


def test_deeper_mounts_lie_over_upper_ones(launched: Any, tmp_path: Path) -> None:
    inner = tmp_path / "data" / "keep"
    inner.mkdir(parents=True)
    argv = launched(
        Level.NAMESPACED, Grants(read_paths=[str(inner)], write_paths=[str(tmp_path / "data")]), work_dir=tmp_path
    ).argv
    places = [argv.index(str(path)) for path in (tmp_path, tmp_path / "data", inner)]
    assert places == sorted(places)
    assert argv[places[2] - 1] == "--ro-bind"


def test_folders_above_a_mount_are_open(launched: Any, tmp_path: Path) -> None:
    argv = launched(Level.NAMESPACED).argv
    made = pairs(argv, "--dir")
    assert [str(folder) for folder in reversed(tmp_path.parents)][1:] == [
        folder for folder in made if str(tmp_path).startswith(folder + "/")
    ]
    assert all(argv[place - 2 : place] == ["--perms", "0755"] for place, word in enumerate(argv) if word == "--dir")


def test_settings_of_the_network_only_with_network(launched: Any) -> None:
    without = dict(specification(launched(Level.LANDLOCK))["ruleset"]["paths"])
    granted = dict(specification(launched(Level.LANDLOCK, Grants(connect_ports=[443])))["ruleset"]["paths"])
    assert "/etc/hosts" not in without
    assert "/etc/hosts" in granted
    assert not {"/etc", "/proc", "/dev", "/tmp", "/sys", "/root", "/home"} & set(granted)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("relative", "an absolute path"), ("/", "less than the whole"), ("//", "less than the whole"),
     ("/../", "less than the whole"), ("/no/such", "a path that exists"), ("/a\0b", "an absolute path")],
)  # fmt: skip
def test_paths_that_cannot_be_granted(launched: Any, path: str, expected: str) -> None:
    with pytest.raises(InvalidConfigError, match=expected) as caught:
        launched(Level.LANDLOCK, Grants(read_paths=["/usr", path]))
    assert caught.value.path == "grants.read_paths[1]"
    with pytest.raises(InvalidConfigError, match=expected) as caught:
        launched(Level.LANDLOCK, Grants(write_paths=[path]))
    assert caught.value.path == "grants.write_paths[0]"


def test_all_faulty_paths_are_named(launched: Any) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        launched(Level.LANDLOCK, Grants(read_paths=["x"], write_paths=["y"]))
    assert len(caught.value.causes) == 2


@pytest.mark.parametrize("program", [[], ["python"]])
def test_nothing_to_start(launched: Any, program: list[str]) -> None:
    with pytest.raises(InvalidConfigError, match="a program"):
        launched(Level.LANDLOCK, program=program)


@pytest.mark.parametrize(
    ("level", "grants", "machine", "words"),
    [
        (Level.LANDLOCK, Grants(), {"landlock": 0}, "no Landlock"),
        (Level.NAMESPACED, Grants(), {"bubblewrap": ""}, "bwrap is not installed"),
        (Level.NAMESPACED, Grants(), {"root": True}, "may not change to another uid"),
        (Level.LANDLOCK, Grants(connect_ports=[443]), {"landlock": 3}, "cannot limit TCP ports"),
        (Level.NAMESPACED, Grants(listen_ports=[443]), {"landlock": 3}, "cannot limit TCP ports"),
    ],
)
def test_what_this_machine_cannot_do(
    launched: Any, level: Level, grants: Grants, machine: dict[str, Any], words: str
) -> None:
    with pytest.raises(SandboxUnavailableError, match=words) as caught:
        launched(level, grants, msgspec.structs.replace(PLAIN, **machine))
    assert caught.value.hint


def test_landlock_is_not_needed_inside_namespaces(launched: Any) -> None:
    assert (
        specification(launched(Level.NAMESPACED, machine=msgspec.structs.replace(PLAIN, landlock=0)))["ruleset"] is None
    )


def test_too_many_paths_do_not_block_the_agent(launched: Any, tmp_path: Path) -> None:
    with pytest.raises(LimitedError, match="too many paths"):
        launched(Level.LANDLOCK, Grants(read_paths=[str(tmp_path)] * 50_000))


def test_no_descriptor_stays_open(launched: Any, tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    launched(Level.LANDLOCK).close()
    with pytest.raises(OutriderError):
        launched(Level.LANDLOCK, Grants(read_paths=[str(tmp_path)] * 50_000))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_level_names() -> None:
    assert Level.named("landlock") is Level.LANDLOCK
    assert Level.NONE < Level.LANDLOCK < Level.NAMESPACED
    with pytest.raises(InvalidConfigError, match="unknown name") as caught:
        Level.named("namespace")
    assert caught.value.hint == "did you mean 'namespaced'?"
