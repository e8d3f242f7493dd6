"""Whether a machine answers ICMP echo requests, and how fast."""

import asyncio
import secrets
import socket
from typing import Annotated

import msgspec

from outrider.core.errors import MissingRequirementError
from outrider.core.quantities import Duration, duration
from outrider.operators.host.icmp import echo_request, is_reply
from outrider.operators.host.names import HostName, not_a_name
from outrider.runtime.context import Context
from outrider.runtime.implementation import Implementation

_PROTOCOLS = {socket.AF_INET: socket.getprotobyname("icmp"), socket.AF_INET6: socket.getprotobyname("ipv6-icmp")}
_LARGEST = 2048
Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]


class PingParams(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whom to ask, and how often.

    Attributes:
        host: Name or address.
        count: Number of requests, one after the other.
        timeout: Time for each answer.
    """

    host: HostName
    count: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3
    timeout: Duration = duration("1s")


class PingResult(msgspec.Struct, kw_only=True):
    """What came back.

    Attributes:
        address: The one that was asked, of those that the name has.
        latency_ms: Mean of the answers; 0 where there is none.
        worst_ms: The slowest answer.
        reason: Why the last request that was not answered was not.
    """

    answered: bool
    address: str
    sent: int
    received: int
    latency_ms: float
    worst_ms: float
    reason: str = ""


async def run(params: PingParams, context: Context) -> PingResult:
    """Send echo requests; that nobody answers is a result and no error.

    Raises:
        InvalidConfigError: The name cannot be one.
        MissingRequirementError: This machine lets us send no ICMP.
    """
    try:
        async with asyncio.timeout(min(float(params.timeout), context.remaining())):
            family, address = await _resolved(params.host)
    except TimeoutError:
        return _result("", params.count, [], f"no address within {float(params.timeout):g} s")
    except OSError as error:
        return _result("", params.count, [], error.strerror or str(error))
    latencies: list[float] = []
    reason = ""
    with _opened(family) as channel:
        for sequence in range(params.count):
            began = context.clock.monotonic()
            fault = await _exchange(channel, address, sequence, min(float(params.timeout), context.remaining()))
            if fault:
                reason = fault
            else:
                latencies.append((context.clock.monotonic() - began) * 1000)
    return _result(str(address[0]), params.count, latencies, reason)


async def _resolved(host: str) -> tuple[socket.AddressFamily, Address]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except UnicodeError as error:
        raise not_a_name(host) from error
    family, _, _, _, address = found[0]
    return family, address


def _opened(family: socket.AddressFamily) -> socket.socket:
    """Return a socket for ICMP: one that the kernel gives to groups of users, else one that needs CAP_NET_RAW."""
    fault: OSError | None = None
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            channel = socket.socket(family, kind, _PROTOCOLS[family])
        except OSError as error:
            fault = error
            continue
        channel.setblocking(False)
        return channel
    raise MissingRequirementError(
        "this user may send no ICMP on this machine",
        found=str(fault),
        expected="a group within net.ipv4.ping_group_range, or the capability CAP_NET_RAW",
        suggestions=['sysctl -w net.ipv4.ping_group_range="0 2147483647"'],
    )


async def _exchange(channel: socket.socket, address: Address, sequence: int, timeout: float) -> str:
    """Send a request and wait for the answer to it; return why there is none, or nothing."""
    loop = asyncio.get_running_loop()
    cookie = secrets.token_bytes(16)
    raw = channel.type is socket.SOCK_RAW
    try:
        async with asyncio.timeout(timeout):
            await loop.sock_sendto(channel, echo_request(channel.family, sequence, cookie), address)
            while True:
                message = await loop.sock_recv(channel, _LARGEST)
                if is_reply(message, channel.family, cookie, with_ip_header=raw and channel.family == socket.AF_INET):
                    return ""
    except TimeoutError:
        return f"no answer within {timeout:g} s"
    except OSError as error:
        return error.strerror or str(error)


def _result(address: str, sent: int, latencies: list[float], reason: str) -> PingResult:
    return PingResult(
        answered=bool(latencies),
        address=address,
        sent=sent,
        received=len(latencies),
        latency_ms=round(sum(latencies) / len(latencies), 2) if latencies else 0.0,
        worst_ms=round(max(latencies, default=0.0), 2),
        reason=reason,
    )


OPERATION = Implementation(
    params=PingParams, result=PingResult, run=run, target=lambda params: f"address/{params.host}"
)
