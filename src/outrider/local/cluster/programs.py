"""The programs that a cluster is made of, by what they are built from."""

import hashlib
import os
import platform
from pathlib import Path

import msgspec

from outrider.runtime.contexts import cache_folder

MODULES = Path(__file__).parent / "modules"
KUBERNETES_VERSION = "1.37.2"
CONTAINERD_VERSION = "2.4.2"
_MAJOR, _MINOR, _ = KUBERNETES_VERSION.split(".")
_STAMP = "k8s.io/component-base/version"


class Module(msgspec.Struct, frozen=True):
    """A Go module that pins and builds some programs.

    Attributes:
        name: Its folder here.
        packages: What is built, by the name of the program.
        linker: Further flags of the linker.
        native: Whether it is built with a C compiler and libseccomp.
    """

    name: str
    packages: dict[str, str]
    linker: str = ""
    native: bool = False


def _each(prefix: str, *names: str) -> dict[str, str]:
    return {name: f"{prefix}/{name}" for name in names}


# The slowest one first: who waits sees early how long it takes.
BUILT: tuple[Module, ...] = (
    Module(
        "kubernetes",
        _each(
            "k8s.io/kubernetes/cmd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"
        ),
        f"-X {_STAMP}.gitVersion=v{KUBERNETES_VERSION} -X {_STAMP}.gitMajor={_MAJOR} -X {_STAMP}.gitMinor={_MINOR}",
    ),
    Module("coredns", {"coredns": "github.com/coredns/coredns"}),
    Module("containerd", _each("github.com/containerd/containerd/v2/cmd", "containerd", "containerd-shim-runc-v2", "ctr"), f"-X github.com/containerd/containerd/v2/version.Version={CONTAINERD_VERSION}"),
    Module("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}),
    Module("runc", {"runc": "github.com/opencontainers/runc"}, native=True),
    Module(
        "cni",
        {
            name: f"github.com/containernetworking/plugins/plugins/{kind}/{name}"
            for kind, name in (("main", "bridge"), ("main", "loopback"), ("ipam", "host-local"), ("meta", "portmap"))
        },
    ),
)  # fmt: skip
# The first process of each pod: a C program of Kubernetes' own, linked statically.
PAUSE = "pause"


def all_programs() -> list[str]:
    """Return the names of all programs."""
    return [name for module in BUILT for name in module.packages] + [PAUSE]


def lock_digest() -> str:
    """Return what names these very programs on this kind of machine: a digest of what they are built from."""
    digest = hashlib.sha256(platform.machine().encode())
    for module in BUILT:
        for name in ("go.mod", "go.sum"):
            digest.update((MODULES / module.name / name).read_bytes())
        digest.update(repr(module).encode())
    return digest.hexdigest()[:16]


def programs_folder() -> Path:
    """Return where the programs are kept once they are built: in the cache folder, by what they are built from."""
    return cache_folder() / "cluster" / lock_digest()


def missing_programs(folder: Path) -> list[str]:
    """Return the programs that a folder does not have."""
    return [name for name in all_programs() if not os.access(folder / name, os.X_OK)]
