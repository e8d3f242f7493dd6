"""The controller process: `outrider controller serve`."""

import argparse
import asyncio
import gc
import os
import secrets
import signal
import socket

from outrider.controller.admission import PodAdmission
from outrider.controller.agenttypes import AgentTypes
from outrider.controller.definitions import CONVERSIONS, converted_kinds
from outrider.controller.keeper import CertificateKeeper
from outrider.controller.webhooks import Webhooks
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Request, Response
from outrider.kinds.agenttype.pod import Images
from outrider.ports.http.routing import Router, json_response
from outrider.ports.http.server import Server
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.events import Recorder
from outrider.ports.kube.lease import Election
from outrider.ports.kube.manager import Manager
from outrider.ports.kube.metrics import ControllerMetrics
from outrider.ports.telemetry import Metrics, configure_logging, logger
from outrider.ports.telemetry.metrics import CONTENT_TYPE

LEASE = "outrider-controller"
CONTROLLER = "outrider.dev/controller"
# Of 10,000 objects each collection would look at all of what is there; nearly nothing of it is garbage.
GARBAGE_THRESHOLDS = (200_000, 50, 1_000)
_log = logger(__name__)


class Service:
    """The controllers, and what is told of them.

    Args:
        client: Who is asked.
        images: Of what stands beside the programs.
        namespace: Where the Lease is.
    """

    def __init__(self, client: KubeClient, images: Images, namespace: str) -> None:
        identity = f"{socket.gethostname()}_{secrets.token_hex(4)}"
        self._metrics = Metrics(enabled=True)
        counted = ControllerMetrics(self._metrics)
        self.election = Election(client, LEASE, namespace, identity)
        self.manager = Manager(client, election=self.election, metrics=counted)
        recorder = Recorder(client, CONTROLLER, identity)
        self.agents = AgentTypes(client, self.manager, images, recorder=recorder, metrics=counted)
        self._keeper = CertificateKeeper(client, self.manager, namespace, kinds=converted_kinds(), metrics=counted)
        self.webhooks = Webhooks(PodAdmission(self.agents.config_maps), self._keeper.context, CONVERSIONS)

    def router(self) -> Router:
        """Return the routes of health, readiness and metrics."""
        router = Router(_log)
        router.add("GET", "/healthz", self._get_health)
        router.add("GET", "/readyz", self._get_ready)
        router.add("GET", "/metrics", self._get_metrics)
        return router

    async def _get_health(self, _: Request) -> Response:
        return json_response({"status": "ok"})

    async def _get_ready(self, _: Request) -> Response:
        """Answer 503 until all caches are filled and webhooks are answered: a follower is ready too."""
        problems = self.manager.problems()
        if not self._keeper.ready:
            problems.append("webhooks have no certificate yet")
        ready = self.manager.synced and self._keeper.ready
        return json_response({"ready": ready, "leads": self.manager.leads, "problems": problems}, 200 if ready else 503)

    async def _get_metrics(self, _: Request) -> Response:
        self.manager.measure()
        return Response(200, Headers({"content-type": CONTENT_TYPE}), self._metrics.render_metrics())


def serve(arguments: list[str]) -> None:
    """Run the controller."""
    parser = argparse.ArgumentParser(prog="outrider controller serve")
    parser.add_argument("--image", required=True, help="image of Outrider, for what stands beside the programs")
    parser.add_argument("--pull-policy", default="IfNotPresent", help="of that image")
    parser.add_argument("--namespace", default=os.environ.get("POD_NAMESPACE", "default"), help="where its Lease is")
    parser.add_argument(
        "--listen", default="0.0.0.0:8081", metavar="HOST:PORT", help="where health and metrics are told"
    )
    parser.add_argument("--webhooks", default="0.0.0.0:8443", metavar="HOST:PORT", help="where the API server asks")
    given = parser.parse_args(arguments)
    configure_logging()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    images = Images(outrider=given.image, pull_policy=given.pull_policy)
    asyncio.run(_run(images, given.namespace, given.listen, given.webhooks))


async def _run(images: Images, namespace: str, listen: str, webhooks: str) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with KubeClient(component="controller") as client:
        service = Service(client, images, namespace)
        servers = [Server(service.router()), service.webhooks.server]
        for server, address in zip(servers, (listen, webhooks), strict=True):
            host, _, port = address.rpartition(":")
            await server.start_tcp(host, int(port))
        working, stopping = asyncio.create_task(service.manager.run()), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            # The Lease is released, so that the next one begins at once.
            working.cancel()
            stopping.cancel()
            await asyncio.wait((working, stopping))
            for server in servers:
                await server.stop(0)
        if not working.cancelled() and (error := working.exception()) is not None:
            raise error
