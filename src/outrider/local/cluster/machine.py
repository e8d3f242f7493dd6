"""What a cluster needs of the machine: its own mounts, its own network and a control group, and that all of it goes away again."""

import asyncio
import contextlib
import ctypes
import os
import resource
import shlex
from ipaddress import IPv4Network
from pathlib import Path

from outrider.core.errors import ExecutionFailedError
from outrider.local.cluster.components import Place
from outrider.local.cluster.layout import Addresses
from outrider.ports.process.command import run

CGROUPS = Path("/sys/fs/cgroup")
_DEVICES = Path("/sys/class/net")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_CLONE_NEWNET = 0x40000000
_SECONDS = 20.0
_FILES = 20000
_ROUNDS = 20
_KINDS_OF_ROUTES = frozenset(
    {"anycast", "blackhole", "broadcast", "local", "multicast", "prohibit", "throw", "unicast", "unreachable"}
)
# What the kubelet wants to find, so that it does not change the machine.
_WANTED = {"/proc/sys/vm/overcommit_memory": "1", "/proc/sys/kernel/panic": "10", "/proc/sys/kernel/panic_on_oops": "1"}
_CONTROLLERS_2 = ("cpu", "memory", "pids", "cpuset", "io", "hugetlb")


def uses_cgroup2() -> bool:
    """Return whether the machine has control groups of version 2 alone."""
    return (CGROUPS / "cgroup.controllers").exists()


async def usable(addresses: Addresses) -> bool:
    """Return whether no network of the machine has addresses of a place."""
    routes = [network for line in await _lines("ip -4 route show table all") if (network := _network(line)) is not None]
    own = [IPv4Network(one) for one in (addresses.link, addresses.pods, addresses.services)]
    return not any(route.overlaps(one) for route in routes for one in own)


def make_cgroup(name: str) -> None:
    """Make the control group of a cluster in every hierarchy that counts.

    Raises:
        ExecutionFailedError: That is not possible.
    """
    try:
        if uses_cgroup2():
            _make_cgroup2(CGROUPS / name)
            return
        for hierarchy in CGROUPS.iterdir():
            if hierarchy.is_dir() and not hierarchy.is_symlink() and (hierarchy / "cgroup.procs").exists():
                _make_cgroup1(hierarchy, name)
    except OSError as error:
        raise ExecutionFailedError(
            f"no control group can be made: {error.filename}: {error.strerror}", found=str(error.filename),
            expected="/sys/fs/cgroup that root may write", suggestions=["run it outside of a container, or in one with --privileged and --cgroupns=host"],
        ) from error  # fmt: skip


def _make_cgroup1(hierarchy: Path, name: str) -> None:
    group = hierarchy / name
    group.mkdir(exist_ok=True)
    for file in ("cpuset.cpus", "cpuset.mems"):
        if (hierarchy / file).exists():
            (group / file).write_text((hierarchy / file).read_text())


def _make_cgroup2(group: Path) -> None:
    group.mkdir(exist_ok=True)
    for level in (CGROUPS, group):
        offered = (level / "cgroup.controllers").read_text().split()
        wanted = " ".join(f"+{controller}" for controller in _CONTROLLERS_2 if controller in offered)
        (level / "cgroup.subtree_control").write_text(wanted)


async def remove_cgroup(name: str) -> None:
    """Remove what a cluster's processes have left of its control groups, once they have ended."""
    for _ in range(_ROUNDS):
        if _removed(name):
            return
        await asyncio.sleep(0.05)


def _removed(name: str) -> bool:
    tops = [top for top in (CGROUPS / name, *CGROUPS.glob(f"*/{name}")) if top.exists()]
    for top in tops:
        for folder, _below, _files in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):  # still in use, or gone
                Path(folder).rmdir()
    return not any(top.exists() for top in tops)


