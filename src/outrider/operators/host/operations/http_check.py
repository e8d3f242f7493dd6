"""One HTTP request to a server, judged by its status, its body and its time."""

from typing import Annotated, Literal

import msgspec

from outrider.core.quantities import Duration, duration
from outrider.ports.http.client import Client
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

BODY_SHOWN = 200


class HttpCheckParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to ask, and what a good answer is.

    Attributes:
        url: http:// or https:// URL.
        method: GET reads the body, HEAD does not.
        timeout: Time for the whole request.
        expect_status: Statuses that count as good; 200 to 399 if none is given.
        expect_text: Text that the body must contain.
    """

    url: Annotated[str, msgspec.Meta(pattern=r"^https?://", examples=["http://127.0.0.1:8085/health"])]
    method: Literal["GET", "HEAD"] = "GET"
    timeout: Duration = duration("5s")
    expect_status: list[int] = []
    expect_text: str = ""


class HttpCheckResult(msgspec.Struct, kw_only=True):
    """The answer; `reason` says why it does not count as good."""

    status: int
    latency_ms: float
    ok: bool
    reason: str = ""


async def run(params: HttpCheckParams, context: Context) -> HttpCheckResult:
    """Ask once.

    Raises:
        ConnectionFailedError: The server could not be reached.
        DeadlineExceededError: It did not answer in time.
    """
    origin, path = _split(params.url)
    client = Client(origin)
    began = context.clock.monotonic()
    try:
        response = await client.request(params.method, path, timeout=min(float(params.timeout), context.remaining()))
    finally:
        await client.close()
    latency = (context.clock.monotonic() - began) * 1000
    reason = _reason(params, response.status, response.content)
    return HttpCheckResult(status=response.status, latency_ms=round(latency, 1), ok=not reason, reason=reason)


def _split(url: str) -> tuple[str, str]:
    """Return `http://host:port` and the path with its query."""
    scheme, _, rest = url.partition("#")[0].partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority}", f"/{path}" if slash else "/"


def _reason(params: HttpCheckParams, status: int, body: bytes) -> str:
    if params.expect_status and status not in params.expect_status:
        return f"status {status}, expected {', '.join(map(str, params.expect_status))}"
    if not params.expect_status and not 200 <= status < 400:
        return f"status {status}, expected 200 to 399"
    if params.expect_text and params.expect_text.encode() not in body:
        return f"the body does not contain {params.expect_text!r}: {body[:BODY_SHOWN].decode('utf-8', 'replace')!r}"
    return ""


OPERATION = Implementation(
    params=HttpCheckParams, result=HttpCheckResult, run=run, target=lambda params: f"url/{params.url}"
)
