"""The processes of a cluster's node: their command lines and when each of them is well."""

from pathlib import Path

import msgspec

from outrider.local.cluster.layout import API_PORT, Addresses, ClusterLayout

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
_LOOPBACK = "127.0.0.1"
# The default limit alone makes the start of a cluster twice as long.
_RATE = ["--kube-api-qps=500", "--kube-api-burst=1000"]


class Component(msgspec.Struct, frozen=True):
    """A process that the keeper starts, and starts again when it ends.

    Attributes:
        name: Also that of its log.
    """

    name: str
    argv: list[str]


class Place(msgspec.Struct, frozen=True):
    """All that command lines and files are made from.

    Attributes:
        layout: Paths.
        addresses: Addresses.
        programs: Where the programs are.
        node: Name of the node.
        cgroup2: Whether the machine has control groups of version 2.
        sync: Whether etcd waits for the disk; a cluster for tests need not.
        audit: Whether the API server writes down who asked it for what.
    """

    layout: ClusterLayout
    addresses: Addresses
    programs: Path
    node: str
    cgroup2: bool
    sync: bool
    audit: bool = False


def containerd(place: Place) -> Component:
    """Return the process that runs containers."""
    return Component(
        "containerd", [_program(place, "containerd"), "--config", str(place.layout.configuration / "containerd.toml")]
    )


def etcd(place: Place) -> Component:
    """Return the store."""
    client, peer = f"http://{_LOOPBACK}:2379", f"http://{_LOOPBACK}:2380"
    argv = [
        _program(place, "etcd"), "--name=node", f"--data-dir={place.layout.data / 'etcd'}", f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=node={peer}", "--log-level=warn",
    ]  # fmt: skip
    return Component("etcd", argv if place.sync else [*argv, "--unsafe-no-fsync"])


def api_server(place: Place) -> Component:
    """Return the API server."""
    pki, addresses = place.layout.pki, place.addresses
    argv = [
        _program(place, "kube-apiserver"), f"--etcd-servers=http://{_LOOPBACK}:2379", f"--secure-port={API_PORT}",
        f"--advertise-address={addresses.node}", f"--service-cluster-ip-range={addresses.services}", "--allow-privileged=true",
        "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--enable-aggregator-routing=true",
        f"--authentication-config={place.layout.configuration / 'authentication.yaml'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}", f"--tls-private-key-file={pki / 'apiserver.key'}", f"--client-ca-file={pki / 'ca.crt'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}", f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}", "--kubelet-preferred-address-types=InternalIP",
        f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}", "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-", "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User", f"--proxy-client-cert-file={pki / 'front-proxy-client.crt'}",
        f"--proxy-client-key-file={pki / 'front-proxy-client.key'}", "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}", f"--service-account-key-file={pki / 'service-accounts.pub'}",
    ]  # fmt: skip
    audit = [
        f"--audit-log-path={place.layout.logs / 'audit.jsonl'}", f"--audit-policy-file={place.layout.configuration / 'audit.yaml'}",
        "--audit-log-maxsize=200", "--audit-log-maxbackup=1",
    ]  # fmt: skip
    return Component("kube-apiserver", [*argv, *audit] if place.audit else argv)


def controller_manager(place: Place) -> Component:
    """Return the controllers of Kubernetes itself."""
    pki, addresses = place.layout.pki, place.addresses
    argv = [
        _program(place, "kube-controller-manager"), *_own_kubeconfig(place, "controller-manager"), "--leader-elect=false",
        "--use-service-account-credentials", "--allocate-node-cidrs", f"--cluster-cidr={addresses.pods}", "--node-cidr-mask-size=24",
        f"--service-cluster-ip-range={addresses.services}", f"--root-ca-file={pki / 'ca.crt'}",
        f"--service-account-private-key-file={pki / 'service-accounts.key'}", f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}", "--horizontal-pod-autoscaler-sync-period=5s", f"--bind-address={_LOOPBACK}", *_RATE,
    ]  # fmt: skip
    return Component("kube-controller-manager", argv)


def scheduler(place: Place) -> Component:
    """Return who decides where pods run."""
    argv = [
        _program(place, "kube-scheduler"),
        "--leader-elect=false",
        f"--bind-address={_LOOPBACK}",
        *_own_kubeconfig(place, "scheduler"),
        *_RATE,
    ]
    return Component("kube-scheduler", argv)


def kubelet(place: Place) -> Component:
    """Return who runs the pods of the node."""
    argv = [
        _program(place, "kubelet"), f"--config={place.layout.configuration / 'kubelet.yaml'}", f"--hostname-override={place.node}",
        f"--node-ip={place.addresses.node}", f"--kubeconfig={place.layout.configuration / 'kubelet.kubeconfig'}", "--root-dir=/var/lib/kubelet",
    ]  # fmt: skip
    return Component("kubelet", argv)


def proxy(place: Place) -> Component:
    """Return who leads the addresses of services to pods."""
    return Component(
        "kube-proxy",
        [
            _program(place, "kube-proxy"),
            f"--config={place.layout.configuration / 'proxy.yaml'}",
            f"--hostname-override={place.node}",
        ],
    )


def dns(place: Place) -> Component:
    """Return the name server of the cluster; on the node itself, so that it needs no image."""
    return Component(
        "coredns",
        [_program(place, "coredns"), "-conf", str(place.layout.configuration / "Corefile")],
    )


def _program(place: Place, name: str) -> str:
    return str(place.programs / name)


def _own_kubeconfig(place: Place, name: str) -> list[str]:
    file = place.layout.configuration / f"{name}.kubeconfig"
    return [f"--kubeconfig={file}", f"--authentication-kubeconfig={file}", f"--authorization-kubeconfig={file}"]
