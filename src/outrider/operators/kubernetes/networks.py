"""Whether anything in a cluster enforces NetworkPolicies: the API server takes them, and alone does nothing with them.

It is a matter of the network plugin (Kubernetes, "Network Policies: Prerequisites"), of which the API says nothing. What can be seen is
whether a DaemonSet of one runs that is known to enforce them.
"""

from typing import Any, Literal

import msgspec

from outrider.core.errors import OutriderError
from outrider.operators.kubernetes.places import Place
from outrider.ports.kube.resources import DAEMON_SETS

_ENFORCING = {
    "calico-node": "Calico", "canal": "Canal", "cilium": "Cilium", "antrea-agent": "Antrea", "kube-router": "kube-router",
    "weave-net": "Weave Net", "ovnkube-node": "OVN-Kubernetes", "anetd": "GKE Dataplane V2", "azure-npm": "Azure network policy manager",
    "kube-network-policies": "kube-network-policies",
}  # fmt: skip
_UNLESS_SET = {"aws-node": "Amazon VPC CNI", "kindnet": "kindnet"}
_IGNORING = {"kube-flannel-ds": "flannel", "kube-flannel": "flannel"}
Enforced = Literal["likely", "unlikely", "not known"]
_KNOWN: tuple[tuple[Enforced, dict[str, str], str], ...] = (
    ("likely", _ENFORCING, "runs, which does unless it was told not to"),
    ("not known", _UNLESS_SET, "runs, which does only in some versions and settings"),
    ("unlikely", _IGNORING, "runs, which does not"),
)
_SAYING = "NetworkPolicies have an effect only where the network plugin enforces them: "


class NetworkEnforcement(msgspec.Struct, kw_only=True):
    """What is known of the enforcement of NetworkPolicies.

    Attributes:
        enforced: `likely`, `unlikely` or `not known`; certain is only a connection that was tried.
        found: DaemonSets of known network plugins, as NAMESPACE/NAME.
        message: The same in a sentence.
    """

    cluster: str
    enforced: Enforced
    found: list[str] = []
    message: str


async def network_enforcement(place: Place) -> NetworkEnforcement:
    """Look whether a network plugin is there that enforces NetworkPolicies."""
    try:
        running = [one for one in await place.client.list(DAEMON_SETS) if (one.get("status") or {}).get("numberReady")]
    except OutriderError as error:
        return _answer(place, "not known", [], f"DaemonSets cannot be read ({error.code})")
    for enforced, known, saying in _KNOWN:
        if found := [one for one in running if one["metadata"]["name"] in known]:
            name = known[found[0]["metadata"]["name"]]
            return _answer(place, enforced, found, f"{name} {saying}")
    return _answer(place, "not known", [], "no DaemonSet of a plugin that is known to do so runs here")


def _answer(place: Place, enforced: Enforced, found: list[dict[str, Any]], saying: str) -> NetworkEnforcement:
    titles = [f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in found]
    return NetworkEnforcement(cluster=place.cluster.name, enforced=enforced, found=titles, message=_SAYING + saying)
