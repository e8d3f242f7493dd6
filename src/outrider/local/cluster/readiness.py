"""When a cluster is ready: its API server answers, its node is Ready, pods may be made, and names are found."""

import asyncio
from collections.abc import Awaitable, Callable

from outrider.core.codec import decode
from outrider.core.errors import NotFoundError, OutriderError
from outrider.local.cluster.components import Place
from outrider.ports.http.client import Client
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.kubeconfig import read_kubeconfig
from outrider.ports.kube.resources import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    ENDPOINT_SLICES,
    NODES,
    SERVICE_ACCOUNTS,
    SERVICES,
)

_POLL = 0.05
_DNS = "outrider:dns"


class Readiness:
    """Waits for the parts of a cluster, each without end: the caller has the deadline.

    Args:
        place: The cluster.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    async def answers(self, url: str) -> None:
        """Wait until an address of this machine answers with success."""
        base, _, path = url.removeprefix("http://").partition("/")
        client = Client(f"http://{base}", timeout=1.0)
        try:
            await _until(lambda: _successful(client, f"/{path}"))
        finally:
            await client.close()

    async def api_server(self) -> None:
        """Wait until the API server is ready for requests."""
        async with self._client() as client:
            await _until(lambda: _quietly(client.raw("/readyz")))

    async def node(self) -> None:
        """Wait until the node is Ready, pods can be made, and the name server has its address."""
        async with self._client() as client:
            await self._give_dns(client)
            await asyncio.gather(
                _until(lambda: _node_ready(client, self._place.node)),
                _until(lambda: _quietly(client.get(SERVICE_ACCOUNTS, "default", "default"))),
                self.answers("http://127.0.0.1:8181/ready"),
            )

    async def version(self) -> str:
        """Return the version of the API server, as `1.37.2`."""
        async with self._client() as client:
            return str(decode(await client.raw("/version"), dict[str, str]).get("gitVersion", "")).removeprefix("v")

    def _client(self) -> KubeClient:
        target = read_kubeconfig([self._place.layout.kubeconfig]).target()
        return KubeClient(target, component="cluster")

    async def _give_dns(self, client: KubeClient) -> None:
        """Let the name server read what it answers with, and let pods find it under the address that they are told."""
        rules = [
            {
                "apiGroups": [""],
                "resources": ["endpoints", "services", "pods", "namespaces"],
                "verbs": ["list", "watch"],
            },
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
        ]
        await client.apply(CLUSTER_ROLES, {"metadata": {"name": _DNS}, "rules": rules})
        binding = {
            "metadata": {"name": _DNS},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": _DNS},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": _DNS}],
        }
        await client.apply(CLUSTER_ROLE_BINDINGS, binding)
        ports = [
            {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
            {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
        ]
        metadata = {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}}
        addresses = self._place.addresses
        await client.apply(SERVICES, {"metadata": metadata, "spec": {"clusterIP": addresses.dns, "ports": ports}})
        labels = {"kubernetes.io/service-name": "kube-dns", "endpointslice.kubernetes.io/managed-by": "outrider"}
        slices = {
            "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
            "addressType": "IPv4",
            "ports": [{"name": port["name"], "port": 53, "protocol": port["protocol"]} for port in ports],
            "endpoints": [{"addresses": [addresses.node], "conditions": {"ready": True}}],
        }
        await client.apply(ENDPOINT_SLICES, slices)


async def _until(look: Callable[[], Awaitable[bool]]) -> None:
    while not await look():  # noqa: ASYNC110 - another process tells nobody when it is ready
        await asyncio.sleep(_POLL)


async def _successful(client: Client, path: str) -> bool:
    try:
        return (await client.request("GET", path)).status == 200
    except OutriderError:
        return False


async def _quietly(asked: Awaitable[object]) -> bool:
    try:
        await asked
    except OutriderError:
        return False
    return True


async def _node_ready(client: KubeClient, name: str) -> bool:
    try:
        node = await client.get(NODES, name)
    except NotFoundError:
        return False
    return any(
        one["type"] == "Ready" and one["status"] == "True" for one in node.get("status", {}).get("conditions", ())
    )
