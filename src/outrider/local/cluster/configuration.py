"""The configuration files of a cluster's processes."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from outrider.local.cluster.components import CONTAINERD_SOCKET, Place

PAUSE_IMAGE = "outrider.dev/pause:1"
DOMAIN = "cluster.local"
# Systemd's own name server listens on an address that only the machine itself reaches.
_RESOLVERS = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))


def write_configuration(place: Place, registry: str = "") -> None:
    """Write all files.

    Args:
        place: What they are made from.
        registry: `http://host:port` of a registry that all images are pulled from; empty for their own ones.
    """
    folder = place.layout.configuration
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, document in (
        ("authentication.yaml", _authentication()), ("audit.yaml", _audit()), ("kubelet.yaml", _kubelet(place)), ("proxy.yaml", _proxy(place)),
    ):  # fmt: skip
        (folder / name).write_text(json.dumps(document, indent=1))
    (folder / "containerd.toml").write_text(_containerd(place))
    (folder / "Corefile").write_text(_corefile(place))
    network = folder / "cni"
    network.mkdir(exist_ok=True)
    (network / "10-outrider.conflist").write_text(json.dumps(_network(place), indent=1))
    hosts = folder / "registries" / "_default"
    hosts.mkdir(parents=True, exist_ok=True)
    pulled = f'[host.{json.dumps(registry)}]\n  capabilities = ["pull", "resolve"]\n' if registry else ""
    (hosts / "hosts.toml").write_text(pulled)


def _authentication() -> dict[str, Any]:
    """Let nobody in unknown, but to ask whether the server is well."""
    paths = [{"path": path} for path in ("/livez", "/readyz", "/healthz")]
    return {
        "apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration", "anonymous": {"enabled": True, "conditions": paths},
    }  # fmt: skip


def _audit() -> dict[str, Any]:
    """Write down who asks for what, and what a Lease is to say: who led is seen from that."""
    leases = {"level": "Request", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]}
    return {
        "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "omitManagedFields": True,
        "rules": [leases, {"level": "Metadata"}],
    }  # fmt: skip


def _kubelet(place: Place) -> dict[str, Any]:
    pki = place.layout.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{place.addresses.device}",
        "enforceNodeAllocatable": ["pods"],
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "maxOpenFiles": 20000,
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
        "clusterDomain": DOMAIN,
        "clusterDNS": [place.addresses.dns],
        "resolvConf": str(resolver_file(place)),
        # A disk that is rather full is the machine's matter: it must not empty the node.
        "evictionHard": {
            "memory.available": "50Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "nodefs.inodesFree": "1%",
        },
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "crashLoopBackOff": {"maxContainerRestartPeriod": "20s"},
        "nodeStatusUpdateFrequency": "10s",
        "runtimeRequestTimeout": "2m",
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
    }


def _proxy(place: Place) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": place.addresses.pods,
        "bindAddress": place.addresses.node,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "clientConnection": {"kubeconfig": str(place.layout.configuration / "proxy.kubeconfig")},
        # The machine's own limits stay as they are.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }


def _network(place: Place) -> dict[str, Any]:
    bridge = {
        "type": "bridge", "bridge": "pods0", "isGateway": True, "ipMasq": True, "ipMasqBackend": "nftables", "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": place.addresses.pods}]], "routes": [{"dst": "0.0.0.0/0"}]},
    }  # fmt: skip
    ports = {"type": "portmap", "capabilities": {"portMappings": True}, "backend": "nftables"}
    return {"cniVersion": "1.0.0", "name": "outrider", "plugins": [bridge, ports]}


def _corefile(place: Place) -> str:
    """Return the name server's file: names of the cluster from the API server, all others from those whom the machine asks."""
    kubeconfig = place.layout.configuration / "dns.kubeconfig"
    return f""".:53 {{
    bind {place.addresses.node} {place.addresses.dns}
    errors
    health 127.0.0.1:8080
    ready 127.0.0.1:8181
    kubernetes {DOMAIN} in-addr.arpa ip6.arpa {{
        kubeconfig "{kubeconfig}"
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 5
    }}
    forward . "{resolver_file(place)}" {{
        max_concurrent 1000
    }}
    cache 5
    loop
    reload
}}
"""


def resolver_file(place: Place) -> Path:
    """Return the file that names whom the machine asks for names, as pods may ask them."""
    return place.layout.configuration / "resolv.conf"


def write_resolvers(place: Place) -> None:
    """Write that file, from within the machine's own mounts: those of the node hide it."""
    source = next((file for file in _RESOLVERS if file.exists()), None)
    lines = source.read_text(errors="replace").splitlines() if source is not None else []
    # What listens on the machine's loopback alone is out of reach.
    kept = [line for line in lines if not re.match(r"\s*nameserver\s+(127\.|::1)", line)]
    if not any(line.strip().startswith("nameserver") for line in kept):
        kept.append(f"nameserver {place.addresses.host}")
    place.layout.configuration.mkdir(mode=0o700, parents=True, exist_ok=True)
    resolver_file(place).write_text("\n".join(kept) + "\n")


def _containerd(place: Place) -> str:
    layout = place.layout
    disabled = ["io.containerd.nri.v1.nri", *(f"io.containerd.snapshotter.v1.{name}" for name in ("blockfile", "btrfs", "devmapper", "native", "zfs", "erofs")),
                "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]  # fmt: skip
    runtime = "io.containerd.cri.v1.runtime"
    document: dict[str, Any] = {
        "version": 3,
        "root": str(layout.data / "containerd"),
        "state": "/run/containerd/state",
        "oom_score": 0,
        "imports": [],
        "disabled_plugins": disabled,
        "grpc": {"address": CONTAINERD_SOCKET},
        "ttrpc": {"address": f"{CONTAINERD_SOCKET}.ttrpc"},
        "plugins": {
            "io.containerd.cri.v1.images": {
                "snapshotter": "overlayfs",
                "pinned_images": {"sandbox": PAUSE_IMAGE},
                "registry": {"config_path": str(layout.configuration / "registries")},
            },
            runtime: {
                "restrict_oom_score_adj": True,
                "disable_apparmor": True,
                "netns_mounts_under_state_dir": True,
                "enable_unprivileged_ports": True,
                "enable_unprivileged_icmp": True,
                "cni": {
                    "bin_dirs": [str(place.programs)], "conf_dir": str(layout.configuration / "cni"), "use_internal_loopback": True,
                },
                "containerd": {
                    "default_runtime_name": "runc",
                    "runtimes": {
                        "runc": {
                            "runtime_type": "io.containerd.runc.v2",
                            "options": {"BinaryName": str(place.programs / "runc"), "SystemdCgroup": False, "Root": "/run/runc"},
                        },
                    },
                },
            },
        },
    }  # fmt: skip
    if not place.sync:
        document["plugins"]["io.containerd.metadata.v1.bolt"] = {"no_sync": True}
    return _toml(document)


def _text(value: Any) -> str:
    """Return a value as TOML writes it: as JSON does, but for characters beyond the first plane."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml(table: Mapping[str, Any], path: str = "") -> str:
    """Write a table as TOML: plain values first, then the tables in it."""
    lines = [f"{_text(name)} = {_text(value)}" for name, value in table.items() if not isinstance(value, Mapping)]
    text = (f"[{path}]\n" if path else "") + "".join(f"{line}\n" for line in lines)
    for name, value in table.items():
        if isinstance(value, Mapping):
            inner = f"{path}.{_text(name)}" if path else _text(name)
            text += _toml(value, inner)
    return text
