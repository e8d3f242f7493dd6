"""What makes a workload reachable: a Service, and an Ingress or an HTTPRoute that leads to it.

Sources: Kubernetes, "Service" and "Ingress" (networking.k8s.io/v1); Gateway API, "HTTPRoute" (gateway.networking.k8s.io/v1).
"""

import re
from typing import Annotated, Any, Literal

import msgspec

from outrider.core.errors import InvalidConfigError, UnsupportedError
from outrider.operators.kubernetes.edits import Live
from outrider.operators.kubernetes.kinds import ExposableWord, split_target
from outrider.operators.kubernetes.places import Place, TargetInPlaces
from outrider.operators.kubernetes.shown import Object
from outrider.ports.kube.catalogue import Catalogue

GATEWAY_API = "gateway.networking.k8s.io"
_PORT = (
    r"^([a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?=)?[0-9]{1,5}(:[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?)?(/(TCP|UDP|SCTP))?(?!\n)$"
)
_PARTS = re.compile(r"(?:(?P<name>[^=]+)=)?(?P<port>\d+)(?::(?P<target>[^/]+))?(?:/(?P<protocol>\w+))?")
PortWord = Annotated[str, msgspec.Meta(pattern=_PORT, examples=["80:8080", "http=80:web", "53/UDP"])]
HostWord = Annotated[
    str,
    msgspec.Meta(pattern=r"^(\*\.)?[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(?!\n)$", examples=["shop.example.org"]),
]
NameWord = Annotated[str, msgspec.Meta(pattern=r"^[^/\s]{0,253}(?!\n)$", examples=["web"])]
# Which parameters mean something for which way.
_ONLY = {"ingress": ("tls_secret", "ingress_class"), "gateway": ("gateway", "listener")}
_ROUTES = {"ingress": "ingress", "gateway": f"httproute.{GATEWAY_API}"}


class ExposeParams(TargetInPlaces, kw_only=True):
    """What is to be reachable, and by which way.

    Attributes:
        target: A deployment, statefulset, daemonset, replicaset or pod; for ingress and gateway a service too.
        by: A Service alone, or an Ingress, or an HTTPRoute at a Gateway, that lead to the first port of it.
        name: Of all that is made; that of the target if empty.
        ports: `[NAME=]PORT[:TARGET][/PROTOCOL]`, the target a number or the name of a container's port; all ports of the
            containers if none is given.
        service_type: ClusterIP is reached within the cluster alone, NodePort at every node, LoadBalancer from outside where the
            cluster has one.
        hosts: Names under which it is reached by ingress or gateway; any if none is given.
        path: Beginning of the paths that lead there.
        tls_secret: Secret with the certificate, for ingress.
        ingress_class: Who is to take the Ingress; the cluster's default if empty.
        gateway: `NAME` or `NAMESPACE/NAME` of the Gateway.
        listener: Of the Gateway; all that fit if empty.
        force: Take over fields that other managers own.
        override_owner: Change objects although git, a Helm release or a controller declares them, and would set them back.
    """

    target: ExposableWord
    by: Literal["service", "ingress", "gateway"] = "service"
    name: NameWord = ""
    ports: list[PortWord] = msgspec.field(default_factory=list)
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    hosts: list[HostWord] = msgspec.field(default_factory=list)
    path: Annotated[str, msgspec.Meta(pattern=r"^/[^\s]{0,1023}$")] = "/"
    tls_secret: NameWord = ""
    ingress_class: NameWord = ""
    gateway: Annotated[
        str, msgspec.Meta(pattern=r"^([^/\s]{1,63}/)?[^/\s]{0,253}(?!\n)$", examples=["infra/public"])
    ] = ""
    listener: NameWord = ""
    force: bool = False
    override_owner: bool = False

    def __post_init__(self) -> None:
        """Bring the target into its one form, and refuse parameters that would mean nothing.

        Raises:
            InvalidConfigError: One is there in vain, or lacks.
        """
        super().__post_init__()
        self.name = self.name or split_target(self.target)[1]
        for way, names in _ONLY.items():
            for name in names:
                if getattr(self, name) and self.by != way:
                    raise _in_vain(name, f"by: {way}")
        if self.by == "service" and (self.hosts or self.path != "/"):
            raise _in_vain("hosts" if self.hosts else "path", "by: ingress or by: gateway")
        if self.by == "gateway" and not self.gateway:
            raise InvalidConfigError(
                "gateway is missing", path="gateway", expected="the Gateway that is to take the route",
                suggestions=[f"see which there are: outrider kubernetes list gateways.{GATEWAY_API} --namespace '*'"],
            )  # fmt: skip
        self._check_service()
        for word in self.ports:
            if not 1 <= port_parts(word)[1] <= 65535:
                raise InvalidConfigError(f"ports: {word}: no port", path="ports", found=word, expected="1 to 65535")

    def _check_service(self) -> None:
        if not self.target.startswith("service/"):
            return
        if self.by == "service":
            raise InvalidConfigError(
                f"target: {self.target} is a Service already", path="target", found=self.target, expected="a workload, or by: ingress or gateway"
            )  # fmt: skip
        if self.ports or self.service_type != "ClusterIP":
            raise _in_vain("ports" if self.ports else "service_type", "a workload as the target")

    @property
    def service(self) -> str:
        """Name of the Service."""
        kind, name = split_target(self.target)
        return name if kind == "service" else self.name

    @property
    def targets(self) -> tuple[str, ...]:
        """What is exposed, and what is made for it."""
        route = (f"{_ROUTES[self.by]}/{self.name}",) if self.by in _ROUTES else ()
        return tuple(dict.fromkeys((self.target, f"service/{self.service}", *route)))


