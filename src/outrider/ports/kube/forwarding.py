"""Ports of pods (pods/portforward): one connection to one port.

The WebSocket form of it: for each port a channel of data and one of errors, each of which begins with the number of the port
in two bytes (`k8s.io/kubelet/pkg/cri/streaming/portforward`).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from outrider.core.errors import UnavailableError
from outrider.ports.kube.client import KubeClient
from outrider.ports.kube.resources import PODS
from outrider.ports.kube.streams import PIECE, Stream, open_stream

_DATA, _ERROR = 0, 1
_PROTOCOLS = ("v4.channel.k8s.io",)
_NUMBER_BYTES = 2


class PortStream:
    """Bytes to and from a port of a pod.

    Args:
        stream: The connection to the server.
        port: For the check that it is the one.
    """

    def __init__(self, stream: Stream, port: int) -> None:
        self._stream, self._number = stream, port.to_bytes(_NUMBER_BYTES, "little")
        self._heads = {_DATA: b"", _ERROR: b""}

    async def send(self, data: bytes) -> None:
        """Send bytes, once there is room for them.

        Raises:
            ConnectionFailedError: The connection has ended.
        """
        for start in range(0, len(data), PIECE):
            await self._stream.send(_DATA, data[start : start + PIECE])

    async def receive(self) -> bytes:
        """Return the next bytes; none at the end.

        Raises:
            UnavailableError: Nobody listens on the port, or the pod is gone.
            ConnectionFailedError: The connection broke.
        """
        while (message := await self._stream.receive()) is not None:
            channel, data = message
            if channel not in self._heads:
                raise self._stream.broken(f"a message for channel {channel}")
            data = self._without_number(channel, data)
            if channel == _ERROR and data:
                raise self._failed(data.decode(errors="replace").strip())
            if data:
                return data
        return b""

    def _failed(self, said: str) -> UnavailableError:
        why = "nobody listens on it" if "refused" in said.lower() else said.rpartition(": ")[2]
        return UnavailableError(f"{self._stream.shown}: {why}", found=why, context={"message": said[:1000]})

    def _without_number(self, channel: int, data: bytes) -> bytes:
        missing = _NUMBER_BYTES - len(self._heads[channel])
        if missing:
            self._heads[channel] += data[:missing]
            if not self._number.startswith(self._heads[channel]):
                raise self._stream.broken("an answer for another port")
        return data[missing:]


@asynccontextmanager
async def open_port(client: KubeClient, namespace: str, pod: str, port: int) -> AsyncIterator[PortStream]:
    """Open a connection to a port of a pod, and end it in the end.

    Raises:
        NotFoundError: There is no such pod.
        OutriderError: What else the server says.
    """
    path = f"{PODS.path(namespace, pod, 'portforward')}?ports={port}"
    async with open_stream(client.transport, path, _PROTOCOLS, shown=f"port {port} of {namespace}/{pod}") as stream:
        yield PortStream(stream, port)
