"""A port of this machine that leads to a port of a pod."""

from typing import Annotated

import msgspec

from outrider.core.errors import DeadlineExceededError
from outrider.core.quantities import Duration, duration
from outrider.operators.kubernetes.containers import PodParams, working_seconds
from outrider.operators.kubernetes.forwarding import HOST, Forwarder
from outrider.operators.kubernetes.places import connected
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class PortForwardParams(PodParams, kw_only=True):
    """Which port leads where, and how long.

    Attributes:
        port: Of the pod; of a service, its own port.
        local_port: Of 127.0.0.1, where it can be reached; the same number as port if 0.
        duration: How long; until shortly before the deadline of the call if 0.
    """

    port: Port
    local_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    duration: Duration = duration("0s")


class PortForwardResult(msgspec.Struct, kw_only=True):
    """What went through.

    Attributes:
        address: Where it could be reached.
        connections: How many there were, the failed ones too.
        bytes_sent: To the pods.
        pods: Those that connections led to.
        errors: Why connections failed, each reason once.
    """

    address: str
    connections: int
    failed: int
    bytes_sent: int
    bytes_received: int
    pods: list[str]
    errors: list[str] = []


async def run(params: PortForwardParams, context: Context) -> PortForwardResult:
    """Listen, and lead each connection to a ready pod.

    Raises:
        InvalidConfigError: The target has no pods.
        DeadlineExceededError: It is to last longer than the call may.
        NotFoundError: There is no such object, or the service has no such port.
        UnavailableError: No pod is ready.
        ConflictError: Somebody else listens on the port of this machine.
    """
    left = working_seconds(context)
    if params.duration > left:
        raise DeadlineExceededError(
            "duration: the call ends before that", path="duration", found=str(params.duration), expected=f"at most {Duration(round(left, 1))}",
            suggestions=[f"give more time to the call too: --timeout {Duration(params.duration + 60)}"],
        )  # fmt: skip
    local = params.local_port or params.port
    async with connected(params, context) as place:
        forwarder = Forwarder(place, params.target, params.port)
        await forwarder.check()
        async with forwarder.listening(local):
            await context.clock.sleep(min(params.duration or left, working_seconds(context)))
    return PortForwardResult(address=f"{HOST}:{local}", **msgspec.structs.asdict(forwarder.traffic))


OPERATION = Implementation(
    params=PortForwardParams, result=PortForwardResult, run=run, target=lambda params: params.target
)
