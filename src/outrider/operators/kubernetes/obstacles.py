"""What would keep a Service, an Ingress or an HTTPRoute from leading anywhere: said before it is made."""

import asyncio
from collections.abc import Awaitable, Iterator
from typing import Any

from outrider.core.errors import DeniedError, NotFoundError, near_names
from outrider.operators.kubernetes.exposing import GATEWAY_API, ExposeParams, container_ports
from outrider.operators.kubernetes.places import Place
from outrider.operators.kubernetes.selectors import selects
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.workloads import label_selector
from outrider.ports.kube.resources import NAMESPACES, PODS, SECRETS, Resource

_INGRESS_CLASSES = Resource("networking.k8s.io", "v1", "ingressclasses", "IngressClass", namespaced=False)
_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


async def obstacles(params: ExposeParams, place: Place, target: Object, objects: list[Object]) -> list[str]:
    """Return what lacks on the way to the pods.

    Args:
        params: What is to be reachable.
        place: Where.
        target: The workload or Service.
        objects: What is to be made for it.

    Raises:
        OutriderError: What the server says.
    """
    service = target if target["kind"] == "Service" else objects[0]
    checks = [_no_pods(place, service)]
    if params.by == "ingress":
        checks += [_no_class(params, place), _no_certificate(params, place)]
    if params.by == "gateway":
        checks.append(_closed_gateway(params, place, objects[-1]))
    found = [] if target["kind"] == "Service" else _no_such_ports(service, target)
    for answer in await asyncio.gather(*(_allowed(check) for check in checks)):
        found += answer
    return found


async def _allowed(check: Awaitable[list[str]]) -> list[str]:
    """Return what a check finds; whoever may make these objects need not see all that they lean on."""
    try:
        return await check
    except DeniedError as error:
        return [f"not checked: {error.message}"]


async def _no_pods(place: Place, service: Object) -> list[str]:
    selector = service["spec"].get("selector")
    labels = label_selector({"matchLabels": selector}) if selector else ""
    if not labels:
        return ["the Service selects no pods"]
    if await place.client.list(PODS, place.namespace, labels=labels, most=1):
        return []
    return [f"no pod in namespace {place.namespace} has the labels {labels}"]


def _no_such_ports(service: Object, workload: Object) -> list[str]:
    names = {str(port["name"]) for port in container_ports(workload) if port.get("name")}
    found = []
    for port in service["spec"]["ports"]:
        name = port["targetPort"]
        if isinstance(name, str) and name not in names:
            near = "".join(f"; did you mean '{one}'?" for one in near_names(name, names)[:1])
            found.append(f"port {port['port']} leads to '{name}', which no port of the containers is called{near}")
    return found


async def _no_class(params: ExposeParams, place: Place) -> list[str]:
    classes = await place.client.list(_INGRESS_CLASSES)
    names = [one["metadata"]["name"] for one in classes]
    if params.ingress_class:
        known = ", ".join(names) or "none"
        return [] if params.ingress_class in names else [f"IngressClass {params.ingress_class} is not there: {known}"]
    marked = any((one["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true" for one in classes)
    return [] if marked else ["no ingress_class is named and the cluster has no default: nobody may take the Ingress"]


async def _no_certificate(params: ExposeParams, place: Place) -> list[str]:
    if not params.tls_secret:
        return []
    try:
        secret = await place.client.get(SECRETS, params.tls_secret, place.namespace)
    except NotFoundError:
        return [f"Secret {place.namespace}/{params.tls_secret} is not there"]
    kind = secret.get("type")
    return (
        [] if kind == "kubernetes.io/tls" else [f"Secret {params.tls_secret} is of type {kind}, not kubernetes.io/tls"]
    )


async def _closed_gateway(params: ExposeParams, place: Place, route: Object) -> list[str]:
    parent = route["spec"]["parentRefs"][0]
    namespace = parent.get("namespace") or place.namespace
    resource = Resource(GATEWAY_API, route["apiVersion"].partition("/")[2], "gateways", "Gateway")
    try:
        gateway = await place.client.get(resource, parent["name"], namespace)
    except NotFoundError:
        return [f"Gateway {namespace}/{parent['name']} is not there"]
    labels = (await place.client.get(NAMESPACES, place.namespace))["metadata"].get("labels") or {}
    title = f"Gateway {namespace}/{parent['name']}"
    listeners = gateway["spec"].get("listeners") or []
    if params.listener:
        listeners = [one for one in listeners if one["name"] == params.listener]
    if not listeners:
        return [f"{title} has no listener {params.listener}".rstrip()]
    reasons = [list(_closed(one, labels, params.hosts, same=namespace == place.namespace)) for one in listeners]
    if not all(reasons):
        return []
    told = (f"listener {one['name']} {' and '.join(why)}" for one, why in zip(listeners, reasons, strict=True))
    return [f"{title} takes no such route: {'; '.join(told)}"]


def _closed(listener: dict[str, Any], labels: dict[str, str], hosts: list[str], *, same: bool) -> Iterator[str]:
    """Yield why a listener takes no route (Gateway API, "AllowedRoutes" and "Hostname")."""
    allowed = listener.get("allowedRoutes") or {}
    namespaces = allowed.get("namespaces") or {}
    origin = namespaces.get("from", "Same")
    if origin == "Selector":
        taken = selects(namespaces.get("selector"), labels)
    else:
        taken = origin == "All" or (origin == "Same" and same)
    if not taken:
        yield f"takes routes from namespaces '{origin}' alone"
    kinds = [one["kind"] for one in allowed.get("kinds") or ()]
    if "HTTPRoute" not in kinds if kinds else listener["protocol"] not in ("HTTP", "HTTPS"):
        yield f"is for {', '.join(kinds) or listener['protocol']}"
    own = listener.get("hostname")
    if own and hosts and not any(hosts_meet(own, host) for host in hosts):
        yield f"is for the host {own}"


def hosts_meet(one: str, other: str) -> bool:
    """Return whether two names of hosts, of which each may begin with `*.`, have one in common."""
    if one == other:
        return True
    wide, narrow = sorted((one, other), key=lambda name: (not name.startswith("*."), len(name)))
    return wide.startswith("*.") and narrow.removeprefix("*").endswith(wide[1:])
