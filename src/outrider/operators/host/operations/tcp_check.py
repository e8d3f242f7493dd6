"""Whether somebody listens on a TCP port."""

import asyncio
from typing import Annotated

import msgspec

from outrider.core.quantities import Duration, duration
from outrider.operators.host.names import HostName, not_a_name
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation


class TcpCheckParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where to connect to.

    Attributes:
        host: Name or address.
        port: Number of the port.
        timeout: Time for name and connection.
    """

    host: HostName
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    timeout: Duration = duration("5s")


class TcpCheckResult(msgspec.Struct, kw_only=True):
    """Whether the connection came about; `reason` says why not."""

    open: bool
    latency_ms: float
    reason: str = ""


async def run(params: TcpCheckParams, context: Context) -> TcpCheckResult:
    """Connect once and close; a port that is not open is a result and no error.

    Raises:
        InvalidConfigError: The name cannot be one.
    """
    began = context.clock.monotonic()
    reason = await _connect(params, min(float(params.timeout), context.remaining()))
    latency = (context.clock.monotonic() - began) * 1000
    return TcpCheckResult(open=not reason, latency_ms=round(latency, 1), reason=reason)


async def _connect(params: TcpCheckParams, timeout: float) -> str:
    """Return why there is no connection, or nothing."""
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(params.host, params.port)
            writer.transport.abort()  # nothing was sent, so nothing waits to be flushed
    except TimeoutError:
        return f"no answer within {timeout:g} s"
    except UnicodeError as error:
        raise not_a_name(params.host) from error
    except OSError as error:
        return error.strerror or str(error)
    return ""


OPERATION = Implementation(
    params=TcpCheckParams,
    result=TcpCheckResult,
    run=run,
    target=lambda params: f"address/{params.host}:{params.port}",
)
