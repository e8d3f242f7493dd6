"""A port of this machine behind which is a port of a pod: whichever pod is ready when somebody connects."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from outrider.core.errors import (
    ConflictError,
    ConnectionFailedError,
    DeniedError,
    NotFoundError,
    OutriderError,
    UnavailableError,
)
from outrider.operators.kubernetes.containers import ready_pods
from outrider.operators.kubernetes.disruptions import is_ready
from outrider.operators.kubernetes.edits import read_live
from outrider.operators.kubernetes.places import Place
from outrider.operators.kubernetes.shown import Object
from outrider.ports.kube.forwarding import PortStream, open_port
from outrider.ports.kube.resources import PODS

HOST = "127.0.0.1"
_MOST_CONNECTIONS = 200
_MOST_ERRORS = 10
_READ_BYTES = 64 * 1024
# For an answer to what has been sent to its end. Container runtimes give no more (containerd: `portforward`).
_ANSWER_SECONDS = 1.0


class Traffic(msgspec.Struct):
    """What went through.

    Attributes:
        pods: Those that connections led to.
        errors: Why connections failed, each reason once.
    """

    connections: int = 0
    failed: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    pods: list[str] = []
    errors: list[str] = []

    def note(self, error: OutriderError) -> None:
        """Count a connection that failed."""
        self.failed += 1
        if error.message not in self.errors and len(self.errors) < _MOST_ERRORS:
            self.errors.append(error.message)


class Forwarder:
    """Leads connections to a port of ready pods.

    Args:
        place: Cluster and namespace.
        target: The pod, workload or service.
        port: Of the pod, or of the service.
    """

    def __init__(self, place: Place, target: str, port: int) -> None:
        self._place, self._target, self._port = place, target, port
        self._pod: Object | None = None
        self._service: Object | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.traffic = Traffic()

    async def check(self) -> None:
        """Find a pod.

        Raises:
            NotFoundError: There is no such object, or the service has no such port.
            InvalidConfigError: The target has no pods.
            UnavailableError: None is ready.
        """
        await self._ready()

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[None]:
        """Listen on a port of this machine, for programs of this machine alone.

        Raises:
            ConflictError: Somebody else listens there.
            DeniedError: This process may not.
        """
        try:
            server = await asyncio.start_server(self._accept, HOST, port, limit=_READ_BYTES)
        except OSError as error:
            raise _no_listening(port, error) from error
        try:
            yield
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.traffic.connections += 1
        if len(self._tasks) >= _MOST_CONNECTIONS:
            writer.transport.abort()
            self.traffic.failed += 1
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            pod, port = await self._ready()
            name = str(pod["metadata"]["name"])
            async with open_port(self._place.client, str(pod["metadata"]["namespace"]), name, port) as stream:
                if name not in self.traffic.pods:
                    self.traffic.pods.append(name)
                await self._join(reader, writer, stream)
            writer.close()
            await writer.wait_closed()
        except OutriderError as error:
            self._pod = None  # the next connection looks for one anew
            self.traffic.note(error)
        except OSError:
            return  # the program here has gone, which is its own choice
        finally:
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stream: PortStream) -> None:
        there = asyncio.create_task(self._send(reader, stream))
        back = asyncio.create_task(self._receive(stream, writer))
        try:
            await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
            if not back.done():
                there.result()
                # The server cannot be told that nothing more will be sent: the pod hears it with the end of the connection.
                while await self._is_answering(back):
                    continue
            if back.done():
                back.result()
        finally:
            for task in (there, back):
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)

    async def _is_answering(self, back: "asyncio.Task[None]") -> bool:
        before = self.traffic.bytes_received
        await asyncio.wait((back,), timeout=_ANSWER_SECONDS)
        return not back.done() and self.traffic.bytes_received > before

    async def _send(self, reader: asyncio.StreamReader, stream: PortStream) -> None:
        try:
            while data := await reader.read(_READ_BYTES):
                await stream.send(data)
                self.traffic.bytes_sent += len(data)
        except ConnectionFailedError:
            return  # why it has ended says whoever receives

    async def _receive(self, stream: PortStream, writer: asyncio.StreamWriter) -> None:
        while data := await stream.receive():
            self.traffic.bytes_received += len(data)
            writer.write(data)
            await writer.drain()

    async def _ready(self) -> tuple[Object, int]:
        """Return the pod that the next connection leads to, and the port there: the one before it as long as that is ready."""
        if self._pod is None or not await self._is_still_ready(self._pod):
            found = (await read_live(self._target, self._place)).object
            pods = [found] if found["kind"] == "Pod" else await ready_pods(found, self._target, self._place)
            if found["kind"] == "Pod" and (found.get("status") or {}).get("phase") != "Running":
                raise _not_running(found)
            self._service = found if found["kind"] == "Service" else None
            self._pod = pods[0]
        return self._pod, pod_port(self._port, self._pod, self._service)

    async def _is_still_ready(self, pod: Object) -> bool:
        metadata = pod["metadata"]
        try:
            now = await self._place.client.get(PODS, metadata["name"], metadata["namespace"])
        except NotFoundError:
            return False
        return bool(now["metadata"]["uid"] == metadata["uid"]) and is_ready(now)


def _not_running(pod: Object) -> UnavailableError:
    phase = str((pod.get("status") or {}).get("phase") or "Unknown")
    name = pod["metadata"]["name"]
    return UnavailableError(
        f"pod {name} does not run: it is {phase}", found=phase, expected="Running", suggestions=[f"outrider kubernetes describe pod/{name}"]
    )  # fmt: skip


def pod_port(port: int, pod: Object, service: Object | None) -> int:
    """Return the port of a pod that a port of a service leads to; the same number without a service, or a headless one.

    Raises:
        NotFoundError: The service has no such port, or the pod none of the name that the service gives.
    """
    if service is None:
        return port
    title, spec = f"service {service['metadata']['name']}", service["spec"]
    ports = {one["port"]: one for one in spec.get("ports") or () if one.get("protocol", "TCP") == "TCP"}
    if port not in ports:
        known = [str(number) for number in ports]
        raise NotFoundError(
            f"{title} has no TCP port {port}", path="port", found=str(port), expected=" or ".join(known) or "a service with ports"
        )  # fmt: skip
    wanted = port if spec.get("clusterIP") == "None" else ports[port].get("targetPort") or port
    if isinstance(wanted, int):
        return wanted
    for part in ("containers", "initContainers"):
        for container in pod["spec"].get(part) or ():
            for one in container.get("ports") or ():
                if one.get("name") == wanted:
                    return int(one["containerPort"])
    raise NotFoundError(
        f"{title} leads to a port '{wanted}', which pod {pod['metadata']['name']} does not have", path="port", found=wanted, expected="a port of this name"
    )  # fmt: skip


def _no_listening(port: int, error: OSError) -> OutriderError:
    kind = DeniedError if error.errno == errno.EACCES else ConflictError
    return kind(
        f"local_port: {HOST}:{port} cannot be listened on: {os.strerror(error.errno or 0)}", path="local_port", found=str(port), expected="a free port from 1024 on",
        suggestions=["name another one: --local-port PORT"],
    )  # fmt: skip
