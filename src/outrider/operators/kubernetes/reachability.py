"""By which addresses a Service, an Ingress or an HTTPRoute is reached, as far as the cluster says, and whether pods are behind it."""

from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Literal

import msgspec

from outrider.core.errors import DeniedError
from outrider.operators.kubernetes.disruptions import is_ready, pod_title
from outrider.operators.kubernetes.exposing import GATEWAY_API, ExposeParams
from outrider.operators.kubernetes.places import Place
from outrider.operators.kubernetes.shown import Object
from outrider.operators.kubernetes.workloads import label_selector
from outrider.ports.kube.resources import ENDPOINT_SLICES, INGRESSES, NODES, PODS, SERVICES
from outrider.runtime.context import Context

_LOOK_SECONDS = 0.2
# In which the EndpointSlice controller has seen a new Service.
_PATIENCE_SECONDS = 5.0
_MOST_NODES = 3
Scope = Literal["cluster", "node", "outside"]


class Address(msgspec.Struct, kw_only=True):
    """How it is reached.

    Attributes:
        scope: Within the cluster, at its nodes, or from outside.
        address: Host and port, or URL.
    """

    scope: Scope
    address: str


class Reach(msgspec.Struct, kw_only=True):
    """How it is reached, and whether anybody answers.

    Attributes:
        ready: Endpoints to which the Service leads.
        pods: Pods that it selects.
        remarks: What is still to come, or lacks.
    """

    addresses: list[Address]
    ready: int
    pods: int
    remarks: list[str]


async def reach_of(params: ExposeParams, place: Place, context: Context) -> Reach:
    """Return how it is reached now.

    Raises:
        OutriderError: What the server says.
    """
    service = await place.client.get(SERVICES, params.service, place.namespace)
    reach = Reach(addresses=[*_within(service), *await _at_nodes(place, service)], ready=0, pods=0, remarks=[])
    outside = [*_load_balancer(service)]
    if service["spec"].get("type") == "LoadBalancer" and not outside:
        reach.remarks.append("the load balancer has no address yet")
    reach.addresses += [Address(scope="outside", address=one) for one in outside]
    if params.by == "ingress":
        await _add_ingress(reach, params, place)
    elif params.by == "gateway":
        await _add_route(reach, params, place)
    await _add_endpoints(reach, place, service, context)
    return reach


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _within(service: Object) -> Iterator[Address]:
    metadata, spec = service["metadata"], service["spec"]
    hosts = [f"{metadata['name']}.{metadata['namespace']}.svc", *(spec.get("clusterIPs") or ())]
    for port in spec.get("ports") or ():
        for host in hosts:
            if host != "None":
                yield Address(scope="cluster", address=_joined(host, port["port"]))


async def _at_nodes(place: Place, service: Object) -> list[Address]:
    ports = [port["nodePort"] for port in service["spec"].get("ports") or () if port.get("nodePort")]
    if not ports:
        return []
    nodes: list[Object] = []
    with suppress(DeniedError):  # whoever may make Services need not see nodes
        nodes = await place.client.list(NODES, most=_MOST_NODES)
    found = [one for node in nodes for one in (node.get("status") or {}).get("addresses") or ()]
    hosts = [one["address"] for one in found if one["type"] in ("ExternalIP", "InternalIP")]
    return [Address(scope="node", address=_joined(host, port)) for host in hosts for port in ports]


def _points(found: Object) -> list[str]:
    """Return the addresses that the status of a Service or Ingress has."""
    balancer = (found.get("status") or {}).get("loadBalancer") or {}
    return [str(one.get("ip") or one.get("hostname")) for one in balancer.get("ingress") or ()]


def _load_balancer(service: Object) -> Iterator[str]:
    for host in _points(service):
        yield from (_joined(host, port["port"]) for port in service["spec"].get("ports") or ())


async def _add_ingress(reach: Reach, params: ExposeParams, place: Place) -> None:
    ingress = await place.client.get(INGRESSES, params.name, place.namespace)
    points = _points(ingress)
    scheme = "https" if params.tls_secret else "http"
    _add_urls(reach, scheme, params.hosts or points, params.path)
    if not points:
        reach.remarks.append(
            f"Ingress {params.name} has no address yet: no ingress controller has said that it takes it"
        )
    elif params.hosts:
        reach.remarks.append(f"the hosts must lead to {', '.join(points)}")


