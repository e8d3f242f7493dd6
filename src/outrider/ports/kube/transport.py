"""Connections to an API server: renewed with the credentials, urgent requests never behind bulk work, and patient where that helps."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import msgspec

from outrider.core.errors import (
    ConflictError,
    ConnectionFailedError,
    DeadlineExceededError,
    InvalidConfigError,
    LimitedError,
    OutriderError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from outrider.core.http.headers import Headers
from outrider.core.http.limits import Limits
from outrider.core.http.messages import Response
from outrider.ports.clock import Clock, SystemClock
from outrider.ports.http.addresses import Address, parse_address
from outrider.ports.http.client import Client
from outrider.ports.http.proxies import parse_proxy
from outrider.ports.kube.credentials import Credentials, Proof, authorities
from outrider.ports.kube.errors import ExpiredError, error_of, read_status
from outrider.ports.kube.kubeconfig import Cluster, Target
from outrider.ports.kube.tls import client_tls
from outrider.version import __version__

T = TypeVar("T")
ContentType = Literal[
    "application/json", "application/apply-patch+yaml", "application/merge-patch+json", "application/json-patch+json",
    "application/strategic-merge-patch+json",
]  # fmt: skip
# Of one attempt: the API server ends a request after 60 s itself, and a repeated one is better than a late one.
ATTEMPT_SECONDS = 15.0
MOST_ATTEMPTS = 6
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_LONGEST_RETRY = 30.0
_URGENT_CONNECTIONS = 4
_BODY_BYTES = 256 * 1024 * 1024


class Call(msgspec.Struct, frozen=True):
    """One request.

    Attributes:
        method: Such as `GET`.
        path: With its query.
        shown: As errors name it, such as `apply Deployment shop/web`.
        repeatable: Whether doing it twice comes to the same as once, so that it is sent again where nobody knows how it ended.
        accept: Which forms of the answer are wanted.
        urgent: Not behind bulk work: leases and what people wait for.
        timeout: Seconds for all attempts.
    """

    method: str
    path: str
    shown: str
    body: bytes = b""
    content_type: ContentType = "application/json"
    accept: str = "application/json"
    repeatable: bool = False
    urgent: bool = False
    timeout: float = 30.0


class Route(msgspec.Struct, frozen=True):
    """By what way, and as whom, a connection that is not for requests is made.

    Attributes:
        path: With its query, and with what stands before all paths of the server.
        tls: None where the server has none.
        headers: Who asks.
    """

    address: Address
    path: str
    tls: ssl.SSLContext | None
    headers: Headers


class Transport:
    """Sends requests to one API server.

    Args:
        target: Whom requests go to, and as whom.
        component: Who asks, for the user agent.
        max_connections: For bulk work; urgent requests and streams have others.
        clock: For pauses and deadlines.
    """

    def __init__(self, target: Target, *, component: str, max_connections: int, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._address, self._prefix = _address(target.cluster)
        self._target = target
        self._credentials = Credentials(target, self._clock)
        self._agent = f"outrider/{__version__} ({component})"
        self._max_connections = max_connections
        self._clients: tuple[Client, Client] | None = None
        self._tls: ssl.SSLContext | None = None
        self._made_for = Proof()
        self._retired: list[Client] = []
        # Until then bulk work waits: the server has said that it has enough of it.
        self._open_at = 0.0
        self._bulk = asyncio.Semaphore(max_connections)
        self._urgent = asyncio.Semaphore(_URGENT_CONNECTIONS)
        # Whether this process may write; its election says so.
        self.fence: Callable[[], bool] = lambda: True

    async def send(self, call: Call) -> Response:
        """Send a request, again where that is safe and may help, and return its successful answer.

        Raises:
            OutriderError: What the server says, or that it cannot be reached.
        """
        end = self._clock.monotonic() + call.timeout
        renewed, attempt = False, 0
        while True:
            proof: Proof | None = None
            # Whoever waits for a connection hears it too when the server has had enough.
            async with self._slot(call, end):
                try:
                    proof = await self._admitted(call, end)
                    most = ATTEMPT_SECONDS if call.repeatable else call.timeout
                    return await self._once(call, proof, min(most, end - self._clock.monotonic()))
                except OutriderError as error:
                    if proof is None:
                        raise
                    if not renewed and self._renewed(proof, error):
                        renewed = True
                        continue
                    attempt += 1
                    pause = self._pause(call, error, attempt)
                    if pause is None or attempt == MOST_ATTEMPTS or self._clock.monotonic() + pause >= end:
                        raise
            await self._clock.sleep(pause)

    @asynccontextmanager
    async def _slot(self, call: Call, end: float) -> AsyncIterator[None]:
        """Be one of those whose requests are under way.

        Raises:
            LimitedError: So many are for all of the time that the request has.
        """
        slots = self._urgent if call.urgent else self._bulk
        try:
            async with asyncio.timeout(max(0.0, end - self._clock.monotonic())):
                await slots.acquire()
        except TimeoutError as error:
            raise LimitedError(
                f"{call.shown}: too many requests are under way; nothing was sent", retry_after=1.0
            ) from error
        try:
            yield
        finally:
            slots.release()

    def _renewed(self, refused: Proof, error: OutriderError) -> bool:
        """Return whether other credentials may be what the request lacked."""
        return isinstance(error, UnauthenticatedError) and self._renew(refused, by_server="status" in error.context)

    async def _admitted(self, call: Call, end: float) -> Proof:
        """Return what is shown, once the request may be sent.

        Raises:
            LimitedError: The server takes no bulk work in time.
            DeadlineExceededError: There are no credentials in time.
            ConflictError: This process leads no longer.
        """
        await self._wait_for_room(call, end)
        try:
            async with asyncio.timeout(max(0.0, end - self._clock.monotonic())):
                proof = await self._credentials.proof()
        except TimeoutError as error:
            raise DeadlineExceededError(f"{call.shown}: no credentials within {call.timeout:g} s") from error
        self._check_fence(call)
        return proof

    async def stream(self, call: Call, receive: Callable[[bytes], None]) -> None:
        """Send a request whose answer goes on, and hand its body over as it comes, until it ends.

        Raises:
            OutriderError: What the server says, or that the connection failed.
        """
        proof = await self._credentials.proof()
        client = self._client(proof, urgent=True)
        try:
            response = await client.stream(
                call.method,
                self._prefix + call.path,
                receive,
                headers=self._headers(call, proof),
                timeout=ATTEMPT_SECONDS,
            )
            self._check(call, response)
        except UnauthenticatedError:
            self._renew(proof)
            raise

    async def upgrade(self, call: Call, connect: Callable[[Route], Awaitable[T]]) -> T:
        """Have a connection made that is not for requests, once more with other credentials where these are refused.

        Args:
            call: The request that it begins with.
            connect: Makes it; its errors are those of the request.

        Raises:
            OutriderError: What the server says, or that it cannot be reached.
        """
        proof = await self._credentials.proof()
        try:
            return await connect(self._route(call, proof))
        except UnauthenticatedError as error:
            if not self._renewed(proof, error):
                raise
        return await connect(self._route(call, await self._credentials.proof()))

    async def close(self) -> None:
        """Drop all connections."""
        for client in [*self._retired, *(self._clients or ())]:
            await client.close()
        self._retired = []

    async def _once(self, call: Call, proof: Proof, timeout: float) -> Response:
        client = self._client(proof, urgent=call.urgent)
        response = await client.request(
            call.method,
            self._prefix + call.path,
            headers=self._headers(call, proof),
            body=call.body,
            timeout=max(timeout, 0.001),
            repeat=call.repeatable,
        )
        self._check(call, response)
        return response

    def _check(self, call: Call, response: Response) -> None:
        if response.status >= 300:
            after = response.headers.get("retry-after", "") or ""
            raise error_of(
                response.status,
                read_status(response.content),
                call.shown,
                retry_after=float(after) if after.isdecimal() else None,
            )

    def _pause(self, call: Call, error: OutriderError, attempt: int) -> float | None:
        """Return how long to wait before the next attempt; None where there must be none."""
        pause = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load
        status = error.context.get("status")
        if error.retry_after is not None and status in (429, 503):
            # It was not done. All bulk work waits, not this request alone, else each of many would ask again at once.
            pause = min(error.retry_after, _LONGEST_RETRY) * random.uniform(1.0, 1.25)  # noqa: S311 - spreads load
            # A budget of disruptions says no to one eviction, and nothing of other requests.
            if not call.urgent and not call.path.partition("?")[0].endswith("/eviction"):
                self._open_at = max(self._open_at, self._clock.monotonic() + pause)
            return pause
        unsent = isinstance(error, ConnectionFailedError) and not error.sent
        unknown = isinstance(error, ConnectionFailedError | DeadlineExceededError | UnavailableError)
        expired = isinstance(error, ExpiredError)  # the caller begins anew, or waits
        return pause if unsent or (unknown and call.repeatable and not expired) else None

    async def _wait_for_room(self, call: Call, end: float) -> None:
        """Wait until the server takes bulk work again.

        Raises:
            LimitedError: It does not in time; nothing was sent.
        """
        while not call.urgent and (pause := self._open_at - self._clock.monotonic()) > 0:
            if self._clock.monotonic() + pause >= end:
                raise LimitedError(
                    f"{call.shown}: the server takes no more requests for now; nothing was sent", retry_after=pause
                )
            await self._clock.sleep(pause)

    def _check_fence(self, call: Call) -> None:
        """Refuse to write for a leadership that has ended: this process may have been frozen since it was asked to.

        Raises:
            ConflictError: Another process may lead.
        """
        if call.method != "GET" and not call.urgent and not self.fence():
            raise ConflictError(f"{call.shown}: this process leads no longer; nothing was sent")

    def _renew(self, refused: Proof, *, by_server: bool = False) -> bool:
        helps = self._credentials.renew(refused, by_server=by_server)
        if helps and self._clients is not None:
            self._retire()
        return helps

    def _route(self, call: Call, proof: Proof) -> Route:
        self._prepare(proof)
        return Route(self._address, self._prefix + call.path, self._tls, self._headers(call, proof))

    def _client(self, proof: Proof, *, urgent: bool) -> Client:
        return self._prepare(proof)[urgent]

    def _prepare(self, proof: Proof) -> tuple[Client, Client]:
        """Have clients and settings of TLS that show this certificate."""
        if self._clients is not None and self._made_for.identity != proof.identity:
            self._retire()
        if self._clients is None:
            cluster = self._target.cluster
            tls = self._tls = (
                client_tls(authorities(cluster), proof.identity, insecure=cluster.insecure_skip_tls_verify)
                if self._address.secure
                else None
            )
            limits = Limits(body=_BODY_BYTES, header_bytes=64 * 1024)
            self._clients = (
                Client(self._address, tls=tls, limits=limits, max_connections=self._max_connections, clock=self._clock),
                Client(self._address, tls=tls, limits=limits, max_connections=_URGENT_CONNECTIONS, clock=self._clock),
            )
            self._made_for = proof
        return self._clients

    def _retire(self) -> None:
        """Have new clients made; requests that are under way on the old ones go on."""
        for client in self._clients or ():
            client.retire()
        self._retired = [client for client in (*self._retired, *(self._clients or ())) if client.busy]
        self._clients = None

    def _headers(self, call: Call, proof: Proof) -> Headers:
        fields = [("accept", call.accept), ("user-agent", self._agent)]
        if call.body:
            fields.append(("content-type", call.content_type))
        if proof.authorization:
            fields.append(("authorization", proof.authorization))
        return Headers(fields)


def _address(cluster: Cluster) -> tuple[Address, str]:
    """Return where a server is, and what stands before its paths."""
    try:
        parts = urlsplit(cluster.server)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https"):
        raise InvalidConfigError(
            "server of the kubeconfig is no address",
            found=cluster.server.rpartition("@")[2],
            expected="https://host:port",
        )
    address = parse_address(f"{parts.scheme}://{parts.netloc}")
    proxy = cluster.proxy_url or _machine_proxy(parts.scheme, parts.hostname or "")
    if "://" in proxy and not proxy.startswith("http://"):
        kind = proxy.partition("://")[0]
        raise UnsupportedError(
            f"proxy-url: {kind} proxies are not supported", found=f"{kind}://", expected="http://host:port"
        )
    way = parse_proxy(proxy) if proxy else None
    return msgspec.structs.replace(address, server_name=cluster.tls_server_name, proxy=way), parts.path.rstrip("/")


def _networks(text: str) -> Iterator[IPv4Network | IPv6Network]:
    """Yield the networks of NO_PROXY; what is none there hides no other."""
    for one in text.split(","):
        with suppress(ValueError):
            if "/" in one:
                yield ip_network(one.strip(), strict=False)


def _machine_proxy(scheme: str, host: str) -> str:
    """Return the proxy that the machine's variables name for a host; none for the machine itself, as Go has it."""
    with suppress(ValueError):
        address = ip_address(host)
        excepted = getproxies_environment().get("no", "")
        if address.is_loopback or any(address in one for one in _networks(excepted)):
            return ""
    if host == "localhost" or proxy_bypass(host):
        return ""
    return getproxies_environment().get(scheme, "")
