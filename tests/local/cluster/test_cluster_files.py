"""What a cluster consists of before anything runs: addresses, state, places, programs; and what the machine has."""

import fcntl
import itertools
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from ipaddress import IPv4Network, ip_address
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.local.cluster import machine, places, programs
from outrider.local.cluster.layout import PLACES, Addresses, ClusterLayout, ClusterState, NodeState, known_clusters
from outrider.local.cluster.programs import BUILT, all_programs, lock_digest, missing_programs


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without clusters."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


class TestAddresses:
    def test_no_two_networks_of_all_places_overlap(self) -> None:
        networks = [
            IPv4Network(one)
            for place in map(Addresses, range(PLACES))
            for one in (place.link, place.pods, place.services)
        ]
        assert not [(one, two) for one, two in itertools.combinations(networks, 2) if one.overlaps(two)]

    @pytest.mark.parametrize("place", range(PLACES))
    def test_each_address_is_in_its_network(self, place: int) -> None:
        own = Addresses(place)
        assert {ip_address(own.host), ip_address(own.node)} == set(IPv4Network(own.link).hosts())
        assert {ip_address(own.api_service), ip_address(own.dns)} < set(IPv4Network(own.services).hosts())
        assert own.server == f"https://{own.node}:6443"

    def test_devices_have_names_of_their_own_that_the_kernel_takes(self) -> None:
        names = {Addresses(place).device for place in range(PLACES)}
        assert len(names) == PLACES
        assert max(map(len, names)) <= 15


