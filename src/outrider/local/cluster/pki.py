"""The certificates of a cluster: who its parts are to each other (kubernetes.io/docs/setup/best-practices/certificates)."""

import base64
import json
from pathlib import Path

from outrider.local.cluster.layout import Addresses, ClusterLayout
from outrider.ports.certificates.key_pair import KeyPair
from outrider.ports.certificates.subjects import DAY, Subject, new_authority, new_signing_key
from outrider.ports.certificates.subjects import issue as issue_for
from outrider.ports.secrets.private_files import write_private

ADMINISTRATORS = "system:masters"
# A cluster that is kept is started again long after; nobody renews what is in it.
LIFETIME = 3650 * DAY


def write_certificates(layout: ClusterLayout, addresses: Addresses, node: str, now: float) -> None:
    """Make all certificates and the kubeconfig of each part, unless they are there.

    Args:
        layout: Where to.
        addresses: Of the cluster.
        node: Name of its node.
        now: Seconds since the epoch.
    """
    if (layout.pki / "complete").exists():
        return
    authority = new_authority(f"kubernetes {layout.name}", now)
    proxy_authority = new_authority(f"front-proxy {layout.name}", now)
    _write(layout.pki, "ca", authority)
    _write(layout.pki, "front-proxy-ca", proxy_authority)
    _write(
        layout.pki, "front-proxy-client", issue(proxy_authority, Subject(name="front-proxy-client", client=True), now)
    )
    names = (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
    )
    hosts = (*names, "127.0.0.1", addresses.api_service, addresses.node)
    _write(layout.pki, "apiserver", issue(authority, Subject(name="kube-apiserver", hosts=hosts), now))
    _write(
        layout.pki, "kubelet", issue(authority, Subject(name=f"system:node:{node}", hosts=(node, addresses.node)), now)
    )
    to_kubelet = Subject(name="kube-apiserver-kubelet-client", organizations=[ADMINISTRATORS], client=True)
    _write(layout.pki, "apiserver-kubelet-client", issue(authority, to_kubelet, now))
    private, public = new_signing_key()
    write_private(layout.pki / "service-accounts.key", private.encode())
    write_private(layout.pki / "service-accounts.pub", public.encode())
    for part, user, group in (
        ("admin", "kubernetes-admin", ADMINISTRATORS),
        ("controller-manager", "system:kube-controller-manager", ""),
        ("scheduler", "system:kube-scheduler", ""),
        ("kubelet", f"system:node:{node}", "system:nodes"),
        ("proxy", "system:kube-proxy", ""),
        ("dns", "outrider:dns", ""),
    ):
        client = issue(authority, Subject(name=user, organizations=[group] if group else [], client=True), now)
        inside = addresses.server if part == "admin" else "https://127.0.0.1:6443"
        text = kubeconfig_text(layout.context, inside, authority.certificate, client)
        write_private(layout.kubeconfig if part == "admin" else layout.configuration / f"{part}.kubeconfig", text)
    write_private(layout.pki / "complete", b"")


def issue(authority: KeyPair, subject: Subject, now: float) -> KeyPair:
    """Return a certificate for as long as the cluster may be kept."""
    return issue_for(authority, subject, now, lifetime=LIFETIME)


def kubeconfig_text(context: str, server: str, authority: str, client: KeyPair) -> bytes:
    """Return a kubeconfig with one context, as JSON, which is YAML too."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": context, "cluster": {"server": server, "certificate-authority-data": _base64(authority)}}
        ],
        "users": [
            {
                "name": context,
                "user": {
                    "client-certificate-data": _base64(client.certificate),
                    "client-key-data": _base64(client.key),
                },
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        "current-context": context,
    }
    return json.dumps(document, indent=1).encode()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _write(folder: Path, name: str, pair: KeyPair) -> None:
    write_private(folder / f"{name}.crt", pair.certificate.encode())
    write_private(folder / f"{name}.key", pair.key.encode())
