"""The server that the API server asks: over TLS, at paths of its own."""

import ssl
from collections.abc import Mapping

from outrider.controller.admission import AdmissionReview, PodAdmission
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Request, Response
from outrider.ports.http.routing import Router, json_response, read_json
from outrider.ports.http.server import Server
from outrider.ports.kube.conversion import ConversionReview, Conversions, answer
from outrider.ports.telemetry import logger

PODS_PATH, CONVERSION_PATH = "/pods", "/conversion"
# A list of objects to be converted comes in one piece.
_LIMITS = Limits(body=256 << 20)
_log = logger(__name__)


class Webhooks:
    """Answers the API server.

    Args:
        pods: Gives sidecars to pods.
        context: What it speaks TLS with.
        conversions: Kinds that have several versions, by group and kind.
    """

    def __init__(
        self, pods: PodAdmission, context: ssl.SSLContext, conversions: Mapping[tuple[str, str], Conversions]
    ) -> None:
        self._pods, self._conversions = pods, conversions
        router = Router(_log)
        router.add("POST", PODS_PATH, self._post_pods)
        router.add("POST", CONVERSION_PATH, self._post_conversion)
        self.server = Server(router, limits=_LIMITS, tls=context)

    async def _post_pods(self, request: Request) -> Response:
        return json_response(self._pods.review(read_json(request, AdmissionReview).request))

    async def _post_conversion(self, request: Request) -> Response:
        return json_response(answer(read_json(request, ConversionReview).request, self._conversions))
