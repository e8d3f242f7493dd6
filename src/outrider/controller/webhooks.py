"""The server that the API server asks: over TLS, at paths of its own."""

from outrider.controller.admission import AdmissionReview, PodAdmission
from outrider.controller.keeper import CertificateKeeper
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Request, Response
from outrider.ports.http.routing import Router, json_response, read_json
from outrider.ports.http.server import Server
from outrider.ports.telemetry import logger

PODS_PATH = "/pods"
# A pod with what managedFields say of it; etcd takes objects of 1.5 MiB.
_LIMITS = Limits(body=8 << 20)
_log = logger(__name__)


class Webhooks:
    """Answers the API server.

    Args:
        pods: Gives sidecars to pods.
        keeper: Of the certificates.
    """

    def __init__(self, pods: PodAdmission, keeper: CertificateKeeper) -> None:
        self._pods = pods
        router = Router(_log)
        router.add("POST", PODS_PATH, self._post_pods)
        self.server = Server(router, limits=_LIMITS, tls=keeper.context)

    async def _post_pods(self, request: Request) -> Response:
        return json_response(self._pods.review(read_json(request, AdmissionReview).request))