def _in_vain(name: str, needs: str) -> InvalidConfigError:
    return InvalidConfigError(
        f"{name} is given in vain", path=name, expected=needs, suggestions=[f"leave it out, or say {needs}"]
    )


def port_parts(word: str) -> tuple[str, int, str, str]:
    """Return name, port, target and protocol."""
    match = _PARTS.fullmatch(word)
    assert match is not None
    return match["name"] or "", int(match["port"]), match["target"] or match["port"], match["protocol"] or "TCP"


def pod_spec(found: Object) -> Object:
    """Return the spec that the pods of a workload have."""
    if found["kind"] == "Pod":
        return dict(found["spec"])
    return dict(found["spec"]["template"]["spec"])


def container_ports(found: Object) -> list[Object]:
    """Return the ports that the containers of a workload declare, those of sidecars (KEP-753) too."""
    spec = pod_spec(found)
    sidecars = [one for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"]
    return [port for one in (*spec["containers"], *sidecars) for port in one.get("ports") or ()]


async def wanted(params: ExposeParams, live: Live) -> list[Object]:
    """Return the objects that make it reachable.

    Raises:
        InvalidConfigError: It has no ports, or its pods cannot be selected by a Service.
        UnsupportedError: The cluster does not serve the Gateway API.
    """
    if live.object["kind"] == "Service":
        made, ports = [], live.object["spec"].get("ports") or []
    else:
        service = _service(params, live)
        made, ports = [service], service["spec"]["ports"]
    if params.by == "service":
        return made
    if not ports or ports[0].get("protocol", "TCP") != "TCP":
        raise InvalidConfigError(
            f"{live.title}: its first port is not of TCP", path="ports", found=str(ports[:1]), expected="a TCP port first",
        )  # fmt: skip
    port = int(ports[0]["port"])
    if params.by == "ingress":
        return [*made, _ingress(params, port)]
    return [*made, await _route(params, live.place, port)]


def _service(params: ExposeParams, live: Live) -> Object:
    spec: Object = {"selector": _selector(live), "ports": _ports(params, live), "type": params.service_type}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": params.name}, "spec": spec}


def _selector(live: Live) -> dict[str, str]:
    found = live.object
    if found["kind"] == "Pod":
        labels = found["metadata"].get("labels") or {}
    else:
        selector = found["spec"].get("selector") or {}
        labels = {} if selector.get("matchExpressions") else selector.get("matchLabels") or {}
    if not labels:
        raise InvalidConfigError(
            f"{live.title}: a Service cannot select its pods", path="target", found="no labels, or matchExpressions", expected="matchLabels alone",
            suggestions=["write the Service yourself: outrider kubernetes apply @service.yaml"],
        )  # fmt: skip
    return dict(labels)


def _ports(params: ExposeParams, live: Live) -> list[Object]:
    if params.ports:
        found = [port_parts(word) for word in params.ports]
    else:
        found = [
            (one.get("name") or "", one["containerPort"], one.get("name") or str(one["containerPort"]), one.get("protocol") or "TCP")
            for one in container_ports(live.object)
        ]  # fmt: skip
    if not found:
        raise InvalidConfigError(
            f"{live.title}: its containers declare no ports", path="ports", found="none", expected="ports of the containers, or the parameter",
            suggestions=["say which: --ports 80:8080"],
        )  # fmt: skip
    distinct: dict[tuple[int, str], tuple[str, str]] = {}
    for name, port, target, protocol in found:
        distinct.setdefault((port, protocol), (name, target))
    return [
        {
            # Of several ports each must have a name.
            **({"name": name or f"{protocol.lower()}-{port}"} if name or len(distinct) > 1 else {}),
            "port": port,
            "protocol": protocol,
            "targetPort": int(target) if target.isdecimal() else target,
        }
        for (port, protocol), (name, target) in distinct.items()
    ]


def _ingress(params: ExposeParams, port: int) -> Object:
    backend = {"service": {"name": params.service, "port": {"number": port}}}
    http = {"paths": [{"path": params.path, "pathType": "Prefix", "backend": backend}]}
    hosts: list[dict[str, Any]] = [{"host": host} for host in params.hosts]
    spec: Object = {"rules": [{**host, "http": http} for host in hosts or [{}]]}
    if params.ingress_class:
        spec["ingressClassName"] = params.ingress_class
    if params.tls_secret:
        spec["tls"] = [{**({"hosts": params.hosts} if params.hosts else {}), "secretName": params.tls_secret}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": params.name},
        "spec": spec,
    }


async def _route(params: ExposeParams, place: Place, port: int) -> Object:
    namespace, _, name = params.gateway.rpartition("/")
    parent = {"namespace": namespace, "name": name, "sectionName": params.listener}
    match = {"path": {"type": "PathPrefix", "value": params.path}}
    spec: Object = {
        "parentRefs": [{key: value for key, value in parent.items() if value}],
        "rules": [{"matches": [match], "backendRefs": [{"name": params.service, "port": port}]}],
    }
    if params.hosts:
        spec["hostnames"] = params.hosts
    version = gateway_version(await place.cluster.catalogue(), place.cluster.name)
    return {"apiVersion": version, "kind": "HTTPRoute", "metadata": {"name": params.name}, "spec": spec}


def gateway_version(catalogue: Catalogue, cluster: str) -> str:
    """Return the version of the Gateway API that a cluster serves.

    Raises:
        UnsupportedError: It serves none; which definitions lack is said.
    """
    served = {kind.resource.title: kind.resource for kind in catalogue.kinds}
    needed = [f"{plural}.{GATEWAY_API}" for plural in ("gateways", "httproutes")]
    if lacking := [title for title in needed if title not in served]:
        raise UnsupportedError(
            f"cluster {cluster} does not serve the Gateway API: it lacks {' and '.join(lacking)}", path="by", found=", ".join(lacking),
            expected="the Gateway API", suggestions=["install its definitions: gateway-api.sigs.k8s.io", "by: ingress"],
        )  # fmt: skip
    return served[needed[1]].api_version
