"""The objects of a tenant: a namespace that its own people rule, within bounds that they do not set.

Sources: Kubernetes, "Multi-tenancy", "Pod Security Standards", "Resource Quotas", "Limit Ranges", "Network Policies".
"""

from typing import Annotated, Any, Literal

import msgspec

from outrider.core.errors import InvalidConfigError
from outrider.operators.kubernetes.bindings import bind
from outrider.operators.kubernetes.places import ClusterNames
from outrider.operators.kubernetes.quantities import Quantity, parse_quantity
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.subjects import SubjectWord, subject_of, subject_word

_NAME = "tenant"
_ROLES = ("admin", "edit", "view")
_POD_SECURITY = "pod-security.kubernetes.io"
_OWN_NAMESPACE = "kubernetes.io/metadata.name"
TenantName = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(?!\n)$", examples=["shop"], max_length=63)
]
Count = Annotated[int, msgspec.Meta(ge=0, le=100_000)]


class TenantParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A tenant. What is called again with other values changes it; what is left out has its default again.

    Attributes:
        cluster: Contexts of the kubeconfig with commas between them; the current one if empty.
        name: Of its namespace.
        admins: Who has the ClusterRole admin in it: user/NAME, group/NAME or serviceaccount/NAMESPACE/NAME.
        editors: Who has the ClusterRole edit.
        viewers: Who has the ClusterRole view.
        level: Pod Security Standard that its pods must meet.
        version: Of Kubernetes, whose standard is meant, such as v1.36; always that of the server if latest.
        cpu: Processors that its containers may use together (sum of limits).
        memory: Memory that its containers may use together (sum of limits).
        storage: What its volumes may ask for together.
        pods: How many it may have.
        load_balancers: How many Services of type LoadBalancer it may have.
        node_ports: How many ports of nodes its Services may have.
        container_cpu: Limit of a container that names none.
        container_memory: The same for memory.
        container_cpu_request: What is kept for a container that does not say it.
        container_memory_request: The same for memory.
        internal_traffic: Whether its pods may reach each other.
        dns_namespace: Where the name server runs that its pods may ask.
        force: Take over fields that other managers own.
        override_owner: Change objects although git, a Helm release or a controller declares them, and would set them back.
    """

    cluster: ClusterNames = ""
    name: TenantName
    admins: list[SubjectWord] = []
    editors: list[SubjectWord] = []
    viewers: list[SubjectWord] = []
    level: Literal["restricted", "baseline", "privileged"] = "restricted"
    version: Annotated[str, msgspec.Meta(pattern=r"^(latest|v1\.[0-9]{1,3})(?!\n)$", examples=["v1.36"])] = "latest"
    cpu: Quantity = "4"
    memory: Quantity = "8Gi"
    storage: Quantity = "50Gi"
    pods: Count = 50
    load_balancers: Count = 0
    node_ports: Count = 0
    container_cpu: Quantity = "500m"
    container_memory: Quantity = "256Mi"
    container_cpu_request: Quantity = "50m"
    container_memory_request: Quantity = "128Mi"
    internal_traffic: bool = False
    dns_namespace: TenantName = "kube-system"
    force: bool = False
    override_owner: bool = False

    def __post_init__(self) -> None:
        """Bring subjects into their one form, and compare what belongs together.

        Raises:
            InvalidConfigError: The namespace is one of the cluster's own, or a default is above what is allowed.
        """
        if self.name == "default" or self.name.startswith("kube-"):
            raise InvalidConfigError(
                f"name: namespace {self.name} belongs to the cluster itself", path="name", found=self.name, expected="a namespace of its own"
            )  # fmt: skip
        for field in ("admins", "editors", "viewers"):
            setattr(self, field, [subject_word(one, field) for one in getattr(self, field)])
        for lower, upper in (
            ("container_cpu_request", "container_cpu"), ("container_cpu", "cpu"),
            ("container_memory_request", "container_memory"), ("container_memory", "memory"),
        ):  # fmt: skip
            low, high = getattr(self, lower), getattr(self, upper)
            if parse_quantity(low) > parse_quantity(high):
                raise InvalidConfigError(f"{lower} is above {upper}", path=lower, found=low, expected=f"at most {high}")

    def objects(self) -> list[Object]:
        """Return all that belongs to it."""
        account = self._within("v1", "ServiceAccount", "default", automountServiceAccountToken=False)
        return [self._namespace(), account, self._quota(), self._limits(), self._network(), *self._bindings()]

    def _within(self, api_version: str, kind: str, name: str = _NAME, **content: Any) -> Object:
        metadata = {"name": name, "namespace": self.name}
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}

    def _namespace(self) -> Object:
        labels: dict[str, str] = {}
        for mode in ("enforce", "audit", "warn"):
            labels |= {f"{_POD_SECURITY}/{mode}": self.level, f"{_POD_SECURITY}/{mode}-version": self.version}
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": labels}}

    def _quota(self) -> Object:
        hard = {
            "limits.cpu": self.cpu, "limits.memory": self.memory, "requests.storage": self.storage, "pods": str(self.pods),
            "services.loadbalancers": str(self.load_balancers), "services.nodeports": str(self.node_ports),
        }  # fmt: skip
        return self._within("v1", "ResourceQuota", spec={"hard": hard})

    def _limits(self) -> Object:
        limit = {
            "type": "Container",
            "default": {"cpu": self.container_cpu, "memory": self.container_memory},
            "defaultRequest": {"cpu": self.container_cpu_request, "memory": self.container_memory_request},
        }
        return self._within("v1", "LimitRange", spec={"limits": [limit]})

    def _network(self) -> Object:
        """Return one policy for all pods: what it does not name is closed, in both directions."""
        servers = {"namespaceSelector": {"matchLabels": {_OWN_NAMESPACE: self.dns_namespace}}}
        names = {"to": [servers], "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]}
        peers: list[Object] = [{"podSelector": {}}] if self.internal_traffic else []
        spec = {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": peers}] if peers else [],
            "egress": [names, *([{"to": peers}] if peers else [])],
        }
        return self._within("networking.k8s.io/v1", "NetworkPolicy", spec=spec)

    def _bindings(self) -> list[Object]:
        """Return the bindings, those of nobody too: who was named before and is no longer loses the role."""
        given = zip(_ROLES, (self.admins, self.editors, self.viewers), strict=True)
        return [
            bind(f"{_NAME}-{role}", self.name, f"clusterrole/{role}", [subject_of(one) for one in words])
            for role, words in given
        ]
