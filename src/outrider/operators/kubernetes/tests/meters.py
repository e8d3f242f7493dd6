"""Who measures a cluster in tests: a server of metrics.k8s.io behind the real aggregator, and a real Prometheus with a history."""

import contextlib
import json
import shutil
import ssl
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.core.timestamps import timestamp
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.scenery import deployment
from outrider.ports.certificates.subjects import Subject, issue, new_authority
from outrider.ports.http.routing import json_response
from outrider.ports.http.server import Server
from outrider.ports.kube.resources import DEPLOYMENTS, ENDPOINT_SLICES, PODS, SERVICES, Resource
from tests.servers.programs import start

_VERSION = "metrics.k8s.io/v1beta1"
_API_SERVICES = Resource("apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced=False)
_KINDS = {"pods": ("PodMetrics", True), "nodes": ("NodeMetrics", False)}
# Usage of a pod, of so many; None where it has not been measured.
Measure = Callable[[int], dict[str, str] | None]


def host_of(shop: Shop) -> str:
    """Return the address of this process as the cluster sees it."""
    server: str = shop.cluster.report["server"]
    return server.split("//")[1].rpartition(".")[0] + ".1"


@asynccontextmanager
async def metrics_server(shop: Shop, folder: Path, measure: Measure) -> AsyncIterator[None]:
    """Serve metrics.k8s.io: each container of a pod of the namespace uses what `measure` says."""
    pair = issue(new_authority("metrics", time.time()), Subject(name="metrics"), time.time())
    identity = folder / "metrics.pem"
    identity.write_text(pair.key + pair.certificate)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(identity)

    async def answer(request: Request) -> Response:
        path = request.target.partition("?")[0]
        if path == f"/apis/{_VERSION}":
            kinds = [{"name": name, "singularName": "", "kind": kind, "namespaced": placed, "verbs": ["get", "list"]}
                     for name, (kind, placed) in _KINDS.items()]  # fmt: skip
            return json_response({"kind": "APIResourceList", "groupVersion": _VERSION, "resources": kinds})
        if path.endswith("/pods"):
            return json_response({"kind": "PodMetricsList", "apiVersion": _VERSION, "metadata": {}, "items": await _pods(shop, measure)})  # fmt: skip
        return json_response({}, 404)

    server = Server(answer, tls=tls)
    port = await server.start_tcp(host_of(shop), 0)
    await shop.make(SERVICES, {"metadata": {"name": "metrics"}, "spec": {"ports": [{"port": 443, "targetPort": port}]}})
    await shop.make(ENDPOINT_SLICES, {
        "metadata": {"name": "metrics", "labels": {"kubernetes.io/service-name": "metrics"}}, "addressType": "IPv4",
        "endpoints": [{"addresses": [host_of(shop)], "conditions": {"ready": True}}], "ports": [{"name": "", "port": port}],
    })  # fmt: skip
    reference = {"name": "metrics", "namespace": shop.namespace, "port": 443}
    spec = {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
            "insecureSkipTLSVerify": True, "service": reference}  # fmt: skip
    await shop.make(_API_SERVICES, {"metadata": {"name": "v1beta1.metrics.k8s.io"}, "spec": spec})
    try:
        available = 'object.status.conditions.exists(c, c.type == "Available" && c.status == "True")'
        await shop.run("wait", target="apiservice/v1beta1.metrics.k8s.io", until=available)
        yield
    finally:
        await shop.client.delete(_API_SERVICES, "v1beta1.metrics.k8s.io")
        await server.stop(1.0)


async def _pods(shop: Shop, measure: Measure) -> list[dict[str, Any]]:
    pods = await shop.client.list(PODS, shop.namespace)
    found = []
    for pod in pods:
        if (usage := measure(len(pods))) is not None:
            containers = [{"name": one["name"], "usage": usage} for one in pod["spec"]["containers"]]
            metadata = {"name": pod["metadata"]["name"], "namespace": shop.namespace}
            found.append({"metadata": metadata, "timestamp": timestamp(time.time()), "window": "1s", "containers": containers})  # fmt: skip
    return found


async def relayed(shop: Shop, name: str, port: int) -> None:
    """Have a Service whose pod leads to a port of this machine: to addresses without a pod the API server does not lead."""
    command = ["sh", "-c", f"exec nc -ll -p 80 -e nc {host_of(shop)} {port}"]
    await shop.make(DEPLOYMENTS, deployment(name, command=command))
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    await shop.make(SERVICES, {"metadata": {"name": name}, "spec": spec})
    await shop.settled(f"deployment/{name}")


@contextmanager
def prometheus(folder: Path, host: str, port: int, history: list[str], *, scraped: str = "") -> Iterator[str]:
    """Run Prometheus and yield its address.

    Args:
        folder: For its files.
        host: Where it listens.
        port: Where it listens.
        history: What it has already, in the text form of OpenMetrics.
        scraped: `HOST:PORT` whose metrics it collects five times a second.
    """
    command = shutil.which("prometheus")
    if command is None:
        pytest.fail("Prometheus is missing: apt-get install prometheus")
    lines, data, config = folder / "history", folder / "data", folder / "prometheus.yml"
    job = {
        "job_name": "pods",
        "scrape_interval": "200ms",
        "scrape_timeout": "200ms",
        "static_configs": [{"targets": [scraped]}],
    }
    config.write_text(json.dumps({"scrape_configs": [job] if scraped else []}))
    if history:
        lines.write_text("\n".join([*history, "# EOF", ""]))
        importing = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(lines), str(data)]
        subprocess.run(importing, check=True, capture_output=True, timeout=60)
    process = start(
        [command, f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address={host}:{port}"], port, folder / "log", host=host
    )  # fmt: skip
    address = f"http://{host}:{port}"
    try:
        while not _is_ready(address):
            time.sleep(0.05)
        yield address
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def counted(shop: Shop, bad: Callable[[str], float]) -> AsyncIterator[str]:
    """Serve counters of requests for each pod, of which a share is bad, and yield the address.

    Each pod has had a hundred more whenever it is asked for them.
    """
    requests: dict[str, int] = {}

    async def answer(_: Request) -> Response:
        for pod in await shop.client.list(PODS, shop.namespace):
            name = pod["metadata"]["name"]
            requests[name] = requests.get(name, 0) + 100
        told = [
            f'requests_total{{pod="{name}",code="{code}"}} {round(count * share)}'
            for name, count in requests.items()
            for code, share in (("500", bad(name)), ("200", 1 - bad(name)))
        ]
        return Response(200, Headers([("content-type", "text/plain")]), "\n".join([*told, ""]).encode())

    server = Server(answer)
    port = await server.start_tcp("127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(1.0)


def _is_ready(address: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/-/ready", timeout=2) as answer:
        return bool(answer.status == 200)
    return False