async def _add_route(reach: Reach, params: ExposeParams, place: Place) -> None:
    catalogue = await place.cluster.catalogue()
    namespace, _, name = params.gateway.rpartition("/")
    route = await place.client.get(catalogue.find(f"httproutes.{GATEWAY_API}").resource, params.name, place.namespace)
    gateways = catalogue.find(f"gateways.{GATEWAY_API}").resource
    found = await place.client.list(gateways, namespace or place.namespace, fields=f"metadata.name={name}")
    points: list[str] = []
    schemes: set[str] = set()
    for gateway in found:
        points += [one["value"] for one in (gateway.get("status") or {}).get("addresses") or ()]
        listeners = gateway["spec"].get("listeners") or ()
        schemes |= {one["protocol"].lower() for one in listeners if params.listener in ("", one["name"])}
    for scheme in sorted(schemes & {"http", "https"}):
        _add_urls(reach, scheme, params.hosts or points, params.path)
    if not points:
        reach.remarks.append(f"Gateway {params.gateway} has no address yet")
    elif params.hosts:
        reach.remarks.append(f"the hosts must lead to {', '.join(points)}")
    reach.remarks += _refusals(route, params)


def _refusals(route: Object, params: ExposeParams) -> list[str]:
    """Return what Gateways say against a route."""
    parents = (route.get("status") or {}).get("parents") or ()
    if not parents:
        return [f"HTTPRoute {params.name} was not yet taken by a controller"]
    conditions = [one for parent in parents for one in parent.get("conditions") or ()]
    return [
        f"HTTPRoute {params.name}: {one['type']} is {one['status']}: {one.get('message') or one.get('reason')}"
        for one in conditions
        if one["type"] in ("Accepted", "ResolvedRefs") and one["status"] != "True"
    ]


def _add_urls(reach: Reach, scheme: str, hosts: list[str], path: str) -> None:
    for host in hosts:
        shown = f"[{host}]" if ":" in host else host
        reach.addresses.append(Address(scope="outside", address=f"{scheme}://{shown}{path}"))


async def _add_endpoints(reach: Reach, place: Place, service: Object, context: Context) -> None:
    """Count endpoints, with patience until all ready pods are among them."""
    name, selector = service["metadata"]["name"], service["spec"].get("selector")
    end = min(context.clock.monotonic() + _PATIENCE_SECONDS, context.deadline - 2 * _LOOK_SECONDS)
    while True:
        slices = await place.client.list(ENDPOINT_SLICES, place.namespace, labels=f"kubernetes.io/service-name={name}")
        labels = label_selector({"matchLabels": selector}) if selector else ""
        pods = await place.client.list(PODS, place.namespace, labels=labels) if labels else []
        able = [pod for pod in pods if is_ready(pod)]
        reach.ready, reach.pods = len(_endpoints(slices)), len(pods)
        if reach.ready >= len(able) or context.clock.monotonic() >= end:
            break
        await context.clock.sleep(_LOOK_SECONDS)
    reach.remarks += _silence(reach, able)


def _endpoints(slices: list[Object]) -> set[str]:
    """Return who answers: endpoints that are ready, of slices that have a port."""
    return {
        str((one.get("targetRef") or {}).get("uid") or one["addresses"])
        for slice_ in slices
        if slice_.get("ports")
        for one in slice_.get("endpoints") or ()
        if (one.get("conditions") or {}).get("ready") is not False
    }


def _silence(reach: Reach, able: list[dict[str, Any]]) -> list[str]:
    """Return why nobody answers."""
    if reach.ready:
        return []
    if not able:
        return ["no pod behind it is ready"]
    local = [pod_title(pod) for pod in able if _is_loopback(str(pod["status"].get("podIP") or ""))]
    if local:
        return [f"addresses in 127.0.0.0/8 are no endpoints: {', '.join(local)}"]
    return [f"{len(able)} pods are ready and none is an endpoint: see that the target of the port is one of theirs"]


def _is_loopback(address: str) -> bool:
    return bool(address) and ip_address(address).is_loopback