def raise_limits() -> None:
    """Let the processes of the node have as many open files as they want."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


async def set_mounts(place: Place) -> None:
    """Give this process, the first of its mount namespace, the folders of a node.

    Raises:
        ExecutionFailedError: That is not possible.
    """
    data = place.layout.data
    lines = [
        "mount --make-rshared /",
        "mount -t tmpfs -o mode=755 run /run",
        "mkdir -p /run/lock /run/containerd /run/runc",
    ]
    # Kubelet and container runtime insist on these paths.
    for own, there in (
        ("pod-logs", "/var/log"),
        ("cni", "/var/lib/cni"),
        ("kubelet", "/var/lib/kubelet"),
        ("kubernetes", "/etc/kubernetes"),
    ):
        folder = shlex.quote(str(data / own))
        lines += [f"mkdir -p {folder} {there}", f"mount --bind {folder} {there}"]
    # Pods in user namespaces may only mount a proc like one that is there with nothing over it.
    clean = shlex.quote(str(data / "proc"))
    lines += [f"mkdir -p {clean}", f"mount -t proc proc {clean}"]
    for file, value in _WANTED.items():
        own = shlex.quote(str(data / Path(file).name))
        lines += [f"echo {value} > {own}", f"mount --bind {own} {file}"]
    await _script("mounts", lines)


async def set_network(place: Place, *, egress: bool) -> int:
    """Move this process into a network of its own, with a link to the machine by which pods and services answer.

    Args:
        place: The cluster.
        egress: Whether pods reach what the machine reaches. Else nothing is forwarded for them, whatever the machine forwards.

    Returns:
        A descriptor of the machine's network.

    Raises:
        ExecutionFailedError: That is not possible.
    """
    addresses = place.addresses
    machine = os.open("/proc/self/ns/net", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        raise ExecutionFailedError(f"no network namespace: {os.strerror(ctypes.get_errno())}")
    there = _there(machine)
    lines = [
        f"{there} ip link add {addresses.device} type veth peer name uplink netns {os.getpid()}",
        f"{there} ip address add {addresses.host}/30 dev {addresses.device}",
        f"{there} ip link set {addresses.device} up",
        f"{there} ip route add {addresses.pods} via {addresses.node}",
        f"{there} ip route add {addresses.services} via {addresses.node}",
        "ip link set lo up",
        f"ip address add {addresses.node}/30 dev uplink",
        f"ip address add {addresses.dns}/32 dev lo",
        "ip link set uplink up",
        f"ip route add default via {addresses.host}",
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
    ]
    lines.append(f"{there} nft -f - <<'END'\n{_rules(addresses, egress=egress)}END")
    if egress:
        lines.append(f"{there} sysctl -q -w net.ipv4.ip_forward=1")
    await _script("network", lines)
    return machine


async def remove_network(addresses: Addresses, *, machine: int | None = None) -> None:
    """Remove what a cluster has on the machine's own network.

    Args:
        addresses: Of the cluster.
        machine: A descriptor of the machine's network, where that is not the one of this process.
    """
    there = "" if machine is None else _there(machine)
    await _quiet(f"{there} ip link delete {addresses.device}")
    await _quiet(f"{there} nft delete table ip {addresses.device}")


async def has_traces(device: str) -> bool:
    """Return whether anything of a cluster is left on the machine."""
    if (_DEVICES / device).exists() or not _removed(device):
        return True
    return f"table ip {device}" in await _lines("nft list tables ip")


async def stop_forwarding() -> None:
    """Let the machine forward nothing, as before the first cluster."""
    await _quiet("sysctl -q -w net.ipv4.ip_forward=0")


def _there(machine: int) -> str:
    return f"nsenter --net=/proc/{os.getpid()}/fd/{machine}"


def _rules(addresses: Addresses, *, egress: bool) -> str:
    """Return rules by which what leaves the cluster comes from the machine, and by which nobody gets in through it."""
    device = addresses.device
    leaves = (
        " chain postrouting {\n"
        "  type nat hook postrouting priority srcnat;\n"
        f'  ip saddr {{ {addresses.link}, {addresses.pods} }} oifname != "{device}" masquerade\n'
        " }\n"
    )
    outward = "accept" if egress else "drop"
    return (
        f"table ip {device} {{\n"
        f"{leaves if egress else ''}"
        " chain forward {\n"
        "  type filter hook forward priority filter;\n"
        f'  oifname "{device}" ct state established,related accept\n'
        f'  oifname "{device}" drop\n'
        f'  iifname "{device}" {outward}\n'
        " }\n"
        "}\n"
    )


async def _script(what: str, lines: list[str]) -> None:
    done = await run(["sh", "-e", "-c", "\n".join(lines)], timeout=_SECONDS)
    if done.exit_code != 0:
        said = done.stderr.decode(errors="replace").strip()[-500:]
        raise ExecutionFailedError(
            f"the {what} of the node could not be made: {said or f'exit code {done.exit_code}'}", found=said,
            expected="root with CAP_SYS_ADMIN and CAP_NET_ADMIN, and a kernel with veth, overlayfs and nftables",
        )  # fmt: skip


async def _quiet(command: str) -> None:
    await run(command.split(), timeout=_SECONDS)


async def _lines(command: str) -> list[str]:
    return (await run(command.split(), timeout=_SECONDS)).stdout.decode(errors="replace").splitlines()


def _network(route: str) -> IPv4Network | None:
    words = [word for word in route.split() if word not in _KINDS_OF_ROUTES]
    try:
        found = IPv4Network(words[0], strict=False) if words and words[0] != "default" else None
    except ValueError:
        return None
    # A way out in two halves, as VPNs have it, is no network.
    return found if found is not None and found.prefixlen > 1 else None