class TestState:
    @pytest.mark.parametrize("name", ["a", "staging", "a-b-1", "0", "a" * 32])
    def test_a_name_names_files_and_context(self, name: str, home: Path) -> None:
        layout = ClusterLayout(name)
        assert layout.folder == home / "state" / "outrider" / "clusters" / name
        assert (layout.context, layout.read()) == (f"outrider-{name}", None)

    @pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a.b", "../a", "a/b", "a" * 33, "a\n", "ä", "a b"])
    def test_a_name_that_is_none_is_refused(self, name: str) -> None:
        with pytest.raises(InvalidConfigError, match="cannot be called") as caught:
            ClusterLayout(name)
        assert caught.value.found == name

    def test_what_is_noted_and_what_the_keeper_says_are_written_apart(self) -> None:
        layout = ClusterLayout("one")
        state = ClusterState(name="one", place=3, programs=Path("/p"), kubeconfig=Path("/k"), keeper=7)
        layout.write(state)
        layout.write_node(NodeState(phase="ready", components={"etcd": 5}))
        state.node.phase = "failed"
        layout.write(state)
        found = layout.read()
        assert found is not None
        assert (found.place, found.keeper, found.kubeconfig) == (3, 7, Path("/k"))
        assert (found.node.phase, found.node.components) == ("ready", {"etcd": 5})
        assert layout.state_file.stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize(
        "content", [b"", b"{", b"[]", b"{}", b"\xff", b'{"name": 1}', b"[" * 100_000], ids=range(7)
    )
    def test_a_damaged_file_is_named(self, content: bytes) -> None:
        layout = ClusterLayout("one")
        layout.write(ClusterState(name="one", place=0, programs=Path("/p")))
        layout.state_file.write_bytes(content)
        with pytest.raises(InvalidConfigError, match=str(layout.state_file)):
            layout.read()
        layout.write(ClusterState(name="one", place=0, programs=Path("/p")))
        layout.node_file.write_bytes(content.replace(b"{}", b'{"phase": 1}').replace(b'"name"', b'"phase"'))
        with pytest.raises(InvalidConfigError, match=str(layout.node_file)):
            layout.read()

    def test_all_clusters_of_a_user_are_known_by_name(self, home: Path) -> None:
        assert known_clusters() == []
        for name in ("two", "one"):
            ClusterLayout(name).write(ClusterState(name=name, place=0, programs=Path("/p")))
        for other in ("empty", "Not-one"):
            (home / "state" / "outrider" / "clusters" / other).mkdir()
        assert [state.name for state in known_clusters()] == ["one", "two"]

    def test_a_damaged_file_hides_no_other_cluster(self) -> None:
        for name in ("bad", "good"):
            ClusterLayout(name).write(ClusterState(name=name, place=3, programs=Path("/p")))
        ClusterLayout("bad").state_file.write_bytes(b"{")
        bad, good = known_clusters()
        assert (bad.name, bad.node.phase, good.name, good.place) == ("bad", "failed", "good", 3)
        assert str(ClusterLayout("bad").state_file) in bad.node.problem

    @pytest.mark.parametrize("folder", ["a:b", "a,b", "a=b", "a\nb"])
    def test_a_folder_that_cannot_be_mounted_is_refused(self, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", f"/tmp/{folder}")
        with pytest.raises(InvalidConfigError, match="cannot be mounted"):
            ClusterLayout("one")


class TestPlaces:
    @pytest.fixture(autouse=True)
    def register(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(places, "REGISTER", home / "register")

    def test_a_place_is_held_by_one_until_it_is_released(self) -> None:
        assert not places.anybody()
        place = places.take(0)
        assert place is not None
        assert places.take(0) is None
        assert places.anybody()
        place.release()
        again = places.take(0)
        assert again is not None
        again.release()
        assert not places.anybody()

    def test_who_inherits_a_place_holds_it_too(self) -> None:
        place = places.take(5)
        assert place is not None
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[place.descriptor]) as other:
            place.release()
            assert places.take(5) is None
            other.communicate()
        assert not places.anybody(), "the kernel lets go of it with the process"

    def test_free_places_are_those_that_nobody_holds(self) -> None:
        held = [place for number in (0, 2) if (place := places.take(number)) is not None]
        found = list(places.free())
        assert [place.number for place in found] == [1, *range(3, PLACES)]
        assert list(places.free()) == []
        for place in (*held, *found):
            place.release()

    def test_one_at_a_time_starts_or_ends_clusters(self) -> None:
        with places.changing():
            descriptor = os.open(places.REGISTER / "lock", os.O_RDWR)
            with pytest.raises(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)


class TestPrograms:
    def test_the_lock_follows_what_programs_are_built_from(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before, copied = lock_digest(), tmp_path / "modules"
        shutil.copytree(programs.MODULES, copied)
        monkeypatch.setattr(programs, "MODULES", copied)
        assert lock_digest() == before
        seen = {before}
        for module in BUILT:
            for name in ("go.sum", "go.mod"):
                with (copied / module.name / name).open("a") as file:
                    file.write("\n")
                seen.add(lock_digest())
        monkeypatch.setattr(programs, "BUILT", BUILT[:-1])
        seen.add(lock_digest())
        monkeypatch.setattr(platform, "machine", lambda: "riscv64")
        seen.add(lock_digest())
        assert len(seen) == 1 + 2 * len(BUILT) + 2

    def test_what_is_not_there_or_cannot_be_started_is_missing(self, tmp_path: Path) -> None:
        assert missing_programs(tmp_path / "absent") == all_programs()
        for name in all_programs():
            (tmp_path / name).touch(0o755)
        assert missing_programs(tmp_path) == []
        (tmp_path / "etcd").chmod(0o644)
        (tmp_path / "runc").unlink()
        assert missing_programs(tmp_path) == ["etcd", "runc"]

    def test_no_two_modules_build_one_program(self) -> None:
        assert len(set(all_programs())) == len(all_programs())


ROUTES = {
    "default via 172.17.0.1 dev eth0": None,
    "10.251.0.0/30 dev outrider0 proto kernel scope link src 10.251.0.1": "10.251.0.0/30",
    "10.244.0.0/24 via 10.251.0.2 dev outrider0": "10.244.0.0/24",
    "local 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1": "127.0.0.1/32",
    "broadcast 172.17.255.255 dev eth0 table local": "172.17.255.255/32",
    "unreachable 10.96.0.0/12 metric 1": "10.96.0.0/12", "blackhole 10.0.0.0/8": "10.0.0.0/8",
    "unreachable default dev lo": None, "\tnexthop via 10.0.0.1 dev eth0 weight 1": None, "": None, "   ": None,
    "10.0.0.0/99 dev eth0": None, "fe80::/64 dev eth0": None,
}  # fmt: skip


def unread(route: str, network: str, why: str) -> Any:
    return pytest.param(route, network, id=f"{route} ({why})")


class TestMachine:
    @pytest.mark.parametrize(("route", "network"), [
        *ROUTES.items(), *(unread(f"{kind} 10.96.0.0/16", "10.96.0.0/16",
        "a kind of route that is not known") for kind in ("prohibit", "throw", "multicast")),
    ])  # fmt: skip
    def test_networks_are_read_from_lines_of_routes(self, route: str, network: str | None) -> None:
        found = machine._network(route)
        assert found == (IPv4Network(network) if network else None)

    @staticmethod
    async def usable(monkeypatch: pytest.MonkeyPatch, *routes: str) -> list[int]:
        async def lines(_: str) -> list[str]:
            return ["default via 172.17.0.1 dev eth0", *routes]

        monkeypatch.setattr(machine, "_lines", lines)
        return [number for number in range(PLACES) if await machine.usable(Addresses(number))]

    @pytest.mark.parametrize(
        ("routes", "taken"),
        [
            ([], []), (["192.168.0.0/16 dev a"], []), (["10.244.1.0/25 dev a", "10.98.40.0/24 dev b"], [1, 2]),
            (["10.251.0.0/22 dev a"], [0, 1, 2, 3]),
            (["local 10.251.1.2 dev lo table local"], [1]), (["10.96.0.0/12 dev cluster"], range(16)),
            (["10.0.0.0/8 dev office"], range(16)),
            pytest.param(["0.0.0.0/1 via 10.8.0.1 dev tun0", "128.0.0.0/1 via 10.8.0.1 dev tun0"], []),
        ],
        ids=range(8),
    )  # fmt: skip
    async def test_a_place_is_usable_whose_networks_nobody_has(
        self, monkeypatch: pytest.MonkeyPatch, routes: list[str], taken: Sequence[int]
    ) -> None:
        assert await self.usable(monkeypatch, *routes) == [number for number in range(PLACES) if number not in taken]

    @pytest.mark.parametrize("egress", [True, False])
    def test_nobody_gets_in_through_a_cluster_and_out_only_where_that_is_wanted(self, egress: bool) -> None:
        rules = machine._rules(Addresses(3), egress=egress)
        assert 'oifname "outrider3" drop' in rules
        assert ("masquerade" in rules) is egress
        assert f'iifname "outrider3" {"accept" if egress else "drop"}' in rules

    async def test_groups_are_made_and_removed_with_all_below(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(machine, "CGROUPS", tmp_path / "cgroup")
        for hierarchy in ("cpu", "memory"):
            (tmp_path / "cgroup" / hierarchy).mkdir(parents=True)
            (tmp_path / "cgroup" / hierarchy / "cgroup.procs").touch()
        (tmp_path / "cgroup" / "link").symlink_to("cpu")
        (tmp_path / "cgroup" / "other").mkdir()
        assert not machine.uses_cgroup2()
        machine.make_cgroup("outrider-a")
        machine.make_cgroup("outrider-a")
        made = sorted(path.parent.name for path in (tmp_path / "cgroup").rglob("outrider-a"))
        assert made == ["cpu", "memory"]
        (tmp_path / "cgroup" / "cpu" / "outrider-a" / "pods" / "one").mkdir(parents=True)
        await machine.remove_cgroup("outrider-a")
        assert not list((tmp_path / "cgroup").rglob("outrider-a"))

    def test_a_controller_that_is_not_offered_is_not_asked_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(machine, "CGROUPS", tmp_path)
        group = tmp_path / "outrider-a"
        group.mkdir()
        for level, offered in ((tmp_path, "cpu memory rdma"), (group, "cpu")):
            (level / "cgroup.controllers").write_text(offered)
        assert machine.uses_cgroup2()
        machine.make_cgroup("outrider-a")
        assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu +memory"
        assert (group / "cgroup.subtree_control").read_text() == "+cpu"
