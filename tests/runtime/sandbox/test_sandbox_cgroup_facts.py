"""Layouts of both versions as plain folders; the real ones are in test_sandbox_cgroups.py."""

import os
from pathlib import Path

import pytest

from outrider.runtime.sandbox.cgroup_facts import AGENT_LEAF, CgroupFacts, find_cgroups
from outrider.runtime.sandbox.cgroups import settings
from outrider.runtime.sandbox.model import MIB, Limits

LIMITS = Limits(memory=64 * MIB, pids=10, cpu=0.25)


def process(folder: Path, own: str, mounts: str) -> Path:
    """Return a folder that looks like /proc/self."""
    made = folder / "proc"
    made.mkdir()
    (made / "cgroup").write_text(own)
    (made / "mountinfo").write_text(mounts)
    return made


def unified(folder: Path, own: str, *, controllers: str = "cpu memory pids", enabled: str = "", pids: str = "") -> Path:
    """Make a hierarchy of version 2 with the own group, and return that."""
    group = folder / "cgroup" / own.strip("/")
    group.mkdir(parents=True)
    (group / "cgroup.controllers").write_text(controllers)
    (group / "cgroup.subtree_control").write_text(enabled)
    (group / "cgroup.procs").write_text(pids)
    if own != "/":
        (group / "cgroup.events").write_text("populated 1")
    return group


def find(folder: Path, own: str, root: str = "/") -> CgroupFacts:
    mounts = f"29 22 0:26 {root} {folder}/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
    return find_cgroups(process(folder, f"0::{own}\n", mounts))


def test_version_2_with_enabled_controllers(tmp_path: Path) -> None:
    group = unified(tmp_path, "/agent", enabled="cpu memory pids")
    facts = find(tmp_path, "/agent")
    assert (facts.version, facts.reason) == (2, "")
    assert facts.folders == dict.fromkeys(("cpu", "memory", "pids", "kill"), str(group))
    assert all(facts.enforces(name) for name in ("cpu", "memory", "pids"))


def test_version_2_moves_the_agent_out_of_the_way(tmp_path: Path) -> None:
    group = unified(tmp_path, "/agent", pids=f"{os.getpid()}\n")
    assert find(tmp_path, "/agent").version == 2
    assert (group / AGENT_LEAF / "cgroup.procs").read_text() == str(os.getpid())
    assert (group / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


def test_version_2_from_inside_the_leaf(tmp_path: Path) -> None:
    group = unified(tmp_path, "/agent", enabled="cpu memory pids")
    (group / AGENT_LEAF).mkdir()
    assert find(tmp_path, f"/agent/{AGENT_LEAF}").folders["memory"] == str(group)


def test_version_2_leaves_strangers_alone(tmp_path: Path) -> None:
    group = unified(tmp_path, "/session", pids=f"1\n{os.getpid()}\n")
    facts = find(tmp_path, "/session")
    assert (facts.version, list(facts.folders)) == (0, ["kill"])
    assert "Delegate=yes" in facts.reason
    assert not (group / AGENT_LEAF).exists()


def test_version_2_that_is_delegated_has_no_strangers(tmp_path: Path) -> None:
    group = unified(tmp_path, "/service", pids=f"1\n{os.getpid()}\n")
    os.setxattr(group, "user.delegate", b"1")
    assert find(tmp_path, "/service").version == 2


def test_version_2_at_its_root(tmp_path: Path) -> None:
    group = unified(tmp_path, "/", pids="1\n")
    assert find(tmp_path, "/").folders["pids"] == str(group)
    assert not (group / AGENT_LEAF).exists()


def test_version_2_with_some_controllers(tmp_path: Path) -> None:
    unified(tmp_path, "/agent", controllers="pids", enabled="pids")
    facts = find(tmp_path, "/agent")
    assert (facts.version, facts.enforces("pids"), facts.enforces("memory")) == (2, True, False)


def test_a_group_seen_through_a_container(tmp_path: Path) -> None:
    group = unified(tmp_path, "/", enabled="cpu memory pids")
    assert find(tmp_path, "/docker/1", root="/docker/1").folders["cpu"] == str(group)


def test_version_1_with_joined_controllers(tmp_path: Path) -> None:
    for name in ("cpu,cpuacct", "memory", "pids"):
        (tmp_path / name / "own").mkdir(parents=True)
    mounts = "".join(
        f"30 22 0:27 / {tmp_path}/{name} rw - cgroup cgroup rw,{name}\n" for name in ("cpu,cpuacct", "memory", "pids")
    )
    facts = find_cgroups(
        process(tmp_path, "4:cpu,cpuacct:/own\n3:memory:/own\n2:pids:/own\n1:name=systemd:/\n", mounts)
    )
    assert facts.folders == {
        "cpu": f"{tmp_path}/cpu,cpuacct/own", "memory": f"{tmp_path}/memory/own", "pids": f"{tmp_path}/pids/own",
    }  # fmt: skip
    assert facts.version == 1


def test_both_versions(tmp_path: Path) -> None:
    (tmp_path / "memory" / "own").mkdir(parents=True)
    unified(tmp_path, "/own", controllers="")
    mounts = (
        f"30 22 0:27 / {tmp_path}/memory rw - cgroup cgroup rw,memory\n"
        f"31 22 0:28 / {tmp_path}/cgroup rw - cgroup2 cgroup2 rw\n"
    )
    facts = find_cgroups(process(tmp_path, "3:memory:/own\n0::/own\n", mounts))
    assert (facts.version, set(facts.folders)) == (1, {"memory", "kill"})
    assert facts.reason


@pytest.mark.parametrize("own", ["", "0::/elsewhere\n"])
def test_nothing(tmp_path: Path, own: str) -> None:
    facts = find_cgroups(process(tmp_path, own, ""))
    assert (facts.version, facts.folders) == (0, {})
    assert "Delegate=yes" in facts.reason


def test_no_process_folder(tmp_path: Path) -> None:
    assert find_cgroups(tmp_path / "absent").version == 0


@pytest.mark.parametrize(
    ("controller", "version", "expected"),
    [
        ("memory", 1, {"memory.limit_in_bytes": "67108864", "memory.memsw.limit_in_bytes": "67108864"}),
        ("memory", 2, {"memory.max": "67108864", "memory.swap.max": "0"}),
        ("cpu", 1, {"cpu.cfs_period_us": "1000000", "cpu.cfs_quota_us": "250000"}),
        ("cpu", 2, {"cpu.max": "250000 1000000"}),
        ("pids", 1, {"pids.max": "12"}),
        ("pids", 2, {"pids.max": "12"}),
    ],
)
def test_settings(controller: str, version: int, expected: dict[str, str]) -> None:
    assert settings(controller, version, LIMITS) == expected
